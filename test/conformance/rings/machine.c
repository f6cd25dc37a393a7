/* Puts the machine into its initial state, runs a case, prints what became of it. */
#include "machine.h"

extern const struct test_case *const case_list[];
extern const struct test_case *const case_list_end[];
extern const struct test_case *const last_case[];
extern const u32 selection[2];
extern const u8 stubs[];
extern u32 bss_begin[];
extern u32 bss_end[];
void enter(void);

enum { PAGE = 0x1000, TABLE_ENTRIES = 1024, STUB_BYTES = 16, STACK_BYTES = 0x8000 };
enum { PORT_DEBUG = 0xe9, PORT_SHUTDOWN = 0x8900 };
enum { VECTOR_DEBUG = 1, VECTOR_BREAKPOINT = 3, VECTOR_OVERFLOW = 4 };
enum { VECTOR_PAGE_FAULT = 14 };
/* As the first selected: only the case that the machine does not survive. */
#define LAST_CASE 0xffffffffu
#define DR6_CLEAR 0xffff0ff0u
#define DR7_CLEAR 0x400u
#define CR0_ALWAYS (CR0_PE | CR0_MP | CR0_ET | CR0_NE)

static const struct test_case *running;
static u32 code_length;

/* What enter() loads, in the order in which it pops. */
struct {
  u32 gs, fs, es, ds;
  u32 edi, esi, ebp, own_esp, ebx, edx, ecx, eax;
} entry_registers;
u32 entry_frame;
static u32 outer_frame[5];

/* What on_trap() found when the case ended. */
static struct {
  struct frame frame;
  u32 handler_esp;
  u32 cr0, cr2, cr3, cr4, dr6, dr7;
  u32 tr, ldtr;
} found;
static u32 cr0_at_entry;
static u32 cr4_at_entry;

/* ---- output ------------------------------------------------------------- */

static void out8(u32 port, u8 value) {
  __asm__ volatile("outb %0, %w1" : : "a"(value), "d"(port));
}

static void print(const char *text) {
  while (*text) {
    out8(PORT_DEBUG, (u8)*text++);
  }
}

static void print_hex(u32 value) {
  int shift = 28;
  while (shift > 0 && (value >> shift & 15) == 0) {
    shift -= 4;
  }
  for (; shift >= 0; shift -= 4) {
    out8(PORT_DEBUG, (u8)"0123456789abcdef"[value >> shift & 15]);
  }
}

static void field(const char *name, u32 value) {
  print(" ");
  print(name);
  print("=");
  print_hex(value);
}

/* An address, as the distance from where a reader knows it: code+5, stack3-14. */
static void print_location(u32 address) {
  if (address >= CODE && address < CODE + 0x10000) {
    print("code+");
    print_hex(address - CODE);
    return;
  }
  if (address >= DATA && address < ARENA_END) {
    print("data+");
    print_hex(address - DATA);
    return;
  }
  for (u32 ring = 0; ring < 4; ring++) {
    u32 top = STACK0 + ring * STACK_BYTES;
    if (address > top - STACK_BYTES && address <= top) {
      print("stack");
      print_hex(ring);
      print("-");
      print_hex(top - address);
      return;
    }
  }
  print_hex(address);
}

static void changed(const char *name, u32 before, u32 after) {
  if (before != after) {
    field(name, after);
  }
}

/* ---- the tables --------------------------------------------------------- */

static void fill(u32 from, u32 to, u32 value) {
  u32 count = (to - from) / 4;
  __asm__ volatile("rep stosl" : "+D"(from), "+c"(count) : "a"(value) : "memory");
}

static void gdt(u32 selector, u64 descriptor) {
  poke64(GDT + (selector & ~7u), descriptor);
}

