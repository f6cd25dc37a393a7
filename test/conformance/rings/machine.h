/*
 * A bare i386 machine, reset for each case of the table.
 *
 * A case is a few instructions at CODE in one of the rings. It ends with the
 * first interrupt or exception, usually the int END behind its code; what then
 * is in the registers, on the stacks and in the tables becomes one line of
 * output. Two processors are alike when they print the same lines.
 *
 * The memory below is laid out afresh before every case, so that none sees what
 * another did. Constants are visible to C and to the assembly of the cases.
 */
#ifndef MACHINE_H
#define MACHINE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define MEMORY(X)                                                                      \
  X(GDT, 0x200000)                                                                     \
  X(IDT, 0x201000)                                                                     \
  X(LDT, 0x202000)                                                                     \
  X(TSS, 0x203000)                                                                     \
  X(TSS_B, 0x204000) /* another task's; a descriptor may call it 16-bit */             \
  X(PAGE_DIRECTORY, 0x205000)                                                          \
  X(PAGE_TABLE, 0x206000)  /* linear 0 to 4 MB */                                      \
  X(PAGE_TABLE_B, 0x207000) /* a copy of it, reached by page-directory entries of less right */ \
  X(PAE_POINTERS, 0x208000)                                                            \
  X(PAE_DIRECTORY, 0x209000)   /* linear 0 to 1 GB */                                  \
  X(PAE_DIRECTORY_3, 0x20a000) /* linear 3 GB to 4 GB */                               \
  X(PAE_TABLE, 0x20b000)       /* linear 0 to 2 MB */                                  \
  X(PAE_TABLE_2M, 0x20c000)    /* linear 2 MB to 4 MB, where the arena is */           \
  X(PAE_TABLE_B, 0x20d000)     /* a copy of it, see PAGE_TABLE_B */                    \
  X(CODE, 0x210000)                                                                    \
  X(LANDING, 0x210800) /* where the gates lead */                                      \
  X(STACK0, 0x228000)  /* tops of the rings' stacks, 32 KB each */                     \
  X(STACK1, 0x230000)                                                                  \
  X(STACK2, 0x238000)                                                                  \
  X(STACK3, 0x240000)                                                                  \
  X(DATA, 0x244000)                                                                    \
  X(ARENA, 0x200000)                                                                   \
  X(ARENA_END, 0x260000)

/*
 * Pages of DATA under paging, in both formats: what an access may do with them.
 * Without paging they are plain memory.
 */
#define PAGES(X)                                                                       \
  X(USER_RW, DATA + 0x0000)                                                            \
  X(NOT_PRESENT, DATA + 0x1000)                                                        \
  X(USER_RO, DATA + 0x2000)                                                            \
  X(SYSTEM_RW, DATA + 0x3000)                                                          \
  X(SYSTEM_RO, DATA + 0x4000)                                                          \
  X(USER_RW_2, DATA + 0x5000)                                                          \
  X(RESERVED_BIT, DATA + 0x6000) /* PAE: bit 51 of the entry; 32-bit: an ordinary page */ \
  X(NO_EXECUTE, DATA + 0x7000)   /* PAE: bit 63 of the entry */                        \
  X(USER_RW_3, DATA + 0x8000)                                                          \
  X(GLOBAL_RW, DATA + 0x9000)                                                          \
  X(USER_RW_4, DATA + 0xa000)

/* Linear regions of 4 MB, aliases of the first, with page-directory entries of other kinds. */
#define REGIONS(X)                                                                     \
  X(REGION_LARGE, 0x00400000)         /* large page, user, writable */                 \
  X(REGION_ABSENT, 0x00800000)                                                         \
  X(REGION_SYSTEM, 0x00c00000)        /* entry for the system, table's entries for the user */ \
  X(REGION_READ_ONLY, 0x01000000)     /* entry read-only, table's entries writable */  \
  X(REGION_LARGE_RESERVED, 0x01400000) /* large page with a reserved bit */            \
  X(REGION_LARGE_SYSTEM, 0x01800000)                                                   \
  X(REGION_LARGE_READ_ONLY, 0x01c00000)                                                \
  X(REGION_LARGE_GLOBAL, 0x02000000)                                                   \
  X(REGION_NO_EXECUTE, 0x02400000)    /* PAE: bit 63 of a large page's entry */        \
  X(REGION_RESERVED, 0x02800000)      /* PAE: reserved bit in an entry that names a table */ \
  X(REGION_TOP, 0xffc00000)           /* so that addresses can wrap at 4 GB */

