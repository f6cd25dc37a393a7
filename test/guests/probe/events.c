/* Event channels, upcalls and the scheduler's calls. */

#include "probe.h"

static u32 unbound, timer, ipi;

static long unmask(u32 port)
{
    struct { u32 port; } argument = { port };
    return evtchn(EVTCHNOP_UNMASK, &argument);
}

static void probe_binding(void)
{
    struct evtchn_alloc_unbound near = { DOMID_SELF, DOMID_SELF, 0 };
    long result = evtchn(EVTCHNOP_ALLOC_UNBOUND, &near);
    fact("events.alloc_unbound", "%d port %u", (int)result, near.port);
    unbound = near.port;
    result = bind_virq(VIRQ_TIMER, 0, &timer);
    fact("events.bind_virq_timer", "%d port %u", (int)result, timer);
    u32 other;
    fact("events.bind_virq_timer_again", "%d", (int)bind_virq(VIRQ_TIMER, 0, &other));
    result = bind_ipi(0, &ipi);
    fact("events.bind_ipi", "%d port %u", (int)result, ipi);
    fact("events.new_port_masked", "%d", port_masked(ipi));
}

/* The timer's port stays masked, so that its ticks change nothing. */
static void probe_delivery(void)
{
    struct vcpu_info *info = vcpu();
    port_mask(timer, 1);
    scan_ports();
    long result = send(ipi);
    fact("events.send_while_vcpu_masked", "%d pending %u sel %u bit %u", (int)result,
         info->evtchn_upcall_pending, info->evtchn_pending_sel, port_pending(ipi));
    upcalls.count = 0;
    info->evtchn_upcall_mask = 0;
    __asm__ volatile("" : : : "memory");
    u32 at_once = upcalls.count;
    hypercall(HC_XEN_VERSION, XENVER_VERSION, 0);
    fact("events.upcalls_by_clearing_the_mask", "%u", at_once);
    fact("events.upcalls_after_a_hypercall", "%u", upcalls.count);
    fact("events.upcall.inside", "mask %u pending %u sel %u", upcalls.mask_inside,
         upcalls.pending_inside, upcalls.selector_inside);
    fact("events.upcall.cs", "%08x", upcalls.frame.cs);
    fact("events.upcall.eflags", "%08x", upcalls.frame.eflags & ~0x8d5u);
    fact("events.upcall.eip_is_after_int82", "%s",
         YES_NO(upcalls.frame.eip == (u32)hypercall_page + HC_XEN_VERSION * 32 + 7));
    fact("events.mask_after_return", "%u", info->evtchn_upcall_mask);
    upcalls.count = 0;
    port_mask(ipi, 1);
    result = send(ipi);
    fact("events.send_while_port_masked", "%d upcalls %u bit %u pending %u sel %u", (int)result,
         upcalls.count, port_pending(ipi), info->evtchn_upcall_pending, info->evtchn_pending_sel);
    result = unmask(ipi);
    fact("events.unmask", "%d upcalls %u", (int)result, upcalls.count);
}

static void probe_timers(void)
{
    struct vcpu_info *info = vcpu();
    hypercall(HC_VCPU_OP, VCPUOP_STOP_PERIODIC_TIMER, 0, 0);
    events_off();
    port_mask(timer, 0);
    port_clear(timer);
    scan_ports();
    upcalls.count = 0;
    u64 start = now();
    long set = set_timer(start + MILLISECONDS(20));
    long result = block();
    u64 slept = now() - start;
    fact("events.block_until_timer", "%d %d upcalls %u mask %u pending %u", (int)set, (int)result,
         upcalls.count, info->evtchn_upcall_mask, info->evtchn_upcall_pending);
    fact("events.block_until_timer.slept_20_ms", "%s", YES_NO(slept >= MILLISECONDS(20)));
    upcalls.count = 0;
    result = set_timer(1);
    spin_until(now() + MILLISECONDS(2));
    hypercall(HC_XEN_VERSION, XENVER_VERSION, 0);
    fact("events.timer_in_the_past", "%d upcalls %u", (int)result, upcalls.count);
    struct vcpu_set_singleshot_timer past = { 1, VCPU_SSHOTTMR_FUTURE };
    fact("events.singleshot_in_the_past", "%d",
         (int)hypercall(HC_VCPU_OP, VCPUOP_SET_SINGLESHOT_TIMER, 0, &past));
    spin_until(now() + MILLISECONDS(2));
    u64 period = MILLISECONDS(10);
    upcalls.count = 0;
    result = hypercall(HC_VCPU_OP, VCPUOP_SET_PERIODIC_TIMER, 0, &period);
    spin_until(now() + MILLISECONDS(100));
    fact("events.periodic_10_ms", "%d at least 5 in 100 ms: %s", (int)result, YES_NO(upcalls.count >= 5));
    hypercall(HC_VCPU_OP, VCPUOP_STOP_PERIODIC_TIMER, 0, 0);
}

