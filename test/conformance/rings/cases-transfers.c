/*
 * Far jumps, calls and returns (SDM 3A §5.8): directly to code segments, through
 * call gates of both sizes, inwards with a change of stack, and back out.
 */
#define GROUP "transfers"
#include "machine.h"

/* ---- far jmp and call to a code segment, by its selector ----------------- */

/* The target is the int END behind the instruction. */
#define FAR(identifier, its_ring, selector, ...)                                       \
  CASE(jmp_##identifier, its_ring, "ljmp $" #selector ", $CODE + 7\n", ##__VA_ARGS__)    \
  CASE(call_##identifier, its_ring, "lcall $" #selector ", $CODE + 7\n",                 \
       .stack_words = 2, ##__VA_ARGS__)

FAR(same_ring, 3, CODE3)
FAR(rpl_0_becomes_cpl, 3, CODE3 & ~3)
FAR(inner_ring, 3, CODE0)
FAR(outer_ring, 0, CODE3)
FAR(rpl_above_cpl, 0, CODE0 + 3)
FAR(conforming_of_inner_ring, 3, CONFORMING0)
FAR(conforming_keeps_cpl, 1, CONFORMING0 + 3)
FAR(conforming_of_outer_ring, 0, CONFORMING3)
FAR(conforming_absent, 3, CONFORMING_ABSENT)
FAR(absent, 3, CODE_ABSENT)
FAR(null, 3, 0)
FAR(null_with_rpl, 3, 3)
FAR(data, 3, RW)
FAR(beyond_gdt, 3, BEYOND_GDT)
FAR(from_ldt, 3, LDT_CODE)
FAR(to_ldt_descriptor, 3, LDT_SELECTOR)
FAR(execute_only, 3, EXECUTE_ONLY,
    .puts = {PUT_GDT(EXECUTE_ONLY, FLAT(PRESENT | DPL(3) | TYPE_EXECUTE))})
CASE(jmp_beyond_target_limit, 3, "ljmp $CODE_SMALL, $0x1000")
CASE(call_beyond_target_limit, 3, "lcall $CODE_SMALL, $0x1000")
CASE(jmp_marks_accessed, 3, "ljmp $EXECUTE_READ, $0x10", .watch = {ACCESS_OF(EXECUTE_READ)},
     .puts = {PUT32(CODE + 0x10, END << 8 | 0xcd)})
CASE(jmp_through_memory, 3, "ljmp *(%ebx)", .ebx = DATA,
     .puts = {PUT32(DATA, CODE + 2), PUT32(DATA + 4, CODE3)})
CASE(jmp_16_bit_offset, 3, "ljmpw $CODE_16, $6\n nop", .eax = 0)
CASE(call_16_bit, 3, "lcallw $CODE_16, $6\n nop", .stack_words = 1)
CASE(jmp_of_register, 3, ".byte 0xff, 0xe8")
CASE(call_of_register, 3, ".byte 0xff, 0xd8")

/* ---- call gates --------------------------------------------------------- */

#define CALL_GATE(selector, access) \
  PUT_GDT(SLOT, GATE_TO(selector, LANDING, PRESENT | DPL(3) | (access), 0))
#define CALL_GATE_COPYING(selector, access, count) \
  PUT_GDT(SLOT, GATE_TO(selector, LANDING, PRESENT | DPL(3) | (access), count))
#define THROUGH_GATE(identifier, its_ring, ...)                                         \
  CASE(gate_##identifier, its_ring,                                                     \
       "push $0x11\n push $0x22\n push $0x33\n lcall $SLOT, $0x12345678",                \
       .stack_words = 6, ##__VA_ARGS__)
#define JUMP_GATE(identifier, its_ring, ...)                                            \
  CASE(gate_jmp_##identifier, its_ring, "ljmp $SLOT, $0", ##__VA_ARGS__)

THROUGH_GATE(same_ring, 3, .puts = {CALL_GATE(CODE3, TYPE_CALL_GATE)})
THROUGH_GATE(3_to_0, 3, .puts = {CALL_GATE(CODE0, TYPE_CALL_GATE)})
THROUGH_GATE(3_to_1, 3, .puts = {CALL_GATE(CODE1, TYPE_CALL_GATE)})
THROUGH_GATE(3_to_2, 3, .puts = {CALL_GATE(CODE2, TYPE_CALL_GATE)})
THROUGH_GATE(2_to_1, 2, .puts = {CALL_GATE(CODE1, TYPE_CALL_GATE)})
THROUGH_GATE(1_to_0, 1, .puts = {CALL_GATE(CODE0, TYPE_CALL_GATE)})
THROUGH_GATE(0_to_0, 0, .puts = {CALL_GATE(CODE0, TYPE_CALL_GATE)})
THROUGH_GATE(outwards, 0, .puts = {CALL_GATE(CODE3, TYPE_CALL_GATE)})
THROUGH_GATE(selector_rpl_is_ignored, 3, .puts = {CALL_GATE(CODE0 + 3, TYPE_CALL_GATE)})
THROUGH_GATE(copies_2, 3, .puts = {CALL_GATE_COPYING(CODE0, TYPE_CALL_GATE, 2)})
THROUGH_GATE(copies_3_to_1, 3, .puts = {CALL_GATE_COPYING(CODE1, TYPE_CALL_GATE, 3)})
THROUGH_GATE(same_ring_copies_nothing, 3, .puts = {CALL_GATE_COPYING(CODE3, TYPE_CALL_GATE, 2)})
THROUGH_GATE(count_has_5_bits, 3, .puts = {CALL_GATE_COPYING(CODE0, TYPE_CALL_GATE, 0xe1)})
THROUGH_GATE(copies_beyond_stack, 3, .puts = {CALL_GATE_COPYING(CODE0, TYPE_CALL_GATE, 4)},
             .ss = STACK_SMALL, .esp = 0x1000)
THROUGH_GATE(conforming, 3, .puts = {CALL_GATE(CONFORMING0, TYPE_CALL_GATE)})
THROUGH_GATE(16_bit_same_ring, 3, .puts = {
             PUT_GDT(SLOT, GATE_TO(EXECUTE_READ, LANDING - CODE,
                     PRESENT | DPL(3) | TYPE_CALL_GATE_16, 2))})
THROUGH_GATE(16_bit_3_to_0, 3, .puts = {
             PUT_GDT(SLOT, GATE_TO(SLOT_B, LANDING - CODE, PRESENT | DPL(3) | TYPE_CALL_GATE_16,
                     2)),
             PUT_GDT(SLOT_B, SEGMENT(CODE, 0xffff, PRESENT | TYPE_EXECUTE_READ, BIG))})
THROUGH_GATE(dpl_below_cpl, 3,
             .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, PRESENT | DPL(2) | TYPE_CALL_GATE, 0))})
THROUGH_GATE(absent, 3,
             .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, DPL(3) | TYPE_CALL_GATE, 0))})
