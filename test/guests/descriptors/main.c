/*
 * Segments of 4 GB where Xen cuts them short, with and without its assist.
 * Call gates: from ring 3 to ring 1 with and without parameters, within ring 1, calls and jumps,
 * direct and through memory, in the GDT and the LDT; and each way in which they are refused.
 *
 * Observed: the words on the stack of the code that a gate leads to, and the exceptions.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

struct descriptor {
    u32 low, high;
};

static struct descriptor gdt[512] __attribute__((aligned(4096)));
static struct descriptor ldt[512] __attribute__((aligned(4096)));
static const struct frame *const frame = &last_trap.frame;

/* What the code behind a gate finds: ESP and the words from there on. */
u32 gate_esp, gate_words[6], gate_cs;
extern u8 gate_plain[], gate_parameters[], gate_jump[], jump_back[];

__asm__(".text\n"
        ".macro note_stack\n"
        "movl %esp, %ss:gate_esp\n"
        ".set word, 0\n"
        ".rept 6\n"
        "movl word*4(%esp), %eax; movl %eax, %ss:gate_words + word*4\n"
        ".set word, word + 1\n"
        ".endr\n"
        "movl %cs, %eax; movl %eax, %ss:gate_cs\n"
        ".endm\n"
        "gate_plain: note_stack; lret\n"
        "gate_parameters: note_stack; lret $8\n"
        "gate_jump: note_stack; ljmp $0xe019, $jump_back\n");

enum {
    USER_CODE = 9, ABSENT_CODE, SHORT_CODE, PLAIN, PARAMETERS, INNER, ABSENT, TO_DATA, TO_ABSENT,
    TO_SHORT, TO_USER, JUMP,
};
#define SELECTOR(entry, level) ((entry) * 8u | (level))

static struct descriptor gate(u32 selector, const void *offset, u32 level, u32 parameters)
{
    u32 address = (u32)offset;
    return (struct descriptor){ selector << 16 | (address & 0xffff),
                                (address & 0xffff0000) | 0x8c00 | level << 13 | parameters };
}

static void set_tables(void)
{
    u32 frame_number = mfn_of(gdt);
    gdt[USER_CODE] = (struct descriptor){ 0xffff, 0x00cffa00 };
    gdt[ABSENT_CODE] = (struct descriptor){ 0xffff, 0x00cf3a00 };
    gdt[SHORT_CODE] = (struct descriptor){ 0x0fff, 0x0040ba00 };
    gdt[PLAIN] = gate(KERNEL_CS, gate_plain, 3, 0);
    gdt[PARAMETERS] = gate(KERNEL_CS, gate_parameters, 3, 2);
    gdt[INNER] = gate(KERNEL_CS, gate_plain, 1, 0);
    gdt[ABSENT] = gate(KERNEL_CS, gate_plain, 3, 0);
    gdt[ABSENT].high &= ~0x8000u;
    gdt[TO_DATA] = gate(SELECTOR(511, 1), gate_plain, 3, 0);
    gdt[511] = (struct descriptor){ 0xffff, 0x00cfb200 };
    gdt[TO_ABSENT] = gate(SELECTOR(ABSENT_CODE, 1), gate_plain, 3, 0);
    gdt[TO_SHORT] = gate(SELECTOR(SHORT_CODE, 1), gate_plain, 3, 0);
    gdt[TO_USER] = gate(SELECTOR(USER_CODE, 3), gate_plain, 3, 0);
    gdt[JUMP] = gate(KERNEL_CS, gate_jump, 1, 0);
    ldt[1] = gate(KERNEL_CS, gate_plain, 3, 0);
    map_page(gdt, PTE_READ);
    map_page(ldt, PTE_READ);
    check_equal(hypercall(HC_SET_GDT, &frame_number, 512), 0, "set_gdt with gates");
    check_equal(mmuext(MMUEXT_SET_LDT, (u32)ldt, 4), 0, "set_ldt");
    check_equal((long)(gdt[PLAIN].high & 0x9f00), 0x8c00, "a gate is a gate");
    if (!is_era())
        check((gdt[PLAIN].high & 0x6000) == 0 && (gdt[PLAIN].low >> 16 & 3) == 3,
              "its level has gone to its selector: %08x %08x", gdt[PLAIN].low, gdt[PLAIN].high);
}

