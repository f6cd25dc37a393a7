/*
 * Interrupt and trap gates (SDM 3A §6.12), IRET (SDM 2A IRET) and the flags that
 * only some rings may change: POPF, CLI, STI, I/O (SDM 1 §19.5, SDM 2B POPF).
 */
#define GROUP "interrupts"
#include "machine.h"

/* ---- gates in the IDT --------------------------------------------------- */

#define IDT_GATE(selector, type) \
  PUT_IDT(GATE, GATE_TO(selector, LANDING, PRESENT | DPL(3) | (type), 0))
#define INTERRUPT(identifier, its_ring, ...)                                            \
  CASE(int_##identifier, its_ring, "int $GATE", .stack_words = 5, ##__VA_ARGS__)
#define ALL_FLAGS (IOPL(3) | FLAG_IF | FLAG_NT | FLAG_AC | FLAG_DF | FLAG_ID | 0x8d5)

INTERRUPT(3_to_0, 3, .puts = {IDT_GATE(CODE0, TYPE_INTERRUPT_GATE)})
INTERRUPT(3_to_1, 3, .puts = {IDT_GATE(CODE1, TYPE_INTERRUPT_GATE)})
INTERRUPT(3_to_2, 3, .puts = {IDT_GATE(CODE2, TYPE_INTERRUPT_GATE)})
INTERRUPT(3_to_3, 3, .puts = {IDT_GATE(CODE3, TYPE_INTERRUPT_GATE)})
INTERRUPT(2_to_1, 2, .puts = {IDT_GATE(CODE1, TYPE_INTERRUPT_GATE)})
INTERRUPT(2_to_0, 2, .puts = {IDT_GATE(CODE0, TYPE_INTERRUPT_GATE)})
INTERRUPT(1_to_0, 1, .puts = {IDT_GATE(CODE0, TYPE_INTERRUPT_GATE)})
INTERRUPT(1_to_1, 1, .puts = {IDT_GATE(CODE1, TYPE_INTERRUPT_GATE)})
INTERRUPT(0_to_0, 0, .puts = {IDT_GATE(CODE0, TYPE_INTERRUPT_GATE)})
INTERRUPT(outwards, 0, .puts = {IDT_GATE(CODE3, TYPE_INTERRUPT_GATE)})
INTERRUPT(interrupt_gate_flags, 3, .eflags = ALL_FLAGS,
          .puts = {IDT_GATE(CODE0, TYPE_INTERRUPT_GATE)})
INTERRUPT(trap_gate_flags, 3, .eflags = ALL_FLAGS, .puts = {IDT_GATE(CODE0, TYPE_TRAP_GATE)})
INTERRUPT(trap_gate_3_to_1, 3, .eflags = FLAG_IF, .puts = {IDT_GATE(CODE1, TYPE_TRAP_GATE)})
INTERRUPT(conforming, 3, .puts = {IDT_GATE(CONFORMING0, TYPE_INTERRUPT_GATE)})
INTERRUPT(selector_rpl_is_ignored, 3, .puts = {IDT_GATE(CODE0 + 3, TYPE_INTERRUPT_GATE)})
INTERRUPT(dpl_below_cpl, 3,
          .puts = {PUT_IDT(GATE, GATE_TO(CODE0, LANDING, PRESENT | DPL(2) | TYPE_INTERRUPT_GATE,
          0))})
INTERRUPT(dpl_equal_cpl, 2,
          .puts = {PUT_IDT(GATE, GATE_TO(CODE0, LANDING, PRESENT | DPL(2) | TYPE_INTERRUPT_GATE,
          0))})
INTERRUPT(absent, 3,
          .puts = {PUT_IDT(GATE, GATE_TO(CODE0, LANDING, DPL(3) | TYPE_INTERRUPT_GATE, 0))})
INTERRUPT(absent_and_dpl_below_cpl, 3,
          .puts = {PUT_IDT(GATE, GATE_TO(CODE0, LANDING, TYPE_INTERRUPT_GATE, 0))})
INTERRUPT(empty, 3, .puts = {PUT_IDT(GATE, 0ull)})
INTERRUPT(call_gate, 3, .puts = {IDT_GATE(CODE0, TYPE_CALL_GATE)})
INTERRUPT(code_descriptor, 3, .puts = {PUT_IDT(GATE, FLAT(PRESENT | DPL(3) | TYPE_EXECUTE_READ))})
INTERRUPT(to_null, 3, .puts = {IDT_GATE(0, TYPE_INTERRUPT_GATE)})
INTERRUPT(to_data, 3, .puts = {IDT_GATE(DATA0, TYPE_INTERRUPT_GATE)})
INTERRUPT(to_absent_code, 3, .puts = {IDT_GATE(CODE_ABSENT, TYPE_INTERRUPT_GATE)})
INTERRUPT(beyond_gdt, 3, .puts = {IDT_GATE(BEYOND_GDT, TYPE_INTERRUPT_GATE)})
INTERRUPT(beyond_target_limit, 3, .puts = {IDT_GATE(SLOT, TYPE_INTERRUPT_GATE),
          PUT_GDT(SLOT, SEGMENT(CODE, 0x7ff, PRESENT | TYPE_EXECUTE_READ, BIG))})
INTERRUPT(gate_16_bit, 3, .eflags = FLAG_IF | FLAG_DF, .puts = {
          PUT_IDT(GATE, GATE_TO(SLOT, LANDING - CODE, PRESENT | DPL(3) | TYPE_INTERRUPT_GATE_16,
                  0)),
          PUT_GDT(SLOT, SEGMENT(CODE, 0xffff, PRESENT | TYPE_EXECUTE_READ, BIG))})
INTERRUPT(trap_gate_16_bit_same_ring, 1, .eflags = FLAG_IF, .puts = {
          PUT_IDT(GATE, GATE_TO(SLOT, LANDING - CODE, PRESENT | DPL(3) | TYPE_TRAP_GATE_16, 0)),
          PUT_GDT(SLOT, SEGMENT(CODE, 0xffff, PRESENT | DPL(1) | TYPE_EXECUTE_READ, BIG))})

static void short_idt(void) {
  struct __attribute__((packed)) {
    u16 limit;
    u32 base;
  } idtr = {8 * 0xf2 - 1, IDT};
  __asm__ volatile("lidt %0" : : "m"(idtr));
}

CASE(int_beyond_idt, 3, "int $0xf2", .setup = short_idt)
CASE(int_dpl_0, 3, "int $0x80")
CASE(int_of_exception_with_error_code, 3, "int $13")
/* A fault of the processor's own does not look at the gate's DPL, int3 and into do. */
CASE(int3_of_ring_3, 3, "int3")
CASE(int3_dpl_0, 3, "int3",
     .puts = {PUT_IDT(3, GATE_TO(CODE0, LANDING, PRESENT | TYPE_INTERRUPT_GATE, 0))})
CASE(into, 3, "into", .eflags = 0x800)
CASE(into_without_overflow, 3, "into")
CASE(bound_inside, 3, "bound %eax, (%ebx)", .eax = 5, .ebx = DATA,
     .puts = {PUT32(DATA, 5), PUT32(DATA + 4, 5)})
CASE(bound_below, 3, "bound %eax, (%ebx)", .eax = 0xffffffff, .ebx = DATA,
     .puts = {PUT32(DATA, 0), PUT32(DATA + 4, 5)})
CASE(bound_above, 3, "bound %eax, (%ebx)", .eax = 6, .ebx = DATA,
     .puts = {PUT32(DATA, 0), PUT32(DATA + 4, 5)})
CASE(divide_error, 3, "div %ecx", .eax = 7, .edx = 1)
CASE(divide_overflow, 3, "div %ecx", .eax = 7, .edx = 2, .ecx = 2)
CASE(fault_in_ring_1, 1, "ud2")
CASE(fault_in_ring_2, 2, "hlt")

/* ---- the inner stack of an interrupt ------------------------------------- */

#define BAD_STACK(identifier, selector, pointer, ...)                                   \
  CASE(int_stack_##identifier, 3, "int $GATE",                                          \
       .puts = {IDT_GATE(CODE1, TYPE_INTERRUPT_GATE), PUT32(TSS + TSS_SS1, selector),   \
                PUT32(TSS + TSS_ESP1, pointer), ##__VA_ARGS__})
BAD_STACK(null, 0, STACK1)
BAD_STACK(beyond_gdt, BEYOND_GDT + 1, STACK1)
BAD_STACK(rpl, DATA1 + 1, STACK1)
BAD_STACK(dpl, RW_RING2 - 1, STACK1)
BAD_STACK(read_only, SLOT + 1, STACK1, PUT_GDT(SLOT, FLAT(PRESENT | DPL(1) | TYPE_RO)))
BAD_STACK(absent, SLOT + 1, STACK1, PUT_GDT(SLOT, FLAT(DPL(1) | TYPE_RW)))
BAD_STACK(too_small, RW_RING1, 0x12)
BAD_STACK(just_fits, RW_RING1, 0x14)

/* The stack itself is on a page that cannot be written: #PF while entering ring 1. */
CASE(int_stack_page_absent, 3, "int $GATE", .paging = PAGING_32,
     .puts = {IDT_GATE(CODE1, TYPE_INTERRUPT_GATE), PUT32(TSS + TSS_ESP1, NOT_PRESENT + 0x1000)})
/* A push of ring 1 is a supervisor's, so a system page will do. */
CASE(int_stack_on_system_page, 3, "int $GATE", .paging = PAGING_32,
     .puts = {IDT_GATE(CODE1, TYPE_INTERRUPT_GATE), PUT32(TSS + TSS_ESP1, SYSTEM_RW + 0x1000)})

/* ---- faults while delivering faults (SDM 3A §6.15, #DF) ------------------- */

#define ABSENT_GATE(vector) PUT_IDT(vector, GATE_TO(CODE0, LANDING, TYPE_INTERRUPT_GATE, 0))
CASE(double_gp_then_np, 3, "hlt", .puts = {ABSENT_GATE(13)})
CASE(double_ud_then_np_is_not, 3, "ud2", .puts = {ABSENT_GATE(6)})
CASE(double_pf_then_np, 3, "mov (%ebx), %eax", .ebx = NOT_PRESENT, .paging = PAGING_32,
     .puts = {ABSENT_GATE(14)})
CASE(double_de_then_np, 3, "div %ecx", .puts = {ABSENT_GATE(0)})
CASE(double_np_then_np, 3, "mov %eax, %ds", .eax = RW_ABSENT, .puts = {ABSENT_GATE(11)})
CASE(double_gp_then_pf, 3, "hlt", .paging = PAGING_32,
     .puts = {PUT_IDT(13, GATE_TO(CODE1, LANDING, PRESENT | TYPE_INTERRUPT_GATE, 0)),
              PUT32(TSS + TSS_ESP1, NOT_PRESENT + 0x1000)})
CASE(double_db_then_np_is_not, 3, ".byte 0xf1", .puts = {ABSENT_GATE(1)})
CASE(double_bp_then_np_is_not, 3, "int3",
     .puts = {PUT_IDT(3, GATE_TO(CODE0, LANDING, DPL(3) | TYPE_INTERRUPT_GATE, 0))})

/* A fault while delivering #DF shuts the processor down. */
CASE_IN_LIST(".last_case", triple_fault, 3, "hlt", .puts = {ABSENT_GATE(13), ABSENT_GATE(8)})

/* ---- iret --------------------------------------------------------------- */

#define FRAME(flags, selector) \
  "push $" #flags "\n push $" #selector "\n push $CODE + 1f - 0b\n iret\n 1:"
#define IRET(identifier, its_ring, selector, ...)                                       \
  CASE(iret_##identifier, its_ring, FRAME(2, selector), ##__VA_ARGS__)
#define IRET_OUT(identifier, stack, selector, ...)                                      \
  CASE(iret_##identifier, 0, "push $" #stack "\n push $STACK3 - 0x100\n" FRAME(2, selector), \
       ##__VA_ARGS__)

IRET(same_ring_0, 0, CODE0)
IRET(same_ring_3, 3, CODE3)
IRET(inwards, 3, CODE0)
IRET(null, 3, 0)
IRET(to_data, 3, RW)
IRET(absent, 3, CODE_ABSENT)
IRET(beyond_gdt, 3, BEYOND_GDT + 3)
IRET(conforming, 3, CONFORMING0 + 3)
IRET(rpl_below_cpl, 3, CODE3 - 1)
IRET_OUT(0_to_1_stack_rpl, DATA3, CODE1)
IRET_OUT(0_to_3, DATA3, CODE3)
IRET_OUT(stack_null, 0, CODE3)
IRET_OUT(stack_absent, RW_ABSENT, CODE3)
IRET_OUT(stack_read_only, RO, CODE3)
IRET_OUT(stack_dpl, RW_RING2 + 1, CODE3)
IRET_OUT(outwards_beyond_gdt, DATA3, BEYOND_GDT + 3)
IRET_OUT(outwards_absent, DATA3, CODE_ABSENT)
IRET_OUT(outwards_rpl_not_dpl, DATA3, CODE1 + 2)
CASE(iret_0_to_1, 0, "push $DATA1\n push $STACK1 - 0x100\n" FRAME(0x1202, CODE1))
CASE(iret_0_to_2, 0, "push $DATA2\n push $STACK2 - 0x100\n" FRAME(2, CODE2))
CASE(iret_1_to_3, 1, "push $DATA3\n push $STACK3 - 0x100\n" FRAME(2, CODE3))
CASE(iret_frame_crosses_limit, 3, "iret", .ss = STACK_SMALL, .esp = 0xff8)
CASE(iret_beyond_target_limit, 3, "push $2\n push $CODE_SMALL\n push $0x1000\n iret")
CASE(iret_16_bit, 3, "pushw $2\n pushw $CODE_16\n pushw $1f - 0b\n iretw\n 1:",
     .eflags = FLAG_ID | FLAG_AC)
CASE(iret_nulls_data_segments, 0,
     "mov $RW_RING0, %eax\n mov %eax, %ds\n mov $RW, %eax\n mov %eax, %es\n"
     "mov $CONFORMING0, %eax\n mov %eax, %fs\n mov $CODE0, %eax\n mov %eax, %gs\n"
     "push $DATA3\n push $STACK3\n" FRAME(2, CODE3))

/* All flags in the frame: what arrives depends on CPL and IOPL. VM and TF stay out of it. */
CASE(iret_flags_ring_0, 0, FRAME(0x253ed7, CODE0))
CASE(iret_flags_ring_0_to_3, 0, "push $DATA3\n push $STACK3\n" FRAME(0x243ed7, CODE3))
CASE(iret_flags_ring_1_iopl_0, 1, FRAME(0x243ed7, CODE1))
CASE(iret_flags_ring_1_iopl_1, 1, FRAME(0x243ed7, CODE1), .eflags = IOPL(1))
CASE(iret_flags_ring_3_iopl_0, 3, FRAME(0x243ed7, CODE3))
CASE(iret_flags_ring_3_iopl_3, 3, FRAME(0x240ed7, CODE3), .eflags = IOPL(3))
CASE(iret_clears_if_iopl_0, 3, FRAME(2, CODE3), .eflags = FLAG_IF)
CASE(iret_clears_if_iopl_3, 3, FRAME(2, CODE3), .eflags = FLAG_IF | IOPL(3))
CASE(iret_clears_iopl_ring_1, 1, FRAME(2, CODE1), .eflags = IOPL(3))
CASE(iret_vif_vip_ring_0, 0, FRAME(0x180002, CODE0))
CASE(iret_vm_ring_3_ignored, 3, FRAME(0x20002, CODE3))
CASE(iret_rf, 0, FRAME(0x10002, CODE0))

/* ---- pushf, popf, cli, sti ----------------------------------------------- */

#define POPF(identifier, its_ring, value, ...)                                          \
  CASE(popf_##identifier, its_ring, "push $" #value "\n popf\n", ##__VA_ARGS__)

POPF(ring_0, 0, 0x3f7ed7)
POPF(ring_1_iopl_0, 1, 0x3f7ed7)
POPF(ring_1_iopl_1, 1, 0x3f7ed7, .eflags = IOPL(1))
POPF(ring_2_iopl_1, 2, 0x3f7ed7, .eflags = IOPL(1))
POPF(ring_3_iopl_3, 3, 0x3f7ed7, .eflags = IOPL(3))
POPF(ring_3_iopl_2, 3, 0x3f7ed7, .eflags = IOPL(2))
POPF(clears_if_iopl_0, 3, 2, .eflags = FLAG_IF)
POPF(clears_if_iopl_3, 3, 2, .eflags = FLAG_IF | IOPL(3))
CASE(popf_16_bit, 3, "pushw $0xed7\n popfw", .eflags = FLAG_AC | FLAG_ID)
CASE(pushf_16_bit, 3, "pushfw\n pop %ax", .eflags = 0x8d5, .eax = 0xffffffff)
/* "VIP, VIF and VM remain unaffected" (SDM 2B POPF). */
CASE(popf_leaves_vif_and_vip, 0, "pushf\n pop %eax\n push $2\n popf\n pushf\n pop %ecx",
     .eflags = FLAG_VIF | FLAG_VIP)

#define RINGS_BY_IOPL(name, text)                                                       \
  CASE(name##_ring_0, 0, text)                                                          \
  CASE(name##_ring_1_iopl_0, 1, text)                                                   \
  CASE(name##_ring_1_iopl_1, 1, text, .eflags = IOPL(1))                                \
  CASE(name##_ring_3_iopl_2, 3, text, .eflags = IOPL(2))                                \
  CASE(name##_ring_3_iopl_3, 3, text, .eflags = IOPL(3))
RINGS_BY_IOPL(cli, "cli")
RINGS_BY_IOPL(sti, "sti")

/* ---- I/O: by IOPL, else by the bitmap of the TSS -------------------------- */

enum { LAST_PORT = IO_PORTS - 1 };
#define IO(identifier, text, port, ...)                                                 \
  CASE(io_##identifier, 3, text, .edx = port, .omit = OMIT_EAX, ##__VA_ARGS__)

IO(open_byte, "in %dx, %al", OPEN_PORT)
IO(closed_byte, "in %dx, %al", CLOSED_PORT)
IO(closed_byte_iopl_3, "in %dx, %al", CLOSED_PORT, .eflags = IOPL(3))
IO(closed_byte_iopl_2, "in %dx, %al", CLOSED_PORT, .eflags = IOPL(2))
IO(closed_out, "out %al, %dx", CLOSED_PORT)
IO(open_out, "out %al, %dx", OPEN_PORT)
IO(open_word, "in %dx, %ax", OPEN_PORT)
IO(word_into_closed, "in %dx, %ax", CLOSED_PORT - 1)
IO(dword_open, "in %dx, %eax", OPEN_PORT)
IO(dword_into_closed, "in %dx, %eax", OPEN_PORT + 1)
IO(last_port, "in %dx, %al", LAST_PORT)
IO(word_beyond_bitmap, "in %dx, %ax", LAST_PORT)
IO(port_beyond_bitmap, "in %dx, %al", IO_PORTS)
IO(far_beyond_tss, "in %dx, %al", 0xffff)
IO(immediate_port, "in $0x80, %al", 0)
IO(ring_1_iopl_0, "in %dx, %al", CLOSED_PORT, .ring = 1)
IO(ring_1_iopl_1, "in %dx, %al", CLOSED_PORT, .ring = 1, .eflags = IOPL(1))
IO(ins_closed, "insb", CLOSED_PORT, .edi = DATA)
IO(outs_closed, "outsb", CLOSED_PORT, .esi = DATA)
IO(ins_to_read_only, "mov %edi, %es\n xor %edi, %edi\n insb", OPEN_PORT, .edi = RO)
IO(ins_closed_and_bad_address, "insb", CLOSED_PORT, .edi = NOT_PRESENT, .paging = PAGING_32)
IO(rep_ins_zero_times_closed, "rep insb", CLOSED_PORT, .edi = DATA)

static void no_byte_behind_bitmap(void) {
  poke64(GDT + TASK_B, SEGMENT(TSS, IO_BITMAP + IO_PORTS / 8 - 1, PRESENT | TYPE_TSS, 0));
  __asm__ volatile("ltr %w0" : : "r"(TASK_B));
}

static void no_bitmap(void) {
  poke32(TSS + TSS_TRAP, 0xffffu << 16);
}

/* Two bytes are read whatever the port's bit: the second may lie beyond the limit. */
IO(last_port_without_byte_behind, "in %dx, %al", LAST_PORT, .setup = no_byte_behind_bitmap)
IO(no_bitmap, "in %dx, %al", OPEN_PORT, .setup = no_bitmap)