THROUGH_GATE(absent_and_dpl_below_cpl, 3,
             .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, DPL(2) | TYPE_CALL_GATE, 0))})
THROUGH_GATE(to_null, 3, .puts = {CALL_GATE(0, TYPE_CALL_GATE)})
THROUGH_GATE(to_data, 3, .puts = {CALL_GATE(DATA0, TYPE_CALL_GATE)})
THROUGH_GATE(to_gate, 3, .puts = {CALL_GATE(SLOT, TYPE_CALL_GATE)})
THROUGH_GATE(to_absent_code, 3, .puts = {CALL_GATE(CODE_ABSENT, TYPE_CALL_GATE)})
THROUGH_GATE(beyond_gdt, 3, .puts = {CALL_GATE(BEYOND_GDT, TYPE_CALL_GATE)})
THROUGH_GATE(beyond_target_limit, 3, .puts = {CALL_GATE(SLOT_B, TYPE_CALL_GATE),
             PUT_GDT(SLOT_B, SEGMENT(CODE, 0x7ff, PRESENT | TYPE_EXECUTE_READ, BIG))})
CASE(gate_rpl_above_dpl, 2, "lcall $SLOT + 3, $0",
     .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, PRESENT | DPL(2) | TYPE_CALL_GATE, 0))})