static void lay_out_gdt(void) {
  enum { P3 = PRESENT | DPL(3), SIZE = 0xfff };
  for (u32 ring = 0; ring < 4; ring++) {
    gdt(CODE0 + 16 * ring, FLAT(PRESENT | DPL(ring) | TYPE_EXECUTE_READ | ACCESSED));
    gdt(DATA0 + 16 * ring, FLAT(PRESENT | DPL(ring) | TYPE_RW | ACCESSED));
  }
  gdt(TASK, SEGMENT(TSS, IO_BITMAP + IO_PORTS / 8, PRESENT | TYPE_TSS, 0));
  gdt(TASK_B, SEGMENT(TSS_B, TSS_MINIMUM_LIMIT, PRESENT | TYPE_TSS, 0));
  gdt(LDT_SELECTOR, SEGMENT(LDT, LDT_LIMIT, PRESENT | TYPE_LDT, 0));

  gdt(RW, SEGMENT(DATA, SIZE, P3 | TYPE_RW, BIG));
  gdt(RO, SEGMENT(DATA, SIZE, P3 | TYPE_RO, BIG));
  gdt(DOWN, SEGMENT(DATA, SIZE, P3 | TYPE_DOWN, BIG));
  gdt(DOWN16, SEGMENT(DATA, SIZE, P3 | TYPE_DOWN, 0));
  gdt(DOWN_RO, SEGMENT(DATA, SIZE, P3 | TYPE_DOWN_RO, BIG));
  gdt(RW_PAGES, SEGMENT(DATA, 0, P3 | TYPE_RW, GRANULAR | BIG));
  gdt(RW_ABSENT, SEGMENT(DATA, SIZE, DPL(3) | TYPE_RW, BIG));
  gdt(RW_RING0, SEGMENT(DATA, SIZE, PRESENT | TYPE_RW, BIG));
  gdt(RW_RING1, SEGMENT(DATA, SIZE, PRESENT | DPL(1) | TYPE_RW, BIG));
  gdt(RW_RING2, SEGMENT(DATA, SIZE, PRESENT | DPL(2) | TYPE_RW, BIG));
  gdt(STACK_SMALL, SEGMENT(DATA, SIZE, P3 | TYPE_RW, BIG));
  gdt(STACK_16, SEGMENT(STACK3 - 0x10000, 0xffff, P3 | TYPE_RW, 0));

  gdt(EXECUTE_ONLY, SEGMENT(CODE, 0xffff, P3 | TYPE_EXECUTE, BIG));
  gdt(EXECUTE_READ, SEGMENT(CODE, 0xffff, P3 | TYPE_EXECUTE_READ, BIG));
  gdt(CODE_ABSENT, FLAT(DPL(3) | TYPE_EXECUTE_READ));
  gdt(CODE_16, SEGMENT(CODE, 0xffff, P3 | TYPE_EXECUTE_READ, 0));
  gdt(CODE_SMALL, SEGMENT(CODE, SIZE, P3 | TYPE_EXECUTE_READ, BIG));
  gdt(CONFORMING0, FLAT(PRESENT | TYPE_CONFORMING_READ));
  gdt(CONFORMING3, FLAT(P3 | TYPE_CONFORMING_READ));
  gdt(CONFORMING_ABSENT, FLAT(DPL(3) | TYPE_CONFORMING_READ));
  gdt(CONFORMING_EXECUTE_ONLY, FLAT(PRESENT | TYPE_CONFORMING));

  gdt(LDT_ABSENT, SEGMENT(LDT, LDT_LIMIT, TYPE_LDT, 0));
  gdt(TASK_ABSENT, SEGMENT(TSS_B, TSS_MINIMUM_LIMIT, TYPE_TSS, 0));
  gdt(TASK_BUSY, SEGMENT(TSS_B, TSS_MINIMUM_LIMIT, PRESENT | TYPE_TSS_BUSY, 0));
  gdt(TASK_16, SEGMENT(TSS_B, TSS_MINIMUM_LIMIT, PRESENT | TYPE_TSS_16, 0));

  poke64(LDT + (LDT_RW & ~7), SEGMENT(DATA, SIZE, P3 | TYPE_RW, BIG));
  poke64(LDT + (LDT_CODE & ~7), FLAT(P3 | TYPE_EXECUTE_READ));
}

