/*
 * An auto-translated domain: the guest's frame numbers are its own, page tables are ordinary memory,
 * shared_info and the rings lie inside it, and the calls for page tables do as little as they can.
 *
 * Observed: start_info, features, plain stores to page tables, results of mmuext_op.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

static u8 *data, *other;

static void description(void)
{
    u32 features[2] = { 0, 0 }, pages = start_info->nr_pages;
    check_equal(hypercall(HC_XEN_VERSION, XENVER_GET_FEATURES, features), 0, "get_features");
    check((features[1] & 5) == 5, "writable page tables, auto-translated: %08x", features[1]);
    check(start_info->shared_info / PAGE_SIZE < pages, "shared_info lies in the domain's memory");
    check(start_info->store_mfn < pages && start_info->console_mfn < pages, "so do the rings");
    check_equal((long)pte_mfn(*table_entry((u32)data, 1)), (long)pfn_of(data),
                "page tables hold the domain's own frame numbers");
    check_equal(vcpu()->evtchn_upcall_mask, 1, "shared_info is where start_info says");
}

static void plain_stores(void)
{
    pte_t *entry = table_entry((u32)data, 1);
    data[0] = 1;
    other[0] = 2;
    *entry = pte_of(pfn_of(other), PTE_WRITE);
    mmuext(MMUEXT_INVLPG_LOCAL, (u32)data, 0);
    check_equal(*(volatile u8 *)data, 2, "a plain store to a page table remaps a page");
    *entry = pte_of(pfn_of(data), PTE_READ);
    check_equal(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0, "TLB_FLUSH_LOCAL");
    check_equal(*(volatile u8 *)data, 1, "and another maps it back");
    ATTEMPT_WITH("", "movb $1, (%0)", "r"(data));
    check(attempt_vector() == 14 && last_trap.frame.error_code == 3, "read-only as it was stored");
    *entry = 0;
    u32 cr3;
    __asm__ volatile("movl %%cr3, %0; movl %0, %%cr3" : "=r"(cr3) : : "memory");
    ATTEMPT_WITH("", "movb (%0), %%al", "r"(data));
    check_equal(attempt_vector(), 14, "loading CR3 flushes");
    check_equal((long)(cr3 >> 12), (long)pfn_of((void *)start_info->pt_base),
                "and CR3 holds the domain's own frame number");
    *entry = pte_of(pfn_of(data), PTE_WRITE);
    mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
}

static void calls(void)
{
    u64 entry = pte_of(pfn_of(other), PTE_WRITE);
    check_equal(hypercall(HC_UPDATE_VA_MAPPING, data, (u32)entry, (u32)(entry >> 32), UVMF_INVLPG), 0,
                "update_va_mapping");
    check_equal(*(volatile u8 *)data, 2, "takes the domain's own frame number");
    entry = pte_of(pfn_of(data), PTE_WRITE);
    hypercall(HC_UPDATE_VA_MAPPING, data, (u32)entry, (u32)(entry >> 32), UVMF_INVLPG);
    u32 root = pfn_of((void *)start_info->pt_base);
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, pfn_of(data), 0), 0, "pins are accepted");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, pfn_of(data), 0), 0, "and unpins");
    check_equal(mmuext(MMUEXT_NEW_BASEPTR, root, 0), 0, "NEW_BASEPTR");
    *(volatile u8 *)data = 3;
}

/* A lowest table of our own: no call is needed for it. */
static void new_table(void)
{
    pte_t *table = page_alloc();
    table[0] = pte_of(pfn_of(other), PTE_WRITE);
    other[5] = 0x55;
    need_middle_table(0x40000000);
    pte_t *slot = table_entry(0x40000000, 2);
    *slot = pte_of(pfn_of(table), PTE_TABLE);
    check_equal(*(volatile u8 *)0x40000005, 0x55, "a new table works as soon as it is hooked in");
    table[1] = pte_of(pfn_of(table), PTE_WRITE);
    check_equal((long)(*(volatile u32 *)0x40001000 & ~0xfffu), (long)((u32)table[0] & ~0xfffu),
                "and may be mapped writable");
}

static void grants(void)
{
    u32 frames[4];
    struct gnttab_setup_table setup = { DOMID_SELF, 4, 1, frames };
    check(hypercall(HC_GRANT_TABLE_OP, GNTTABOP_SETUP_TABLE, &setup, 1) == 0 && setup.status == 0,
          "four frames of grants");
    for (u32 i = 0; i < 4; i++)
        check_equal((long)frames[i], (long)(start_info->nr_pages + i), "lie behind the domain's memory");
    volatile u32 *table = (u32 *)other;
    map_entry((u32)other, pte_of(frames[0], PTE_WRITE));
    table[100] = 0x77;
    check_equal((long)table[100], 0x77, "and are written through a page table");
    map_page(other, PTE_WRITE);
}

void test_main(void)
{
    data = page_alloc();
    other = page_alloc();
    description();
    plain_stores();
    calls();
    new_table();
    grants();
}
