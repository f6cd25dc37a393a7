/*
 * Direct paging: building tables, pinning and loading them; what is refused because of a frame's
 * type; stores to page tables that Xen emulates; accessed and dirty bits, NX, flushes.
 *
 * Observed: results of the calls, entries as they are then, traps, data read through new mappings.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

#define TABLE_ENTRIES (PAGE_SIZE / sizeof(pte_t))
#define SPARE 0x40000000u
#define PIN_TOP (GUEST_PAE ? MMUEXT_PIN_L3_TABLE : MMUEXT_PIN_L2_TABLE)
#define NO_MORE_MEMORY 0x3ffffffu

static u8 *data;

/* What a type that does not fit is refused with. */
static long busy(void)
{
    return is_era() ? -EINVAL : -EBUSY;
}

static void accessed_and_dirty(void)
{
    volatile pte_t *entry = table_entry((u32)data, 1);
    map_page(data, PTE_P | PTE_RW);
    check_equal((long)(*entry & (PTE_A | PTE_D)), 0, "a fresh entry is neither accessed nor dirty");
    (void)*(volatile u8 *)data;
    check_equal((long)(*entry & (PTE_A | PTE_D)), PTE_A, "a read sets A");
    *(volatile u8 *)data = 1;
    check_equal((long)(*entry & (PTE_A | PTE_D)), PTE_A | PTE_D, "a write sets D");
}

static void protection(void)
{
    map_page(data, PTE_READ);
    ATTEMPT_WITH("", "movb $1, (%0)", "r"(data));
    check(attempt_vector() == 14 && last_trap.frame.error_code == 3, "ring 1 obeys a read-only page");
    map_entry((u32)data, 0);
    ATTEMPT_WITH("", "movb (%0), %%al", "r"(data));
    check(attempt_vector() == 14 && last_trap.frame.error_code == 0, "and a page that is gone");
    map_page(data, PTE_WRITE);
#if GUEST_PAE
    data[0] = 0xc3;
    map_page(data, PTE_WRITE | PTE_NX);
    /* A call would leave its return address on the stack. */
    ATTEMPT_WITH("", "jmp *%0", "r"(data));
    check(attempt_vector() == 14 && (last_trap.frame.error_code & 0x10)
              && last_trap.cr2 == (u32)data, "NX stops a fetch: error %x",
          last_trap.frame.error_code);
    __asm__ volatile("" : : : "memory");
    map_page(data, PTE_WRITE);
    ATTEMPT_WITH("", "call *%0", "r"(data));
    check_equal(attempt_vector(), -1, "without NX it runs");
#endif
}

static void flushes(void)
{
    u8 *other = page_alloc(), *window = page_alloc();
    data[0] = 1;
    other[0] = 2;
    map_entry((u32)window, pte_of(mfn_of(data), PTE_READ));
    u8 before = *(volatile u8 *)window;
    u64 entry = pte_of(mfn_of(other), PTE_READ);
    hypercall(HC_UPDATE_VA_MAPPING, window, (u32)entry, (u32)(entry >> 32), UVMF_NONE);
    check_equal(mmuext(MMUEXT_INVLPG_LOCAL, (u32)window, 0), 0, "INVLPG_LOCAL");
    check(before == 1 && *(volatile u8 *)window == 2, "a page remapped and flushed shows the new frame");
    mmu_update_one(entry_machine((u32)window, 1), pte_of(mfn_of(data), PTE_READ));
    check_equal(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0, "TLB_FLUSH_LOCAL");
    check_equal(*(volatile u8 *)window, 1, "so it does after mmu_update and a full flush");
    u32 everyone = 1;
    check_equal(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (u32)&everyone), 0, "TLB_FLUSH_MULTI");
    check_equal(mmuext(MMUEXT_INVLPG_MULTI, (u32)window, (u32)&everyone), 0, "INVLPG_MULTI");
    check_equal(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0, "TLB_FLUSH_ALL");
    check_equal(mmuext(MMUEXT_INVLPG_ALL, (u32)window, 0), 0, "INVLPG_ALL");
    check_equal((long)mmu_done, 1, "one operation was done");
}