static void lay_out_idt(void) {
  for (u32 vector = 0; vector < 256; vector++) {
    int is_for_all = vector == VECTOR_BREAKPOINT || vector == VECTOR_OVERFLOW || vector == END;
    u32 access = PRESENT | TYPE_INTERRUPT_GATE | DPL(is_for_all ? 3 : 0);
    u32 stub = (u32)stubs + STUB_BYTES * vector;
    poke64(IDT + 8 * vector, GATE_TO(CODE0, stub, access, 0));
  }
}

static void lay_out_tss(void) {
  static const u32 STACK_POINTERS[] = {TSS_ESP0, TSS_ESP1, TSS_ESP2};
  for (u32 ring = 0; ring < 3; ring++) {
    poke32(TSS + STACK_POINTERS[ring], STACK0 + ring * STACK_BYTES);
    poke32(TSS + STACK_POINTERS[ring] + 4, DATA0 + ring * (DATA1 - DATA0));
  }
  poke32(TSS + TSS_LDT, LDT_SELECTOR);
  poke32(TSS + TSS_TRAP, (u32)IO_BITMAP << 16);
  u8 *bitmap = (u8 *)TSS + IO_BITMAP;
  for (u32 i = 0; i <= IO_PORTS / 8; i++) {
    bitmap[i] = 0xff;
  }
  /* 240 to 247 are open but for 244; the byte behind them is the one the manual wants. */
  bitmap[OPEN_PORT / 8] = (u8)(1 << (CLOSED_PORT - OPEN_PORT));

  poke32(TSS_B + TSS_ESP0, STACK0);
  poke32(TSS_B + TSS_SS0, DATA0);
  poke32(TSS_B + TSS_CR3, PAGE_DIRECTORY);
  poke32(TSS_B + TSS_EIP, LANDING);
  poke32(TSS_B + TSS_EFLAGS, 2);
  poke32(TSS_B + TSS_ESP, STACK1);
  poke32(TSS_B + TSS_CS, CODE0);
  static const u32 DATA_SELECTORS[] = {TSS_ES, TSS_SS, TSS_DS, TSS_FS, TSS_GS};
  for (u32 i = 0; i < sizeof DATA_SELECTORS / sizeof *DATA_SELECTORS; i++) {
    poke32(TSS_B + DATA_SELECTORS[i], DATA0);
  }
  poke32(TSS_B + TSS_LDT, LDT_SELECTOR);
  poke32(TSS_B + TSS_TRAP, (u32)IO_BITMAP << 16);
}

/* ---- paging ------------------------------------------------------------- */

/* The bits below the frame in the entry of one of the pages under test. */
static u64 rights_of(u32 page, u64 nx, u64 reserved) {
  switch (page) {
    case NOT_PRESENT:
      return 0;
    case USER_RO:
      return PTE_P | PTE_U;
    case SYSTEM_RW:
      return PTE_P | PTE_W;
    case SYSTEM_RO:
      return PTE_P;
    case RESERVED_BIT:
      return PTE_USER_RW | reserved;
    case NO_EXECUTE:
      return PTE_USER_RW | nx;
    case GLOBAL_RW:
      return PTE_USER_RW | PTE_G;
    default:
      return PTE_USER_RW;
  }
}

/* Linear page 0 shows USER_RW_2, so that what a wrapped address finds is known. */
static u32 frame_of(u32 page) {
  return page == 0 ? USER_RW_2 : page;
}

