/*
 * Traps: every class of exception from ring 1 and ring 3, the rules for `int n`, trap flags, nested
 * handlers, the stack that ring 3 traps to, and set_trap_table(NULL).
 *
 * Observed: the frame that the handler was given, evtchn_upcall_mask inside and after, CR2.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

#define GATE_IF 4u

static u32 gdt[1024] __attribute__((aligned(4096)));

static const struct frame *const frame = &last_trap.frame;

static void expect(const char *what, int vector, u32 error, u32 offset)
{
    check(attempt_vector() == vector && frame->error_code == error
              && frame->eip - attempt_from == offset && (frame->cs & 0xffff) == KERNEL_CS,
          "ring 1 %s: vector %d error %x at +%d", what, attempt_vector(), frame->error_code,
          (int)(frame->eip - attempt_from));
    check_equal((long)(attempt_esp - last_trap.at), 12, "its frame has three words above the error code");
}

static void exceptions_of_ring_1(void)
{
    static u32 bounds[2] = { 1, 2 };
    ATTEMPT_WITH("xorl %%ecx, %%ecx", "divl %%ecx", "i"(0));
    expect("divide", 0, 0, 0);
    ATTEMPT("int3");
    expect("int3", 3, 0, 1);
    ATTEMPT_WITH("movb $0x7f, %%al; addb $1, %%al", "into", "i"(0));
    expect("into", 4, 0, 1);
    ATTEMPT_WITH("xorl %%eax, %%eax", "boundl %%eax, %[bounds]", [bounds] "m"(bounds));
    expect("bound", 5, 0, 0);
    ATTEMPT("ud2");
    expect("ud2", 6, 0, 0);
    hypercall(HC_FPU_TASKSWITCH, 1);
    ATTEMPT("fninit");
    expect("fninit", 7, 0, 0);
    ATTEMPT("fninit");
    check_equal(attempt_vector(), -1, "the trap has cleared TS");
    ATTEMPT("hlt");
    expect("hlt", 13, 0, 0);
    ATTEMPT_WITH("movl $0x1234, %%eax", "movl %%eax, %%es", "i"(0));
    expect("selector beyond the table", 13, 0x1234, 0);
    ATTEMPT("movl 0x80000010, %%eax");
    expect("read", 14, 0, 0);
    check_equal((long)last_trap.cr2, (long)0x80000010, "vcpu_info.cr2");
    ATTEMPT("movl %%eax, 0x80000020");
    expect("write", 14, 2, 0);
}

static void segments(void)
{
    u32 mfn = mfn_of(gdt);
    gdt[18] = 0xffff;
    gdt[19] = 0x00cf7200;
    gdt[20] = 0xffff;
    gdt[21] = 0x00cf3200;
    map_page(gdt, PTE_READ);
    check_equal(hypercall(HC_SET_GDT, &mfn, 512), 0, "set_gdt");
    ATTEMPT_WITH("movl $0x4b, %%eax", "movl %%eax, %%es", "i"(0));
    expect("descriptor that is not present", 11, 0x48, 0);
    ATTEMPT_WITH("movl $0x51, %%eax", "movl %%eax, %%ss", "i"(0));
    expect("one for SS that is not present", 12, 0x50, 0);
    ATTEMPT_WITH("movl $0x49, %%eax", "movl %%eax, %%ss", "i"(0));
    expect("one for SS of another level", 13, 0x48, 0);
    hypercall(HC_SET_GDT, &mfn, 0);
}

static void flags_of_faults(void)
{
    struct vcpu_info *info = vcpu();
    set_trap(14, GATE_IF, stub_of(14));
    for (u32 mask = 0; mask < 2; mask++) {
        info->evtchn_upcall_mask = (u8)mask;
        ATTEMPT("movl 0x80000010, %%eax");
        u32 after = info->evtchn_upcall_mask;
        info->evtchn_upcall_mask = 1;
        check(last_trap.mask_inside == 1, "an interrupt gate masks events, mask %u", mask);
        check_equal((long)((frame->cs >> 16) & 0xff), (long)mask, "the frame has the mask of before");
        check_equal((frame->eflags & EFLAGS_IF) != 0, !mask, "IF in the frame is its opposite");
        check_equal((long)after, (long)mask, "iret brings it back");
    }
    set_trap(14, 0, stub_of(14));
    info->evtchn_upcall_mask = 0;
    ATTEMPT("movl 0x80000010, %%eax");
    info->evtchn_upcall_mask = 1;
    check_equal((long)last_trap.mask_inside, 0, "a trap gate leaves events alone");
    check_equal((long)(last_trap.live_eflags & (EFLAGS_IF | EFLAGS_IOPL | EFLAGS_TF)), EFLAGS_IF,
                "the processor's IF is always set in ring 1");
}

static int take_software(struct frame *at)
{
    return at->vector == 0x60 || at->vector == 0x80;
}

/* Vector 0x60 with each privilege level, from both rings. */
USER_TEXT static void user_int60(void)
{
    __asm__("int $0x60; ud2");
}