CASE(gate_rpl_equal_dpl, 2, "lcall $SLOT + 2, $0",
     .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, PRESENT | DPL(2) | TYPE_CALL_GATE, 0))})
JUMP_GATE(same_ring, 3, .puts = {CALL_GATE(CODE3, TYPE_CALL_GATE)})
JUMP_GATE(inwards, 3, .puts = {CALL_GATE(CODE0, TYPE_CALL_GATE)})
JUMP_GATE(conforming, 3, .puts = {CALL_GATE(CONFORMING0, TYPE_CALL_GATE)})
JUMP_GATE(16_bit, 3, .puts = {
          PUT_GDT(SLOT, GATE_TO(CODE_16, LANDING - CODE, PRESENT | DPL(3) | TYPE_CALL_GATE_16, 0))})

/* ---- the inner stack: what is wrong with it ------------------------------ */

#define BAD_STACK(identifier, selector, pointer, ...)                                   \
  CASE(gate_stack_##identifier, 3, "lcall $SLOT, $0",                                   \
       .puts = {CALL_GATE_COPYING(CODE1, TYPE_CALL_GATE, 1), PUT32(TSS + TSS_SS1, selector), \
                PUT32(TSS + TSS_ESP1, pointer), ##__VA_ARGS__})

BAD_STACK(null, 0, STACK1)
BAD_STACK(null_with_rpl, 1, STACK1)
BAD_STACK(beyond_gdt, BEYOND_GDT + 1, STACK1)
BAD_STACK(rpl, DATA1 - 1, STACK1)
BAD_STACK(dpl, RW_RING0 + 1, STACK1)
BAD_STACK(read_only, SLOT_B + 1, STACK1, PUT_GDT(SLOT_B, FLAT(PRESENT | DPL(1) | TYPE_RO)))
BAD_STACK(code, CODE1, STACK1)
BAD_STACK(absent, SLOT_B + 1, STACK1, PUT_GDT(SLOT_B, FLAT(DPL(1) | TYPE_RW)))
BAD_STACK(system_descriptor, TASK + 1, STACK1)
BAD_STACK(too_small, RW_RING1, 0x10)
BAD_STACK(just_fits, RW_RING1, 0x14)
BAD_STACK(beyond_limit, RW_RING1, 0x1004)

static void short_tss(void) {
  /* ESP1 is inside, SS1 is not. */
  poke64(GDT + TASK_B, SEGMENT(TSS, TSS_SS1, PRESENT | TYPE_TSS, 0));
  __asm__ volatile("ltr %w0" : : "r"(TASK_B));
}

static void tss_just_long_enough(void) {
  poke64(GDT + TASK_B, SEGMENT(TSS, TSS_SS1 + 3, PRESENT | TYPE_TSS, 0));
  __asm__ volatile("ltr %w0" : : "r"(TASK_B));
}

CASE(gate_stack_beyond_tss, 3, "lcall $SLOT, $0", .setup = short_tss,
     .puts = {CALL_GATE(CODE1, TYPE_CALL_GATE)})
CASE(gate_stack_at_end_of_tss, 3, "lcall $SLOT, $0", .setup = tss_just_long_enough,
     .puts = {CALL_GATE(CODE1, TYPE_CALL_GATE)})

/* A 16-bit TSS has SP and SS of each ring in words from offset 2: here 0x7000 and 0x800. */
static void task_16(void) {
  poke32(TSS_B + 0, 0x7000 << 16);
  poke32(TSS_B + 4, DATA0 | 0x800 << 16);
  poke32(TSS_B + 8, RW_RING1);
  __asm__ volatile("ltr %w0" : : "r"(TASK_16));
}

CASE(gate_stack_of_16_bit_tss, 3, "lcall $SLOT, $0", .setup = task_16,
     .puts = {CALL_GATE(CODE1, TYPE_CALL_GATE)},
     .watch = {DATA + 0x7f0, DATA + 0x7f4, DATA + 0x7f8, DATA + 0x7fc})

/* ---- far returns -------------------------------------------------------- */

#define RETURN(identifier, its_ring, selector, ...)                                     \
  CASE(ret_##identifier, its_ring,                                                      \
       "push $DATA3\n push $STACK3 - 0x100\n push $" #selector "\n"                      \
       "push $CODE + 1f - 0b\n lret\n 1:",                                             \
       ##__VA_ARGS__)

RETURN(same_ring, 3, CODE3)
RETURN(same_ring_0, 0, CODE0)
RETURN(0_to_3, 0, CODE3)
RETURN(1_to_3, 1, CODE3)
RETURN(inwards, 3, CODE0)
RETURN(rpl_above_dpl, 0, CODE1 + 2)
RETURN(rpl_below_cpl, 3, CODE3 - 1)
RETURN(null, 3, 0)
RETURN(to_data, 3, RW)
RETURN(absent, 3, CODE_ABSENT)
RETURN(absent_outwards, 0, CODE_ABSENT)
RETURN(beyond_gdt, 3, BEYOND_GDT + 3)
RETURN(conforming, 3, CONFORMING0 + 3)
RETURN(conforming_outwards, 0, CONFORMING0 + 3)
RETURN(conforming_of_outer_ring, 0, CONFORMING3 - 3)
CASE(ret_immediate_same_ring, 3,
     "push $1\n push $2\n push $CODE3\n push $CODE + 1f - 0b\n lret $8\n 1:")
/* Releases parameters on both stacks. */
CASE(ret_immediate_0_to_3, 0,
     "push $DATA3\n push $STACK3 - 0x100\n push $2\n push $1\n push $CODE3\n push $CODE + 1f - 0b\n"
     "lret $8\n 1:")
CASE(ret_16_bit, 3, "pushw $CODE_16\n pushw $1f - 0b\n lretw\n 1:")
CASE(ret_16_bit_0_to_3, 0,
     "pushw $DATA3\n pushw $0x8000\n pushw $CODE_16\n pushw $1f - 0b\n lretw\n 1:")

/* Outwards: the stack's selector has the rules of a load of SS at the new ring. */
#define RETURN_STACK(identifier, selector, ...)                                         \
  CASE(ret_stack_##identifier, 0,                                                       \
       "push $" #selector "\n push $STACK3\n push $CODE3\n push $CODE + 1f - 0b\n lret\n 1:", \
       ##__VA_ARGS__)
RETURN_STACK(null, 0)
RETURN_STACK(null_with_rpl, 3)
RETURN_STACK(rpl, DATA3 - 1)
RETURN_STACK(dpl, RW_RING2 + 1)
RETURN_STACK(read_only, RO)
RETURN_STACK(absent, RW_ABSENT)
RETURN_STACK(beyond_gdt, BEYOND_GDT + 3)

/* Data segments that the outer ring may not have become null; those it may have stay. */
CASE(ret_nulls_data_segments, 0,
     "mov $RW_RING0, %eax\n mov %eax, %ds\n"
     "mov $RW, %eax\n mov %eax, %es\n"
     "mov $CONFORMING0, %eax\n mov %eax, %fs\n"
     "mov $CODE0, %eax\n mov %eax, %gs\n"
     "push $DATA3\n push $STACK3\n push $CODE3\n push $CODE + 1f - 0b\n lret\n 1:")
CASE(ret_to_1_keeps_what_1_may_have, 0,
     "mov $RW_RING1, %eax\n mov %eax, %ds\n"
     "mov $RW_RING2, %eax\n mov %eax, %es\n"
     "mov $RW_RING0, %eax\n mov %eax, %fs\n"
     "mov $0, %eax\n mov %eax, %gs\n"
     "push $DATA1\n push $STACK1\n push $CODE1\n push $CODE + 1f - 0b\n lret\n 1:")