static void lay_out_32_bit_tables(void) {
  for (u32 i = 0; i < TABLE_ENTRIES; i++) {
    u32 entry = frame_of(i * PAGE) | (u32)rights_of(i * PAGE, 0, 0);
    poke32(PAGE_TABLE + 4 * i, entry);
    poke32(PAGE_TABLE_B + 4 * i, entry);
  }
  enum { BIT_21 = 1 << 21 };
  poke32(PDE_AT(0), PAGE_TABLE | PTE_USER_RW);
  poke32(PDE_AT(REGION_LARGE), PTE_LARGE | PTE_USER_RW);
  poke32(PDE_AT(REGION_SYSTEM), PAGE_TABLE_B | PTE_P | PTE_W);
  poke32(PDE_AT(REGION_READ_ONLY), PAGE_TABLE_B | PTE_P | PTE_U);
  poke32(PDE_AT(REGION_LARGE_RESERVED), BIT_21 | PTE_LARGE | PTE_USER_RW);
  poke32(PDE_AT(REGION_LARGE_SYSTEM), PTE_LARGE | PTE_P | PTE_W);
  poke32(PDE_AT(REGION_LARGE_READ_ONLY), PTE_LARGE | PTE_P | PTE_U);
  poke32(PDE_AT(REGION_LARGE_GLOBAL), PTE_LARGE | PTE_USER_RW | PTE_G);
  poke32(PDE_AT(REGION_TOP), PTE_LARGE | PTE_USER_RW);
}

/* A region is two entries of 2 MB each. */
static void pae_region(u32 linear, u64 low, u64 high) {
  poke64(PAE_PDE_AT(linear), low);
  poke64(PAE_PDE_AT(linear) + 8, high);
}

static void pae_large_region(u32 linear, u64 rights) {
  pae_region(linear, rights | PTE_LARGE, 0x200000 | rights | PTE_LARGE);
}

static void lay_out_pae_tables(void) {
  enum { TABLE_SPAN = 0x200000, ENTRIES = 512, BIT_13 = 1 << 13 };
  u64 nx = running->efer & EFER_NXE ? PTE_NX : 0;
  for (u32 i = 0; i < ENTRIES; i++) {
    u32 low = i * PAGE;
    u32 high = TABLE_SPAN + i * PAGE;
    poke64(PAE_TABLE + 8 * i, frame_of(low) | rights_of(low, nx, PTE_RESERVED_PAE));
    poke64(PAE_TABLE_2M + 8 * i, high | rights_of(high, nx, PTE_RESERVED_PAE));
    poke64(PAE_TABLE_B + 8 * i, high | rights_of(high, nx, PTE_RESERVED_PAE));
  }
  poke64(PAE_POINTERS, PAE_DIRECTORY | PTE_P);
  poke64(PAE_POINTERS + 24, PAE_DIRECTORY_3 | PTE_P);
  pae_region(0, PAE_TABLE | PTE_USER_RW, PAE_TABLE_2M | PTE_USER_RW);
  pae_large_region(REGION_LARGE, PTE_USER_RW);
  pae_region(REGION_SYSTEM, PAE_TABLE | PTE_P | PTE_W, PAE_TABLE_B | PTE_P | PTE_W);
  pae_region(REGION_READ_ONLY, PAE_TABLE | PTE_P | PTE_U, PAE_TABLE_B | PTE_P | PTE_U);
  pae_large_region(REGION_LARGE_RESERVED, PTE_USER_RW | BIT_13);
  pae_large_region(REGION_LARGE_SYSTEM, PTE_P | PTE_W);
  pae_large_region(REGION_LARGE_READ_ONLY, PTE_P | PTE_U);
  pae_large_region(REGION_LARGE_GLOBAL, PTE_USER_RW | PTE_G);
  pae_large_region(REGION_NO_EXECUTE, PTE_USER_RW | nx);
  pae_region(REGION_RESERVED, PAE_TABLE | PTE_USER_RW | PTE_RESERVED_PAE,
             PAE_TABLE_B | PTE_USER_RW | PTE_RESERVED_PAE);
  poke64(PAE_DIRECTORY_3 + 8 * 510, PTE_LARGE | PTE_USER_RW);
  poke64(PAE_DIRECTORY_3 + 8 * 511, TABLE_SPAN | PTE_LARGE | PTE_USER_RW);
}

