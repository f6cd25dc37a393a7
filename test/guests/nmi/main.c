/*
 * Non-maskable interrupts that a guest sends itself: nmi_op, callback_op and send_nmi, while
 * events are masked, within their own handler, and without a handler.
 *
 * Observed: how often the handler was entered, with which frame, and what is masked in it.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

enum { XENNMI_REGISTER_CALLBACK, XENNMI_UNREGISTER_CALLBACK };

struct nmi_callback {
    u32 handler, pad;
};
struct registration {
    u16 type, flags;
    u32 cs, eip;
};

static u32 port;
static u32 count, depth, deepest, upcalls_inside, mask_inside;
static struct frame first;

static long send_nmi(void)
{
    return hypercall(HC_VCPU_OP, VCPUOP_SEND_NMI, 0, 0);
}

/* Sends another one and an event from within: both must wait. */
static int take_nmi(struct frame *at)
{
    if (at->vector != VECTOR_NMI_CALLBACK)
        return 0;
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (!count++) {
        first = *at;
        mask_inside = vcpu()->evtchn_upcall_mask;
        send_nmi();
        send(port);
        upcalls_inside = upcalls.count;
    }
    depth--;
    return 1;
}

static void start(void)
{
    count = depth = deepest = 0;
    memset(&upcalls, 0, sizeof upcalls);
}

static long register_by_nmi_op(u32 handler)
{
    struct nmi_callback argument = { handler, 0 };
    return hypercall(HC_NMI_OP, XENNMI_REGISTER_CALLBACK, &argument);
}

static void one(const char *how, u32 mask)
{
    start();
    vcpu()->evtchn_upcall_mask = (u8)mask;
    check_equal(send_nmi(), 0, how);
    u32 after = vcpu()->evtchn_upcall_mask;
    events_off();
    check_equal((long)count, 2, "one comes at once, the one from within when it is over");
    check_equal((long)deepest, 1, "they do not nest");
    check_equal((long)mask_inside, 1, "events are masked inside");
    check_equal((long)(first.cs >> 16), (long)mask, "the frame has the mask of before");
    check_equal((first.eflags & EFLAGS_IF) != 0, !mask, "and IF is its opposite");
    check_equal((long)(first.cs & 0xffff), (long)KERNEL_CS, "the place is in ring 1");
    check(first.eip >= (u32)hypercall_page && first.eip < (u32)hypercall_page + PAGE_SIZE,
          "behind the hypercall: %x", first.eip);
    check_equal((long)after, (long)mask, "the mask is as before");
    check_equal((long)upcalls_inside, 0, "no event inside");
    check_equal((long)upcalls.count, mask ? 0 : 1, "an event waits for its mask");
    if (mask) {
        events_on();
        events_off();
        check_equal((long)upcalls.count, 1, "and comes then");
    }
}


static void bad_arguments(void)
{
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_SEND_NMI, 0, &count), -EINVAL,
                "send_nmi takes no argument");
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_SEND_NMI, 77, 0), -ENOENT, "nor a vCPU that is none");
    check_equal(hypercall(HC_NMI_OP, XENNMI_REGISTER_CALLBACK, 0x80000000), -EFAULT,
                "nmi_op from nowhere");
    check_equal(hypercall(HC_NMI_OP, 9, 0), -ENOSYS, "nmi_op of no such kind");
    struct registration unknown = { 77, 0, KERNEL_CS, (u32)nmi_entry };
    check_equal(hypercall(HC_CALLBACK_OP, CALLBACKOP_REGISTER, &unknown), -ENOSYS,
                "a callback of no such kind");
}

void test_main(void)
{
    if (bind_ipi(0, &port))
        fail_now("no port can be bound");
    events_off();
    struct nmi_callback argument = { (u32)nmi_entry, 0 };
    if (is_era()) {
        check_equal(hypercall(HC_NMI_OP, XENNMI_REGISTER_CALLBACK, &argument), -EINVAL,
                    "Xen 3.0 has NMIs for domain 0 alone");
        return;
    }
    start();
    check_equal(send_nmi(), 0, "an NMI without a handler");
    trap_hook = take_nmi;
    check_equal(register_by_nmi_op((u32)nmi_entry), 0, "nmi_op registers a handler");
    check_equal((long)count, 0, "which does not get the one from before");
    one("send_nmi with events masked", 1);
    one("send_nmi with events on", 0);
    check_equal(hypercall(HC_NMI_OP, XENNMI_UNREGISTER_CALLBACK, 0), 0, "nmi_op unregisters it");
    start();
    send_nmi();
    check_equal((long)count, 0, "nobody is entered any more");
    struct registration registration = { CALLBACKTYPE_NMI, 0, KERNEL_CS, (u32)nmi_entry };
    check_equal(hypercall(HC_CALLBACK_OP, CALLBACKOP_REGISTER, &registration), 0,
                "callback_op registers one too");
    one("send_nmi to it", 1);
    check_equal(hypercall(HC_CALLBACK_OP, CALLBACKOP_UNREGISTER, &registration), 0,
                "callback_op unregisters it");
    start();
    send_nmi();
    check_equal((long)count, 0, "nobody is entered");
    trap_hook = 0;
    bad_arguments();
}