/* Selectors with RPL = DPL; what the descriptors are stands in machine.c. */
#define SELECTORS(X)                                                                   \
  X(CODE0, 0x08) X(DATA0, 0x10)                                                        \
  X(CODE1, 0x19) X(DATA1, 0x21)                                                        \
  X(CODE2, 0x2a) X(DATA2, 0x32)                                                        \
  X(CODE3, 0x3b) X(DATA3, 0x43)                                                        \
  X(TASK, 0x48) X(TASK_B, 0x50) X(LDT_SELECTOR, 0x58)                                  \
  /* DATA, one page, for ring 3 unless the name says otherwise */                      \
  X(RW, 0x63) X(RO, 0x6b) X(DOWN, 0x73) X(DOWN16, 0x7b) X(DOWN_RO, 0x83)               \
  X(RW_PAGES, 0x8b) X(RW_ABSENT, 0x93)                                                 \
  X(RW_RING0, 0x98) X(RW_RING1, 0xa1) X(RW_RING2, 0xaa)                                \
  X(STACK_SMALL, 0xb3) X(STACK_16, 0xbb)                                               \
  /* CODE, 64 KB, for ring 3 */                                                        \
  X(EXECUTE_ONLY, 0xc3) X(EXECUTE_READ, 0xcb) X(CODE_ABSENT, 0xd3) X(CODE_16, 0xdb)    \
  X(CODE_SMALL, 0xe3)                                                                  \
  /* flat and conforming */                                                            \
  X(CONFORMING0, 0xe8) X(CONFORMING3, 0xf3) X(CONFORMING_ABSENT, 0xfb)                 \
  X(CONFORMING_EXECUTE_ONLY, 0x100)                                                    \
  /* system segments that are not in use */                                            \
  X(LDT_ABSENT, 0x108) X(TASK_ABSENT, 0x110) X(TASK_BUSY, 0x118) X(TASK_16, 0x120)     \
  /* filled by single cases */                                                         \
  X(SLOT, 0x130) X(SLOT_B, 0x138) X(SLOT_C, 0x140)                                     \
  X(BEYOND_GDT, 0x150)                                                                 \
  X(LDT_RW, 0x07) X(LDT_CODE, 0x0f) X(BEYOND_LDT, 0x17)

#define NUMBERS(X)                                                                     \
  X(END, 0xf1)  /* vector of the int behind a case's code; any ring may use it */      \
  X(GATE, 0x90) /* vector left to the case */                                          \
  X(GDT_LIMIT, 0x14f) X(LDT_LIMIT, 0x0f)                                               \
  X(ABSENT_BIT, 0x80)                                                                  \
  /* I/O permission bitmap: ports below IO_PORTS are covered, few are open */          \
  X(IO_BITMAP, 0x68) X(IO_PORTS, 0x248) X(OPEN_PORT, 0x240) X(CLOSED_PORT, 0x244)

#define AS_ENUM(name, value) name = value,
enum { MEMORY(AS_ENUM) };
enum { PAGES(AS_ENUM) };
enum { SELECTORS(AS_ENUM) NUMBERS(AS_ENUM) };
/* Not an enum, whose members gcc would make signed or 64 bits wide. */
#define REGION_VALUE(name, value) name = (int)value,
enum { REGIONS(REGION_VALUE) };
#define AS_SYMBOL(name, value) ".set " #name ", " #value "\n"
__asm__(MEMORY(AS_SYMBOL) PAGES(AS_SYMBOL) REGIONS(AS_SYMBOL));
__asm__(SELECTORS(AS_SYMBOL) NUMBERS(AS_SYMBOL));

/* EFLAGS, control registers. */
enum {
  FLAG_CF = 1 << 0,
  FLAG_TF = 1 << 8,
  FLAG_IF = 1 << 9,
  FLAG_DF = 1 << 10,
  FLAG_NT = 1 << 14,
  FLAG_RF = 1 << 16,
  FLAG_VM = 1 << 17,
  FLAG_AC = 1 << 18,
  FLAG_VIF = 1 << 19,
  FLAG_VIP = 1 << 20,
  FLAG_ID = 1 << 21,
};
#define IOPL(level) ((level) << 12)
enum {
  CR0_PE = 1 << 0,
  CR0_MP = 1 << 1,
  CR0_EM = 1 << 2,
  CR0_TS = 1 << 3,
  CR0_ET = 1 << 4,
  CR0_NE = 1 << 5,
  CR0_WP = 1 << 16,
  CR0_AM = 1 << 18,
};
#define CR0_PG 0x80000000u
enum {
  CR4_TSD = 1 << 2,
  CR4_DE = 1 << 3,
  CR4_PSE = 1 << 4,
  CR4_PAE = 1 << 5,
  CR4_PGE = 1 << 7,
  CR4_PCE = 1 << 8,
  CR4_OSFXSR = 1 << 9,
  CR4_OSXMMEXCPT = 1 << 10,
};
enum { MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175, MSR_SYSENTER_EIP = 0x176 };
#define MSR_EFER 0xc0000080u
enum { EFER_NXE = 1 << 11 };