/* ---- registers of the system -------------------------------------------- */

struct __attribute__((packed)) table_register {
  u16 limit;
  u32 base;
};

static void load_tables(void) {
  struct table_register gdtr = {GDT_LIMIT, GDT};
  struct table_register idtr = {0x7ff, IDT};
  __asm__ volatile(
      "lgdt %0\n"
      "lidt %1\n"
      "ljmp %2, $1f\n"
      "1:\n"
      "mov %3, %%ds\n"
      "mov %3, %%es\n"
      "mov %3, %%ss\n"
      "lldt %w4\n"
      "ltr %w5\n"
      :
      : "m"(gdtr), "m"(idtr), "i"(CODE0), "r"(DATA0), "r"(LDT_SELECTOR), "r"(TASK)
      : "memory");
}

/* In an order that never shows the processor a forbidden combination. */
static void load_control_registers(u32 cr0, u32 cr3, u32 cr4) {
  __asm__ volatile(
      "mov %0, %%cr0\n" /* paging off: every translation goes */
      "mov %1, %%cr4\n"
      "mov %2, %%cr3\n"
      "mov %3, %%cr0\n"
      "jmp 1f\n"
      "1:\n"
      :
      : "r"(cr0 & ~CR0_PG), "r"(cr4), "r"(cr3), "r"(cr0)
      : "memory");
}

static void reset_debug_registers(void) {
  __asm__ volatile(
      "mov %0, %%dr7\n"
      "mov %1, %%dr6\n"
      "mov %2, %%dr0\n"
      "mov %2, %%dr1\n"
      "mov %2, %%dr2\n"
      "mov %2, %%dr3\n"
      :
      : "r"(DR7_CLEAR), "r"(DR6_CLEAR), "r"(0));
}

static void load_system_registers(void) {
  u32 cr0 = CR0_ALWAYS | running->cr0;
  u32 cr4 = CR4_PSE | running->cr4;
  u32 cr3 = PAGE_DIRECTORY;
  if (running->paging != PAGING_OFF) {
    cr0 |= CR0_PG;
  }
  if (running->paging == PAGING_PAE) {
    cr4 |= CR4_PAE;
    cr3 = PAE_POINTERS;
  }
  write_msr(MSR_SYSENTER_CS, 0);
  write_msr(MSR_SYSENTER_ESP, 0);
  write_msr(MSR_SYSENTER_EIP, 0);
  write_msr(MSR_EFER, running->efer);
  __asm__ volatile("clts\nfninit");
  /* A setup hook may have loaded debug registers; the rest of the machine follows. */
  load_control_registers(cr0, cr3, cr4);
  cr0_at_entry = cr0;
  cr4_at_entry = cr4;
}

/* ---- a case ------------------------------------------------------------- */

static void place_code(void) {
  static const u8 END_MARK[] = {0xcd, END}; /* int $END */
  code_length = (u32)(running->code_end - running->code);
  u8 *at = (u8 *)CODE;
  for (u32 i = 0; i < code_length; i++) {
    at[i] = running->code[i];
  }
  for (u32 i = 0; i < sizeof END_MARK; i++) {
    at[code_length + i] = END_MARK[i];
    if (code_length + sizeof END_MARK <= LANDING - CODE) {
      ((u8 *)LANDING)[i] = END_MARK[i];
    }
  }
}

/* DATA begins with a recognisable dword, so that what an instruction read can be told. */
static void place_data(void) {
  for (u32 page = DATA; page < ARENA_END; page += PAGE) {
    for (u32 at = 0; at < PAGE; at += 4) {
      poke32(page + at, 0xda000000 | (page - DATA) << 4 | at);
    }
  }
}

static void place_puts(void) {
  for (u32 i = 0; i < MAX_PUTS && running->puts[i].address; i++) {
    const struct put *put = &running->puts[i];
    poke32(put->address, (u32)put->value);
    if (put->bytes == 8) {
      poke32(put->address + 4, (u32)(put->value >> 32));
    }
  }
}

