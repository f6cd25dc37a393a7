/*
 * Loads of segment registers: who may load what (SDM 3A §5.5 to §5.7, SDM 2B MOV,
 * POP, SDM 2A LDS). A load that faults must leave the register, and for POP also
 * ESP, alone; a load that succeeds marks the descriptor accessed.
 */
#define GROUP "segments"
#include "machine.h"

#define LOAD(identifier, its_ring, instruction, selector, ...)                         \
  CASE(identifier, its_ring, instruction, .eax = selector, .watch = {ACCESS_OF(selector)}, \
       ##__VA_ARGS__)
#define LOAD_DS(identifier, its_ring, selector, ...)                                       \
  LOAD(ds_##identifier, its_ring, "mov %eax, %ds", selector, ##__VA_ARGS__)
#define LOAD_SS(identifier, its_ring, selector, ...)                                       \
  LOAD(ss_##identifier, its_ring, "mov %eax, %ss", selector, ##__VA_ARGS__)
enum { RPL = 3 };

/* ---- data segments, loaded from ring 3 ---------------------------------- */

CASE(ds_null, 3, "mov %eax, %ds", .eax = 0)
CASE(ds_null_with_rpl, 3, "mov %eax, %ds", .eax = 3)
CASE(ds_null_used, 3, "mov %eax, %ds\n mov (%ebx), %ecx", .eax = 0, .ebx = DATA)
CASE(es_null_used_by_string, 3, "mov %eax, %es\n stosl", .eax = 0, .edi = DATA)
LOAD_DS(rw, 3, RW)
LOAD_DS(rw_with_rpl_0, 3, RW & ~RPL)
LOAD_DS(ro, 3, RO)
LOAD_DS(expand_down, 3, DOWN)
LOAD_DS(absent, 3, RW_ABSENT)
LOAD_DS(absent_and_of_ring_0, 3, SLOT | RPL,
        .puts = {PUT_GDT(SLOT, SEGMENT(DATA, 0xfff, TYPE_RW, BIG))})
LOAD_DS(of_ring_0, 3, RW_RING0 | RPL)
LOAD_DS(of_ring_2, 3, RW_RING2)
LOAD_DS(execute_only, 3, EXECUTE_ONLY)
LOAD_DS(execute_read, 3, EXECUTE_READ)
LOAD_DS(code_of_ring_0, 3, CODE0 | RPL)
LOAD_DS(conforming_of_ring_0, 3, CONFORMING0 | RPL)
LOAD_DS(conforming_execute_only, 3, CONFORMING_EXECUTE_ONLY | RPL)
LOAD_DS(conforming_absent, 3, CONFORMING_ABSENT)
LOAD_DS(tss, 3, TASK | RPL)
LOAD_DS(ldt_descriptor, 3, LDT_SELECTOR | RPL)
LOAD_DS(empty_descriptor, 3, SLOT | RPL)
LOAD_DS(call_gate, 3, SLOT,
        .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, PRESENT | DPL(3) | TYPE_CALL_GATE, 0))})
CASE(ds_beyond_gdt, 3, "mov %eax, %ds", .eax = BEYOND_GDT)
CASE(ds_beyond_gdt_with_rpl, 3, "mov %eax, %ds", .eax = BEYOND_GDT | RPL)
CASE(ds_last_selector, 3, "mov %eax, %ds", .eax = 0xfffb)
CASE(ds_from_ldt, 3, "mov %eax, %ds\n mov 0, %ecx", .eax = LDT_RW, .watch = {LDT + 4})
CASE(ds_beyond_ldt, 3, "mov %eax, %ds", .eax = BEYOND_LDT)

static void without_ldt(void) {
  __asm__ volatile("lldt %w0" : : "r"(0));
}

CASE(ds_from_ldt_without_one, 3, "mov %eax, %ds", .eax = LDT_RW, .setup = without_ldt)
CASE(ds_null_index_of_ldt, 3, "mov %eax, %ds", .eax = 4, .setup = without_ldt)

static void gdt_ends_inside_rw(void) {
  struct __attribute__((packed)) {
    u16 limit;
    u32 base;
  } gdtr = {(SLOT_C & ~7) + 6, GDT};
  __asm__ volatile("lgdt %0" : : "m"(gdtr));
}

CASE(ds_cut_by_gdt_limit, 3, "mov %eax, %ds", .eax = SLOT_C | 3, .setup = gdt_ends_inside_rw,
     .puts = {PUT_GDT(SLOT_C, SEGMENT(DATA, 0xfff, PRESENT | DPL(3) | TYPE_RW, BIG))})

/* ---- data segments, loaded from inner rings ----------------------------- */

LOAD_DS(ring0_of_ring_0, 0, RW_RING0)
LOAD_DS(ring0_of_ring_3, 0, RW)
LOAD_DS(ring0_with_rpl_3, 0, RW_RING0 | RPL)
LOAD_DS(ring1_of_ring_1, 1, RW_RING1)
LOAD_DS(ring1_of_ring_0, 1, RW_RING0)
LOAD_DS(ring1_of_ring_1_with_rpl_2, 1, (RW_RING1 & ~RPL) | 2)
LOAD_DS(ring1_of_ring_2, 1, RW_RING2)
LOAD_DS(ring2_of_ring_1, 2, RW_RING1)
LOAD_DS(ring2_of_ring_2, 2, RW_RING2)

/* ---- the stack segment -------------------------------------------------- */