/* Page-table entries. */
enum {
  PTE_P = 1 << 0,
  PTE_W = 1 << 1,
  PTE_U = 1 << 2,
  PTE_A = 1 << 5,
  PTE_D = 1 << 6,
  PTE_LARGE = 1 << 7,
  PTE_G = 1 << 8,
};
#define PTE_USER_RW (PTE_P | PTE_W | PTE_U)
#define PTE_NX (1ull << 63)
#define PTE_RESERVED_PAE (1ull << 51)

/* Descriptors, SDM 3A §3.4.5 and §3.5, §6.11. */
enum {
  TYPE_RO = 0x10,
  TYPE_RW = 0x12,
  TYPE_DOWN_RO = 0x14,
  TYPE_DOWN = 0x16,
  TYPE_EXECUTE = 0x18,
  TYPE_EXECUTE_READ = 0x1a,
  TYPE_CONFORMING = 0x1c,
  TYPE_CONFORMING_READ = 0x1e,
  TYPE_TSS_16 = 0x01,
  TYPE_LDT = 0x02,
  TYPE_TSS_16_BUSY = 0x03,
  TYPE_CALL_GATE_16 = 0x04,
  TYPE_TASK_GATE = 0x05,
  TYPE_INTERRUPT_GATE_16 = 0x06,
  TYPE_TRAP_GATE_16 = 0x07,
  TYPE_TSS = 0x09,
  TYPE_TSS_BUSY = 0x0b,
  TYPE_CALL_GATE = 0x0c,
  TYPE_INTERRUPT_GATE = 0x0e,
  TYPE_TRAP_GATE = 0x0f,
  ACCESSED = 0x01, /* of code and data */
  PRESENT = 0x80,
  GRANULAR = 0x8, /* limit in pages */
  BIG = 0x4,      /* D/B */
};
#define DPL(level) ((level) << 5)
#define SEGMENT(base, limit, access, flags)                                             \
  (((u64)(limit)&0xffff) | ((u64)((u32)(base)&0xffffff) << 16) | ((u64)(access) << 40) | \
   ((u64)((limit) >> 16 & 0xf) << 48) | ((u64)(flags) << 52) | ((u64)((u32)(base) >> 24) << 56))
#define FLAT(access) SEGMENT(0, 0xfffff, access, GRANULAR | BIG)
/* `count`: parameters that a call gate copies. */
#define GATE_TO(selector, offset, access, count)                                        \
  (((u64)(offset)&0xffff) | ((u64)(selector) << 16) | ((u64)(count) << 32) |            \
   ((u64)(access) << 40) | ((u64)((u32)(offset) >> 16) << 48))

/* Fields of a 32-bit TSS, SDM 3A §7.2.1. */
enum {
  TSS_LINK = 0x00,
  TSS_ESP0 = 0x04,
  TSS_SS0 = 0x08,
  TSS_ESP1 = 0x0c,
  TSS_SS1 = 0x10,
  TSS_ESP2 = 0x14,
  TSS_SS2 = 0x18,
  TSS_CR3 = 0x1c,
  TSS_EIP = 0x20,
  TSS_EFLAGS = 0x24,
  TSS_EAX = 0x28,
  TSS_ESP = 0x38,
  TSS_ES = 0x48,
  TSS_CS = 0x4c,
  TSS_SS = 0x50,
  TSS_DS = 0x54,
  TSS_FS = 0x58,
  TSS_GS = 0x5c,
  TSS_LDT = 0x60,
  TSS_TRAP = 0x64,
  TSS_IO_MAP_BASE = 0x66,
  TSS_MINIMUM_LIMIT = 0x67,
};

/* The registers as the stub in entry.S leaves them on the handler's stack. */
struct frame {
  u32 gs, fs, es, ds;
  u32 edi, esi, ebp, own_esp, ebx, edx, ecx, eax;
  u32 vector, error_code;
  u32 eip, cs, eflags;
  u32 esp, ss; /* pushed by the processor only when the ring changed */
};