static u32 initial_esp(void) {
  return running->esp ? running->esp : STACK0 + running->ring * STACK_BYTES;
}

static u32 initial_data_selector(void) {
  return DATA0 + running->ring * (DATA1 - DATA0);
}

static void prepare_entry(void) {
  u32 data = initial_data_selector();
  entry_registers.ds = data;
  entry_registers.es = data;
  entry_registers.fs = data;
  entry_registers.gs = data;
  entry_registers.eax = running->eax;
  entry_registers.ecx = running->ecx;
  entry_registers.edx = running->edx;
  entry_registers.ebx = running->ebx;
  entry_registers.ebp = running->ebp;
  entry_registers.esi = running->esi;
  entry_registers.edi = running->edi;
  /* iret within ring 0 does not pop ESP: its frame has to lie below the stack's top. */
  u32 *frame = running->ring == 0 ? (u32 *)initial_esp() - 3 : outer_frame;
  frame[0] = running->cs ? running->eip : CODE;
  frame[1] = running->cs ? running->cs : CODE0 + running->ring * (CODE1 - CODE0);
  frame[2] = running->eflags | 2;
  if (running->ring != 0) {
    frame[3] = initial_esp();
    frame[4] = running->ss ? running->ss : data;
  }
  entry_frame = (u32)frame;
}

static void prepare(void) {
  fill(ARENA, ARENA_END, 0);
  place_data();
  lay_out_gdt();
  lay_out_idt();
  lay_out_tss();
  lay_out_32_bit_tables();
  lay_out_pae_tables();
  place_code();
  place_puts();
  load_tables();
  load_system_registers();
  if (running->setup) {
    running->setup();
  }
  prepare_entry();
}

/* ---- the handler -------------------------------------------------------- */

#define READ_REGISTER(name, value) __asm__ volatile("mov %%" name ", %0" : "=r"(value))

void log_trap(const struct frame *frame) {
  u32 dr6;
  READ_REGISTER("dr6", dr6);
  print(" trap=");
  print_hex(frame->vector);
  print("@");
  print_location(frame->eip);
  print("/");
  print_hex(frame->eflags);
  if (frame->vector == VECTOR_DEBUG) {
    print("/");
    print_hex(dr6);
    __asm__ volatile("mov %0, %%dr6" : : "r"(DR6_CLEAR));
  }
}

static int is_traced(const struct frame *frame) {
  enum { PATIENCE = 20 };
  static u32 traps;
  static const struct test_case *of;
  if (of != running) {
    of = running;
    traps = 0;
  }
  return frame->vector == VECTOR_DEBUG && traps++ < PATIENCE;
}

int trace(struct frame *frame) {
  if (!is_traced(frame)) {
    return 0;
  }
  log_trap(frame);
  return 1;
}

int trace_past_breakpoint(struct frame *frame) {
  if (!trace(frame)) {
    return 0;
  }
  frame->eflags |= FLAG_RF;
  return 1;
}

/* Called by entry.S for every vector; 1 resumes the case. */
int on_trap(struct frame *frame) {
  READ_REGISTER("cr2", found.cr2);
  if (running->on_trap && running->on_trap(frame)) {
    return 1;
  }
  READ_REGISTER("dr6", found.dr6);
  READ_REGISTER("dr7", found.dr7);
  __asm__ volatile("mov %0, %%dr7" : : "r"(DR7_CLEAR));
  READ_REGISTER("cr0", found.cr0);
  READ_REGISTER("cr3", found.cr3);
  READ_REGISTER("cr4", found.cr4);
  __asm__ volatile("str %0" : "=r"(found.tr));
  __asm__ volatile("sldt %0" : "=r"(found.ldtr));
  found.frame = *frame;
  int ring_changed = (frame->cs & 3) != 0;
  found.handler_esp = (u32)&frame->eip;
  if (!ring_changed) {
    found.frame.esp = (u32)(&frame->eflags + 1);
    READ_REGISTER("ss", found.frame.ss);
  }
  return 0;
}

