/*
 * Grants, the end that gives: domain N grants pages to domain N+1, which runs grants-client.
 *
 * Observed: what the other domain wrote and copied, the flags of entries in use, an event, a page
 * that was transferred. Expected: "Test result: SUCCESS" in both domains; FAILURE where the other
 * does not come within ten seconds.
 */

#include "shared.h"

static volatile u32 *shared;
static u8 *pattern, *copied, *given;

/* Gives a page away, so that there is room for one that is transferred. */
static void make_room(u32 client)
{
    u32 frame = mfn_of(given);
    struct xen_memory_reservation request = { &frame, 1, 0, 0, DOMID_SELF };
    if (map_entry((u32)given, 0) || hypercall(HC_MEMORY_OP, XENMEM_DECREASE_RESERVATION, &request) != 1)
        fail_now("a page cannot be given away");
    struct grant_entry *entry = &grant_table()[REF_TRANSFER];
    entry->frame = pfn_of(given);
    entry->domid = (u16)client;
    entry->flags = GTF_ACCEPT_TRANSFER;
}

static void offer(u32 client)
{
    struct evtchn_alloc_unbound channel = { DOMID_SELF, (u16)client, 0 };
    shared = page_alloc();
    pattern = page_alloc();
    copied = page_alloc();
    given = page_alloc();
    for (u32 at = 0; at < PAGE_SIZE; at++)
        pattern[at] = PATTERN(at);
    if (evtchn(EVTCHNOP_ALLOC_UNBOUND, &channel))
        fail_now("no event channel");
    port_mask(channel.port, 1);
    shared[WORD_PORT] = channel.port;
    make_room(client);
    grant_access(REF_READ, client, pattern, 1);
    grant_access(REF_COPY, client, copied, 0);
    grant_access(REF_FOREIGN, 0, pattern, 0);
    shared[WORD_MAGIC] = MAGIC;
    grant_access(REF_SHARED, client, (void *)shared, 0);
}

static void transferred(void)
{
    struct grant_entry *entry = &grant_table()[REF_TRANSFER];
    check_equal(entry->flags & 0xc, 0xc, "the transfer is committed and completed");
    if (map_entry((u32)given, pte_of(entry->frame, PTE_WRITE)))
        fail_now("the transferred page cannot be mapped");
    check(given[3] == PATTERN(3) + 1, "the transferred page has the other domain's data");
    check_equal(mmu_update_one(((u64)entry->frame << 12) | MMU_MACHPHYS_UPDATE, pfn_of(given)), 0,
                "it is ours to name");
}

static void take_back(void)
{
    u64 end = now() + PATIENCE;
    while (!grant_end(REF_SHARED)) {
        if ((s64)(now() - end) > 0)
            fail_now("the shared page stays in use");
        rest();
    }
    check(grant_end(REF_READ) && grant_end(REF_COPY), "what is not in use can be taken back");
}

void test_main(void)
{
    u32 client = domain_id() + 1;
    offer(client);
    await(shared, WORD_CLIENT, STAGE_MAPPED);
    check_equal((long)shared[WORD_DATA], 0x1234, "the other domain wrote to the page");
    check_equal(grant_table()[REF_SHARED].flags & (GTF_READING | GTF_WRITING),
                GTF_READING | GTF_WRITING, "a mapped entry is marked");
    check(!grant_end(REF_SHARED), "and cannot be taken back");
    shared[WORD_SERVER] = STAGE_MAPPED;
    await(shared, WORD_CLIENT, STAGE_COPIED);
    check(copied[100] == PATTERN(0) && copied[131] == PATTERN(31) && !copied[99] && !copied[132],
          "a copy of 32 bytes arrived at its place");
    check_equal(grant_table()[REF_COPY].flags, GTF_PERMIT_ACCESS, "a copy leaves no mark");
    shared[WORD_SERVER] = STAGE_COPIED;
    await(shared, WORD_CLIENT, STAGE_SENT);
    check(port_pending(shared[WORD_PORT]), "its event arrived");
    check_equal(send(shared[WORD_PORT]), 0, "one goes back");
    shared[WORD_SERVER] = STAGE_SENT;
    await(shared, WORD_CLIENT, STAGE_TRANSFERRED);
    transferred();
    shared[WORD_SERVER] = STAGE_TRANSFERRED;
    take_back();
}
