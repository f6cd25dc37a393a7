/*
 * Upcalls: when an event is delivered and when not, in every state of pending bit, port mask,
 * selector, upcall_pending and upcall_mask; nested upcalls; ports beyond the first word; upcalls
 * that interrupt ring 3; the return by native IRET.
 *
 * Observed: the count of upcalls, the words of shared_info before, inside and after.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

static u32 first, second;

static void quiet(void)
{
    events_off();
    port_mask(first, 0);
    port_mask(second, 0);
    port_clear(first);
    port_clear(second);
    scan_ports();
    memset(&upcalls, 0, sizeof upcalls);
}

static long unmask(u32 port)
{
    struct { u32 port; } argument = { port };
    return evtchn(EVTCHNOP_UNMASK, &argument);
}

static void enter_xen(void)
{
    hypercall(HC_XEN_VERSION, XENVER_VERSION, 0);
}

/* Sends with each combination of the two masks. */
static void masks(void)
{
    for (u32 masked_port = 0; masked_port < 2; masked_port++)
        for (u32 masked_vcpu = 0; masked_vcpu < 2; masked_vcpu++) {
            struct vcpu_info *info = vcpu();
            quiet();
            port_mask(first, (int)masked_port);
            info->evtchn_upcall_mask = (u8)masked_vcpu;
            long result = send(first);
            u32 count = upcalls.count, pending = info->evtchn_upcall_pending;
            u32 selector = info->evtchn_pending_sel, bit = (u32)port_pending(first);
            u32 after = info->evtchn_upcall_mask;
            events_off();
            int delivered = !masked_port && !masked_vcpu;
            check(result == 0 && count == (u32)delivered, "port mask %u, upcall mask %u: %u upcalls",
                  masked_port, masked_vcpu, count);
            check_equal((long)bit, !delivered, "the pending bit");
            check_equal((long)pending, masked_vcpu && !masked_port, "upcall_pending");
            check_equal((long)selector, masked_vcpu && !masked_port, "the selector");
            check_equal((long)after, (long)masked_vcpu, "the mask after it");
        }
}

static void inside(void)
{
    quiet();
    vcpu()->evtchn_upcall_mask = 0;
    send(first);
    events_off();
    check_equal(upcalls.mask_inside, 1, "an upcall masks events");
    check_equal(upcalls.pending_inside, 1, "upcall_pending is for the guest to clear");
    check_equal((long)upcalls.frame.cs, (long)KERNEL_CS, "the frame says that they were not masked");
    check((upcalls.frame.eflags & EFLAGS_IF) != 0, "IF is set in the frame");
    check_equal((long)(upcalls.frame.eip & 0x1f), 7, "the upcall came after int 82");
}

static void later(void)
{
    quiet();
    send(first);
    send(first);
    send(second);
    check_equal((long)upcalls.count, 0, "masked: none");
    vcpu()->evtchn_upcall_mask = 0;
    __asm__ volatile("" : : : "memory");
    u32 at_once = upcalls.count;
    enter_xen();
    events_off();
    check_equal((long)at_once, 0, "clearing the mask alone delivers nothing");
    check_equal((long)upcalls.count, 1, "the next hypercall does, once for all");
    check_equal((long)upcalls.per_port[first], 1, "two sends before the clear are one");
    check_equal((long)upcalls.per_port[second], 1, "the other port came with it");
}

static void unmasking(void)
{
    quiet();
    port_mask(first, 1);
    vcpu()->evtchn_upcall_mask = 0;
    send(first);
    port_mask(first, 0);
    enter_xen();
    u32 by_hand = upcalls.count;
    port_mask(first, 1);
    long result = unmask(first);
    u32 by_call = upcalls.count;
    result |= unmask(first);
    events_off();
    check_equal((long)by_hand, 0, "a cleared port mask makes nothing pending");
    check(result == 0 && by_call == 1, "EVTCHNOP_unmask delivers what waited: %u", by_call);
    check_equal((long)upcalls.count, 1, "unmasking what is not masked delivers nothing");
}

static u32 depth, deepest;

static void nest(struct frame *frame)
{
    (void)frame;
    depth++;
    if (depth > deepest)
        deepest = depth;
    scan_ports();
    if (depth == 1) {
        send(second);
        vcpu()->evtchn_upcall_mask = 0;
        enter_xen();
    }
    depth--;
}

static void nested(void)
{
    quiet();
    on_upcall = nest;
    vcpu()->evtchn_upcall_mask = 0;
    send(first);
    u32 mask = vcpu()->evtchn_upcall_mask;
    events_off();
    on_upcall = 0;
    check_equal((long)deepest, 2, "a handler that unmasks is interrupted");
    check_equal((long)mask, 0, "and both returns leave events on");
}

static void ignore(struct frame *frame)
{
    /* Leaves the flag up for two rounds: the return hypercall delivers again at once. */
    (void)frame;
    if (upcalls.count >= 3)
        scan_ports();
}

static void again(void)
{
    quiet();
    on_upcall = ignore;
    vcpu()->evtchn_upcall_mask = 0;
    send(first);
    events_off();
    on_upcall = 0;
    check_equal((long)upcalls.count, 3, "what is not acknowledged comes again on return");
    check_equal((long)(upcalls.frame.cs >> 16), 0, "with the same frame");
}

static void high_port(void)
{
    u32 port = 0;
    quiet();
    while (port < 70)
        if (bind_ipi(0, &port))
            fail_now("no port %u", port);
    vcpu()->evtchn_upcall_mask = 0;
    send(port);
    events_off();
    check((upcalls.selector_inside & (1u << (port / 32))) != 0, "the selector has the port's word: %x",
          upcalls.selector_inside);
    check_equal((long)upcalls.per_port[port], 1, "a port of the third word");
    for (; port > second; port--)
        close_port(port);
}

static void by_native_iret(void)
{
    quiet();
    return_natively = 1;
    vcpu()->evtchn_upcall_mask = 0;
    send(first);
    u32 mask = vcpu()->evtchn_upcall_mask;
    return_natively = 0;
    events_off();
    check(upcalls.count == 1 && mask == 0, "an upcall left by IRET: %u, mask %u", upcalls.count, mask);
}

USER_TEXT static void user_loop(void)
{
    __asm__("movl $0x1000000, %ecx; 1: loop 1b; ud2");
}

static void of_ring_3(void)
{
    u32 timer;
    quiet();
    check_equal(bind_virq(VIRQ_TIMER, 0, &timer), 0, "VIRQ_TIMER");
    set_timer(now() + MILLISECONDS(5));
    run_user((u32)user_loop, USER_STACK_TOP, EFLAGS_IF | 2);
    check(upcalls.count >= 1, "ring 3 is interrupted");
    check((upcalls.frame.cs & 0xffff) == USER_CS && (upcalls.frame.user_ss & 0xffff) == USER_DS,
          "its frame has the user's selectors");
    check_equal((long)(INTERRUPT_STACK_TOP - upcalls.at), 20, "on the kernel's stack");
    check_equal((long)last_trap.frame.vector, 6, "and it goes on to its end");
    check_equal((long)last_trap.frame.ecx, 0, "with its registers");
    close_port(timer);
}

void test_main(void)
{
    allow_user(user_text_start, user_text_end);
    allow_user(user_stack, user_stack + PAGE_SIZE);
    if (bind_ipi(0, &first) || bind_ipi(0, &second))
        fail_now("two ports cannot be bound");
    masks();
    inside();
    later();
    unmasking();
    nested();
    again();
    high_port();
    by_native_iret();
    of_ring_3();
}
