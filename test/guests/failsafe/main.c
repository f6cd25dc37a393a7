/*
 * Returns by the iret hypercall that cannot be: to code and stacks that are none, to virtual-8086
 * mode, with an event that is due before; vCPUs that begin with segments that are none.
 *
 * Observed: the failsafe callback of Xen 3.0, or the exception that 4.17 gives in its place.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

#define NOWHERE 0x1234u

static u32 gdt[1024] __attribute__((aligned(4096)));
static const struct frame *const frame = &last_trap.frame;
static u32 port;
u32 target_cs, target_ss;

/* Goes on behind the attempt, with segments that the failsafe callback has taken. */
static int come_back(struct frame *at)
{
    at->cs = (vcpu()->evtchn_upcall_mask ? 0x10000 : 0) | KERNEL_CS;
    at->ds = at->es = KERNEL_DS;
    return 0;
}

/* By the hypercall to NOWHERE with `target_cs`, in ring 1 or with a stack of `target_ss`. */
static void return_inward(u32 cs)
{
    target_cs = cs;
    trap_hook = come_back;
    ATTEMPT("pushl $2; pushl target_cs; pushl $0x1234\n\t"
            "jmp hypercall_page + 23 * 32");
    trap_hook = 0;
}

static void expect(const char *what, u32 vector, u32 error, u32 cs)
{
    if (is_era()) {
        check(frame->vector == VECTOR_FAILSAFE, "%s: vector %u", what, frame->vector);
        check((failsafe_selectors[0] & 0xffff) == KERNEL_DS
                  && (failsafe_selectors[1] & 0xffff) == KERNEL_DS && (frame->ds & 0xfffc) == 0,
              "its data segments are handed over: %x %x %x", failsafe_selectors[0],
              failsafe_selectors[1], frame->ds);
    } else {
        check(frame->vector == vector && frame->error_code == error, "%s: vector %u error %x", what,
              frame->vector, frame->error_code);
        check((frame->ds & 0xffff) == KERNEL_DS, "its data segments stay: %x", frame->ds);
    }
    check(frame->eip == NOWHERE && (frame->cs & 0xffff) == cs, "the place is the target: %x:%x",
          frame->cs, frame->eip);
}

static void code_segments(void)
{
    u32 frame_number = mfn_of(gdt);
    gdt[18] = 0xffff;
    gdt[19] = 0x00cf3a00;
    gdt[20] = 0xffff;
    gdt[21] = 0x00cfb200;
    map_page(gdt, PTE_READ);
    check_equal(hypercall(HC_SET_GDT, &frame_number, 512), 0, "set_gdt");
    return_inward(0x1231);
    expect("beyond the table", 13, 0x1230, 0x1231);
    return_inward(0x0001);
    expect("a null selector", 13, 0, 1);
    return_inward(0x0049);
    expect("code that is not present", 11, 0x48, 0x49);
    return_inward(0x0051);
    expect("data", 13, 0x50, 0x51);
    return_inward(USER_CS & ~2u);
    expect("code of another ring", 13, USER_CS & ~3u, USER_CS & ~2u);
}

/* To ring 3; the frame that comes of it has the outer stack. */
static void return_outward(u32 cs, u32 ss)
{
    target_cs = cs;
    target_ss = ss;
    __asm__ volatile("pushl %%ebp; pushl %%ebx; pushl %%esi; pushl %%edi; pushl $1f\n\t"
                     "pushl %%ebp; pushl %%ebx; pushl %%esi; pushl %%edi\n\t"
                     "movl %%esp, user_return_esp\n\t"
                     "pushl target_ss; pushl $0x5678; pushl $2; pushl target_cs; pushl $0x1234\n\t"
                     "jmp hypercall_page + 23 * 32\n"
                     "1: popl %%edi; popl %%esi; popl %%ebx; popl %%ebp"
                     : : : "eax", "ecx", "edx", "memory", "cc");
}

