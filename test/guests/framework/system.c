/* The first C code, the verdict of a test, the calls that every guest makes, and the end. */

#include "guest.h"

struct start_info *start_info;
struct shared_info *shared_info;
u32 hypervisor_start;

void paging_start(void);
void events_start(void);

static u32 failures, checks;
static char first_failure[160];

void start_guest(void)
{
    start_info = (struct start_info *)entry_registers.esi;
    paging_start();
    events_start();
    install_traps();
    test_main();
    console_flush();
    if (failures)
        print("Test result: FAILURE: %s (%u of %u checks)\n", first_failure, failures, checks);
    else
        print("Test result: SUCCESS\n");
    console_flush();
    shutdown(SHUTDOWN_POWEROFF);
}

void shutdown(u32 reason)
{
    u32 argument = reason;
    for (;;)
        sched_op(SCHEDOP_SHUTDOWN, &argument);
}

int is_initial_domain(void)
{
    return (start_info->flags & SIF_INITDOMAIN) != 0;
}

int is_era(void)
{
    return hypercall(HC_XEN_VERSION, XENVER_VERSION, 0) < 0x40000;
}

/* Known from a port that is given away to nobody: its status names the domain that it is for. */
u32 domain_id(void)
{
    struct evtchn_alloc_unbound near = { DOMID_SELF, DOMID_SELF, 0 };
    struct evtchn_status status = { 0 };
    if (evtchn(EVTCHNOP_ALLOC_UNBOUND, &near))
        return DOMID_SELF;
    status.dom = DOMID_SELF;
    status.port = near.port;
    evtchn(EVTCHNOP_STATUS, &status);
    close_port(near.port);
    return status.u.unbound.dom;
}

void check(int holds, const char *format, ...)
{
    char text[160];
    arguments values;
    __builtin_va_start(values, format);
    format_text(text, sizeof text, format, values);
    __builtin_va_end(values);
    checks++;
    print("%s %s\n", holds ? "ok  " : "FAIL", text);
    if (!holds && !failures++)
        memcpy(first_failure, text, sizeof text);
}

void check_equal(long actual, long expected, const char *what)
{
    if (actual == expected)
        check(1, "%s", what);
    else
        check(0, "%s: %x in place of %x", what, (u32)actual, (u32)expected);
}

void skip(const char *why)
{
    print("Test result: SKIP: %s\n", why);
    console_flush();
    shutdown(SHUTDOWN_POWEROFF);
}

void fail_now(const char *format, ...)
{
    char text[160];
    arguments values;
    __builtin_va_start(values, format);
    format_text(text, sizeof text, format, values);
    __builtin_va_end(values);
    print("Test result: FAILURE: %s\n", text);
    console_flush();
    shutdown(SHUTDOWN_POWEROFF);
}

#if GUEST_LEGACY_CALLS

/* The calls of the patches of May 2006: 16 with one structure, 6 with plain numbers. */
long event_channel_op(u32 command, void *argument, u32 bytes)
{
    struct evtchn_op op = { .cmd = command };
    memcpy(&op.u, argument, bytes);
    long result = hypercall(HC_EVENT_CHANNEL_OP_COMPAT, &op);
    memcpy(argument, &op.u, bytes);
    return result;
}

long sched_op(u32 command, void *argument)
{
    return hypercall(HC_SCHED_OP_COMPAT, command, argument ? *(u32 *)argument : 0);
}

#else

long event_channel_op(u32 command, void *argument, u32 bytes)
{
    (void)bytes;
    return hypercall(HC_EVENT_CHANNEL_OP, command, argument);
}

long sched_op(u32 command, void *argument)
{
    return hypercall(HC_SCHED_OP, command, argument);
}

#endif

long send(u32 port)
{
    struct { u32 port; } argument = { port };
    return evtchn(EVTCHNOP_SEND, &argument);
}

long close_port(u32 port)
{
    struct { u32 port; } argument = { port };
    return evtchn(EVTCHNOP_CLOSE, &argument);
}

long bind_virq(u32 virq, u32 vcpu_number, u32 *port)
{
    struct evtchn_bind_virq argument = { virq, vcpu_number, 0 };
    long result = evtchn(EVTCHNOP_BIND_VIRQ, &argument);
    *port = argument.port;
    return result;
}

long bind_ipi(u32 vcpu_number, u32 *port)
{
    struct evtchn_bind_ipi argument = { vcpu_number, 0 };
    long result = evtchn(EVTCHNOP_BIND_IPI, &argument);
    *port = argument.port;
    return result;
}

long block(void)
{
    return sched_op(SCHEDOP_BLOCK, 0);
}

long yield(void)
{
    return sched_op(SCHEDOP_YIELD, 0);
}
