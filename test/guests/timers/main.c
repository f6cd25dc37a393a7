/*
 * Time: the clock of vcpu_info, set_timer_op, the one-shot and the periodic timer of vcpu_op, all
 * with times ahead and past, cancelled and replaced, while running, blocked and polling.
 *
 * Observed: the upcalls of VIRQ_TIMER and the clock.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

static u32 port;

static void quiet(void)
{
    events_off();
    set_timer(0);
    hypercall(HC_VCPU_OP, VCPUOP_STOP_PERIODIC_TIMER, 0, 0);
    hypercall(HC_VCPU_OP, VCPUOP_STOP_SINGLESHOT_TIMER, 0, 0);
    port_clear(port);
    scan_ports();
    memset(&upcalls, 0, sizeof upcalls);
}

static void clock(void)
{
    volatile struct vcpu_time_info *time = &vcpu()->time;
    u64 last = now(), start = last;
    u32 steps = 0, backwards = 0;
    check(!(time->version & 1) && time->tsc_to_system_mul, "the clock is set up");
    while (last - start < MILLISECONDS(20)) {
        u64 next = now();
        backwards += next < last;
        steps++;
        last = next;
    }
    check(!backwards && steps > 10, "it never goes back: %u readings", steps);
    u64 tsc = rdtsc();
    check(rdtsc() > tsc, "the cycle counter runs");
    check(shared_info->wc_version && !(shared_info->wc_version & 1) && shared_info->wc_nsec < 1000000000,
          "the wall clock is set up");
}

/* Whether the tick of 100 Hz can be stopped, so that what comes is what was asked for. */
static int has_silence(void)
{
    return hypercall(HC_VCPU_OP, VCPUOP_STOP_PERIODIC_TIMER, 0, 0) == 0;
}

/* Spins for a while with events on, and returns how many ticks came. */
static u32 ticks_in(u32 milliseconds)
{
    u64 end = now() + MILLISECONDS(milliseconds);
    upcalls.per_port[port] = 0;
    events_on();
    spin_until(end);
    hypercall(HC_XEN_VERSION, XENVER_VERSION, 0);
    events_off();
    return upcalls.per_port[port];
}

static void one_shot(void)
{
    quiet();
    check_equal(set_timer(now() + MILLISECONDS(5)), 0, "a timer ahead");
    check_equal((long)ticks_in(2), 0, "not before its time");
    check_equal((long)ticks_in(15), 1, "once at its time");
    check_equal((long)ticks_in(15), 0, "and not again");
    check_equal(set_timer(now() - MILLISECONDS(5)), 0, "a timer in the past");
    check_equal((long)ticks_in(5), 1, "fires at once");
    set_timer(now() + MILLISECONDS(5));
    check_equal(set_timer(0), 0, "a timer cancelled");
    check_equal((long)ticks_in(15), 0, "does not fire");
    set_timer(now() + MILLISECONDS(5));
    set_timer(now() + MILLISECONDS(30));
    check_equal((long)ticks_in(15), 0, "a timer replaced: not at the first time");
    check_equal((long)ticks_in(40), 1, "but at the second");
}

static void blocked(void)
{
    quiet();
    u64 start = now();
    set_timer(start + MILLISECONDS(10));
    long result = block();
    u64 slept = now() - start;
    check(result == 0 && slept >= MILLISECONDS(10), "block sleeps until the timer");
    check_equal((long)upcalls.per_port[port], 1, "which is delivered");
    check_equal(vcpu()->evtchn_upcall_mask, 0, "block leaves events on");
    quiet();
    start = now();
    set_timer(start + MILLISECONDS(5));
    set_timer(start + MILLISECONDS(25));
    block();
    check(now() - start >= MILLISECONDS(25), "of two times the last counts");
    quiet();
    set_timer(now() - MILLISECONDS(5));
    block();
    check_equal((long)upcalls.per_port[port], 1, "a time in the past wakes at once");
    events_off();
}

#if !GUEST_LEGACY_CALLS

static long single_shot(u64 time, u32 flags)
{
    struct vcpu_set_singleshot_timer argument = { time, flags };
    return hypercall(HC_VCPU_OP, VCPUOP_SET_SINGLESHOT_TIMER, 0, &argument);
}

static void by_vcpu_op(void)
{
    quiet();
    check_equal(single_shot(now() + MILLISECONDS(5), 0), 0, "a one-shot ahead");
    check_equal((long)ticks_in(15), 1, "fires once");
    check_equal(single_shot(now() - MILLISECONDS(5), 0), 0, "a one-shot in the past");
    check_equal((long)ticks_in(5), 1, "fires at once");
    single_shot(now() + MILLISECONDS(5), 0);
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_STOP_SINGLESHOT_TIMER, 0, 0), 0, "a one-shot stopped");
    check_equal((long)ticks_in(15), 0, "does not fire");
    single_shot(now() + MILLISECONDS(5), 0);
    set_timer(now() + MILLISECONDS(25));
    check_equal((long)ticks_in(15), 0, "set_timer_op and the one-shot are one timer");
    check_equal((long)ticks_in(30), 1, "of which the last time counts");
}

static void periodic(void)
{
    quiet();
    u64 period = MILLISECONDS(10);
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_SET_PERIODIC_TIMER, 0, &period), 0, "a period of 10 ms");
    u32 count = ticks_in(45);
    check(count >= 3 && count <= 5, "ticks in 45 ms: %u", count);
    period = MILLISECONDS(2);
    hypercall(HC_VCPU_OP, VCPUOP_SET_PERIODIC_TIMER, 0, &period);
    count = ticks_in(21);
    check(count >= 8 && count <= 11, "of 2 ms in 21 ms: %u", count);
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_STOP_PERIODIC_TIMER, 0, 0), 0, "stopped");
    ticks_in(3);
    check_equal((long)ticks_in(30), 0, "no tick comes");
    period = 1000;
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_SET_PERIODIC_TIMER, 0, &period), -EINVAL,
                "a period of a microsecond is refused");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_SET_PERIODIC_TIMER, 0, 0x80000000), -EFAULT,
                "a pointer that is not mapped");
}

#endif

/* Counts from the start of the domain, before anything was stopped. */
static void first_ticks(void)
{
    if (is_initial_domain())
        return;
    u32 count = ticks_in(45);
    check(count >= 3 && count <= 5, "a domain starts with ticks of 100 Hz: %u in 45 ms", count);
}

void test_main(void)
{
    check_equal(bind_virq(VIRQ_TIMER, 0, &port), 0, "VIRQ_TIMER is bound");
    clock();
    first_ticks();
    if (has_silence())
        one_shot();
    blocked();
#if !GUEST_LEGACY_CALLS
    by_vcpu_op();
    periodic();
#endif
}