void probe_events(void)
{
    probe_binding();
    probe_delivery();
    probe_timers();
    events_off();
    u32 expected = ipi + 1;
    for (u32 virq = 1; virq < 24; virq++) {
        u32 port = 0;
        if (is_initial_domain() && (virq == 3 || virq == 2))
            continue;
        long result = bind_virq(virq, 0, &port);
        fact(named("events.bind_virq_%u", virq), "%d", (int)result);
        if (!result)
            close_port(port);
    }
    (void)expected;
}

static struct evtchn_status status_of(u32 port)
{
    struct evtchn_status status = { .dom = DOMID_SELF, .port = port };
    evtchn(EVTCHNOP_STATUS, &status);
    return status;
}

static void probe_interdomain(u32 self)
{
    struct evtchn_alloc_unbound near = { DOMID_SELF, (u16)self, 0 };
    fact("ports.alloc_unbound_for_self", "%d", (int)evtchn(EVTCHNOP_ALLOC_UNBOUND, &near));
    port_mask(near.port, 1);
    struct evtchn_bind_interdomain bind = { (u16)self, 0, near.port, 0 };
    long result = evtchn(EVTCHNOP_BIND_INTERDOMAIN, &bind);
    fact("ports.bind_interdomain", "%d next port %s", (int)result,
         YES_NO(bind.local_port == near.port + 1));
    struct evtchn_status one = status_of(near.port), two = status_of(bind.local_port);
    fact("ports.status_of_both", "%u %u peers %s", one.status, two.status,
         YES_NO(one.u.interdomain.port == bind.local_port && two.u.interdomain.port == near.port));
    fact("ports.pending_after_bind", "first %d second %d", port_pending(near.port),
         port_pending(bind.local_port));
    struct evtchn_bind_interdomain again = bind;
    fact("ports.bind_interdomain_again", "%d", (int)evtchn(EVTCHNOP_BIND_INTERDOMAIN, &again));
    port_clear(near.port);
    port_clear(bind.local_port);
    result = send(bind.local_port);
    fact("ports.send_to_peer", "%d first %d second %d", (int)result, port_pending(near.port),
         port_pending(bind.local_port));
    result = close_port(bind.local_port);
    struct evtchn_status left = status_of(near.port);
    fact("ports.close_one_end", "%d other end %u for self %s", (int)result, left.status,
         YES_NO(left.u.unbound.dom == self));
    fact("ports.send_on_closed", "%d", (int)send(bind.local_port));
    fact("ports.send_on_unbound", "%d", (int)send(near.port));
    fact("ports.send_on_0", "%d", (int)send(0));
    fact("ports.send_on_9999", "%d", (int)send(9999));
    fact("ports.close_closed", "%d", (int)close_port(bind.local_port));
    fact("ports.close_0", "%d", (int)close_port(0));
    struct evtchn_alloc_unbound lowest = { DOMID_SELF, (u16)self, 0 };
    result = evtchn(EVTCHNOP_ALLOC_UNBOUND, &lowest);
    fact("ports.lowest_is_reused", "%d %s", (int)result, YES_NO(lowest.port == bind.local_port));
    port_mask(near.port, 0);
}