/* ---- the line ----------------------------------------------------------- */

static int pushes_error_code(u32 vector) {
  return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

static void print_trap(void) {
  const struct frame *frame = &found.frame;
  field("vec", frame->vector);
  if (pushes_error_code(frame->vector)) {
    field("err", frame->error_code);
  }
  field("cs", frame->cs & 0xffff);
  print(" eip=");
  print_location(frame->eip);
  field("efl", frame->eflags);
  field("ss", frame->ss & 0xffff);
  print(" esp=");
  print_location(frame->esp);
  print(" frame=");
  print_location(found.handler_esp);
  if (frame->vector == VECTOR_PAGE_FAULT) {
    field("cr2", found.cr2);
  }
}

/* Registers appear only if the case changed them. */
static void print_registers(void) {
  const struct frame *frame = &found.frame;
  u32 omit = running->omit;
  changed("eax", omit & OMIT_EAX ? frame->eax : running->eax, frame->eax);
  changed("ecx", omit & OMIT_ECX ? frame->ecx : running->ecx, frame->ecx);
  changed("edx", omit & OMIT_EDX ? frame->edx : running->edx, frame->edx);
  changed("ebx", omit & OMIT_EBX ? frame->ebx : running->ebx, frame->ebx);
  changed("ebp", running->ebp, frame->ebp);
  changed("esi", running->esi, frame->esi);
  changed("edi", running->edi, frame->edi);
  u32 data = initial_data_selector();
  changed("ds", data, frame->ds & 0xffff);
  changed("es", data, frame->es & 0xffff);
  changed("fs", data, frame->fs & 0xffff);
  changed("gs", data, frame->gs & 0xffff);
}

static void print_system_registers(void) {
  changed("cr0", cr0_at_entry, found.cr0);
  changed("cr3", running->paging == PAGING_PAE ? PAE_POINTERS : PAGE_DIRECTORY, found.cr3);
  changed("cr4", cr4_at_entry, found.cr4);
  changed("tr", TASK, found.tr & 0xffff);
  changed("ldtr", LDT_SELECTOR, found.ldtr & 0xffff);
  changed("dr6", DR6_CLEAR, found.dr6);
  changed("dr7", DR7_CLEAR, found.dr7);
}

static void print_memory(void) {
  for (u32 i = 0; i < MAX_WATCHES && running->watch[i]; i++) {
    print(" [");
    print_location(running->watch[i]);
    print("]=");
    print_hex(peek32(running->watch[i]));
  }
  /* Of flat stacks only: elsewhere ESP is not an address. */
  u32 ss = found.frame.ss & 0xfffc;
  int is_flat = ss >= DATA0 && ss <= (DATA3 & ~3);
  for (u32 i = 0; is_flat && i < running->stack_words; i++) {
    print(i == 0 ? " stack=" : ",");
    print_location(peek32(found.frame.esp + 4 * i));
  }
}

static void run(const struct test_case *test) {
  running = test;
  /* Named before it runs: who hangs or shuts down is the last name in the output. */
  print("case ");
  print(test->name);
  prepare();
  enter();
  load_control_registers(CR0_ALWAYS, PAGE_DIRECTORY, CR4_PSE);
  print_trap();
  print_registers();
  print_system_registers();
  print_memory();
  reset_debug_registers();
  print(" .\n");
}

void run_cases(void) {
  fill((u32)bss_begin, (u32)bss_end, 0);
  reset_debug_registers();
  u32 count = (u32)(case_list_end - case_list);
  u32 end = selection[1] < count ? selection[1] : count;
  for (u32 i = selection[0]; i < end; i++) {
    run(case_list[i]);
  }
  if (selection[0] == LAST_CASE) {
    run(*last_case);
  }
  for (const char *word = "Shutdown"; *word; word++) {
    out8(PORT_SHUTDOWN, (u8)*word);
  }
}
