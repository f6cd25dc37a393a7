/* Hypercalls that only ask: versions, memory, the page itself, what is refused. */

#include "probe.h"

void probe_version(void)
{
    static char text[1024];
    static u32 words[64];
    fact("xenver.version", "%x", (u32)hypercall(HC_XEN_VERSION, XENVER_VERSION, 0));
    long result = hypercall(HC_XEN_VERSION, XENVER_EXTRAVERSION, text);
    fact("xenver.extraversion", "%d '%s'", (int)result, text);
    fact("xenver.compile_info", "%d", (int)hypercall(HC_XEN_VERSION, XENVER_COMPILE_INFO, text));
    result = hypercall(HC_XEN_VERSION, XENVER_CAPABILITIES, text);
    int found = 0;
    for (const char *at = text; *at; at++)
        found |= !memcmp(at, "xen-3.0-x86_32p ", 16);
    fact("xenver.capabilities", "%d %s", (int)result, YES_NO(found));
    fact("xenver.changeset", "%d", (int)hypercall(HC_XEN_VERSION, XENVER_CHANGESET, text));
    result = hypercall(HC_XEN_VERSION, XENVER_PLATFORM_PARAMETERS, words);
    fact("xenver.platform_parameters", "%d %08x", (int)result, words[0]);
    for (u32 submap = 0; submap < 3; submap++) {
        words[0] = submap;
        words[1] = 0;
        result = hypercall(HC_XEN_VERSION, XENVER_GET_FEATURES, words);
        fact(named("xenver.get_features.%u", submap), "%d %08x", (int)result, words[1]);
    }
    fact("xenver.pagesize", "%d", (int)hypercall(HC_XEN_VERSION, XENVER_PAGESIZE, 0));
    fact("xenver.guest_handle", "%d", (int)hypercall(HC_XEN_VERSION, XENVER_GUEST_HANDLE, text));
    result = hypercall(HC_XEN_VERSION, XENVER_COMMANDLINE, text);
    if (!is_initial_domain())
        fact("xenver.commandline", "%d '%s'", (int)result, text);
    fact("xenver.build_id.null", "%d", (int)hypercall(HC_XEN_VERSION, XENVER_BUILD_ID, 0));
    fact("xenver.11", "%d", (int)hypercall(HC_XEN_VERSION, 11, 0));
    fact("xenver.pointer.in_hypervisor", "%d",
         (int)hypercall(HC_XEN_VERSION, XENVER_EXTRAVERSION, 0xfffff000));
    fact("xenver.pointer.unmapped", "%d",
         (int)hypercall(HC_XEN_VERSION, XENVER_EXTRAVERSION, 0x800010));
}

void probe_memory_op(void)
{
    u16 self = DOMID_SELF;
    u32 pages = start_info->nr_pages;
    static struct e820_entry map[8];
    static u32 extent[4];
    long result = hypercall(HC_MEMORY_OP, XENMEM_MAXIMUM_RAM_PAGE, 0);
    fact("memory_op.maximum_ram_page.positive", "%s", YES_NO(result > 0));
    result = hypercall(HC_MEMORY_OP, XENMEM_CURRENT_RESERVATION, &self);
    fact("memory_op.current_reservation_minus_nr_pages", "%d", (int)(result - (long)pages));
    result = hypercall(HC_MEMORY_OP, XENMEM_MAXIMUM_RESERVATION, &self);
    fact("memory_op.maximum_reservation_minus_nr_pages", "%d", (int)(result - (long)pages));
    fact("memory_op.maximum_gpfn", "%d", (int)hypercall(HC_MEMORY_OP, XENMEM_MAXIMUM_GPFN, &self));
    struct xen_machphys_mfn_list list = { 2, extent, 0 };
    result = hypercall(HC_MEMORY_OP, XENMEM_MACHPHYS_MFN_LIST, &list);
    fact("memory_op.machphys_mfn_list", "%d %u", (int)result, list.nr_extents);
    list = (struct xen_machphys_mfn_list){ 2, extent, 0 };
    result = hypercall(HC_MEMORY_OP, XENMEM_MACHPHYS_COMPAT_MFN_LIST, &list);
    fact("memory_op.machphys_compat_mfn_list", "%d %u", (int)result, list.nr_extents);
    struct xen_machphys_mapping mapping = { 0, 0, 0 };
    result = hypercall(HC_MEMORY_OP, XENMEM_MACHPHYS_MAPPING, &mapping);
    fact("memory_op.machphys_mapping", "%d %08x %08x %x", (int)result, mapping.v_start,
         mapping.v_end, mapping.max_mfn);
    struct xen_memory_map entries = { 8, map };
    result = hypercall(HC_MEMORY_OP, XENMEM_MEMORY_MAP, &entries);
    if (!is_initial_domain())
        fact("memory_op.memory_map", "%d %u: %016llx type %u, nr_pages more: %d", (int)result,
             entries.nr_entries, map[0].address, map[0].type, (int)((map[0].size >> 12) - pages));
    entries = (struct xen_memory_map){ 8, map };
    if (!is_initial_domain())
        fact("memory_op.machine_memory_map", "%d",
             (int)hypercall(HC_MEMORY_OP, XENMEM_MACHINE_MEMORY_MAP, &entries));
    fact("memory_op.63", "%d", (int)hypercall(HC_MEMORY_OP, 63, 0));
}

