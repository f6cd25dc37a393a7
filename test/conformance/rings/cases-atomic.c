/*
 * A fault commits nothing (SDM 3A §6.6: the state is that before the instruction),
 * save for what the manual lets happen: iterations of a string that are complete,
 * and memory that a multi-word push had written.
 */
#define GROUP "atomic"
#include "machine.h"

#define FAULTING(identifier, text, ...)                                                 \
  CASE(identifier, 3, text, .ebx = NOT_PRESENT, .ecx = 0x11111111, .edx = 0x22222222,      \
       .eax = 0x33333333, .eflags = 0x8d5, .paging = PAGING_32, ##__VA_ARGS__)

FAULTING(push_memory, "pushl (%ebx)")
FAULTING(pop_memory, "pop (%ebx)")
FAULTING(pop_memory_by_esp, "pop NOT_PRESENT - STACK3(%esp)")
FAULTING(xchg, "xchg %ecx, (%ebx)")
FAULTING(xadd, "xadd %ecx, (%ebx)")
FAULTING(add_to_memory, "add %ecx, (%ebx)")
FAULTING(add_from_memory, "add (%ebx), %ecx")
FAULTING(adc_to_read_only, "adc %ecx, USER_RO", .watch = {USER_RO})
FAULTING(shl_by_zero_read_only, "shll $0, USER_RO")
FAULTING(cmpxchg_fails_on_read_only, "cmpxchg %ecx, USER_RO")
FAULTING(cmpxchg8b_read_only, "cmpxchg8b USER_RO")
FAULTING(bts_read_only, "btsl $1, USER_RO")
FAULTING(bt_far_away, "bt %edx, USER_RW", .edx = 0x8000)
FAULTING(mul, "mull (%ebx)")
FAULTING(div_by_memory, "divl (%ebx)")
FAULTING(call_memory, "call *(%ebx)")
FAULTING(call_on_bad_stack, "mov %ebx, %esp\n add $4, %esp\n call 1f\n 1:")
FAULTING(ret_from_bad_stack, "mov %ebx, %esp\n ret $8")
FAULTING(far_call_second_push_faults, "mov $USER_RO + 0x1004, %esp\n lcall $CODE3, $CODE + 0x100")
FAULTING(far_ret_second_pop_faults, "mov $NOT_PRESENT - 4, %esp\n lret")
FAULTING(iret_third_pop_faults, "mov $NOT_PRESENT - 8, %esp\n iret")
FAULTING(pushal, "mov $USER_RO + 0x1010, %esp\n pushal",
         .watch = {SYSTEM_RW, SYSTEM_RW + 0xc})
FAULTING(pushal_on_two_pages, "mov $USER_RW_2 + 0x10, %esp\n pushal", .ring = 3,
         .watch = {USER_RW_2, USER_RW_2 + 4, USER_RW_2 + 8, USER_RW_2 + 0xc})
FAULTING(enter, "mov $USER_RW_2 + 4, %esp\n enter $0, $1", .ebp = 0x77777777)
FAULTING(enter_frame_pointer_faults, "enter $0, $2", .ebp = NOT_PRESENT + 4)
/* The last thing ENTER does is to see whether the new top of stack can be written. */
FAULTING(enter_size_reaches_bad_page, "mov $USER_RW_2 + 0x10, %esp\n enter $0x100, $0",
         .ebp = 0x77777777)
FAULTING(leave, "leave", .ebp = NOT_PRESENT)
FAULTING(popf, "mov %ebx, %esp\n popf")
FAULTING(pushf, "mov %ebx, %esp\n add $4, %esp\n pushf")
FAULTING(lodsb, "mov %ebx, %esi\n lodsb")
FAULTING(movs_source, "mov %ebx, %esi\n mov $DATA, %edi\n movsl")
FAULTING(movs_destination, "mov $DATA, %esi\n mov %ebx, %edi\n movsl")
FAULTING(rep_movs_third,
         "mov $NOT_PRESENT - 8, %esi\n mov $USER_RW_2, %edi\n mov $5, %ecx\n rep movsl",
         .watch = {USER_RW_2, USER_RW_2 + 4, USER_RW_2 + 8})
FAULTING(repne_scas, "mov $NOT_PRESENT - 2, %edi\n mov $5, %ecx\n mov $0, %eax\n repne scasb",
         .puts = {PUT32(NOT_PRESENT - 4, 0x01010101)})
FAULTING(repe_cmps,
         "mov $NOT_PRESENT - 4, %esi\n mov $USER_RW_2 + 0xffc, %edi\n mov $5, %ecx\n repe cmpsb",
         .puts = {PUT32(NOT_PRESENT - 4, 0x01010101), PUT32(USER_RW_2 + 0xffc, 0x01010101)})
FAULTING(les, "les (%ebx), %ecx")
FAULTING(lss_second_half, "lss NOT_PRESENT - 4, %esp")
FAULTING(bound, "bound %eax, (%ebx)")
FAULTING(sgdt, "sgdt NOT_PRESENT - 2")
FAULTING(xlat, "xlat")
FAULTING(fld, "fldl (%ebx)\n")
FAULTING(fstp, "fld1\n fstpl (%ebx)\n")
FAULTING(fnsave, "fnsave NOT_PRESENT - 0x20", .watch = {NOT_PRESENT - 0x20, NOT_PRESENT - 4})
FAULTING(fxsave, "fxsave NOT_PRESENT - 0x20", .cr4 = CR4_OSFXSR)
FAULTING(cmov_reads_though_false, "cmovnz (%ebx), %ecx")
FAULTING(setcc, "setz (%ebx)")
FAULTING(mov_to_segment, "mov (%ebx), %ds")
FAULTING(loop_to_absent, "mov $5, %ecx\n jmp *%ebx")
