/* Memory that comes and goes (memory_op) and memory that is shared (grant tables). */

#include "probe.h"

static struct grant_entry *grants;

static u8 grant_page[PAGE_SIZE] __attribute__((aligned(4096)));

void probe_first_grants(void)
{
    static u32 frames[4];
    struct gnttab_query_size size = { .dom = DOMID_SELF };
    long result = hypercall(HC_GRANT_TABLE_OP, GNTTABOP_QUERY_SIZE, &size, 1);
    fact("grants.query_size", "%d status %d frames %u max %u", (int)result, size.status,
         size.nr_frames, size.max_nr_frames);
    struct gnttab_get_version version = { .dom = DOMID_SELF };
    result = hypercall(HC_GRANT_TABLE_OP, GNTTABOP_GET_VERSION, &version, 1);
    fact("grants.get_version", "%d version %u", (int)result, version.version);
    u32 wanted = 2;
    result = hypercall(HC_GRANT_TABLE_OP, GNTTABOP_SET_VERSION, &wanted, 1);
    fact("grants.set_version_2", "%d version %u", (int)result, wanted);
    wanted = 1;
    result = hypercall(HC_GRANT_TABLE_OP, GNTTABOP_SET_VERSION, &wanted, 1);
    fact("grants.set_version_1", "%d version %u", (int)result, wanted);
    struct gnttab_setup_table setup = { DOMID_SELF, 4, 1, frames };
    result = hypercall(HC_GRANT_TABLE_OP, GNTTABOP_SETUP_TABLE, &setup, 1);
    fact("grants.setup_table", "%d status %d", (int)result, setup.status);
    fact("grants.frames_differ", "%s", YES_NO(frames[0] != frames[1] && frames[1] != frames[2]));
    fact("grants.m2p_of_frame", "%08x", pfn_of_mfn(frames[0]));
    fact("grants.map_frame", "%d", (int)map_entry((u32)grant_page, pte_of(frames[0], PTE_WRITE)));
    grants = (struct grant_entry *)grant_page;
    if (!is_initial_domain()) {
        fact("grants.entry_0", "flags %04x domain %u console page %s", grants[0].flags,
             grants[0].domid, YES_NO(grants[0].frame == start_info->console_mfn));
        fact("grants.entry_1", "flags %04x domain %u store page %s", grants[1].flags,
             grants[1].domid, YES_NO(grants[1].frame == start_info->store_mfn));
    }
    u32 rest = 0;
    for (u32 ref = 2; ref < 512; ref++)
        rest |= grants[ref].flags | grants[ref].domid | grants[ref].frame;
    fact("grants.other_entries", "%x", rest);
}

static long reservation(u32 command, u32 *frames, u32 order, u32 domain)
{
    struct xen_memory_reservation request = { frames, 1, order, 0, (u16)domain };
    return hypercall(HC_MEMORY_OP, command, &request);
}

static u32 current_pages(void)
{
    u16 self = DOMID_SELF;
    return (u32)hypercall(HC_MEMORY_OP, XENMEM_CURRENT_RESERVATION, &self);
}

void probe_reservation(void)
{
    u32 *page = page_alloc();
    u32 pfn = pfn_of(page), mfn = mfn_of(page), frame = mfn, before = current_pages();
    *page = 1;
    fact("reservation.decrease_mapped", "%d", (int)reservation(XENMEM_DECREASE_RESERVATION, &frame, 0, DOMID_SELF));
    *page = 2;
    fact("reservation.still_mapped", "%u", *page);
    fact("reservation.m2p_while_mapped", "moved %d", (int)(pfn_of_mfn(mfn) - pfn));
    fact("reservation.unmap", "%d", (int)map_entry((u32)page, 0));
    fact("reservation.current", "%d", (int)(current_pages() - before));
    frame = pfn;
    long result = reservation(XENMEM_POPULATE_PHYSMAP, &frame, 0, DOMID_SELF);
    fact("reservation.populate", "%d m2p is pfn %s", (int)result, YES_NO(pfn_of_mfn(frame) == pfn));
    if (result == 1)
        ((u32 *)start_info->mfn_list)[pfn] = frame;
    fact("reservation.map_new", "%d", (int)map_page(page, PTE_WRITE));
    u32 more = 0;
    result = reservation(XENMEM_INCREASE_RESERVATION, &more, 0, DOMID_SELF);
    fact("reservation.increase", "%d m2p %08x", (int)result, pfn_of_mfn(more));
    u32 bogus = 0x3ffffff;
    fact("reservation.decrease_bogus", "%d", (int)reservation(XENMEM_DECREASE_RESERVATION, &bogus, 0, DOMID_SELF));
    fact("reservation.decrease_domain_555", "%d", (int)reservation(XENMEM_DECREASE_RESERVATION, &bogus, 0, 555));
    u32 at = 0x300;
    fact("reservation.populate_order_20", "%d", (int)reservation(XENMEM_POPULATE_PHYSMAP, &at, 20, DOMID_SELF));
    u32 *traded = page_alloc();
    u32 in = mfn_of(traded), out = pfn_of(traded);
    map_entry((u32)traded, 0);
    struct xen_memory_exchange exchange = {
        { &in, 1, 0, 0, DOMID_SELF }, { &out, 1, 0, 0, DOMID_SELF }, 0,
    };
    result = hypercall(HC_MEMORY_OP, XENMEM_EXCHANGE, &exchange);
    fact("reservation.exchange", "%d exchanged %u m2p is pfn %s", (int)result, exchange.nr_exchanged,
         YES_NO(pfn_of_mfn(out) == pfn_of(traded)));
}