void probe_port_errors(void)
{
    u32 port = 0;
    probe_interdomain(domain_id());
    struct evtchn_alloc_unbound foreign = { 77, DOMID_SELF, 0 };
    fact("ports.alloc_unbound_of_domain_77", "%d", (int)evtchn(EVTCHNOP_ALLOC_UNBOUND, &foreign));
    struct evtchn_alloc_unbound remote = { DOMID_SELF, 777, 0 };
    fact("ports.alloc_unbound_for_domain_777", "%d", (int)evtchn(EVTCHNOP_ALLOC_UNBOUND, &remote));
    fact("ports.bind_virq_vcpu_5", "%d", (int)bind_virq(VIRQ_DEBUG, 5, &port));
    fact("ports.bind_virq_24", "%d", (int)bind_virq(24, 0, &port));
    struct evtchn_bind_vcpu move = { remote.port, 0 };
    fact("ports.bind_vcpu_0", "%d", (int)evtchn(EVTCHNOP_BIND_VCPU, &move));
    move.vcpu = 9;
    fact("ports.bind_vcpu_9", "%d", (int)evtchn(EVTCHNOP_BIND_VCPU, &move));
    struct evtchn_bind_pirq interrupt = { 1, 0, 0 };
    if (!is_initial_domain())
        fact("ports.bind_pirq_1", "%d", (int)evtchn(EVTCHNOP_BIND_PIRQ, &interrupt));
    fact("ports.unmask_0", "%d", (int)unmask(0));
    fact("ports.unmask_9999", "%d", (int)unmask(9999));
    struct evtchn_op legacy = { .cmd = EVTCHNOP_BIND_IPI };
    long result = hypercall(HC_EVENT_CHANNEL_OP_COMPAT, &legacy);
    fact("ports.legacy_bind_ipi", "%d port given %s", (int)result, YES_NO(legacy.u.words[1] > 2));
    close_port(legacy.u.words[1]);
}

USER_TEXT static void user_loop(void)
{
    __asm__("movl $0x2000000, %ecx; 1: loop 1b; ud2");
}

void probe_user_upcall(void)
{
    u64 period = MILLISECONDS(10);
    upcalls.count = 0;
    hypercall(HC_VCPU_OP, VCPUOP_SET_PERIODIC_TIMER, 0, &period);
    run_user((u32)user_loop, USER_STACK_TOP, EFLAGS_IF | 2);
    hypercall(HC_VCPU_OP, VCPUOP_STOP_PERIODIC_TIMER, 0, 0);
    const struct frame *frame = &upcalls.frame;
    fact("user_upcall.taken", "%s", YES_NO(upcalls.count > 0));
    fact("user_upcall.frame", "cs %08x eflags %08x ss %04x", frame->cs, frame->eflags & ~(0x8d5u | EFLAGS_RF),
         frame->user_ss);
    fact("user_upcall.esp_is_the_users", "%s", YES_NO(frame->user_esp == USER_STACK_TOP));
    fact("user_upcall.bytes_below_kernel_sp", "%u", INTERRUPT_STACK_TOP - upcalls.at);
    fact("user_upcall.mask_inside", "%u", upcalls.mask_inside);
    events_off();
}

void probe_scheduling(void)
{
    static u32 ports[129];
    for (u32 i = 0; i < 129; i++)
        ports[i] = ipi;
    port_mask(ipi, 1);
    send(ipi);
    struct sched_poll poll = { ports, 1, 0 };
    fact("sched.poll_pending", "%d", (int)hypercall(HC_SCHED_OP, SCHEDOP_POLL, &poll));
    port_clear(ipi);
    poll.timeout = 1;
    fact("sched.poll_timeout_in_the_past", "%d", (int)hypercall(HC_SCHED_OP, SCHEDOP_POLL, &poll));
    poll.nr_ports = 129;
    fact("sched.poll_129_ports", "%d", (int)hypercall(HC_SCHED_OP, SCHEDOP_POLL, &poll));
    ports[0] = 9999;
    poll.nr_ports = 1;
    fact("sched.poll_bad_port", "%d", (int)hypercall(HC_SCHED_OP, SCHEDOP_POLL, &poll));
    fact("sched.yield", "%d", (int)hypercall(HC_SCHED_OP, SCHEDOP_YIELD, 0));
    fact("sched.legacy_yield", "%d", (int)hypercall(HC_SCHED_OP_COMPAT, SCHEDOP_YIELD, 0));
}
