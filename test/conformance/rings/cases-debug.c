/*
 * Debug exceptions (SDM 3B §18.2, §18.3): single steps, breakpoints on code and
 * data, the bits of DR6, the guard of the debug registers, and RF. Cases with a
 * trace go on after each #DB and print trap=1@EIP/EFLAGS/DR6 for it.
 */
#define GROUP "debug"
#include "machine.h"

/* Sets TF by popf: the first trap comes after the instruction behind it. */
#define SET_TF "pushf\n orl $0x100, (%esp)\n popf\n"
#define CLEAR_TF "pushf\n andl $~0x100, (%esp)\n popf\n"
#define STEP(identifier, its_ring, text, ...)                                           \
  CASE(step_##identifier, its_ring, SET_TF text, .on_trap = trace, ##__VA_ARGS__)

STEP(nops, 3, "nop\n nop\n")
STEP(ring_0, 0, "nop\n nop\n")
STEP(jump_and_call, 3, "jmp 1f\n nop\n 1: call 2f\n jmp 3f\n 2: ret\n 3:")
STEP(popf_that_clears_tf, 3, "nop\n" CLEAR_TF "nop\n nop\n")
STEP(mov_ss_shadow, 3, "mov $DATA3, %eax\n mov %eax, %ss\n nop\n nop\n")
STEP(pop_ss_shadow, 3, "push $DATA3\n pop %ss\n nop\n nop\n")
STEP(lss_has_no_shadow, 3, "lss (%ebx), %esp\n nop\n", .ebx = DATA,
     .puts = {PUT32(DATA, STACK3), PUT32(DATA + 4, DATA3)})
STEP(mov_ss_then_mov_ss, 3, "mov $DATA3, %eax\n mov %eax, %ss\n mov %eax, %ss\n nop\n")
STEP(mov_ds, 3, "mov $DATA3, %eax\n mov %eax, %ds\n nop\n")
STEP(rep_string, 3, "rep stosb\n nop\n", .edi = DATA, .ecx = 3)
STEP(rep_zero_times, 3, "rep stosb\n nop\n", .edi = DATA, .ecx = 0)
STEP(repe_cmps_ends_early, 3, "repe cmpsb\n nop\n", .esi = DATA + 2, .edi = DATA + 3, .ecx = 5)
STEP(sti, 0, "cli\n nop\n")
STEP(fault_ends_it, 3, "hlt\n")
STEP(icebp, 3, ".byte 0xf1\n nop\n")
STEP(software_interrupt_clears_tf, 3,
     "int $GATE\n nop\n" AT_LANDING "pushf\n pop %eax\n" END_OF_CASE,
     .puts = {PUT_IDT(GATE, GATE_TO(CODE0, LANDING, PRESENT | DPL(3) | TYPE_INTERRUPT_GATE, 0))})
STEP(software_interrupt_and_back, 3, "int $GATE\n nop\n" END_OF_CASE AT_LANDING "nop\n iret",
     .puts = {PUT_IDT(GATE, GATE_TO(CODE0, LANDING, PRESENT | DPL(3) | TYPE_TRAP_GATE, 0))})
STEP(into_taken, 3, "mov $0x7fffffff, %eax\n inc %eax\n into\n")
STEP(call_gate_keeps_tf, 3, "lcall $SLOT, $0\n" AT_LANDING "nop\n nop\n" END_OF_CASE,
     .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, PRESENT | DPL(3) | TYPE_CALL_GATE, 0))})
CASE(iret_sets_tf, 3, "pushf\n orl $0x100, (%esp)\n push $CODE3\n push $CODE + 1f - 0b\n iret\n"
     "1: nop\n nop\n", .on_trap = trace)
CASE(iret_0_to_3_sets_tf, 0,
     "push $DATA3\n push $STACK3\n push $0x102\n push $CODE3\n push $CODE + 1f - 0b\n iret\n"
     "1: nop\n nop\n", .on_trap = trace)
CASE(tf_at_entry, 3, "nop\n nop\n", .eflags = FLAG_TF, .on_trap = trace)
CASE(tf_and_popf_sets_it_again, 3, "nop\n push $0x102\n popf\n nop\n", .eflags = FLAG_TF,
     .on_trap = trace)
CASE(pushf_while_stepping_shows_tf, 3, "pushf\n pop %eax\n", .eflags = FLAG_TF, .on_trap = trace)

/* ---- breakpoints -------------------------------------------------------- */

enum {
  ON_EXECUTE = 0,
  ON_WRITE = 1,
  ON_IO = 2,
  ON_ACCESS = 3,
  BYTES_1 = 0,
  BYTES_2 = 1,
  BYTES_4 = 3,
};
#define DR7_FIXED 0x400
#define DR7_GD 0x2000
/* One breakpoint, enabled globally. */
#define DR7(number, kind, bytes) \
  (DR7_FIXED | 2u << 2 * (number) | (u32)((kind) | (bytes) << 2) << (16 + 4 * (number)))

