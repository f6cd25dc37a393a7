/*
 * Paging in both formats (SDM 3A §4.3, §4.4, §4.6 to §4.10): rights of each level,
 * error codes, CR2, accessed and dirty bits, accesses that cross pages, and what a
 * change of the tables needs before it takes effect.
 */
#define GROUP "paging"
#include "machine.h"

#define READ "mov (%ebx), %ecx"
#define WRITE "mov %ecx, (%ebx)"
#define MODIFY "addl $0, (%ebx)"
#define FETCH "jmp *%ebx"

/* One access under both formats; the entries that it went through are printed. */
#define ACCESS(identifier, its_ring, text, address, ...)                                \
  CASE(identifier, its_ring, text, .ebx = (u32)(address), .paging = PAGING_32,          \
       .watch = {PDE_AT(address), PTE_AT(address)}, ##__VA_ARGS__)                       \
  CASE(pae_##identifier, its_ring, text, .ebx = (u32)(address), .paging = PAGING_PAE,   \
       .efer = EFER_NXE, .watch = {PAE_PDE_AT(address), PAE_PTE_AT(address)}, ##__VA_ARGS__)

/* ---- the rights of a page ------------------------------------------------ */

ACCESS(user_reads_user, 3, READ, USER_RW_3)
ACCESS(user_writes_user, 3, WRITE, USER_RW_3)
ACCESS(user_modifies_user, 3, MODIFY, USER_RW_3)
ACCESS(user_reads_absent, 3, READ, NOT_PRESENT)
ACCESS(user_writes_absent, 3, WRITE, NOT_PRESENT)
ACCESS(user_fetches_absent, 3, FETCH, NOT_PRESENT)
ACCESS(user_reads_read_only, 3, READ, USER_RO)
ACCESS(user_writes_read_only, 3, WRITE, USER_RO)
ACCESS(user_modifies_read_only, 3, MODIFY, USER_RO)
ACCESS(user_reads_system, 3, READ, SYSTEM_RW)
ACCESS(user_writes_system, 3, WRITE, SYSTEM_RW)
ACCESS(user_fetches_system, 3, FETCH, SYSTEM_RW)
ACCESS(user_writes_system_read_only, 3, WRITE, SYSTEM_RO)
ACCESS(ring_2_reads_system, 2, READ, SYSTEM_RW)
ACCESS(ring_1_writes_system, 1, WRITE, SYSTEM_RW)
ACCESS(ring_0_reads_absent, 0, READ, NOT_PRESENT)
ACCESS(ring_1_writes_absent, 1, WRITE, NOT_PRESENT)
ACCESS(ring_0_fetches_absent, 0, FETCH, NOT_PRESENT)
ACCESS(ring_0_writes_user_read_only, 0, WRITE, USER_RO)
ACCESS(ring_0_writes_user_read_only_wp, 0, WRITE, USER_RO, .cr0 = CR0_WP)
ACCESS(ring_0_writes_system_read_only, 0, WRITE, SYSTEM_RO)
ACCESS(ring_0_writes_system_read_only_wp, 0, WRITE, SYSTEM_RO, .cr0 = CR0_WP)
ACCESS(ring_1_writes_system_read_only_wp, 1, WRITE, SYSTEM_RO, .cr0 = CR0_WP)
ACCESS(user_writes_read_only_wp, 3, WRITE, USER_RO, .cr0 = CR0_WP)
ACCESS(user_reads_reserved, 3, READ, RESERVED_BIT)
ACCESS(user_writes_reserved, 3, WRITE, RESERVED_BIT)
ACCESS(ring_0_reads_reserved, 0, READ, RESERVED_BIT)
ACCESS(user_reads_no_execute, 3, READ, NO_EXECUTE)
#define END_AT(address) .puts = {PUT32(address, END << 8 | 0xcd)}
ACCESS(user_fetches_no_execute, 3, FETCH, NO_EXECUTE, END_AT(NO_EXECUTE))
ACCESS(ring_0_fetches_no_execute, 0, FETCH, NO_EXECUTE, END_AT(NO_EXECUTE))

/* Without EFER.NXE there is no I bit in error codes, and bit 63 of an entry is reserved. */
CASE(pae_fetch_absent_without_nxe, 3, FETCH, .ebx = NOT_PRESENT, .paging = PAGING_PAE)
static void set_bit_63(void) {
  poke32(PAE_PTE_AT(USER_RW_3) + 4, 0x80000000);
}

CASE(pae_bit_63_without_nxe, 3, READ, .ebx = USER_RW_3, .paging = PAGING_PAE,
     .setup = set_bit_63, .watch = {PAE_PTE_AT(USER_RW_3)})

/* ---- the rights of the entry above, and large pages ----------------------- */

#define IN(region, page) ((u32)(region) + (page))

ACCESS(region_absent_read, 3, READ, IN(REGION_ABSENT, USER_RW_3))
ACCESS(region_absent_write_ring_0, 0, WRITE, IN(REGION_ABSENT, USER_RW_3))
ACCESS(region_system_user_reads, 3, READ, IN(REGION_SYSTEM, USER_RW_3))
ACCESS(region_system_ring_0_writes, 0, WRITE, IN(REGION_SYSTEM, USER_RW_3))
ACCESS(region_read_only_user_reads, 3, READ, IN(REGION_READ_ONLY, USER_RW_3))
ACCESS(region_read_only_user_writes, 3, WRITE, IN(REGION_READ_ONLY, USER_RW_3))
ACCESS(region_read_only_ring_0_writes, 0, WRITE, IN(REGION_READ_ONLY, USER_RW_3))
ACCESS(region_read_only_ring_0_writes_wp, 0, WRITE, IN(REGION_READ_ONLY, USER_RW_3),
       .cr0 = CR0_WP)
ACCESS(large_user_reads, 3, READ, IN(REGION_LARGE, USER_RW_3))
ACCESS(large_user_writes, 3, WRITE, IN(REGION_LARGE, USER_RW_3))
ACCESS(large_user_fetches, 3, FETCH, IN(REGION_LARGE, LANDING))
ACCESS(large_system_user_reads, 3, READ, IN(REGION_LARGE_SYSTEM, USER_RW_3))
ACCESS(large_system_ring_1_writes, 1, WRITE, IN(REGION_LARGE_SYSTEM, USER_RW_3))
ACCESS(large_read_only_user_writes, 3, WRITE, IN(REGION_LARGE_READ_ONLY, USER_RW_3))
ACCESS(large_read_only_ring_0_writes, 0, WRITE, IN(REGION_LARGE_READ_ONLY, USER_RW_3))
ACCESS(large_read_only_ring_0_writes_wp, 0, WRITE, IN(REGION_LARGE_READ_ONLY, USER_RW_3),
       .cr0 = CR0_WP)
ACCESS(large_reserved_user_reads, 3, READ, IN(REGION_LARGE_RESERVED, USER_RW_3))
ACCESS(large_reserved_ring_0_writes, 0, WRITE, IN(REGION_LARGE_RESERVED, USER_RW_3))
ACCESS(table_reserved_user_reads, 3, READ, IN(REGION_RESERVED, USER_RW_3))
ACCESS(large_no_execute_reads, 3, READ, IN(REGION_NO_EXECUTE, USER_RW_3))
ACCESS(large_no_execute_fetches, 3, FETCH, IN(REGION_NO_EXECUTE, LANDING))
static void without_pse(void) {
  __asm__ volatile("mov %0, %%cr4" : : "r"(0));
  poke32(PDE_AT(REGION_LARGE), PAGE_TABLE | PTE_LARGE | PTE_USER_RW);
}
/* Without CR4.PSE bit 7 of a page-directory entry means nothing: the entry names a table. */
CASE(large_without_pse, 3, READ, .ebx = IN(REGION_LARGE, USER_RW_3), .paging = PAGING_32,
     .setup = without_pse)
CASE(pae_pointer_absent, 3, READ, .ebx = 0x40000000 + USER_RW_3, .paging = PAGING_PAE)
CASE(pae_pointer_absent_ring_0_writes, 0, WRITE, .ebx = 0x80000000 + USER_RW_3,
     .paging = PAGING_PAE)

/* Presence is looked at before reserved bits, these before rights. */
static void absent_with_reserved_bits(void) {
  poke64(PAE_PTE_AT(USER_RW_3), PTE_RESERVED_PAE);
}
static void system_with_reserved_bit(void) {
  poke64(PAE_PTE_AT(USER_RW_3), USER_RW_3 | PTE_P | PTE_RESERVED_PAE);
}
CASE(pae_reserved_but_absent, 3, READ, .ebx = USER_RW_3, .paging = PAGING_PAE,
     .setup = absent_with_reserved_bits)
CASE(pae_reserved_and_system, 3, WRITE, .ebx = USER_RW_3, .paging = PAGING_PAE,
     .setup = system_with_reserved_bit)

/* ---- accesses across pages ------------------------------------------------ */

#define CROSSING(identifier, its_ring, text, second, ...)                               \
  CASE(crossing_##identifier, its_ring, text, .ebx = (second)-2, .paging = PAGING_32,     \
       .watch = {PTE_AT((second)-2), PTE_AT(second), (second)-4}, ##__VA_ARGS__)
/* USER_RW | NOT_PRESENT | USER_RO | SYSTEM_RW | SYSTEM_RO | USER_RW_2 ... */
CROSSING(read_into_absent, 3, READ, NOT_PRESENT)
CROSSING(write_into_absent, 3, WRITE, NOT_PRESENT, .ecx = 0x11223344)
CROSSING(read_from_absent, 3, READ, USER_RO)
CROSSING(read_into_system, 3, READ, SYSTEM_RW)
CROSSING(write_into_read_only, 3, WRITE, SYSTEM_RO, .ring = 0, .cr0 = CR0_WP, .ecx = 0x11223344)
CROSSING(modify_into_absent, 3, "addl $0x01010101, (%ebx)", NOT_PRESENT)
CROSSING(write_both_good, 3, WRITE, GLOBAL_RW, .ecx = 0x11223344)
CROSSING(fetch_into_absent, 3, "jmp *%ebx", NOT_PRESENT,
         .puts = {PUT32(NOT_PRESENT - 4, 0x00b80000)})
CROSSING(fetch_ends_at_page, 3, "jmp *%ebx", NOT_PRESENT,
         .puts = {PUT32(NOT_PRESENT - 4, END << 24 | 0xcd0000)})
CROSSING(push_into_absent, 3, "mov %ebx, %esp\n add $4, %esp\n push %ecx", NOT_PRESENT)
CROSSING(qword_into_absent, 3, "fldl -2(%ebx)", NOT_PRESENT)
CROSSING(write_tbyte_into_absent, 3, "fldz\n fstpt -2(%ebx)", NOT_PRESENT)
CASE(rep_movs_into_absent, 3, "rep movsl", .esi = USER_RW_2, .edi = NOT_PRESENT - 10,
     .ecx = 5, .paging = PAGING_32, .watch = {NOT_PRESENT - 12, NOT_PRESENT - 8, NOT_PRESENT - 4})
CASE(rep_stos_backwards_into_system, 3, "rep stosb", .edi = USER_RW_2 + 2, .ecx = 9,
     .eflags = FLAG_DF, .paging = PAGING_32)

/* ---- implicit accesses are the supervisor's ------------------------------- */

static void system_tables(void) {
  poke32(PTE_AT(GDT), GDT | PTE_P | PTE_W);
  poke32(PTE_AT(IDT), IDT | PTE_P | PTE_W);
  poke32(PTE_AT(TSS), TSS | PTE_P | PTE_W);
}
CASE(tables_on_system_pages, 3, "mov %eax, %ds\n int $END", .eax = RW, .paging = PAGING_32,
     .setup = system_tables)
static void ldt_page_absent(void) {
  poke32(PTE_AT(LDT), 0);
}
CASE(ldt_page_absent, 3, "mov %eax, %ds", .eax = LDT_RW, .paging = PAGING_32,
     .setup = ldt_page_absent)

/* ---- what a change of the tables needs ------------------------------------ */

/* Reads the page, moves it to another frame, does `flush`, reads again. */
#define MOVED(identifier, flush, ...)                                                   \
  CASE(moved_then_##identifier, 0,                                                      \
       "mov (%ebx), %ecx\n movl $USER_RW_4 + 0x107, PAGE_TABLE + USER_RW_3 / 4096 * 4\n" \
       flush "\n mov (%ebx), %edx", .ebx = USER_RW_3, .paging = PAGING_32, ##__VA_ARGS__)
MOVED(invlpg, "invlpg (%ebx)")
MOVED(invlpg_of_another_byte, "invlpg 0xfff(%ebx)")
MOVED(cr3_reload, "mov %cr3, %eax\n mov %eax, %cr3", .omit = OMIT_EAX)
MOVED(paging_off_and_on, "mov %cr0, %eax\n and $0x7fffffff, %eax\n mov %eax, %cr0\n"
      "or $0x80000000, %eax\n mov %eax, %cr0", .omit = OMIT_EAX)
MOVED(pge_toggled, "mov %cr4, %eax\n xor $0x80, %eax\n mov %eax, %cr4\n xor $0x80, %eax\n"
      "mov %eax, %cr4", .omit = OMIT_EAX)
/* A processor may keep the old translation or not; these two keep it if they have a TLB. */
MOVED(nothing, "nop")
#define GLOBAL_MOVED(identifier, flush, ...)                                            \
  CASE(global_moved_then_##identifier, 0,                                               \
       "mov (%ebx), %ecx\n movl $USER_RW_4 + 0x107, PAGE_TABLE + GLOBAL_RW / 4096 * 4\n" \
       flush "\n mov (%ebx), %edx", .ebx = GLOBAL_RW, .paging = PAGING_32,              \
       .cr4 = CR4_PGE, .omit = OMIT_EAX, ##__VA_ARGS__)
GLOBAL_MOVED(cr3_reload, "mov %cr3, %eax\n mov %eax, %cr3")
GLOBAL_MOVED(invlpg, "invlpg (%ebx)")
GLOBAL_MOVED(pge_toggled, "mov %cr4, %eax\n xor $0x80, %eax\n mov %eax, %cr4\n"
             "xor $0x80, %eax\n mov %eax, %cr4")
GLOBAL_MOVED(cr3_reload_without_pge, "mov %cr3, %eax\n mov %eax, %cr3", .cr4 = 0)
/* More rights than before need no flush: the fault walks again (SDM 3A §4.10.4.3). */
static int make_present(struct frame *frame) {
  if (frame->vector != 14) {
    return 0;
  }
  log_trap(frame);
  poke32(PTE_AT(NOT_PRESENT), NOT_PRESENT | PTE_USER_RW);
  return 1;
}
CASE(demand_paging, 3, "mov (%ebx), %ecx\n mov %ecx, (%ebx)", .ebx = NOT_PRESENT,
     .paging = PAGING_32, .on_trap = make_present, .watch = {PTE_AT(NOT_PRESENT)})

static int make_writable(struct frame *frame) {
  if (frame->vector != 14) {
    return 0;
  }
  log_trap(frame);
  poke32(PTE_AT(USER_RO), USER_RO | PTE_USER_RW);
  return 1;
}
CASE(copy_on_write, 3, "mov (%ebx), %ecx\n mov %eax, (%ebx)\n mov (%ebx), %edx", .ebx = USER_RO,
     .eax = 0x77, .paging = PAGING_32, .on_trap = make_writable, .watch = {PTE_AT(USER_RO)})
/* Setting D goes through the entry in memory, even if the translation is in the TLB. */
CASE(dirty_after_read, 3, "mov (%ebx), %ecx\n mov %ecx, (%ebx)", .ebx = USER_RW_3,
     .paging = PAGING_32, .watch = {PTE_AT(USER_RW_3)})
/* CR0.WP counts from the next instruction on, also for what the TLB holds. */
CASE(wp_set_after_write, 0,
     "mov %ecx, (%ebx)\n mov %cr0, %eax\n or $0x10000, %eax\n mov %eax, %cr0\n mov %ecx, (%ebx)",
     .ebx = USER_RO, .paging = PAGING_32, .omit = OMIT_EAX)
CASE(user_after_supervisor, 0,
     "mov (%ebx), %ecx\n push $DATA3\n push $STACK3\n push $CODE3\n push $CODE + 1f - 0b\n lret\n"
     "1: mov $DATA3, %eax\n mov %eax, %ds\n mov (%ebx), %edx",
     .ebx = SYSTEM_RW, .paging = PAGING_32)
