/*
 * Grants, the end that takes: domain N+1 maps, copies and transfers pages of domain N, which runs
 * grants-server.
 *
 * Observed: what is read and refused. Expected: "Test result: SUCCESS" in both domains; FAILURE
 * where the other does not come within ten seconds.
 */

#include "../grants-server/shared.h"

static u32 server, shared_handle;
static volatile u32 *shared;

static struct gnttab_map_grant_ref map(const volatile void *at, u32 ref, u32 flags)
{
    struct gnttab_map_grant_ref request = { (u32)at, flags, ref, (u16)server, 99, 0, 0 };
    if (hypercall(HC_GRANT_TABLE_OP, GNTTABOP_MAP_GRANT_REF, &request, 1))
        fail_now("map_grant_ref fails");
    return request;
}

static int unmap(const volatile void *at, u32 handle)
{
    struct gnttab_unmap_grant_ref request = { (u32)at, 0, handle, 99 };
    hypercall(HC_GRANT_TABLE_OP, GNTTABOP_UNMAP_GRANT_REF, &request, 1);
    return request.status;
}

static void find(void)
{
    u64 end = now() + PATIENCE;
    shared = page_alloc();
    for (;;) {
        struct gnttab_map_grant_ref request = map(shared, REF_SHARED, GNTMAP_HOST);
        if (!request.status) {
            shared_handle = request.handle;
            break;
        }
        if ((s64)(now() - end) > 0)
            fail_now("domain %u grants nothing: status %d", server, request.status);
        rest();
    }
    check_equal((long)shared[WORD_MAGIC], (long)MAGIC, "the other domain's page is mapped");
    check((*table_entry((u32)shared, 1) & PTE_RW) != 0, "writable");
    shared[WORD_DATA] = 0x1234;
    shared[WORD_CLIENT] = STAGE_MAPPED;
    await(shared, WORD_SERVER, STAGE_MAPPED);
}

static void maps(void)
{
    u8 *window = page_alloc(), *second = page_alloc();
    struct gnttab_map_grant_ref read = map(window, REF_READ, GNTMAP_HOST | GNTMAP_READONLY);
    check_equal(read.status, 0, "a read-only grant is mapped read-only");
    check(window[7] == PATTERN(7), "and read");
    ATTEMPT_WITH("", "movb $1, (%0)", "r"(window));
    check(attempt_vector() == 14 && last_trap.frame.error_code == 3, "it cannot be written");
    check(map(second, REF_READ, GNTMAP_HOST).status < 0, "nor mapped writable");
    struct gnttab_map_grant_ref again = map(second, REF_READ, GNTMAP_HOST | GNTMAP_READONLY);
    check(again.status == 0 && again.handle != read.handle, "it is mapped twice, with two handles");
    check_equal(unmap(window, read.handle), 0, "unmapped once");
    check(second[7] == PATTERN(7), "the other mapping stays");
    check(unmap(window, again.handle) < 0, "a handle at another address is refused");
    check_equal(unmap(second, again.handle), 0, "unmapped at its own");
    check(map(window, REF_FOREIGN, GNTMAP_HOST).status < 0, "what is granted to another is refused");
    check(map(window, 500, GNTMAP_HOST).status < 0, "what is not granted is refused");
}

static int copy(u32 from, int from_grant, u32 to, int to_grant, u32 offset, u32 length)
{
    struct gnttab_copy request = {
        { from, (u16)(from_grant ? server : DOMID_SELF), 0 },
        { to, (u16)(to_grant ? server : DOMID_SELF), (u16)offset },
        (u16)length,
        (u16)((from_grant ? GNTCOPY_SOURCE_GREF : 0) | (to_grant ? GNTCOPY_DEST_GREF : 0)),
        99,
    };
    hypercall(HC_GRANT_TABLE_OP, GNTTABOP_COPY, &request, 1);
    return request.status;
}

static void copies(void)
{
    u8 *own = page_alloc();
    check_equal(copy(REF_READ, 1, mfn_of(own), 0, 0, PAGE_SIZE), 0, "a page is copied from the other");
    check(own[0] == PATTERN(0) && own[4095] == PATTERN(4095), "whole");
    check_equal(copy(mfn_of(own), 0, REF_COPY, 1, 100, 32), 0, "32 bytes are copied to the other");
    check(copy(mfn_of(own), 0, REF_COPY, 1, 4090, 32) < 0, "not across the end of the page");
    check(copy(mfn_of(own), 0, REF_READ, 1, 0, 32) < 0, "not to what may only be read");
    shared[WORD_CLIENT] = STAGE_COPIED;
    await(shared, WORD_SERVER, STAGE_COPIED);
}

static void talk(void)
{
    struct evtchn_bind_interdomain bind = { (u16)server, 0, shared[WORD_PORT], 0 };
    check_equal(evtchn(EVTCHNOP_BIND_INTERDOMAIN, &bind), 0, "the other's port is bound");
    port_mask(bind.local_port, 1);
    check(port_pending(bind.local_port), "and pending at once");
    port_clear(bind.local_port);
    check_equal(send(bind.local_port), 0, "an event is sent");
    shared[WORD_CLIENT] = STAGE_SENT;
    await(shared, WORD_SERVER, STAGE_SENT);
    check(port_pending(bind.local_port), "and one came back");
}

static void transfer(void)
{
    u8 *page = page_alloc();
    u32 mfn = mfn_of(page);
    page[3] = PATTERN(3) + 1;
    struct gnttab_transfer request = { mfn, (u16)server, REF_TRANSFER, 99 };
    if (map_entry((u32)page, 0))
        fail_now("the page cannot be unmapped");
    hypercall(HC_GRANT_TABLE_OP, GNTTABOP_TRANSFER, &request, 1);
    check_equal(request.status, 0, "a page is transferred");
    check(map_entry((u32)page, pte_of(mfn, PTE_WRITE)) != 0, "and is no longer ours");
    shared[WORD_CLIENT] = STAGE_TRANSFERRED;
    await(shared, WORD_SERVER, STAGE_TRANSFERRED);
}

void test_main(void)
{
    server = domain_id() - 1;
    find();
    maps();
    copies();
    talk();
    transfer();
    shared[WORD_CLIENT] = STAGE_LEAVING;
    check_equal(unmap(shared, shared_handle), 0, "the shared page is given back");
}
