/*
 * Ways for a domain to die. The command line names one; without it the list is printed and the
 * result is SKIP.
 *
 * Observed: "dying by <way>" is the last line, and how the domain ended: by shutdown with the
 * reason crash (shutdown), watchdog (watchdog), or crashed by the hypervisor (all others).
 */

#include "guest.h"

static u32 unmapped = 0x80000ff0;

static void by_shutdown(void)
{
    shutdown(SHUTDOWN_CRASH);
}

/* A trap that nobody handles. */
static void by_no_handler(void)
{
    hypercall(HC_SET_TRAP_TABLE, 0);
    __asm__ volatile("ud2");
}

/* A trap in ring 1 whose frame cannot be written. */
static void by_stack(void)
{
    __asm__ volatile("movl %0, %%esp; ud2" : : "m"(unmapped));
}

/* The same, with the stack in the hypervisor's part of the address space. */
static void by_stack_in_hypervisor(void)
{
    __asm__ volatile("movl $0xfbadc0de, %esp; ud2");
}

USER_TEXT static void user_code(void)
{
    __asm__("ud2");
}

/* A trap from ring 3 to a kernel stack that is not there. */
static void by_kernel_stack(void)
{
    allow_user(user_text_start, user_text_end);
    allow_user(user_stack, user_stack + PAGE_SIZE);
    hypercall(HC_STACK_SWITCH, KERNEL_DS, unmapped);
    run_user((u32)user_code, USER_STACK_TOP, 2);
}

/* An upcall without a callback. */
static void by_callback(void)
{
    u32 port;
    bind_ipi(0, &port);
    hypercall(HC_SET_CALLBACKS, 0, 0, 0, 0);
    events_on();
    send(port);
}

/* The iret hypercall with a frame that cannot be read. */
static void by_iret(void)
{
    __asm__ volatile("movl %0, %%esp; movl $23, %%eax; int $0x82" : : "m"(unmapped));
}

/* A page fault handler that is not mapped: faults until the stack is used up. */
static void by_endless_faults(void)
{
    set_trap(14, 0, unmapped);
    __asm__ volatile("movl %0, %%eax; movl (%%eax), %%eax" : : "m"(unmapped) : "eax");
}

#if !GUEST_LEGACY_CALLS

static void by_watchdog(void)
{
    struct { u32 id, timeout; } watchdog = { 0, 1 };
    hypercall(HC_SCHED_OP, SCHEDOP_WATCHDOG, &watchdog);
    set_timer(now() + MILLISECONDS(5000));
    port_mask(start_info->console_evtchn, 1);
    block();
}

#endif

static const struct { const char *name; void (*way)(void); } ways[] = {
    { "shutdown", by_shutdown },
    { "no-handler", by_no_handler },
    { "stack", by_stack },
    { "stack-in-hypervisor", by_stack_in_hypervisor },
    { "kernel-stack", by_kernel_stack },
    { "callback", by_callback },
    { "iret", by_iret },
    { "endless-faults", by_endless_faults },
#if !GUEST_LEGACY_CALLS
    { "watchdog", by_watchdog },
#endif
};

void test_main(void)
{
    for (u32 i = 0; i < sizeof ways / sizeof *ways; i++)
        if (same_text(start_info->cmd_line, ways[i].name)) {
            print("dying by %s\n", ways[i].name);
            console_flush();
            ways[i].way();
            fail_now("the domain has outlived %s", ways[i].name);
        }
    for (u32 i = 0; i < sizeof ways / sizeof *ways; i++)
        print("way %s\n", ways[i].name);
    skip("the command line names no way");
}
