/* The grant table (version 1): a frame of entries that other domains may use. */

#include "guest.h"

static u8 table_page[PAGE_SIZE] __attribute__((aligned(4096)));
static struct grant_entry *table;

struct grant_entry *grant_table(void)
{
    u32 frames[1];
    struct gnttab_setup_table setup = { DOMID_SELF, 1, 1, frames };
    if (table)
        return table;
    if (hypercall(HC_GRANT_TABLE_OP, GNTTABOP_SETUP_TABLE, &setup, 1) || setup.status)
        fail_now("the grant table cannot be set up: status %d", setup.status);
    if (map_entry((u32)table_page, pte_of(frames[0], PTE_WRITE)))
        fail_now("the grant table cannot be mapped");
    table = (struct grant_entry *)table_page;
    return table;
}

void grant_access(u32 ref, u32 domain, const void *page, int read_only)
{
    struct grant_entry *entry = &grant_table()[ref];
    entry->frame = mfn_of(page);
    entry->domid = (u16)domain;
    __asm__ volatile("" : : : "memory");
    entry->flags = (u16)(GTF_PERMIT_ACCESS | (read_only ? GTF_READONLY : 0));
}

int grant_end(u32 ref)
{
    u16 *flags = &grant_table()[ref].flags;
    u16 old = *flags;
    if (old & (GTF_READING | GTF_WRITING))
        return 0;
    return __sync_bool_compare_and_swap(flags, old, 0);
}
