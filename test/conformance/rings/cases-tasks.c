/*
 * Hardware task switches (SDM 3A §7.3). A processor may stop at them instead of
 * doing them; so they are a group of their own. TASK_B begins at LANDING in ring 0.
 */
#define GROUP "task-switch"
#include "machine.h"

#define TASK_GATE(selector, access) \
  GATE_TO(selector, 0, (access) | TYPE_TASK_GATE, 0)
#define SAVED_STATE                                                                     \
  {                                                                                     \
    ACCESS_OF(TASK), ACCESS_OF(TASK_B), TSS_B + TSS_LINK, TSS + TSS_EIP, TSS + TSS_EFLAGS, \
        TSS + TSS_ESP                                                                   \
  }
#define SWITCH(identifier, its_ring, text, ...)                                         \
  CASE(identifier, its_ring, text, .watch = SAVED_STATE, ##__VA_ARGS__)

SWITCH(call, 0, "lcall $TASK_B, $0")
SWITCH(jmp, 0, "ljmp $TASK_B, $0")
SWITCH(call_from_ring_3, 3, "lcall $TASK_B, $0")
SWITCH(call_gate_from_ring_3, 3, "lcall $SLOT, $0",
       .puts = {PUT_GDT(SLOT, TASK_GATE(TASK_B, PRESENT | DPL(3)))})
SWITCH(gate_dpl, 3, "lcall $SLOT, $0", .puts = {PUT_GDT(SLOT, TASK_GATE(TASK_B, PRESENT))})
SWITCH(gate_absent, 3, "lcall $SLOT, $0", .puts = {PUT_GDT(SLOT, TASK_GATE(TASK_B, DPL(3)))})
SWITCH(call_busy, 0, "lcall $TASK_BUSY, $0")
SWITCH(call_absent, 0, "lcall $TASK_ABSENT, $0")
SWITCH(gate_to_busy, 3, "lcall $SLOT, $0",
       .puts = {PUT_GDT(SLOT, TASK_GATE(TASK_BUSY, PRESENT | DPL(3)))})
SWITCH(gate_to_data, 3, "lcall $SLOT, $0",
       .puts = {PUT_GDT(SLOT, TASK_GATE(DATA3, PRESENT | DPL(3)))})
SWITCH(interrupt, 3, "int $GATE", .puts = {PUT_IDT(GATE, TASK_GATE(TASK_B, PRESENT | DPL(3)))})
SWITCH(fault_with_error_code, 3, "hlt", .puts = {PUT_IDT(13, TASK_GATE(TASK_B, PRESENT))},
       .stack_words = 1)
SWITCH(tss_too_short, 0, "lcall $SLOT, $0",
       .puts = {PUT_GDT(SLOT, SEGMENT(TSS_B, TSS_MINIMUM_LIMIT - 1, PRESENT | TYPE_TSS, 0))})
SWITCH(call_and_iret, 0, "lcall $TASK_B, $0\n nop\n" AT_LANDING "iret\n")
SWITCH(iret_to_available, 0, "pushf\n orl $0x4000, (%esp)\n popf\n iret",
       .puts = {PUT32(TSS + TSS_LINK, TASK_B)})
SWITCH(iret_link_null, 0, "pushf\n orl $0x4000, (%esp)\n popf\n iret")
SWITCH(iret_nt_in_ring_3, 3, "pushf\n orl $0x4000, (%esp)\n popf\n iret",
       .puts = {PUT32(TSS + TSS_LINK, TASK_BUSY)})
SWITCH(new_task_in_ring_3, 0, "ljmp $TASK_B, $0",
       .puts = {PUT32(TSS_B + TSS_CS, CODE3), PUT32(TSS_B + TSS_SS, DATA3), PUT32(TSS_B + TSS_DS,
       DATA3),
                PUT32(TSS_B + TSS_ES, RW), PUT32(TSS_B + TSS_FS, 0), PUT32(TSS_B + TSS_GS, LDT_RW),
                PUT32(TSS_B + TSS_EFLAGS, 0x3202)})
SWITCH(new_stack_bad, 0, "ljmp $TASK_B, $0", .puts = {PUT32(TSS_B + TSS_SS, RO)})
SWITCH(new_code_bad, 0, "ljmp $TASK_B, $0", .puts = {PUT32(TSS_B + TSS_CS, DATA0)})
SWITCH(new_data_absent, 0, "ljmp $TASK_B, $0", .puts = {PUT32(TSS_B + TSS_ES, RW_ABSENT)})
SWITCH(new_ldt_bad, 0, "ljmp $TASK_B, $0", .puts = {PUT32(TSS_B + TSS_LDT, DATA0)})
SWITCH(debug_trap_bit, 0, "ljmp $TASK_B, $0", .puts = {PUT32(TSS_B + TSS_TRAP, 0x00680001)})
SWITCH(sets_ts, 0, "ljmp $TASK_B, $0\n" AT_LANDING "fld1\n")
