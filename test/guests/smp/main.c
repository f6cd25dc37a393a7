/*
 * Two vCPUs: VCPUOP_initialise, up, is_up and down; events bound to the second; its own upcalls,
 * traps and timer; its runstate; vcpu_info moved into the guest's memory.
 *
 * Observed: counters that the second vCPU keeps, answers of vcpu_op.
 * Expected: "Test result: SUCCESS", or SKIP in a domain with one vCPU.
 */

#include "guest.h"

extern u8 secondary_start[];

static struct vcpu_guest_context context;
static u8 second_stacks[2 * STACK_SIZE] __attribute__((aligned(0x4000)));
static volatile u32 stage, second_upcalls, second_traps, second_id, first_upcalls;
static volatile u32 timer_port, timer_result, timer_ticks;
static u32 to_second, to_first;

static void count_port(u32 port)
{
    if (port == to_second && vcpu_id() == 1)
        second_upcalls++;
    if (port == to_first && vcpu_id() == 0)
        first_upcalls++;
    if (port == timer_port && vcpu_id() == 1)
        timer_ticks++;
}

static int count_trap(struct frame *frame)
{
    if (frame->vector != 6 || vcpu_id() != 1)
        return 0;
    second_traps++;
    frame->eip += 2;
    return 1;
}

/* What the second vCPU does, from its first instruction to its last. */
static void second_main(void)
{
    u32 port;
    second_id = vcpu_id();
    __asm__ volatile("ud2" : : : "memory");
    events_on();
    timer_result = (u32)bind_virq(VIRQ_TIMER, 1, &port);
    timer_port = port;
    stage = 1;
    while (stage == 1)
        block();
    send(to_first);
    stage = 3;
    set_timer(now() + MILLISECONDS(5));
    while (!timer_ticks)
        block();
    events_off();
    stage = 4;
    for (;;)
        hypercall(HC_VCPU_OP, VCPUOP_DOWN, 1, 0);
}

static void prepare(void)
{
    u32 *stack = (u32 *)(second_stacks + STACK_SIZE);
    *(u32 *)second_stacks = 1;
    *(u32 *)(second_stacks + STACK_SIZE) = 1;
    *--stack = (u32)second_main;
    context.flags = VGCF_IN_KERNEL;
    context.user_regs.eip = (u32)secondary_start;
    context.user_regs.cs = KERNEL_CS;
    context.user_regs.eflags = EFLAGS_IF | 2;
    context.user_regs.esp = (u32)stack;
    context.user_regs.ss = context.user_regs.ds = context.user_regs.es = KERNEL_DS;
    context.user_regs.fs = context.user_regs.gs = KERNEL_DS;
    for (u32 vector = 0; vector < 20; vector++)
        context.trap_ctxt[vector] =
            (struct trap_info){ (u8)vector, 0, (u16)KERNEL_CS, stub_of(vector) };
    context.kernel_ss = KERNEL_DS;
    context.kernel_sp = (u32)second_stacks + 2 * STACK_SIZE;
    context.ctrlreg[3] = mfn_of((void *)start_info->pt_base) << 12;
    context.event_callback_cs = context.failsafe_callback_cs = KERNEL_CS;
    context.event_callback_eip = (u32)upcall_entry;
    context.failsafe_callback_eip = (u32)failsafe_entry;
}

static int wait_for(volatile u32 *what, u32 least)
{
    u64 end = now() + MILLISECONDS(2000);
    while (*what < least && (s64)(now() - end) < 0)
        yield();
    return *what >= least;
}

static long is_up(u32 number)
{
    return hypercall(HC_VCPU_OP, VCPUOP_IS_UP, number, 0);
}

static void start(void)
{
    check_equal(is_up(0), 1, "the first is up");
    check_equal(is_up(1), 0, "the second is not");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_UP, 1, 0), -EINVAL, "nor can it be before it is set up");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_INITIALISE, 1, 0x80000000), -EFAULT,
                "a context that is not mapped");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_INITIALISE, 99, &context), -ENOENT, "no such vCPU");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_INITIALISE, 1, &context), 0, "it is set up");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_INITIALISE, 1, &context), -EEXIST, "once");
    check_equal(is_up(1), 0, "and still down");
    check_equal((long)stage, 0, "so that it has done nothing");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_UP, 1, 0), 0, "it is brought up");
    check(wait_for(&stage, 1), "and runs");
    check_equal(is_up(1), 1, "it says so");
    check_equal((long)second_id, 1, "on its own stack");
    check_equal((long)second_traps, 1, "with its own trap table");
    check_equal((long)timer_result, 0, "and a timer port of its own");
}

static void talk(void)
{
    struct vcpu_runstate_info runstate;
    u32 refused;
    check_equal(bind_ipi(7, &refused), -ENOENT, "a port for a vCPU that is not");
    u64 before = now();
    spin_until(before + MILLISECONDS(5));
    hypercall(HC_VCPU_OP, VCPUOP_GET_RUNSTATE_INFO, 1, &runstate);
    check_equal((long)runstate.state, RUNSTATE_BLOCKED, "while it waits it is blocked");
    stage = 2;
    check_equal(send(to_second), 0, "an event for it");
    check(wait_for(&second_upcalls, 1), "wakes it, and it takes the upcall");
    check(wait_for(&stage, 3), "and goes on");
    check(wait_for(&first_upcalls, 1), "its event for the first arrives there");
    check(wait_for(&timer_ticks, 1), "its timer fires there");
    check(wait_for(&stage, 4), "and it has finished");
}

static void stop(void)
{
    struct vcpu_runstate_info runstate;
    u64 end = now() + MILLISECONDS(1000);
    while (is_up(1) && (s64)(now() - end) < 0)
        yield();
    check_equal(is_up(1), 0, "it goes down");
    spin_until(now() + MILLISECONDS(2));
    hypercall(HC_VCPU_OP, VCPUOP_GET_RUNSTATE_INFO, 1, &runstate);
    check_equal((long)runstate.state, RUNSTATE_OFFLINE, "and is offline");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_DOWN, 1, 0), 0, "down twice is no error");
}

static void placed(void)
{
    static struct vcpu_info place[2] __attribute__((aligned(128)));
    struct vcpu_register_vcpu_info argument = { mfn_of(&place[0]), (u32)&place[0] & 0xfff, 0 };
    events_off();
    scan_ports();
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_REGISTER_VCPU_INFO, 0, &argument), 0, "vcpu_info is moved");
    vcpu_infos[0] = &place[0];
    check(place[0].evtchn_upcall_pending == 1 && place[0].evtchn_pending_sel == 0xffffffff,
          "with everything pending, lest an event be lost");
    scan_ports();
    first_upcalls = 0;
    events_on();
    send(to_first);
    events_off();
    check_equal((long)first_upcalls, 1, "upcalls follow it");
    u64 time = now();
    check(now() >= time && place[0].time.tsc_to_system_mul, "and so does the clock");
    argument.offset = PAGE_SIZE - 32;
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_REGISTER_VCPU_INFO, 1, &argument), -ENXIO,
                "a place across pages is refused");
}

void test_main(void)
{
    if (is_up(1) < 0)
        skip("the domain has one vCPU");
    if (bind_ipi(1, &to_second) || bind_ipi(0, &to_first))
        fail_now("the ports cannot be bound");
    on_port = count_port;
    trap_hook = count_trap;
    events_on();
    prepare();
    start();
    talk();
    stop();
    placed();
}