/* A lowest table of ours below the running tables. */
static void new_table(void)
{
    pte_t *table = page_alloc();
    u64 slot = entry_machine(SPARE, 2);
    u32 mfn = mfn_of(table);
    data[0] = 0x77;
    table[0] = pte_of(mfn_of(data), PTE_WRITE);
    check_equal(mmu_update_one(slot, pte_of(mfn, PTE_TABLE)), -EINVAL,
                "a table that is mapped writable is refused");
    map_page(table, PTE_READ);
    check_equal(mmu_update_one(slot, pte_of(mfn, PTE_TABLE)), 0, "read-only it is taken");
    check_equal(*(volatile u8 *)SPARE, 0x77, "and maps its page");
    check_equal(map_page(table, PTE_WRITE), busy(), "it cannot be mapped writable now");
    check_equal(map_entry(SPARE + PAGE_SIZE, pte_of(mfn, PTE_WRITE)), busy(), "nor by itself");
    check_equal(map_entry(SPARE + PAGE_SIZE, pte_of(mfn, PTE_READ)), 0, "but read-only");
    check(*(volatile u32 *)(SPARE + PAGE_SIZE) != 0, "and read there");
    check_equal(map_entry(SPARE + PAGE_SIZE, 0), 0, "that goes again");
    check_equal(mmuext(MMUEXT_CLEAR_PAGE, mfn, 0), -EINVAL, "CLEAR_PAGE of a table is refused");
    check_equal(mmu_update_one(slot, 0), 0, "the table is taken out");
    ATTEMPT("movl 0x40000000, %%eax");
    check_equal(attempt_vector(), 14, "and maps nothing");
    check_equal(map_page(table, PTE_WRITE), 0, "then it is an ordinary page again");
    table[0] = pte_of(mfn_of(table_entry((u32)data, 1)), PTE_WRITE);
    map_page(table, PTE_READ);
    check_equal(mmu_update_one(slot, pte_of(mfn, PTE_TABLE)), busy(),
                "a table that would map a table writable is refused");
}

static void pins(void)
{
    pte_t *table = page_alloc();
    u32 mfn = mfn_of(table);
    memset(data, 0, PAGE_SIZE);
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), -EINVAL, "a writable page cannot be pinned");
    map_page(table, PTE_READ);
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0, "a read-only one can");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), -EINVAL, "not twice");
    check_equal(mmu_update_one(machine_of(table), pte_of(NO_MORE_MEMORY, PTE_WRITE)) != 0
                    || is_initial_domain(), 1, "a frame that is nobody's is refused");
    check_equal(mmu_update_one(machine_of(table), pte_of(mfn_of(data), PTE_WRITE)), 0,
                "an unused table can be written");
    check_equal(map_page(data, PTE_READ), 0, "a page that it maps writable, read-only elsewhere");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(data), 0), -EINVAL, "is still no table");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0, "unpin");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), -EINVAL, "not twice");
    check_equal(mmuext(MMUEXT_PIN_L1_TABLE, mfn_of(data), 0), 0, "now that page can be pinned");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn_of(data), 0), 0, "and unpinned");
    map_page(data, PTE_WRITE);
    map_page(table, PTE_WRITE);
}

/* Copies a table without what Xen keeps in it. */
static pte_t *copy_of(const pte_t *table, u32 entries)
{
    pte_t *copy = page_alloc();
    memcpy(copy, table, entries * sizeof(pte_t));
    return copy;
}

static void read_only(const void *page)
{
    if (map_page(page, PTE_READ))
        fail_now("a page cannot be made read-only");
}

/* A second top level with the guest in it. */
static void second_space(void)
{
    pte_t *old_top = (pte_t *)start_info->pt_base;
    u32 guest_slots = (hypervisor_start >> (GUEST_PAE ? 21 : 22)) & (TABLE_ENTRIES - 1);
#if GUEST_PAE
    pte_t *top = copy_of(old_top, 4);
    pte_t *high = copy_of(table_at(pte_mfn(old_top[3])), guest_slots);
    top[3] = pte_of(mfn_of(high), PTE_TABLE);
    read_only(high);
#else
    pte_t *top = copy_of(old_top, guest_slots);
#endif
    u32 mfn = mfn_of(top), old = mfn_of(old_top);
    /* In 2006 a bad top level was the end of the domain. */
    if (!is_era())
        check_equal(mmuext(MMUEXT_NEW_BASEPTR, mfn, 0), -EINVAL, "a writable top level is not loaded");
    read_only(top);
    check_equal(mmuext(PIN_TOP, mfn, 0), 0, "a second top level is pinned");
    check_equal(mmuext(MMUEXT_NEW_BASEPTR, mfn, 0), 0, "and loaded");
    u32 cr3;
    __asm__ volatile("movl %%cr3, %0" : "=r"(cr3));
    check_equal((long)(cr3 >> 12), (long)mfn, "CR3 names it");
    __asm__ volatile("movl %0, %%cr3" : : "r"(old << 12) : "memory");
    __asm__ volatile("movl %%cr3, %0" : "=r"(cr3));
    check_equal((long)(cr3 >> 12), (long)old, "MOV to CR3 goes back");
    check_equal(map_page(top, PTE_WRITE), busy(), "a pinned top level stays read-only");
    check_equal(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0, "it is unpinned");
    check_equal(map_page(top, PTE_WRITE), 0, "and an ordinary page again");
    if (!is_era())
        check_equal(mmuext(MMUEXT_NEW_BASEPTR, mfn_of(data), 0), -EINVAL, "a data page is no top level");
}

static void self_maps(void)
{
#if GUEST_PAE
    u32 own = pte_mfn(*table_entry(SPARE, 3));
    u64 slot = entry_machine(SPARE, 2) + 16;
    check_equal(mmu_update_one(slot, pte_of(own, PTE_TABLE)), -EINVAL, "a writable self map is refused");
    check_equal(mmu_update_one(slot, pte_of(own, PTE_P | PTE_US | PTE_A)), 0,
                "an L2 may map itself read-only");
    volatile pte_t *seen = (pte_t *)(SPARE + (2u << 21) + (2u << 12));
    check_equal((long)(seen[2] == table_entry(SPARE, 2)[2]), 1, "and is seen through itself");
    check_equal(mmu_update_one(slot, 0), 0, "the self map goes");
#endif
}