static void print_slot(u32 number, u32 length)
{
    char text[80];
    u32 at = 0;
    for (u32 i = 0; i < length; i++)
        at += text_of(text + at, sizeof text - at, "%02x", hypercall_page[number * 32 + i]);
    fact(named("hypercall_page.%u", number), "%s", text);
}

static void probe_page(void)
{
    static const u8 numbers[] = { 0, 1, 2, 3, 4, 5, 6, 7, 41, 64 };
    for (u32 i = 0; i < sizeof numbers; i++)
        print_slot(numbers[i], 16);
    print_slot(HC_IRET, 32);
    print_slot(63, 32);
    print_slot(127, 32);
}

static void probe_assists(void)
{
    for (u32 type = 0; type < 8; type++) {
        long enabled = hypercall(HC_VM_ASSIST, VMASST_CMD_ENABLE, type);
        long disabled = hypercall(HC_VM_ASSIST, VMASST_CMD_DISABLE, type);
        fact(named("vm_assist.%u", type), "enable %d disable %d", (int)enabled, (int)disabled);
    }
    fact("vm_assist.31", "%d", (int)hypercall(HC_VM_ASSIST, VMASST_CMD_ENABLE, 31));
    fact("vm_assist.32", "%d", (int)hypercall(HC_VM_ASSIST, VMASST_CMD_ENABLE, 32));
    fact("vm_assist.command_2", "%d", (int)hypercall(HC_VM_ASSIST, 2, 0));
}

static void probe_commands(void)
{
    static u8 argument[64];
    fact("evtchn.command_99", "%d", (int)hypercall(HC_EVENT_CHANNEL_OP, 99, argument));
    fact("sched_op.command_99", "%d", (int)hypercall(HC_SCHED_OP, 99, argument));
    fact("vcpu_op.command_99", "%d", (int)hypercall(HC_VCPU_OP, 99, 0, argument));
    fact("physdev_op.command_99", "%d", (int)hypercall(HC_PHYSDEV_OP, 99, argument));
    fact("grant_table_op.command_99", "%d", (int)hypercall(HC_GRANT_TABLE_OP, 99, argument, 1));
    long result = mmuext(99, 0, 0);
    fact("mmuext.command_99", "%d done %u", (int)result, mmu_done);
    result = mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
    fact("mmuext.tlb_flush", "%d done %u", (int)result, mmu_done);
}

static void probe_interrupt(void)
{
    u32 eax = HC_XEN_VERSION, ebx = 0, ecx = 0x11111111, edx = 0x22222222, esi = 0x33333333,
        edi = 0x44444444;
    __asm__ volatile("int $0x82"
                     : "+a"(eax), "+b"(ebx), "+c"(ecx), "+d"(edx), "+S"(esi), "+D"(edi) : : "memory");
    fact("int82.registers", "%x %x %x %x %x %x", eax, ebx, ecx, edx, esi, edi);
    fact("int82.number_64", "%d", (int)hypercall_int82(64));
    fact("int82.number_10011", "%d", (int)hypercall_int82(0x10011));
}

/* Those that do no harm without arguments. */
void probe_hypercalls(void)
{
    static const u8 numbers[] = { 7, 10, 11, 16, 19, 24, 25, 26, 27, 28, 30, 31, 33, 34, 35, 36, 37, 38,
                                  39, 40, 41, 42, 43, 45, 47, 48, 49, 55, 56, 63 };
    for (u32 i = 0; i < sizeof numbers; i++)
        fact(named("hypercall.zeros.%u", numbers[i]), "%d", (int)hypercall(numbers[i]));
    probe_page();
    probe_assists();
    probe_commands();
    probe_interrupt();
}

void probe_first_ports(void)
{
    for (u32 port = 0; port < 8; port++) {
        struct evtchn_status status = { .dom = DOMID_SELF, .port = port };
        long result = evtchn(EVTCHNOP_STATUS, &status);
        fact(named("ports.%u", port), "%d status %u vcpu %u remote %u", (int)result, status.status,
             status.vcpu, status.status == 2 ? status.u.interdomain.dom : 0);
    }
    struct evtchn_status status = { .dom = DOMID_SELF, .port = 4096 };
    fact("ports.4096", "%d", (int)evtchn(EVTCHNOP_STATUS, &status));
}
