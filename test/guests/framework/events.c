/* Event channels: shared_info, the upcall, ports, and the clock that lives in vcpu_info. */

#include "guest.h"

struct upcalls upcalls;
void (*on_port)(u32 port);
void (*on_upcall)(struct frame *frame);
struct vcpu_info *vcpu_infos[32];
struct shared_info first_shared_info;

static u8 shared_page[PAGE_SIZE] __attribute__((aligned(4096)));

void events_start(void)
{
#if GUEST_TRANSLATED
    (void)shared_page;
    shared_info = address_of_pfn(start_info->shared_info / PAGE_SIZE);
#else
    shared_info = (struct shared_info *)shared_page;
    if (map_entry((u32)shared_page, (pte_t)start_info->shared_info | PTE_WRITE))
        shutdown(SHUTDOWN_CRASH);
#endif
    for (u32 number = 0; number < 32; number++)
        vcpu_infos[number] = &shared_info->vcpu_info[number];
    first_shared_info = *shared_info;
    /* Back-ends answer when they like; no test is to count their events. */
    if (!is_initial_domain()) {
        port_mask(start_info->store_evtchn, 1);
        port_mask(start_info->console_evtchn, 1);
    }
}

/* Each stack is aligned to its size and has the number of its vCPU at the bottom. */
u32 vcpu_id(void)
{
    u32 esp;
    __asm__("movl %%esp, %0" : "=r"(esp));
    return *(u32 *)(esp & ~(STACK_SIZE - 1));
}

struct vcpu_info *vcpu(void)
{
    return vcpu_infos[vcpu_id()];
}

void events_off(void)
{
    vcpu()->evtchn_upcall_mask = 1;
    __asm__ volatile("" : : : "memory");
}

void events_on(void)
{
    volatile struct vcpu_info *info = vcpu();
    info->evtchn_upcall_mask = 0;
    __asm__ volatile("" : : : "memory");
    if (info->evtchn_upcall_pending)
        hypercall(HC_XEN_VERSION, XENVER_VERSION, 0);
}

int port_pending(u32 port)
{
    return (((volatile u32 *)shared_info->evtchn_pending)[port / 32] >> (port % 32)) & 1;
}

int port_masked(u32 port)
{
    return (((volatile u32 *)shared_info->evtchn_mask)[port / 32] >> (port % 32)) & 1;
}

void port_clear(u32 port)
{
    __asm__ volatile("lock btrl %1, %0"
                     : "+m"(shared_info->evtchn_pending[port / 32]) : "r"(port % 32) : "memory");
}

void port_mask(u32 port, int masked)
{
    u32 *word = &shared_info->evtchn_mask[port / 32];
    if (masked)
        __asm__ volatile("lock btsl %1, %0" : "+m"(*word) : "r"(port % 32) : "memory");
    else
        __asm__ volatile("lock btrl %1, %0" : "+m"(*word) : "r"(port % 32) : "memory");
}

void scan_ports(void)
{
    struct vcpu_info *info = vcpu();
    u32 selector = 0;
    info->evtchn_upcall_pending = 0;
    __asm__ volatile("xchgl %0, %1" : "+r"(selector), "+m"(info->evtchn_pending_sel) : : "memory");
    for (u32 word = 0; word < 32; word++) {
        if (!(selector & (1u << word)))
            continue;
        u32 bits = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];
        for (u32 bit = 0; bit < 32; bit++) {
            if (!(bits & (1u << bit)))
                continue;
            u32 port = word * 32 + bit;
            port_clear(port);
            upcalls.per_port[port]++;
            if (on_port)
                on_port(port);
        }
    }
}

void handle_upcall(struct frame *frame)
{
    struct vcpu_info *info = vcpu();
    upcalls.count++;
    upcalls.mask_inside = info->evtchn_upcall_mask;
    upcalls.pending_inside = info->evtchn_upcall_pending;
    upcalls.selector_inside = info->evtchn_pending_sel;
    upcalls.pending0_inside = shared_info->evtchn_pending[0];
    upcalls.frame = *frame;
    upcalls.at = (u32)&frame->eip;
    if (on_upcall)
        on_upcall(frame);
    else
        scan_ports();
}

u64 rdtsc(void)
{
    u64 value;
    __asm__ volatile("rdtsc" : "=A"(value));
    return value;
}

u64 now(void)
{
    volatile struct vcpu_time_info *time = &vcpu()->time;
    for (;;) {
        u32 version = time->version;
        if (version & 1)
            continue;
        u64 delta = rdtsc() - time->tsc_timestamp;
        if (time->tsc_shift < 0)
            delta >>= -time->tsc_shift;
        else
            delta <<= time->tsc_shift;
        u32 multiplier = time->tsc_to_system_mul;
        u64 elapsed = (delta >> 32) * multiplier + (((delta & 0xffffffffu) * multiplier) >> 32);
        u64 result = time->system_time + elapsed;
        __asm__ volatile("" : : : "memory");
        if (time->version == version)
            return result;
    }
}

void spin_until(u64 time)
{
    while ((s64)(now() - time) < 0)
        __asm__ volatile("pause");
}

long set_timer(u64 time)
{
    return hypercall(HC_SET_TIMER_OP, (u32)time, (u32)(time >> 32));
}