static void stack_segments(void)
{
    return_outward(USER_CS, 0x1233);
    expect("a stack beyond the table", 13, 0x1230, USER_CS);
    check(frame->user_esp == 0x5678 && (frame->user_ss & 0xffff) == 0x1233,
          "with the stack that it was to have: %x:%x", frame->user_ss, frame->user_esp);
    check_equal((long)(INTERRUPT_STACK_TOP - last_trap.at), 20, "on the stack of stack_switch");
    return_outward(USER_CS, KERNEL_DS);
    expect("a stack of ring 1 for ring 3", 13, KERNEL_DS & ~3u, USER_CS);
    return_outward(0x1233, USER_DS);
    expect("code of ring 3 beyond the table", 13, 0x1230, 0x1233);
}

/* An event comes first; when its handler returns, the place fails all the same. */
static void with_event(void)
{
    memset(&upcalls, 0, sizeof upcalls);
    events_off();
    send(port);
    target_cs = 0x1231;
    trap_hook = come_back;
    ATTEMPT("pushl $0x202; pushl target_cs; pushl $0x1234\n\tjmp hypercall_page + 23 * 32");
    trap_hook = 0;
    events_off();
    check_equal((long)upcalls.count, 1, "a waiting event is delivered");
    check(upcalls.frame.eip == NOWHERE && (upcalls.frame.cs & 0xffff) == 0x1231,
          "at the place returned to: %x:%x", upcalls.frame.cs, upcalls.frame.eip);
    expect("and then", 13, 0x1230, 0x1231);
}

static u32 v86_words[9];

static int take_v86(struct frame *at)
{
    memcpy(v86_words, &at->eip, sizeof v86_words);
    return 0;
}

/* Only 64-bit Xen: 32-bit Xen goes to virtual-8086 mode. */
static void virtual_8086(void)
{
    trap_hook = take_v86;
    __asm__ volatile("pushl %%ebp; pushl %%ebx; pushl %%esi; pushl %%edi; pushl $1f\n\t"
                     "pushl %%ebp; pushl %%ebx; pushl %%esi; pushl %%edi\n\t"
                     "movl %%esp, user_return_esp\n\t"
                     "pushl $0x9999; pushl $0x8888; pushl $0x7777; pushl $0x6666\n\t"
                     "pushl $0x5555; pushl $0x4444; pushl $0x23102; pushl $0x2222; pushl $0x1111\n\t"
                     "jmp hypercall_page + 23 * 32\n"
                     "1: popl %%edi; popl %%esi; popl %%ebx; popl %%ebp"
                     : : : "eax", "ecx", "edx", "memory", "cc");
    trap_hook = 0;
    check(frame->vector == 13 && frame->error_code == 0, "virtual-8086 mode: vector %u error %x",
          frame->vector, frame->error_code);
    check_equal((long)(INTERRUPT_STACK_TOP - last_trap.at), 36, "the frame is at the top of the stack");
    u32 wrong = 0;
    static const u32 expected[9] = { 0x1111, 0x2222, 0x23102, 0x4444, 0x5555, 0x6666, 0x7777,
                                     0x8888, 0x9999 };
    for (u32 i = 0; i < 9; i++)
        wrong += v86_words[i] != expected[i];
    check_equal((long)wrong, 0, "and holds what the return had");
    check_equal((long)last_trap.mask_inside, 1, "the mask is as IF says");
    check_equal((long)(last_trap.live_eflags & (0x20000 | EFLAGS_TF | EFLAGS_NT)), 0, "VM is clear");
}

/* ---- vCPUs that begin with segments that are none ---- */

static struct vcpu_guest_context context;
static u8 other_stacks[4 * STACK_SIZE] __attribute__((aligned(0x4000)));
static volatile u32 taken;
static struct frame taken_frame;
static u32 taken_selectors[4];

static int take_fresh(struct frame *at)
{
    u32 own = vcpu_id();
    if (!own)
        return 0;
    taken_frame = *at;
    memcpy(taken_selectors, failsafe_selectors, sizeof taken_selectors);
    taken = own;
    for (;;)
        hypercall(HC_VCPU_OP, VCPUOP_DOWN, own, 0);
}