#define USER(name, text) \
    static USER_TEXT void user_##name(void) { __asm__(text); }
/* lcall $selector, $0 has 7 bytes. */
USER(plain, "lcall $12*8+3, $0; ud2")
USER(parameters, "pushl $0x2222; pushl $0x1111; lcall $13*8+3, $0; ud2")
USER(inner, "lcall $14*8+3, $0; ud2")
USER(absent, "lcall $15*8+3, $0; ud2")
USER(to_data, "lcall $16*8+3, $0; ud2")
USER(to_absent, "lcall $17*8+3, $0; ud2")
USER(to_short, "lcall $18*8+3, $0; ud2")
USER(jump, "ljmp $12*8+3, $0; ud2")
USER(local, "lcall $1*8+7, $0; ud2")
USER(beyond, "lcall $600*8+3, $0; ud2")
USER(in_memory, "pushl $12*8+3; pushl $0; lcall *(%esp); ud2")

static void from_ring_3(void)
{
    run_user((u32)user_plain, USER_STACK_TOP, 2);
    check(frame->vector == 6 && frame->eip == (u32)user_plain + 7, "lcall from ring 3 comes back");
    check(frame->user_esp == USER_STACK_TOP, "with its stack: %x", frame->user_esp);
    check_equal((long)gate_cs, (long)KERNEL_CS, "the gate leads to ring 1");
    check_equal((long)(INTERRUPT_STACK_TOP - gate_esp), 16, "on the stack of stack_switch");
    check(gate_words[0] == (u32)user_plain + 7 && (gate_words[1] & 0xffff) == USER_CS,
          "where the return address is: %x %x", gate_words[0], gate_words[1]);
    check(gate_words[2] == USER_STACK_TOP && (gate_words[3] & 0xffff) == USER_DS,
          "and the outer stack: %x %x", gate_words[2], gate_words[3]);
    run_user((u32)user_parameters, USER_STACK_TOP, 2);
    check(frame->vector == 6 && frame->user_esp == USER_STACK_TOP,
          "a call with parameters takes them off both stacks");
    check(gate_words[2] == 0x1111 && gate_words[3] == 0x2222,
          "the parameters are copied: %x %x", gate_words[2], gate_words[3]);
    check_equal((long)gate_words[4], (long)(USER_STACK_TOP - 8), "below the outer stack pointer");
    memset(gate_words, 0, sizeof gate_words);
    run_user((u32)user_local, USER_STACK_TOP, 2);
    check(frame->vector == 6 && gate_words[0] == (u32)user_local + 7, "a gate in the LDT");
    run_user((u32)user_in_memory, USER_STACK_TOP, 2);
    check(frame->vector == 6 && frame->user_esp == USER_STACK_TOP - 8,
          "lcall through memory: vector %u", frame->vector);
}

static void refused(const char *what, void (*code)(void), u32 vector, u32 error)
{
    run_user((u32)code, USER_STACK_TOP, 2);
    check(frame->vector == vector && frame->error_code == error && frame->eip == (u32)code
              && frame->user_esp == USER_STACK_TOP,
          "%s: vector %u error %x at +%d", what, frame->vector, frame->error_code,
          (int)(frame->eip - (u32)code));
}

static void refusals(void)
{
    refused("a gate for ring 1", user_inner, 13, SELECTOR(INNER, 0));
    refused("a gate that is not present", user_absent, 11, SELECTOR(ABSENT, 0));
    refused("a gate to data", user_to_data, 13, SELECTOR(511, 0));
    refused("a gate to code that is not present", user_to_absent, 11, SELECTOR(ABSENT_CODE, 0));
    refused("a gate beyond the limit of its code", user_to_short, 13, 0);
    refused("ljmp to an inner ring", user_jump, 13, KERNEL_CS & ~3u);
    refused("a selector beyond the table", user_beyond, 13, SELECTOR(600, 0));
    run_user((u32)user_plain, 0x80000000, 2);
    check_equal((long)frame->vector, 6, "the outer stack is not touched without parameters");
}

