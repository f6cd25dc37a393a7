/*
 * The guest's memory: frames, page tables of two or three levels, and a page allocator.
 *
 * A directly paged domain keeps machine frames in its tables and changes them by hypercall; a
 * translated one keeps its own frame numbers and writes them. The memory that the builder maps
 * behind the boot stack is what `page_alloc` hands out.
 */

#include "guest.h"

#define ENTRY_BITS (GUEST_PAE ? 9u : 10u)
#define LEVELS (GUEST_PAE ? 3u : 2u)
#define MAPPED_SLACK 0x80000u
#define MAPPED_UNIT 0x400000u

extern u8 image_end[];

static u32 next_page, last_page;
u32 mmu_done;

void paging_start(void)
{
    u32 parameters = 0;
    hypercall(HC_XEN_VERSION, XENVER_PLATFORM_PARAMETERS, &parameters);
    hypervisor_start = parameters;
    next_page = entry_registers.esp;
    last_page = (next_page + MAPPED_SLACK + MAPPED_UNIT - 1) & ~(MAPPED_UNIT - 1);
}

void *page_alloc(void)
{
    if (next_page >= last_page)
        fail_now("no page is left");
    void *page = (void *)next_page;
    next_page += PAGE_SIZE;
    memset(page, 0, PAGE_SIZE);
    return page;
}

u32 pfn_of(const void *address)
{
    return ((u32)address - (u32)GUEST_BASE) / PAGE_SIZE;
}

void *address_of_pfn(u32 pfn)
{
    return (void *)(pfn * PAGE_SIZE + (u32)GUEST_BASE);
}

u32 mfn_of_pfn(u32 pfn)
{
    return GUEST_TRANSLATED ? pfn : ((u32 *)start_info->mfn_list)[pfn];
}

u32 mfn_of(const void *address)
{
    return mfn_of_pfn(pfn_of(address));
}

u32 pfn_of_mfn(u32 mfn)
{
    return GUEST_TRANSLATED ? mfn : ((u32 *)hypervisor_start)[mfn];
}

u64 machine_of(const void *address)
{
    return ((u64)mfn_of(address) << 12) | ((u32)address & (PAGE_SIZE - 1));
}

pte_t pte_of(u32 mfn, u64 flags)
{
    return (pte_t)(((u64)mfn << 12) | flags);
}

u32 pte_mfn(pte_t pte)
{
    return (u32)((u64)(pte & (pte_t)~PTE_FLAGS) >> 12);
}

pte_t *table_at(u32 mfn)
{
    return address_of_pfn(pfn_of_mfn(mfn));
}

pte_t *table_entry(u32 address, u32 level)
{
    pte_t *table = (pte_t *)start_info->pt_base;
    for (u32 at = LEVELS;; at--) {
        pte_t *entry = &table[(address >> (12 + (at - 1) * ENTRY_BITS)) & ((1u << ENTRY_BITS) - 1)];
        if (at == level)
            return entry;
        if (!(*entry & PTE_P) || (*entry & PTE_PSE))
            return 0;
        table = table_at(pte_mfn(*entry));
    }
}

u64 entry_machine(u32 address, u32 level)
{
    pte_t *entry = table_entry(address, level);
    return entry ? machine_of(entry) : 0;
}

void need_middle_table(u32 address)
{
#if GUEST_PAE
    if (*table_entry(address, 3) & PTE_P)
        return;
    void *table = page_alloc();
#if GUEST_TRANSLATED
    u32 cr3;
    *table_entry(address, 3) = pte_of(pfn_of(table), PTE_P);
    __asm__ volatile("movl %%cr3, %0; movl %0, %%cr3" : "=r"(cr3) : : "memory");
#else
    if (map_page(table, PTE_READ)
        || mmu_update_one(entry_machine(address, 3), pte_of(mfn_of(table), PTE_P)))
        fail_now("no table can be added for %08x", address);
#endif
#else
    (void)address;
#endif
}

long map_entry(u32 address, pte_t entry)
{
#if GUEST_TRANSLATED
    pte_t *at = table_entry(address, 1);
    if (!at)
        return -EINVAL;
    *at = entry;
    return mmuext(MMUEXT_INVLPG_LOCAL, address, 0);
#else
    return hypercall(HC_UPDATE_VA_MAPPING, address, (u32)entry, (u32)((u64)entry >> 32),
                     UVMF_INVLPG);
#endif
}

long map_page(const void *address, u64 flags)
{
    return map_entry((u32)address, pte_of(mfn_of(address), flags));
}

long mmu_update_one(u64 pointer, u64 value)
{
    struct mmu_update request = { pointer, value };
    mmu_done = 0;
    return hypercall(HC_MMU_UPDATE, &request, 1, &mmu_done, DOMID_SELF);
}

long mmuext(u32 command, u32 first, u32 second)
{
    struct mmuext_op request = { command, first, second };
    mmu_done = 0;
    return hypercall(HC_MMUEXT_OP, &request, 1, &mmu_done, DOMID_SELF);
}

void allow_user(const void *from, const void *to)
{
    for (u32 page = (u32)from & ~(PAGE_SIZE - 1); page < (u32)to; page += PAGE_SIZE) {
        pte_t entry = *table_entry(page, 1);
        if (map_entry(page, entry | PTE_US))
            fail_now("ring 3 cannot be given the page at %08x", page);
    }
}