/* Starts a vCPU and waits until it has met a trap; 0 when there is no such vCPU. */
static int begin(u32 number, u32 cs, u32 ds)
{
    u8 *stacks = other_stacks + (number - 1) * 2 * STACK_SIZE;
    if (hypercall(HC_VCPU_OP, VCPUOP_IS_UP, number, 0) != 0)
        return 0;
    memset(&context, 0, sizeof context);
    *(u32 *)stacks = *(u32 *)(stacks + STACK_SIZE) = number;
    context.flags = VGCF_IN_KERNEL;
    context.user_regs.eip = NOWHERE;
    context.user_regs.cs = (u16)cs;
    context.user_regs.eflags = EFLAGS_IF | 2;
    context.user_regs.esp = (u32)(stacks + STACK_SIZE);
    context.user_regs.ss = context.user_regs.es = context.user_regs.gs = KERNEL_DS;
    context.user_regs.ds = (u16)ds;
    for (u32 vector = 0; vector < 20; vector++)
        context.trap_ctxt[vector] =
            (struct trap_info){ (u8)vector, 0, (u16)KERNEL_CS, stub_of(vector) };
    context.kernel_ss = KERNEL_DS;
    context.kernel_sp = (u32)stacks + 2 * STACK_SIZE;
    context.ctrlreg[3] = mfn_of((void *)start_info->pt_base) << 12;
    context.event_callback_cs = context.failsafe_callback_cs = KERNEL_CS;
    context.event_callback_eip = (u32)upcall_entry;
    context.failsafe_callback_eip = (u32)failsafe_entry;
    if (hypercall(HC_VCPU_OP, VCPUOP_INITIALISE, number, &context)
        || hypercall(HC_VCPU_OP, VCPUOP_UP, number, 0))
        fail_now("vCPU %u cannot be started", number);
    u64 end = now() + MILLISECONDS(2000);
    while (taken != number && (s64)(now() - end) < 0)
        yield();
    check_equal((long)taken, (long)number, "a new vCPU meets what it begins with");
    return 1;
}

static void new_vcpus(void)
{
    trap_hook = take_fresh;
    if (begin(1, KERNEL_CS, 0x1233)) {
        check_equal((long)taken_frame.vector, VECTOR_FAILSAFE, "DS beyond the table");
        check((taken_selectors[0] & 0xffff) == 0x1233 && (taken_selectors[1] & 0xffff) == KERNEL_DS
                  && (taken_selectors[2] & 0xffff) == 0 && (taken_selectors[3] & 0xffff) == KERNEL_DS,
              "its data segments are handed over: %x %x %x %x", taken_selectors[0],
              taken_selectors[1], taken_selectors[2], taken_selectors[3]);
        check_equal((long)(taken_frame.ds & 0xffff), 0, "DS is null");
        check_equal((long)(taken_frame.es & 0xffff), is_era() ? 0 : (long)KERNEL_DS,
                    is_era() ? "and so is ES" : "ES is what it was to be");
        check(taken_frame.eip == NOWHERE && (taken_frame.cs & 0xffff) == KERNEL_CS,
              "the place is where it begins: %x:%x", taken_frame.cs, taken_frame.eip);
    }
    if (begin(2, 0x1231, KERNEL_DS)) {
        if (is_era())
            check_equal((long)taken_frame.vector, VECTOR_FAILSAFE, "CS beyond the table");
        else
            check(taken_frame.vector == 13 && taken_frame.error_code == 0x1230,
                  "CS beyond the table: vector %u error %x", taken_frame.vector,
                  taken_frame.error_code);
        check(taken_frame.eip == NOWHERE && (taken_frame.cs & 0xffff) == 0x1231,
              "the place is where it begins: %x:%x", taken_frame.cs, taken_frame.eip);
    }
    trap_hook = 0;
}

void test_main(void)
{
    if (bind_ipi(0, &port))
        fail_now("no port can be bound");
    events_off();
    code_segments();
    stack_segments();
    with_event();
    if (!is_era())
        virtual_8086();
    if (!GUEST_TRANSLATED)
        new_vcpus();
}