static void software_interrupts(void)
{
    trap_hook = take_software;
    for (u32 level = 0; level < 4; level++) {
        set_trap(0x60, level, stub_of(0x60));
        ATTEMPT("int $0x60");
        attempt_resume = 0;
        if (level == 0)
            expect("int 60 of level 0", 13, 0x60 * 8 + 2, 0);
        else
            check(attempt_vector() == 0x60 && frame->eip - attempt_from == 2,
                  "ring 1 int 60 of level %u: vector %d", level, attempt_vector());
        trap_hook = 0;
        attempt_from = (u32)user_int60;
        run_user((u32)user_int60, USER_STACK_TOP, 2);
        trap_hook = take_software;
        if (level < 3)
            check(frame->vector == 13 && frame->error_code == 0x60 * 8 + 2,
                  "ring 3 int 60 of level %u: vector %u error %x", level, frame->vector,
                  frame->error_code);
        else
            check(frame->vector == 0x60 && frame->eip - attempt_from == 2,
                  "ring 3 int 60 of level 3: vector %u", frame->vector);
    }
    trap_hook = 0;
    set_trap(0x80, 3, stub_of(0x80));
    trap_hook = take_software;
    ATTEMPT("int $0x80");
    attempt_resume = 0;
    trap_hook = 0;
    check_equal(attempt_vector(), 0x80, "int 80 reaches its handler");
    check_equal((long)hypercall_int82(HC_XEN_VERSION), (long)hypercall(HC_XEN_VERSION),
                "int 82 is a hypercall");
}

#define USER(name, text) \
    static USER_TEXT void user_##name(void) { __asm__(text "\n\tud2"); }
USER(divide, "xorl %ecx, %ecx; divl %ecx")
USER(int3, "int3")
USER(overflow, "movb $0x7f, %al; addb $1, %al; into")
USER(undefined, "ud2")
USER(halt, "hlt")
USER(read, "movl 0x80000010, %eax")
USER(write, "movl %eax, 0x80000010")
USER(kernel, "movl boot_stack, %eax")
USER(step, "nop; nop")

static void user(const char *what, void (*code)(void), u32 eflags, u32 vector, u32 error)
{
    run_user((u32)code, USER_STACK_TOP, eflags);
    check(frame->vector == vector && frame->error_code == error, "ring 3 %s: vector %u error %x",
          what, frame->vector, frame->error_code);
    check(frame->user_esp == USER_STACK_TOP && (frame->user_ss & 0xffff) == USER_DS
              && (frame->cs & 0xffff) == USER_CS && INTERRUPT_STACK_TOP - last_trap.at == 20,
          "its frame has the user's stack and is at the top of the kernel's");
}

static void exceptions_of_ring_3(void)
{
    user("divide", user_divide, 2, 0, 0);
    user("int3", user_int3, 2, 3, 0);
    user("into", user_overflow, 2, 4, 0);
    user("ud2", user_undefined, 2, 6, 0);
    user("hlt", user_halt, 2, 13, 0);
    user("read", user_read, 2, 14, 4);
    user("write", user_write, 2, 14, 6);
    user("read of the kernel", user_kernel, 2, 14, 5);
    user("single step", user_step, 2 | EFLAGS_TF, 1, 0);
    check_equal((long)(frame->eip - (u32)user_step), 1, "one instruction was executed");
    check((frame->eflags & EFLAGS_TF) && !(last_trap.live_eflags & EFLAGS_TF),
          "TF is in the frame and not in the handler");
    hypercall(HC_STACK_SWITCH, KERNEL_DS, INTERRUPT_STACK_TOP - 256);
    run_user((u32)user_undefined, USER_STACK_TOP, 2);
    check_equal((long)(INTERRUPT_STACK_TOP - last_trap.at), 276, "stack_switch moves the frame");
    hypercall(HC_STACK_SWITCH, KERNEL_DS, INTERRUPT_STACK_TOP);
}

static u32 outer_vector;

/* A page fault inside the handler of an invalid opcode. */
static int nest(struct frame *at)
{
    if (at->vector != 6)
        return 0;
    outer_vector = at->vector;
    trap_hook = 0;
    ATTEMPT("movl 0x80000030, %%eax");
    at->eip += 2;
    return 1;
}

static void nested(void)
{
    trap_hook = nest;
    __asm__ volatile("ud2" : : : "memory");
    trap_hook = 0;
    check(outer_vector == 6 && attempt_vector() == 14, "a handler can fault and go on");
}

static void table(void)
{
    struct trap_info entries[2] = { { 0x61, 3, (u16)KERNEL_CS, stub_of(0x60) }, { 0, 0, 0, 0 } };
    check_equal(hypercall(HC_SET_TRAP_TABLE, entries), 0, "a table of one entry");
    ATTEMPT("ud2");
    expect("ud2 after another vector was set", 6, 0, 0);
    check_equal(hypercall(HC_SET_TRAP_TABLE, 0x80000000), -EFAULT, "a table that is not mapped");
    check_equal(hypercall(HC_SET_TRAP_TABLE, 0), 0, "no table");
    set_trap(13, 0, stub_of(13));
    ATTEMPT("int $0x61");
    expect("int 61 after all were cleared", 13, 0x61 * 8 + 2, 0);
    install_traps();
}

void test_main(void)
{
    allow_user(user_text_start, user_text_end);
    allow_user(user_stack, user_stack + PAGE_SIZE);
    exceptions_of_ring_1();
    segments();
    flags_of_faults();
    software_interrupts();
    exceptions_of_ring_3();
    nested();
    table();
}