static u8 *granted, *window;

static struct gnttab_map_grant_ref map_grant(u64 address, u32 flags, u32 ref, u32 domain)
{
    struct gnttab_map_grant_ref map = { address, flags, ref, (u16)domain, 99, 0, 0 };
    long result = hypercall(HC_GRANT_TABLE_OP, GNTTABOP_MAP_GRANT_REF, &map, 1);
    if (result)
        map.status = (s16)(1000 + result);
    return map;
}

static int unmap_grant(u64 address, u32 handle)
{
    struct gnttab_unmap_grant_ref unmap = { address, 0, handle, 99 };
    long result = hypercall(HC_GRANT_TABLE_OP, GNTTABOP_UNMAP_GRANT_REF, &unmap, 1);
    return result ? 1000 + (int)result : unmap.status;
}

static void probe_grant_refusals(u32 self)
{
    u64 at = (u32)window;
    fact("grant_map.empty_ref", "%d", map_grant(at, GNTMAP_HOST, 99, self).status);
    fact("grant_map.ref_100000", "%d", map_grant(at, GNTMAP_HOST, 100000, self).status);
    fact("grant_map.domain_999", "%d", map_grant(at, GNTMAP_HOST, 9, 999).status);
    fact("grant_map.no_flags", "%d", map_grant(at, 0, 9, self).status);
}

static void probe_grant_copy(u32 self)
{
    u8 *copied = page_alloc();
    struct gnttab_copy copy = { { 9, (u16)self, 0 }, { mfn_of(copied), DOMID_SELF, 16 }, 4,
                                GNTCOPY_SOURCE_GREF, 99 };
    long result = hypercall(HC_GRANT_TABLE_OP, GNTTABOP_COPY, &copy, 1);
    fact("grant_copy", "%d status %d byte %02x", (int)result, copy.status, copied[16]);
    copy.len = 5000;
    result = hypercall(HC_GRANT_TABLE_OP, GNTTABOP_COPY, &copy, 1);
    fact("grant_copy.too_long", "%d status %d", (int)result, copy.status);
}

void probe_grant_maps(void)
{
    u32 self = domain_id();
    granted = page_alloc();
    window = page_alloc();
    granted[0] = 0x5a;
    grants[9] = (struct grant_entry){ GTF_PERMIT_ACCESS, (u16)self, mfn_of(granted) };
    struct gnttab_map_grant_ref map = map_grant((u32)window, GNTMAP_HOST, 9, self);
    u64 entry = *table_entry((u32)window, 1);
    fact("grant_map", "%d flags %04x data %02x pte %016llx", map.status, grants[9].flags, window[0],
         (u64)(entry & PTE_FLAGS));
    fact("grant_map.bus_address_is_the_frame", "%s", YES_NO(map.dev_bus_addr == machine_of(granted)));
    long result = map_entry((u32)window, 0);
    fact("grant_map.overwritten_by_0", "%d pte %016llx", (int)result,
         (u64)*table_entry((u32)window, 1));
    int status = unmap_grant((u32)window, map.handle);
    fact("grant_unmap.of_an_overwritten_entry", "%d flags %04x", status, grants[9].flags);
    fact("grant_unmap.again", "%d", unmap_grant((u32)window, map.handle));
    probe_grant_refusals(self);
    map = map_grant((u32)window, GNTMAP_HOST, 9, self);
    status = unmap_grant((u32)window, map.handle);
    fact("grant_unmap", "%d pte %016llx", status, (u64)*table_entry((u32)window, 1));
    grants[10] = (struct grant_entry){ GTF_PERMIT_ACCESS | GTF_READONLY, (u16)self, mfn_of(granted) };
    map = map_grant((u32)window, GNTMAP_HOST, 10, self);
    fact("grant_map.writable_of_read_only", "%d", map.status);
    if (!map.status)
        unmap_grant((u32)window, map.handle);
    map = map_grant((u32)window, GNTMAP_HOST | GNTMAP_READONLY, 10, self);
    fact("grant_map.read_only", "%d pte %016llx", map.status,
         (u64)(*table_entry((u32)window, 1) & PTE_FLAGS));
    fact("grant_unmap.read_only", "%d", unmap_grant((u32)window, map.handle));
    u64 at = entry_machine((u32)window, 1);
    map = map_grant(at, GNTMAP_HOST | GNTMAP_CONTAINS_PTE, 9, self);
    fact("grant_map.contains_pte", "%d pte %016llx", map.status,
         (u64)(*table_entry((u32)window, 1) & PTE_FLAGS));
    fact("grant_unmap.contains_pte", "%d", unmap_grant(at, map.handle));
    probe_grant_copy(self);
}
