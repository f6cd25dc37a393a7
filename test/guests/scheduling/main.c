/*
 * The scheduler's calls: yield, block and poll, with and without something that waits, with
 * timeouts; the accounting of runstates.
 *
 * Observed: results, how long a call slept, what was delivered.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

static u32 timer, ipi;

static void quiet(void)
{
    events_off();
    set_timer(0);
    port_clear(timer);
    port_clear(ipi);
    scan_ports();
    memset(&upcalls, 0, sizeof upcalls);
}

static void blocks(void)
{
    quiet();
    send(ipi);
    u64 start = now();
    check_equal(block(), 0, "block with an event waiting");
    check(now() - start < MILLISECONDS(100) && upcalls.per_port[ipi] == 1, "does not sleep");
    check_equal(vcpu()->evtchn_upcall_mask, 0, "but unmasks");
    quiet();
    port_mask(ipi, 1);
    send(ipi);
    start = now();
    set_timer(start + MILLISECONDS(10));
    check_equal(block(), 0, "block with an event on a masked port");
    check(now() - start >= MILLISECONDS(10), "sleeps until the timer");
    port_mask(ipi, 0);
}

static void yields(void)
{
    quiet();
    for (u32 i = 0; i < 100; i++)
        if (yield())
            fail_now("yield fails");
    check(1, "a hundred yields");
}

#if !GUEST_LEGACY_CALLS

static long poll(u32 *ports, u32 count, u64 timeout)
{
    struct sched_poll argument = { ports, count, timeout };
    return sched_op(SCHEDOP_POLL, &argument);
}

static void polls(void)
{
    u32 ports[2] = { ipi, timer };
    quiet();
    u64 start = now();
    check_equal(poll(ports, 1, start + MILLISECONDS(10)), 0, "poll with a timeout");
    check(now() - start >= MILLISECONDS(10), "sleeps until it");
    start = now();
    set_timer(start + MILLISECONDS(5));
    check_equal(poll(ports, 2, start + MILLISECONDS(500)), 0, "poll of the timer's port");
    u64 slept = now() - start;
    check(slept >= MILLISECONDS(5) && slept < MILLISECONDS(400), "wakes when it is pending");
    check(port_pending(timer) && !upcalls.count, "and delivers nothing");
    start = now();
    check_equal(poll(ports, 2, 0), 0, "poll of a pending port");
    check(now() - start < MILLISECONDS(100), "does not sleep");
    port_clear(timer);
    port_mask(timer, 1);
    start = now();
    set_timer(start + MILLISECONDS(5));
    check_equal(poll(ports, 2, start + MILLISECONDS(500)), 0, "poll of a masked port");
    check(now() - start < MILLISECONDS(400), "wakes when it is pending");
    port_mask(timer, 0);
    quiet();
    check_equal(poll(ports, 1, 1), 0, "poll until the past");
    check_equal(poll(ports, 0, now() + MILLISECONDS(2)), 0, "poll of no port is a sleep");
    check_equal(poll(ports, 129, 1), -EINVAL, "poll of 129 ports");
    ports[0] = 100000;
    check_equal(poll(ports, 1, 1), -EINVAL, "poll of a port that cannot be");
    check_equal(poll((u32 *)0x80000000, 1, 1), -EFAULT, "poll of ports that are not mapped");
    check_equal(hypercall(HC_SCHED_OP, 99, 0), -ENOSYS, "no such command");
}

static u64 sum_of(const struct vcpu_runstate_info *info)
{
    return info->time[0] + info->time[1] + info->time[2] + info->time[3];
}

static void accounts(void)
{
    static struct vcpu_runstate_info before, after, area;
    u64 address = (u32)&area;
    quiet();
    hypercall(HC_VCPU_OP, VCPUOP_GET_RUNSTATE_INFO, 0, &before);
    set_timer(now() + MILLISECONDS(20));
    block();
    events_off();
    hypercall(HC_VCPU_OP, VCPUOP_GET_RUNSTATE_INFO, 0, &after);
    check_equal((long)after.state, RUNSTATE_RUNNING, "who asks is running");
    check(after.time[RUNSTATE_BLOCKED] - before.time[RUNSTATE_BLOCKED] >= MILLISECONDS(15),
          "the sleep was counted as blocked");
    check(sum_of(&after) - sum_of(&before) >= MILLISECONDS(20), "all states together are the time");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, 0, &address), 0,
                "a runstate area");
    set_timer(now() + MILLISECONDS(5));
    block();
    events_off();
    check(area.state == RUNSTATE_RUNNING && area.time[RUNSTATE_BLOCKED] >= after.time[RUNSTATE_BLOCKED],
          "is kept up to date");
}

#endif

void test_main(void)
{
    if (bind_virq(VIRQ_TIMER, 0, &timer) || bind_ipi(0, &ipi))
        fail_now("the ports cannot be bound");
    hypercall(HC_VCPU_OP, VCPUOP_STOP_PERIODIC_TIMER, 0, 0);
    blocks();
    yields();
#if !GUEST_LEGACY_CALLS
    polls();
    accounts();
#endif
}
