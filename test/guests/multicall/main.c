/*
 * multicall: several calls in one, results of each, failures in the middle, nesting, iret inside,
 * and an event that arrives meanwhile.
 *
 * Observed: the results written back. Expected: "Test result: SUCCESS".
 */

#include "guest.h"

static void several(void)
{
    struct multicall_entry calls[4] = {
        { HC_XEN_VERSION, 99, { XENVER_VERSION } },
        { 63, 99, { 0 } },
        { HC_SCHED_OP, 99, { SCHEDOP_YIELD } },
        { HC_XEN_VERSION, 99, { XENVER_VERSION } },
    };
    check_equal(hypercall(HC_MULTICALL, calls, 4), 0, "a batch of four");
    check_equal(calls[0].result, hypercall(HC_XEN_VERSION), "the first result");
    check_equal(calls[1].result, -ENOSYS, "a failure in the middle stays its own");
    check_equal(calls[2].result, 0, "the third");
    check_equal(calls[3].result, hypercall(HC_XEN_VERSION), "the last");
    check_equal(hypercall(HC_MULTICALL, calls, 0), 0, "a batch of none");
    check_equal(hypercall(HC_MULTICALL, 0x80000000, 1), -EFAULT, "entries that are not mapped");
    check_equal(hypercall(HC_MULTICALL, 0xfffff000, 1), -EFAULT, "entries in the hypervisor");
}

static void nested(void)
{
    struct multicall_entry inner = { HC_XEN_VERSION, 99, { XENVER_VERSION } };
    struct multicall_entry outer[2] = {
        { HC_MULTICALL, 99, { (u32)&inner, 1 } },
        { HC_XEN_VERSION, 99, { XENVER_VERSION } },
    };
    check_equal(hypercall(HC_MULTICALL, outer, 2), 0, "a batch in a batch");
    check_equal(outer[0].result, -EINVAL, "is refused");
    check_equal(inner.result, 99, "and not executed");
    check_equal(outer[1].result, hypercall(HC_XEN_VERSION), "the rest is");
}

#if !GUEST_TRANSLATED

static void mappings(void)
{
    u8 *first = page_alloc(), *second = page_alloc();
    u64 read = pte_of(mfn_of(second), PTE_READ), write = pte_of(mfn_of(second), PTE_WRITE);
    u32 address = (u32)first;
    second[0] = 0x42;
    struct multicall_entry calls[3] = {
        { HC_UPDATE_VA_MAPPING, 99, { address, (u32)write, (u32)(write >> 32), UVMF_INVLPG } },
        { HC_UPDATE_VA_MAPPING, 99, { 0xffc00000, 0, 0, 0 } },
        { HC_UPDATE_VA_MAPPING, 99, { address, (u32)read, (u32)(read >> 32), UVMF_INVLPG } },
    };
    check_equal(hypercall(HC_MULTICALL, calls, 3), 0, "three mappings");
    check(calls[0].result == 0 && calls[1].result == -EINVAL && calls[2].result == 0,
          "of which the second is refused");
    check_equal(first[0], 0x42, "the page shows the new frame");
    ATTEMPT_WITH("", "movb $1, (%0)", "r"(first));
    check_equal(attempt_vector(), 14, "the last one made it read-only");
}

#endif

static void with_event(void)
{
    u32 port;
    if (bind_ipi(0, &port))
        fail_now("no port can be bound");
    struct { u32 port; } argument = { port };
    struct multicall_entry calls[2] = {
        { HC_EVENT_CHANNEL_OP, 99, { EVTCHNOP_SEND, (u32)&argument } },
        { HC_XEN_VERSION, 99, { XENVER_VERSION } },
    };
    upcalls.count = 0;
    events_on();
    check_equal(hypercall(HC_MULTICALL, calls, 2), 0, "a send in a batch");
    events_off();
    check(calls[0].result == 0 && calls[1].result == hypercall(HC_XEN_VERSION), "the batch is finished");
    check(upcalls.per_port[port] == 1, "and the event delivered once");
}

void test_main(void)
{
    several();
    nested();
#if !GUEST_TRANSLATED
    mappings();
#endif
    with_event();
}