#define STORE(what, text, expected)                                                          \
    do {                                                                                     \
        map_page(data, PTE_WRITE);                                                           \
        ATTEMPT_WITH("", text, "S"(entry), "D"(low), [high] "m"(high));                      \
        pte_t now = *(volatile pte_t *)entry;                                                \
        check(attempt_vector() < 0 && (now & ~(pte_t)(PTE_A | PTE_D)) == (pte_t)(expected),  \
              "%s: vector %d, %016llx", what, attempt_vector(), (u64)now);                   \
    } while (0)

/* Stores of many kinds to the entry for `data`, whose table ring 1 may only read. */
static void emulated_stores(void)
{
    pte_t *entry = table_entry((u32)data, 1);
    u64 mapped = pte_of(mfn_of(data), PTE_P | PTE_RW);
    u32 low = (u32)mapped & ~PTE_RW, high = (u32)(mapped >> 32);
    hypercall(HC_VM_ASSIST, VMASST_CMD_DISABLE, VMASST_WRITABLE_PAGETABLES);
    ATTEMPT_WITH("", "movl %%edi, (%%esi)", "S"(entry), "D"(low));
    check(attempt_vector() == (is_initial_domain() ? -1 : 14),
          "without the assist a store to a table faults: vector %d", attempt_vector());
    check_equal(hypercall(HC_VM_ASSIST, VMASST_CMD_ENABLE, VMASST_WRITABLE_PAGETABLES), 0, "the assist");
    STORE("mov of the low half", "movl %%edi, (%%esi)", mapped & ~(u64)PTE_RW);
    STORE("xchg", "movl %%edi, %%eax; xchgl %%eax, (%%esi)", mapped & ~(u64)PTE_RW);
    STORE("and", "andl $~2, (%%esi)", mapped & ~(u64)PTE_RW);
    STORE("and of a byte", "andb $~2, (%%esi)", mapped & ~(u64)PTE_RW);
    STORE("or", "orl $0x200, (%%esi)", mapped | 0x200);
    STORE("btr", "lock btrl $1, (%%esi)", mapped & ~(u64)PTE_RW);
    STORE("cmpxchg", "movl (%%esi), %%eax; lock cmpxchgl %%edi, (%%esi)", mapped & ~(u64)PTE_RW);
#if GUEST_PAE
    STORE("cmpxchg8b", "movl (%%esi), %%eax; movl 4(%%esi), %%edx; movl %%edi, %%ebx;"
          "movl %[high], %%ecx; lock cmpxchg8b (%%esi)", mapped & ~(u64)PTE_RW);
    STORE("mov of zero to both halves", "movl $0, (%%esi); movl $0, 4(%%esi)", 0);
#else
    STORE("mov of zero", "movl $0, (%%esi)", 0);
#endif
    map_page(data, PTE_WRITE);
    u32 table = (u32)pte_of(mfn_of(entry), PTE_WRITE);
    ATTEMPT_WITH("", "movl %%edi, (%%esi)", "S"(entry), "D"(table));
    check(attempt_vector() == 14 && last_trap.frame.error_code == 3,
          "a store that would map a table writable faults: vector %d", attempt_vector());
    pte_t *upper = table_entry((u32)data, 2);
    ATTEMPT_WITH("movl (%%esi), %%eax", "movl %%eax, (%%esi)", "S"(upper));
    check_equal(attempt_vector(), 14, "stores to a higher level are not emulated");
    check_equal(map_page(data, PTE_WRITE), 0, "the entry is put right");
}

static void machine_to_physical(void)
{
    u32 mfn = mfn_of(data), pfn = pfn_of(data);
    u64 frame = (u64)mfn << 12;
    check_equal((long)pfn_of_mfn(mfn), (long)pfn, "M2P knows the page");
    check_equal(mmu_update_one(frame | MMU_MACHPHYS_UPDATE, pfn + 5), 0, "MACHPHYS_UPDATE");
    check_equal((long)pfn_of_mfn(mfn), (long)pfn + 5, "changes it");
    mmu_update_one(frame | MMU_MACHPHYS_UPDATE, pfn);
    u32 *table = (u32 *)hypervisor_start;
    ATTEMPT_WITH("", "movl $0, (%0)", "r"(table + mfn));
    check(attempt_vector() == 14 && last_trap.frame.error_code == 3, "a store to M2P faults");
    check(mmu_update_one(((u64)NO_MORE_MEMORY << 12) | MMU_MACHPHYS_UPDATE, 1) != 0,
          "MACHPHYS_UPDATE of a frame that is nobody's is refused");
}

void test_main(void)
{
    data = page_alloc();
    need_middle_table(SPARE);
    accessed_and_dirty();
    protection();
    flushes();
    new_table();
    pins();
    self_maps();
    second_space();
    machine_to_physical();
    emulated_stores();
}
