/*
 * What an access through a segment may reach and do (SDM 3A §5.3 to §5.5): limits
 * to the byte for every operand size, expand-down, granularity, wraparound, types,
 * and which of #GP and #SS it is.
 */
#define GROUP "limits"
#include "machine.h"

/* Loads DS with EAX, then does something at EBX. */
#define THROUGH(identifier, selector, offset, text, ...)                               \
  CASE(identifier, 3, "mov %eax, %ds\n" text, .eax = selector, .ebx = offset, ##__VA_ARGS__)
#define READ32 "mov (%ebx), %ecx"
#define WRITE32 "mov %ecx, (%ebx)"

/* ---- upper limit, byte granular: the last good offset, the first bad one - */

THROUGH(byte_last, RW, 0xfff, "mov (%ebx), %cl")
THROUGH(byte_beyond, RW, 0x1000, "mov (%ebx), %cl")
THROUGH(word_last, RW, 0xffe, "mov (%ebx), %cx")
THROUGH(word_crossing, RW, 0xfff, "mov (%ebx), %cx")
THROUGH(dword_last, RW, 0xffc, READ32)
THROUGH(dword_crossing_by_1, RW, 0xffd, READ32)
THROUGH(dword_crossing_by_3, RW, 0xfff, READ32)
THROUGH(dword_beyond, RW, 0x1000, READ32)
THROUGH(qword_last, RW, 0xff8, "fldl (%ebx)")
THROUGH(qword_crossing_by_1, RW, 0xff9, "fldl (%ebx)")
THROUGH(qword_crossing_by_7, RW, 0xfff, "fldl (%ebx)")
THROUGH(tbyte_last, RW, 0xff6, "fldt (%ebx)")
THROUGH(tbyte_crossing, RW, 0xff7, "fldt (%ebx)")
THROUGH(cmpxchg8b_crossing, RW, 0xff9, "cmpxchg8b (%ebx)")
THROUGH(write_crossing, RW, 0xffd, WRITE32, .watch = {DATA + 0xffc})
THROUGH(negative_offset, RW, 0xfffffffc, READ32)
THROUGH(offset_wraps, RW, 0xffffffff, READ32)
THROUGH(address_sum_wraps, RW, 0xfffffff0, "mov 0x20(%ebx), %ecx")
THROUGH(sixteen_bit_address, RW, 0xffff0010, "addr16 mov (%bx), %ecx")
THROUGH(far_pointer_crossing, RW, 0xffb, "les (%ebx), %ecx")
THROUGH(rep_lods_stops_at_limit, RW, 0, "mov $0xff8, %esi\n mov $8, %ecx\n rep lodsl")

/* ---- granularity -------------------------------------------------------- */

THROUGH(pages_last, RW_PAGES, 0xffc, READ32)
THROUGH(pages_crossing, RW_PAGES, 0xffd, READ32)
THROUGH(flat_last, DATA3, 0xfffffffc, READ32, .paging = PAGING_32)
THROUGH(flat_wraps, DATA3, 0xffffffff, READ32, .paging = PAGING_32)
THROUGH(flat_push_wraps, DATA3, 2, "mov %ebx, %esp\n push %ecx", .ecx = 0x11223344,
        .paging = PAGING_32, .watch = {USER_RW_2, 0x3ffffc})
/* Base + offset wraps where the limit allows it (SDM 3A §3.3: modulo 4 GB). */
THROUGH(linear_address_wraps, SLOT | 3, 0x00001010, READ32, .paging = PAGING_32,
        .puts = {PUT_GDT(SLOT, SEGMENT(0xfffff000, 0xfffff, PRESENT | DPL(3) | TYPE_RW,
                                       GRANULAR | BIG))})

/* ---- expand-down -------------------------------------------------------- */

THROUGH(down_at_limit, DOWN, 0xfff, "mov (%ebx), %cl")
THROUGH(down_first, DOWN, 0x1000, "mov (%ebx), %cl")
THROUGH(down_zero, DOWN, 0, READ32)
THROUGH(down_crossing_below, DOWN, 0xffe, READ32)
THROUGH(down_first_dword, DOWN, 0x1000, READ32)
THROUGH(down_write, DOWN, 0x1000, WRITE32, .ecx = 0x55, .watch = {DATA + 0x1000})
THROUGH(down_read_only, DOWN_RO, 0x1000, WRITE32)
THROUGH(down_16_last, DOWN16, 0xfffc, READ32)
THROUGH(down_16_crossing, DOWN16, 0xfffd, READ32)
THROUGH(down_16_beyond, DOWN16, 0x10000, READ32)
THROUGH(down_full_limit, SLOT | 3, 0x10, READ32,
        .puts = {PUT_GDT(SLOT, SEGMENT(DATA, 0xfffff, PRESENT | DPL(3) | TYPE_DOWN,
                                       GRANULAR | BIG))})

/* ---- types -------------------------------------------------------------- */

THROUGH(read_of_read_only, RO, 0x10, READ32)
THROUGH(write_to_read_only, RO, 0x10, WRITE32, .watch = {DATA + 0x10})
THROUGH(modify_read_only, RO, 0x10, "addl $1, (%ebx)", .watch = {DATA + 0x10})
THROUGH(compare_read_only, RO, 0x10, "cmpl $1, (%ebx)")
/* Writes even when the comparison fails. */
THROUGH(cmpxchg_read_only, RO, 0x10, "cmpxchg %ecx, (%ebx)")
THROUGH(write_to_readable_code, EXECUTE_READ, 0x400, WRITE32)
THROUGH(read_of_readable_code, EXECUTE_READ, 0x400, READ32)
CASE(write_through_cs, 3, "mov %ecx, %cs:(%ebx)", .ebx = DATA)
CASE(read_through_cs, 3, "mov %cs:(%ebx), %ecx", .ebx = DATA)
CASE(read_through_execute_only_cs, 3, "mov %cs:(%ebx), %ecx", .cs = EXECUTE_ONLY,
     .ebx = 0x400)
CASE(read_only_type_before_limit, 3, "mov %eax, %ds\n mov %ecx, 0x1000", .eax = RO)

/* ---- #SS: everything that goes by SS ------------------------------------ */

/* Loads SS with EAX and ESP with EBX, then does something. */
#define ON_STACK(identifier, selector, offset, text, ...)                              \
  CASE(ss_##identifier, 3, "mov %eax, %ss\n mov %ebx, %esp\n" text, .eax = selector,    \
       .ebx = offset, ##__VA_ARGS__)

ON_STACK(push_first, STACK_SMALL, 0x1000, "push %ecx", .watch = {DATA + 0xffc})
ON_STACK(push_beyond, STACK_SMALL, 0x1001, "push %ecx")
ON_STACK(push_far_beyond, STACK_SMALL, 0x2000, "push %ecx")
ON_STACK(push_below_zero, STACK_SMALL, 0, "push %ecx")
ON_STACK(push_crossing_zero, STACK_SMALL, 2, "push %ecx")
ON_STACK(pop_crossing, STACK_SMALL, 0xffd, "pop %ecx")
ON_STACK(pushal_crossing_zero, STACK_SMALL, 0x10, "pushal", .watch = {DATA, DATA + 0xc})
ON_STACK(popal_crossing, STACK_SMALL, 0xff0, "popal", .ecx = 7)
ON_STACK(call_below_zero, STACK_SMALL, 0, "call 1f\n 1:")
ON_STACK(ret_crossing, STACK_SMALL, 0xffd, "ret")
ON_STACK(enter_below_zero, STACK_SMALL, 4, "enter $0, $1", .ebp = 0x800)
ON_STACK(leave_beyond, STACK_SMALL, 0x100, "leave", .ebp = 0x1000)
ON_STACK(push_of_memory_beyond, STACK_SMALL, 0, "pushl %es:DATA")
ON_STACK(push_on_expand_down, DOWN, 0x1004, "push %ecx", .watch = {DATA + 0x1000})
ON_STACK(push_below_expand_down, DOWN, 0x1000, "push %ecx")
CASE(ss_by_ebp, 3, "mov %eax, %ss\n mov (%ebp), %ecx", .eax = STACK_SMALL, .ebp = 0x1000)
CASE(ss_by_override, 3, "mov %eax, %ss\n mov %ss:(%ebx), %ecx", .eax = STACK_SMALL,
     .ebx = 0x1000)
CASE(ds_override_of_ebp, 3, "mov %eax, %ds\n mov %ds:(%ebp), %ecx", .eax = RW, .ebp = 0x1000)
CASE(ss_by_esp_with_index, 3, "mov %eax, %ss\n mov (%esp,%ecx,4), %edx", .eax = STACK_SMALL,
     .ecx = 0)
CASE(ebp_as_index_is_ds, 3, "mov %eax, %ds\n mov (%ebx,%ebp,1), %ecx", .eax = RW, .ebp = 0x1000)

/* ---- 16-bit stacks: only SP counts and only SP changes ------------------- */

ON_STACK(sp_push, STACK_16, 0xabcd8000, "push %ecx", .ecx = 5)
ON_STACK(sp_push_wraps, STACK_16, 0xabcd0000, "push %ecx", .ecx = 5, .watch = {STACK3 - 4})
ON_STACK(sp_pop_wraps, STACK_16, 0xabcdfffc, "pop %ecx", .puts = {PUT32(STACK3 - 4, 0x1234)})
ON_STACK(sp_push_crossing_wrap, STACK_16, 0xabcd0002, "push %ecx")
ON_STACK(sp_pushw_at_2, STACK_16, 0xabcd0002, "pushw %cx", .watch = {STACK3 - 0x10000})
ON_STACK(sp_call_and_ret, STACK_16, 0xabcd8000, "call 1f\n jmp 2f\n 1: ret\n 2:")
ON_STACK(sp_leave, STACK_16, 0xabcd8000, "leave", .ebp = 0x77777000,
         .puts = {PUT32(STACK3 - 0x10000 + 0x7000, 0x1234)})
ON_STACK(sp_enter, STACK_16, 0xabcd8000, "enter $0x10, $0", .ebp = 0x77777000)
ON_STACK(sp_ret_immediate_wraps, STACK_16, 0xabcdfff0, "call 1f\n jmp 2f\n 1: ret $0x20\n 2:")
ON_STACK(sp_addressing_uses_esp, STACK_16, 0x8000, "mov (%esp), %ecx",
         .puts = {PUT32(STACK3 - 0x8000, 0x1234)})

/* ---- 16-bit code -------------------------------------------------------- */

/* Assembled for 16 bits and run in CODE_16, whose base is CODE. */
#define SIXTEEN(identifier, text, ...)                                                 \
  CASE(code_16_##identifier, 3, ".code16\n" text "\n.code32", .cs = CODE_16, ##__VA_ARGS__)

SIXTEEN(operand_size, "mov $0x1234, %ax\n addl $1, %eax", .eax = 0xabcd0000)
SIXTEEN(push, "push %ax\n pushl %eax\n pushw $1")
SIXTEEN(address_size, "mov %eax, %ds\n mov (%bx,%si), %ecx", .eax = RW, .ebx = 0xffff0010,
        .esi = 0xffff0010)
SIXTEEN(address_wraps, "mov %eax, %ds\n mov 0x14(%bx), %ecx", .eax = RW, .ebx = 0xfffc)
SIXTEEN(jump, "jmp 1f\n nop\n 1: inc %cx", .ecx = 0xffff)
SIXTEEN(call_pushes_word, "call 1f\n 1: pop %cx", .ecx = 0xffff0000)
SIXTEEN(loop_uses_cx, "1: inc %ax\n loop 1b", .ecx = 0x00010002)
SIXTEEN(string_uses_si, "mov %eax, %ds\n lodsb\n lodsb", .eax = RW, .esi = 0xabcd0fff)
/* A relative jump truncates IP to 16 bits: from 3 back by 0x13 is to 0xfff0. */
SIXTEEN(ip_wraps_by_jump, ".byte 0xe9, 0xed, 0xff", .puts = {PUT32(CODE + 0xfff0, END << 8 | 0xcd)})
SIXTEEN(far_call_pushes_words, "lcall $CODE3, $0", .stack_words = 1,
        .puts = {PUT_GDT(CODE3, SEGMENT(LANDING, 0xffff, PRESENT | DPL(3) | TYPE_EXECUTE_READ, 0))})
SIXTEEN(int_pushes_dwords, "int $END")

/* ---- the end of a code segment ------------------------------------------ */

/* nop, nop, then nothing more below the limit */
CASE(eip_runs_beyond_limit, 3, "nop", .cs = CODE_SMALL, .eip = 0xffe,
     .puts = {PUT32(CODE + 0xffe, 0x9090)})
/* mov $imm, %eax with its last two bytes beyond */
CASE(instruction_crosses_limit, 3, "nop", .cs = CODE_SMALL, .eip = 0xffd,
     .puts = {PUT32(CODE + 0xffd, 0xb8)})
/* The fault is the jump's own: EIP stays at it. */
CASE(jump_beyond_limit, 3, "jmp 0b + 0x1000", .cs = CODE_SMALL)
CASE(call_beyond_limit, 3, "call 0b + 0x1000", .cs = CODE_SMALL)
CASE(ret_beyond_limit, 3, "push $0x1000\n ret", .cs = CODE_SMALL)
CASE(indirect_jump_beyond_limit, 3, "jmp *%eax", .cs = CODE_SMALL, .eax = 0x1000)
CASE(branch_beyond_limit, 3, "xor %eax, %eax\n jz 0b + 0x1000", .cs = CODE_SMALL)
CASE(branch_not_taken_beyond_limit, 3, "xor %eax, %eax\n jnz 0b + 0x1000", .cs = CODE_SMALL)
CASE(loop_beyond_limit, 3, "nop", .cs = CODE_SMALL, .eip = 0xff0, .ecx = 2,
     .puts = {PUT32(CODE + 0xff0, 0x7fe2)})