static void set_breakpoint_0(u32 address, u32 dr7) {
  __asm__ volatile("mov %0, %%dr0\n mov %1, %%dr7" : : "r"(address), "r"(dr7));
}

/* A setup function for one breakpoint in DR0, and the case that has it. */
#define BREAK(identifier, its_ring, address, kind, bytes, text, ...)                    \
  static void arm_##identifier(void) {                                                  \
    set_breakpoint_0((u32)(address), DR7(0, kind, bytes));                              \
  }                                                                                     \
  CASE(identifier, its_ring, text, .setup = arm_##identifier, .ebx = DATA,              \
       .on_trap = trace_past_breakpoint, ##__VA_ARGS__)

BREAK(execute_second, 3, CODE + 1, ON_EXECUTE, BYTES_1, "nop\n nop\n nop\n")
BREAK(execute_inside_is_not, 3, CODE + 2, ON_EXECUTE, BYTES_1, "nop\n mov $5, %eax\n nop\n")
BREAK(execute_in_ring_0, 0, CODE + 1, ON_EXECUTE, BYTES_1, "nop\n nop\n nop\n")
BREAK(execute_before_fault, 3, CODE + 1, ON_EXECUTE, BYTES_1, "nop\n hlt\n")
BREAK(execute_loop, 3, CODE + 5, ON_EXECUTE, BYTES_1,
      "mov $2, %ecx\n 1: inc %eax\n loop 1b\n")
BREAK(execute_on_rep, 3, CODE, ON_EXECUTE, BYTES_1, "rep stosb\n", .edi = DATA, .ecx = 3)
BREAK(execute_prefix, 3, CODE + 1, ON_EXECUTE, BYTES_1, "nop\n es lodsb\n", .esi = DATA)
BREAK(execute_after_mov_ss, 3, CODE + 2, ON_EXECUTE, BYTES_1, "mov %eax, %ss\n nop\n nop\n",
      .eax = DATA3)
BREAK(execute_not_by_data_read, 3, DATA, ON_EXECUTE, BYTES_1, "mov (%ebx), %ecx\n")
BREAK(write_hit, 3, DATA, ON_WRITE, BYTES_4, "mov %ecx, (%ebx)\n nop\n")
BREAK(write_not_by_read, 3, DATA, ON_WRITE, BYTES_4, "mov (%ebx), %ecx\n nop\n")
BREAK(access_by_read, 3, DATA, ON_ACCESS, BYTES_4, "mov (%ebx), %ecx\n nop\n")
BREAK(access_by_write, 3, DATA, ON_ACCESS, BYTES_4, "mov %ecx, (%ebx)\n nop\n")
BREAK(access_not_by_fetch, 3, CODE + 1, ON_ACCESS, BYTES_4, "nop\n nop\n nop\n")
BREAK(write_byte_of_word, 3, DATA + 2, ON_WRITE, BYTES_2, "movb $1, 3(%ebx)\n nop\n")
BREAK(write_byte_before, 3, DATA + 2, ON_WRITE, BYTES_2, "movb $1, 1(%ebx)\n nop\n")
BREAK(write_byte_after, 3, DATA + 2, ON_WRITE, BYTES_2, "movb $1, 4(%ebx)\n nop\n")
BREAK(write_dword_overlaps_byte, 3, DATA + 3, ON_WRITE, BYTES_1, "mov %ecx, (%ebx)\n nop\n")
BREAK(write_unaligned_overlaps, 3, DATA + 4, ON_WRITE, BYTES_4, "mov %ecx, 1(%ebx)\n nop\n")
BREAK(address_is_aligned_down, 3, DATA + 3, ON_WRITE, BYTES_4, "movb $1, (%ebx)\n nop\n")
BREAK(write_by_push, 3, STACK3 - 4, ON_WRITE, BYTES_4, "push %eax\n nop\n")
BREAK(write_by_call, 3, STACK3 - 4, ON_WRITE, BYTES_4, "call 1f\n 1: nop\n")
BREAK(write_by_rep_stos, 3, DATA + 2, ON_WRITE, BYTES_1, "rep stosb\n nop\n", .edi = DATA,
      .ecx = 5)
BREAK(write_that_faults_is_not, 3, DATA, ON_WRITE, BYTES_4, "mov %ecx, %cs:(%ebx)\n nop\n")
BREAK(write_then_mov_ss, 3, DATA, ON_WRITE, BYTES_4, "mov %eax, %ss\n mov %ecx, (%ebx)\n nop\n",
      .eax = DATA3)
/* The trap of a load of SS waits for the instruction behind it. */
BREAK(access_by_mov_ss, 3, DATA, ON_ACCESS, BYTES_2, "movw (%ebx), %ss\n nop\n nop\n",
      .puts = {PUT32(DATA, DATA3)})
BREAK(write_and_step, 3, DATA, ON_WRITE, BYTES_4, SET_TF "mov %ecx, (%ebx)\n nop\n")

static void arm_four(void) {
  __asm__ volatile("mov %0, %%dr0\n mov %1, %%dr1\n mov %2, %%dr2\n mov %3, %%dr3"
                   :
                   : "r"(DATA), "r"(DATA + 4), "r"(DATA), "r"(CODE + 6));
  u32 dr7 = DR7(0, ON_WRITE, BYTES_1) | DR7(1, ON_WRITE, BYTES_4) | DR7(2, ON_ACCESS, BYTES_2) |
            DR7(3, ON_EXECUTE, BYTES_1);
  __asm__ volatile("mov %0, %%dr7" : : "r"(dr7));
}
CASE(several_at_once, 3, "mov %ecx, (%ebx)\n mov %ecx, 4(%ebx)\n nop\n nop\n", .setup = arm_four,
     .ebx = DATA, .on_trap = trace_past_breakpoint)

static void arm_local(void) {
  __asm__ volatile("mov %0, %%dr0\n mov %1, %%dr7"
                   :
                   : "r"(DATA), "r"(DR7_FIXED | 1u | (u32)(ON_WRITE | BYTES_4 << 2) << 16));
}
CASE(local_enable, 3, "mov %ecx, (%ebx)\n nop\n", .setup = arm_local, .ebx = DATA,
     .on_trap = trace_past_breakpoint)

static void arm_io(void) {
  __asm__ volatile("mov %0, %%cr4" : : "r"(CR4_DE | CR4_PSE));
  set_breakpoint_0(OPEN_PORT, DR7(0, ON_IO, BYTES_1));
}
CASE(io_breakpoint, 0, "mov $OPEN_PORT, %edx\n out %al, %dx\n nop\n", .setup = arm_io,
     .on_trap = trace_past_breakpoint)

/* iret with RF in its frame passes the breakpoint once; an interrupt gate's frame has no RF. */
static void arm_1(void) {
  set_breakpoint_0(CODE + 0x20, DR7(0, ON_EXECUTE, BYTES_1));
}
CASE(rf_by_iret, 0, "push $0x10002\n push $CODE0\n push $CODE + 0x20\n iret\n"
     ".skip 0x20 - (. - 0b), 0x90\n nop\n nop\n", .setup = arm_1, .on_trap = trace)
CASE(no_rf_by_popf, 0, "push $0x10002\n popf\n jmp 0b + 0x20\n"
     ".skip 0x20 - (. - 0b), 0x90\n nop\n nop\n", .setup = arm_1)
CASE(rf_survives_no_instruction, 0, "push $0x10002\n push $CODE0\n push $CODE + 1f - 0b\n iret\n"
     "1: nop\n jmp 0b + 0x20\n .skip 0x20 - (. - 0b), 0x90\n nop\n", .setup = arm_1)

/* ---- the registers themselves ------------------------------------------- */

static void guard(void) {
  __asm__ volatile("mov %0, %%dr7" : : "r"(DR7_FIXED | DR7_GD));
}
CASE(guard_on_read, 0, "mov %dr3, %eax\n", .setup = guard)
CASE(guard_on_write, 0, "mov %eax, %dr7\n", .setup = guard)
CASE(read_in_ring_1, 1, "mov %dr7, %eax\n")
CASE(write_in_ring_3, 3, "mov %eax, %dr0\n")
CASE(dr4_is_dr6, 0, "mov %dr4, %eax\n mov %dr6, %ecx\n", .eax = 1, .ecx = 2)
CASE(dr5_is_dr7, 0, "mov %dr5, %eax\n", .eax = 1)
CASE(dr4_with_de, 0, "mov %dr4, %eax\n", .cr4 = CR4_DE)
CASE(dr5_written_with_de, 0, "mov %eax, %dr5\n", .cr4 = CR4_DE)
CASE(dr6_reserved_bits, 0, "mov %eax, %dr6\n mov %dr6, %ecx\n", .eax = 0xffffffff)
CASE(dr6_zero, 0, "mov %eax, %dr6\n mov %dr6, %ecx\n", .eax = 0)
CASE(dr7_reserved_bits, 0, "mov %eax, %dr7\n mov %dr7, %ecx\n", .eax = 0xd000)
CASE(dr7_zero, 0, "mov %eax, %dr7\n mov %dr7, %ecx\n", .eax = 0)
CASE(dr0_any_value, 0, "mov %eax, %dr0\n mov %dr0, %ecx\n", .eax = 0x12345678)
CASE(icebp_ring_3, 3, ".byte 0xf1\n nop\n")
CASE(int_1_ring_3_is_gp, 3, "int $1\n")
CASE(int_1_ring_0, 0, "int $1\n")