/* Parameters that are not mapped: the fault is the caller's. */
USER(stackless, "movl $0x80000010, %esp; lcall $13*8+3, $0; ud2")

static void faults(void)
{
    run_user((u32)user_stackless, USER_STACK_TOP, 2);
    check(frame->vector == 14 && frame->error_code == 4 && last_trap.cr2 >> 12 == 0x80000,
          "parameters that are not mapped: vector %u error %x cr2 %x", frame->vector,
          frame->error_code, last_trap.cr2);
    if (!is_era() && !GUEST_TRANSLATED)
        check_equal((long)last_trap.cr2, (long)0x80000026, "4.17 is 18 off with CR2");
    check(frame->eip == (u32)user_stackless + 5 && (frame->cs & 0xffff) == USER_CS,
          "raised at the call");
}

u32 own_esp;

static void within_ring_1(void)
{
    static struct { u32 offset; u16 selector; } __attribute__((packed)) far = { 0, 14 * 8 + 1 };
    memset(gate_words, 0, sizeof gate_words);
    ATTEMPT("movl %%esp, own_esp; lcall $14*8+1, $0");
    check_equal(attempt_vector(), -1, "lcall within ring 1");
    check_equal((long)(own_esp - gate_esp), 8, "pushes two words on the same stack");
    check_equal((long)(gate_words[1] & 0xffff), (long)KERNEL_CS, "CS the upper one");
    memset(gate_words, 0, sizeof gate_words);
    ATTEMPT_WITH("", "lcall *%[far]", [far] "m"(far));
    check(attempt_vector() == -1 && (gate_words[1] & 0xffff) == KERNEL_CS, "lcall through memory");
    memset(gate_words, 0, sizeof gate_words);
    ATTEMPT("movl %%esp, own_esp; ljmp $20*8+1, $0\njump_back:");
    check(attempt_vector() == -1 && gate_esp == own_esp, "ljmp pushes nothing");
    ATTEMPT("lcall $14*8+3, $0");
    check(attempt_vector() == 13 && frame->error_code == SELECTOR(INNER, 0),
          "a selector with less privilege than the gate: vector %d", attempt_vector());
    ATTEMPT("lcall $19*8+1, $0");
    check(attempt_vector() == 13 && frame->error_code == SELECTOR(USER_CODE, 0),
          "a gate to an outer ring: vector %d error %x", attempt_vector(), frame->error_code);
}

static u32 steps[4], step_cs, step_count;

static int take_step(struct frame *at)
{
    if (at->vector != 1 || step_count == 4)
        return 0;
    steps[step_count++] = at->eip;
    step_cs = at->cs & 0xffff;
    if (step_count == 2)
        at->eflags &= ~EFLAGS_TF;
    return 1;
}

USER(step, "nop; lcall $12*8+3, $0; ud2")

/* TF stays set through a gate: the first instruction behind it has not been executed yet. */
static void single_step(void)
{
    trap_hook = take_step;
    run_user((u32)user_step, USER_STACK_TOP, 2 | EFLAGS_TF);
    trap_hook = 0;
    check_equal((long)steps[0], (long)((u32)user_step + 1), "a step to the call");
    check(steps[1] == (u32)gate_plain && step_cs == KERNEL_CS, "a step through the gate: %x %x",
          steps[1], step_cs);
}

/* ---- segments of 4 GB, which 32-bit Xen cuts short ---- */

#define TLS 21
#define TLS_SELECTOR (TLS * 8 + 3)
#define VECTOR_FIXED 15

static u32 thread[16] __attribute__((aligned(4096)));

