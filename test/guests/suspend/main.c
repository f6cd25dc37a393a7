/*
 * Suspending: the guest stops with the reason suspend and goes on, either in the same domain (the
 * suspension was cancelled, result 1) or in a new one (result 0).
 *
 * Observed: "suspending", then that its memory, shared_info, ports and timer are as the result says.
 * Expected: the domain stops with the reason suspend; once resumed, "Test result: SUCCESS".
 */

#include "guest.h"

static u32 sentinel[1024] __attribute__((aligned(4096)));

static void resumed_elsewhere(void)
{
    if (map_entry((u32)shared_info, (pte_t)start_info->shared_info | PTE_WRITE))
        shutdown(SHUTDOWN_CRASH);
    check(same_text(start_info->magic, GUEST_PAE ? "xen-3.0-x86_32p" : "xen-3.0-x86_32"),
          "start_info is written anew");
    check_equal(vcpu()->evtchn_upcall_mask, 1, "events are masked");
}

void test_main(void)
{
    u32 reason = SHUTDOWN_SUSPEND, port;
    for (u32 i = 0; i < 1024; i++)
        sentinel[i] = i * 3 + 1;
    if (bind_virq(VIRQ_TIMER, 0, &port))
        fail_now("VIRQ_TIMER cannot be bound");
    print("suspending\n");
    console_flush();
    events_off();
    u32 start_frame = mfn_of(start_info);
#if !GUEST_TRANSLATED
    /* Who resumes the domain elsewhere finds its own frames by these. */
    u32 store = start_info->store_mfn, console = start_info->console_mfn;
    start_info->store_mfn = pfn_of_mfn(store);
    start_info->console_mfn = pfn_of_mfn(console);
#endif
    u64 before = now();
    long result = hypercall(HC_SCHED_OP, SCHEDOP_SHUTDOWN, &reason, start_frame);
    if (result == 1) {
#if !GUEST_TRANSLATED
        start_info->store_mfn = store;
        start_info->console_mfn = console;
#endif
    } else if (result == 0) {
        resumed_elsewhere();
        bind_virq(VIRQ_TIMER, 0, &port);
    }
    check(result == 0 || result == 1, "resumed with result %d", (int)result);
    u32 wrong = 0;
    for (u32 i = 0; i < 1024; i++)
        wrong += sentinel[i] != i * 3 + 1;
    check_equal((long)wrong, 0, "memory is as it was");
    check(result == 0 || now() >= before, "time does not go back");
    upcalls.per_port[port] = 0;
    set_timer(now() + MILLISECONDS(2));
    block();
    events_off();
    check(upcalls.per_port[port] >= 1, "the timer works");
}