CASE(ss_null, 3, "mov %eax, %ss", .eax = 0)
CASE(ss_null_ring0, 0, "mov %eax, %ss", .eax = 0)
LOAD_SS(rw, 3, RW)
LOAD_SS(expand_down, 3, DOWN)
LOAD_SS(ro, 3, RO)
LOAD_SS(expand_down_ro, 3, DOWN_RO)
LOAD_SS(absent, 3, RW_ABSENT)
LOAD_SS(code, 3, EXECUTE_READ)
LOAD_SS(with_rpl_0, 3, RW & ~RPL)
LOAD_SS(of_ring_2, 3, RW_RING2 | RPL)
LOAD_SS(tss, 3, TASK | RPL)
CASE(ss_beyond_gdt, 3, "mov %eax, %ss", .eax = BEYOND_GDT | RPL)
CASE(ss_from_ldt, 3, "mov %eax, %ss", .eax = LDT_RW, .watch = {LDT + 4})
LOAD_SS(ring0_of_ring_3, 0, RW)
LOAD_SS(ring0_of_ring_3_with_rpl_0, 0, RW & ~RPL)
LOAD_SS(ring1_of_ring_1, 1, RW_RING1)
LOAD_SS(ring1_of_ring_1_with_rpl_0, 1, RW_RING1 & ~RPL)
LOAD_SS(ring1_of_ring_0, 1, RW_RING0 | 1)
LOAD_SS(absent_and_of_ring_2, 3, SLOT | RPL,
        .puts = {PUT_GDT(SLOT, SEGMENT(DATA, 0xfff, DPL(2) | TYPE_RW, BIG))})

/* ---- pop ---------------------------------------------------------------- */

CASE(pop_ds, 3, "push %eax\n pop %ds", .eax = RW, .watch = {ACCESS_OF(RW)})
CASE(pop_ds_16_bit, 3, "pushw %ax\n popw %ds", .eax = RW)
CASE(pop_ds_absent, 3, "push %eax\n pop %ds", .eax = RW_ABSENT)
CASE(pop_es_of_ring_0, 3, "push %eax\n pop %es", .eax = RW_RING0)
CASE(pop_fs_beyond, 3, "push %eax\n pop %fs", .eax = BEYOND_GDT)
CASE(pop_gs_null, 3, "push %eax\n pop %gs", .eax = 0)
CASE(pop_gs_execute_only, 3, "push %eax\n pop %gs", .eax = EXECUTE_ONLY)
CASE(pop_ss, 3, "push %eax\n pop %ss", .eax = RW)
CASE(pop_ss_null, 3, "push %eax\n pop %ss", .eax = 0)
CASE(pop_ss_absent, 3, "push %eax\n pop %ss", .eax = RW_ABSENT)
CASE(pop_ignores_high_half, 3, "push %eax\n pop %ds", .eax = 0xffff0000 | RW)

/* ---- far pointers ------------------------------------------------------- */

#define LOAD_POINTER(identifier, instruction, selector)                                \
  CASE(identifier, 3, instruction " (%ebx), %ecx", .ebx = DATA, .ecx = 1,               \
       .puts = {PUT32(DATA, 0x12345678), PUT32(DATA + 4, selector)})

LOAD_POINTER(lds_rw, "lds", RW)
LOAD_POINTER(les_null, "les", 0)
LOAD_POINTER(lfs_execute_read, "lfs", EXECUTE_READ)
LOAD_POINTER(lgs_from_ldt, "lgs", LDT_RW)
LOAD_POINTER(lss_rw, "lss", RW)
LOAD_POINTER(lds_absent, "lds", RW_ABSENT)
LOAD_POINTER(les_of_ring_0, "les", RW_RING0)
LOAD_POINTER(lss_null, "lss", 0)
LOAD_POINTER(lss_absent, "lss", RW_ABSENT)
LOAD_POINTER(lss_ro, "lss", RO)
CASE(lds_16_bit, 3, "ldsw (%ebx), %cx", .ebx = DATA, .ecx = 0xffffffff,
     .puts = {PUT32(DATA, RW << 16 | 0x5678)})
CASE(lss_of_register, 3, ".byte 0x0f, 0xb2, 0xc1")
CASE(lds_of_register, 3, ".byte 0xc5, 0xc1")

/* ---- what else touches selectors ---------------------------------------- */

CASE(mov_to_cs, 3, ".byte 0x8e, 0xc8")
CASE(mov_to_segment_6, 3, ".byte 0x8e, 0xf0")
CASE(mov_from_segment_7, 3, ".byte 0x8c, 0xf8")
CASE(mov_from_cs_to_register, 3, "mov %cs, %eax", .eax = 0xffffffff)
CASE(mov_from_cs_to_memory, 3, "mov %cs, (%ebx)", .ebx = DATA, .watch = {DATA})
CASE(mov_from_null_ds, 3, "mov %eax, %ds\n mov %ds, %ecx", .eax = 3, .ecx = 0xffffffff)

/* Marking a descriptor is a supervisor's write,
whoever loads it; one marked already is only read. */
#define READ_ONLY_GDT PUT32(PTE_AT(GDT), GDT | PTE_P)
CASE(marking_in_read_only_gdt, 3, "mov %eax, %ds", .eax = RW, .paging = PAGING_32,
     .cr0 = CR0_WP, .puts = {READ_ONLY_GDT}, .watch = {ACCESS_OF(RW), PTE_AT(GDT)})
CASE(marking_in_read_only_gdt_without_wp, 3, "mov %eax, %ds", .eax = RW, .paging = PAGING_32,
     .puts = {READ_ONLY_GDT}, .watch = {ACCESS_OF(RW), PTE_AT(GDT)})
CASE(marked_already_in_read_only_gdt, 3, "mov %eax, %ds", .eax = SLOT | RPL,
     .paging = PAGING_32, .cr0 = CR0_WP,
     .puts = {READ_ONLY_GDT,
              PUT_GDT(SLOT, SEGMENT(DATA, 0xfff, PRESENT | DPL(3) | TYPE_RW | ACCESSED, BIG))})