/* A value that a case puts into memory before it begins. */
struct put {
  u32 address;
  u32 bytes;
  u64 value;
};
#define PUT32(address, value) {address, 4, value}
#define PUT64(address, value) {address, 8, value}
/* A descriptor of the GDT, a gate of the IDT. */
#define PUT_GDT(selector, descriptor) PUT64(GDT + ((selector) & ~7), descriptor)
#define PUT_IDT(vector, gate) PUT64(IDT + 8 * (vector), gate)
/* Entries of the page tables for a linear address. */
#define PDE_AT(linear) (PAGE_DIRECTORY + 4 * ((u32)(linear) >> 22))
#define PTE_AT(linear) (PAGE_TABLE + 4 * ((u32)(linear) >> 12 & 1023))
#define PAE_PDE_AT(linear) (PAE_DIRECTORY + 8 * ((u32)(linear) >> 21 & 511))
#define PAE_PTE_AT(linear) (PAE_TABLE_2M + 8 * ((u32)(linear) >> 12 & 511))
/* The half of a descriptor that holds the access byte. */
#define ACCESS_OF(selector) (GDT + ((selector) & ~7) + 4)

enum paging { PAGING_OFF, PAGING_32, PAGING_PAE };
/* Registers that a case leaves with a value of the processor's own. */
enum { OMIT_EAX = 1, OMIT_ECX = 2, OMIT_EDX = 4, OMIT_EBX = 8 };
enum { MAX_PUTS = 8, MAX_WATCHES = 6 };

struct test_case {
  const char *name;
  const u8 *code;
  const u8 *code_end;
  u32 ring;
  u32 eax, ecx, edx, ebx, ebp, esi, edi;
  u32 esp;    /* 0: top of the ring's stack */
  u32 eflags; /* beside bit 1 */
  u32 cs;     /* 0: flat code of the ring, at CODE */
  u32 eip;    /* where to begin in `cs`, if that is given */
  u32 ss;     /* 0: flat data of the ring */
  u32 cr0;    /* beside PE, MP, ET, NE */
  u32 cr4;
  u32 efer;
  enum paging paging;
  struct put puts[MAX_PUTS];
  void (*setup)(void);
  /* Called at each interrupt and exception; answers 1 to go on with the case, 0 to end it. */
  int (*on_trap)(struct frame *frame);
  u32 watch[MAX_WATCHES]; /* dwords printed at the end */
  u32 stack_words;        /* dwords printed from the top of the interrupted stack */
  u32 omit;
};

/*
 * Defines a case: `text` is assembled on its own and copied to CODE. Inside it the
 * label 0 is its beginning, so that CODE + 1f - 0b is the run-time address of 1.
 */
#define CASE(identifier, its_ring, text, ...)                                           \
  CASE_IN_LIST(".case_list", identifier, its_ring, text, ##__VA_ARGS__)
#define CASE_IN_LIST(list, identifier, its_ring, text, ...)                             \
  __asm__(".pushsection .case_code, \"ax\"\n"                                            \
          "code_" #identifier ":\n0:\n" text "\nend_" #identifier ":\n.popsection\n");   \
  extern const u8 code_##identifier[];                                                  \
  extern const u8 end_##identifier[];                                                   \
  static const struct test_case case_##identifier = {                                   \
      .name = GROUP "/" #identifier,                                                    \
      .code = code_##identifier,                                                        \
      .code_end = end_##identifier,                                                     \
      .ring = its_ring,                                                                 \
      __VA_ARGS__};                                                                     \
  static const struct test_case *const listed_##identifier                              \
      __attribute__((used, section(list))) = &case_##identifier;

/* Goes on with code that the gates lead to, at LANDING. Needs the case's code before it. */
#define AT_LANDING "\n.skip LANDING - CODE - (. - 0b), 0x90\n"
#define END_OF_CASE "int $END\n"

/* Trap hooks: log each #DB and go on; the second also sets RF, to get past execute breakpoints. */
int trace(struct frame *frame);
int trace_past_breakpoint(struct frame *frame);
/* Logs an interrupt or exception as the trace hooks do. */
void log_trap(const struct frame *frame);

static inline u32 peek32(u32 address) {
  return *(volatile u32 *)address;
}

static inline void poke32(u32 address, u32 value) {
  *(volatile u32 *)address = value;
}

static inline void poke64(u32 address, u64 value) {
  poke32(address, (u32)value);
  poke32(address + 4, (u32)(value >> 32));
}

static inline void write_msr(u32 index, u64 value) {
  __asm__ volatile("wrmsr" : : "c"(index), "A"(value));
}

#endif