USER(below, "movl %gs:0xfffffffc, %eax; ud2")
USER(above, "movl %gs:4, %eax; ud2")
USER(based, "movl $-8, %ecx; movl %gs:(%ecx), %eax; ud2")
USER(indexed, "movl $-8, %ecx; movl %gs:(%ecx,%ebx,1), %eax; ud2")
USER(store, "movl $-4, %ecx; movl $0x77777777, %gs:-4(%ecx); ud2")
USER(by_fs, "movl %fs:0xfffffffc, %eax; ud2")

static u32 fixed_count, fixed_bytes;

static int take_fixed(struct frame *at)
{
    if (at->vector != 8)
        return 0;
    fixed_count++;
    fixed_bytes = at->error_code;
    return 1;
}

static void cut_segment(const char *what, void (*code)(void), u32 vector, u32 value)
{
    run_user((u32)code, USER_STACK_TOP, 2);
    check(frame->vector == vector && frame->error_code == 0 && (vector == 13 || frame->eax == value),
          "%s: vector %u error %x value %x", what, frame->vector, frame->error_code, frame->eax);
}

static void segments_of_4_gb(void)
{
    u32 base = (u32)&thread[8];
    u64 place = machine_of(&gdt[TLS]);
    for (u32 i = 0; i < 16; i++)
        thread[i] = 0x100 + i;
    allow_user(thread, thread + 16);
    check_equal(hypercall(HC_UPDATE_DESCRIPTOR, (u32)place, (u32)(place >> 32), base << 16 | 0xffff,
                          (base & 0xff000000) | 0x00cff300 | (base >> 16 & 0xff)),
                0, "a segment of 4 GB");
    user_selectors[3] = user_selectors[2] = TLS_SELECTOR;
    if (!is_era()) {
        cut_segment("below the base", user_below, 6, 0x107);
        cut_segment("above the base", user_above, 6, 0x109);
        user_selectors[3] = user_selectors[2] = USER_DS;
        return;
    }
    cut_segment("below the base without the assist", user_below, 13, 0);
    check_equal(hypercall(HC_VM_ASSIST, VMASST_CMD_ENABLE, VMASST_4GB_SEGMENTS), 0, "vm_assist");
    u32 before = gdt[TLS].high;
    cut_segment("below the base", user_below, 6, 0x107);
    check((before ^ gdt[TLS].high) & 0x400, "the segment expands down now: %08x %08x", gdt[TLS].low,
          gdt[TLS].high);
    cut_segment("below the base again", user_based, 6, 0x106);
    cut_segment("above the base", user_above, 6, 0x109);
    check_equal((long)gdt[TLS].high, (long)before, "which turns it over again");
    cut_segment("an address with an index", user_indexed, 13, 0);
    cut_segment("another segment register", user_by_fs, 13, 0);
    hypercall(HC_VM_ASSIST, VMASST_CMD_ENABLE, VMASST_4GB_SEGMENTS_NOTIFY);
    /* It comes with an error code, which its own stub does not expect. */
    set_trap(VECTOR_FIXED, 0, stub_of(8));
    trap_hook = take_fixed;
    run_user((u32)user_store, USER_STACK_TOP, 2);
    trap_hook = 0;
    check(thread[6] == 0x77777777 && frame->vector == 6, "a store with a displacement");
    check(fixed_count == 1 && fixed_bytes == 4, "the guest hears of it: %u times, %u bytes",
          fixed_count, fixed_bytes);
    hypercall(HC_VM_ASSIST, VMASST_CMD_DISABLE, VMASST_4GB_SEGMENTS);
    cut_segment("after the assist was taken away", user_above, 13, 0);
    user_selectors[3] = user_selectors[2] = USER_DS;
}

void test_main(void)
{
    allow_user(user_text_start, user_text_end);
    allow_user(user_stack, user_stack + PAGE_SIZE);
    set_tables();
    from_ring_3();
    refusals();
    faults();
    within_ring_1();
    single_step();
    segments_of_4_gb();
}
