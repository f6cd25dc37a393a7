/* Page tables: what mmu_update, mmuext_op and update_va_mapping accept, and how they refuse. */

#include "probe.h"

static u8 *page;
static u64 entry_address;

static u64 entry_now(void)
{
    return *table_entry((u32)page, 1);
}

/* Writes an entry of the page, and prints the answer and the flags that are then there. */
static void flags_fact(const char *name, u64 flags)
{
    long result = mmu_update_one(entry_address, pte_of(mfn_of(page), flags));
    if (result)
        fact(name, "%d", (int)result);
    else
        fact(name, "0 flags %016llx", (u64)(entry_now() & PTE_FLAGS));
}

static void frame_fact(const char *name, u32 mfn, u64 flags)
{
    long result = mmu_update_one(entry_address, pte_of(mfn, flags));
    fact(name, "%d done %u", (int)result, mmu_done);
}

static void probe_entry_flags(void)
{
    flags_fact("mmu.flags.same", PTE_WRITE);
    flags_fact("mmu.flags.global", 0x163);
    flags_fact("mmu.flags.present_only", 0x001);
    flags_fact("mmu.flags.021", 0x021);
    flags_fact("mmu.flags.061", 0x061);
    flags_fact("mmu.flags.067", 0x067);
    flags_fact("mmu.flags.available_200", 0x263);
    flags_fact("mmu.flags.available_400", 0x463);
    flags_fact("mmu.flags.available_800", 0x863);
    flags_fact("mmu.flags.available_all", 0xe63);
    flags_fact("mmu.flags.no_execute", PTE_NX | 0x63);
    flags_fact("mmu.flags.bit_52", 0x10000000000063ull | 1ull << 52);
    flags_fact("mmu.flags.bit_62", 1ull << 62 | 0x63);
    flags_fact("mmu.flags.bit_46", 1ull << 46 | 0x63);
    if (!is_initial_domain()) {
        flags_fact("mmu.flags.uncached", 0x7b);
        flags_fact("mmu.flags.pat", 0xe3);
    }
    flags_fact("mmu.flags.not_present", 0);
    long result = mmu_update_one(entry_address, 0xdeadbeef00ull);
    fact("mmu.not_present_garbage", "%d %016llx", (int)result, entry_now());
    flags_fact("mmu.flags.restored", 0x63);
}

static void probe_frames(void)
{
    u32 lowest_table = pte_mfn(*table_entry((u32)page, 2));
    frame_fact("mmu.frame.table_writable", lowest_table, 0x63);
    frame_fact("mmu.frame.table_read_only", lowest_table, 0x61);
    if (!is_initial_domain()) {
        frame_fact("mmu.frame.0", 0, 0x63);
        frame_fact("mmu.frame.b8", 0xb8, 0x63);
        frame_fact("mmu.frame.fee00", 0xfee00, 0x63);
    }
    frame_fact("mmu.frame.beyond_memory", 0x3ffffff, 0x63);
    frame_fact("mmu.frame.restored", mfn_of(page), 0x63);
}

static void probe_update_commands(void)
{
    u8 *plain = page_alloc();
    u64 plain_address = machine_of(plain);
    long result = mmu_update_one(plain_address, 0x1122334455667788ull);
    fact("mmu.write_to_plain_page", "%d %016llx", (int)result, *(u64 *)plain);
    result = mmu_update_one(entry_address | MMU_PT_UPDATE_PRESERVE_AD, pte_of(mfn_of(page), 0x63));
    fact("mmu.command.2", "%d flags %03x", (int)result, (u32)entry_now() & 0xfff);
    fact("mmu.command.3", "%d", (int)mmu_update_one(entry_address | 3, pte_of(mfn_of(page), 0x63)));
    fact("mmu.command.4", "%d", (int)mmu_update_one(entry_address | 4, pte_of(mfn_of(page), 0x63)));
    u32 pfn = pfn_of(plain);
    result = mmu_update_one(((u64)mfn_of(plain) << 12) | MMU_MACHPHYS_UPDATE, pfn + 1);
    fact("mmu.command.machphys", "%d moved %d", (int)result, (int)(pfn_of_mfn(mfn_of(plain)) - pfn));
    mmu_update_one(((u64)mfn_of(plain) << 12) | MMU_MACHPHYS_UPDATE, pfn);
    fact("mmu.count_0", "%d", (int)hypercall(HC_MMU_UPDATE, 0, 0, 0, DOMID_SELF));
    struct mmu_update batch[3] = {
        { entry_address, pte_of(mfn_of(page), 0x21) },
        { entry_address, pte_of(0x3ffffff, 0x63) },
        { entry_address, pte_of(mfn_of(page), 0x63) },
    };
    result = hypercall(HC_MMU_UPDATE, batch, 3, &mmu_done, DOMID_SELF);
    fact("mmu.batch_with_a_bad_second", "%d done %u flags %03x", (int)result, mmu_done,
         (u32)entry_now() & 0xfff);
    flags_fact("mmu.flags.restored_again", 0x63);
    struct mmu_update one = { entry_address, entry_now() };
    fact("mmu.domain.500", "%d", (int)hypercall(HC_MMU_UPDATE, &one, 1, &mmu_done, 500));
    if (!is_initial_domain()) {
        fact("mmu.domain.io", "%d", (int)hypercall(HC_MMU_UPDATE, &one, 1, &mmu_done, DOMID_IO));
        fact("mmu.domain.xen", "%d", (int)hypercall(HC_MMU_UPDATE, &one, 1, &mmu_done, DOMID_XEN));
    }
}

static void probe_extended_operations(void)
{
    u32 mfn = mfn_of(page);
    fact("update_va_mapping.f5800000", "%d", (int)map_entry(0xf5800000, 0));
    fact("update_va_mapping.ff000000", "%d", (int)map_entry(0xff000000, 0));
    fact("update_va_mapping.without_table", "%d", (int)map_entry(0xc0000000, 0));
    long result = mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0);
    fact("mmuext.pin_l1_of_writable_page", "%d done %u", (int)result, mmu_done);
    fact("mmuext.unpin_of_unpinned", "%d", (int)mmuext(MMUEXT_UNPIN_TABLE, mfn, 0));
    fact("mmuext.pin_l4", "%d", (int)mmuext(MMUEXT_PIN_L4_TABLE, mfn, 0));
    fact("mmuext.new_user_baseptr", "%d", (int)mmuext(MMUEXT_NEW_USER_BASEPTR, mfn, 0));
    fact("mmuext.new_baseptr_of_plain_page", "%d", (int)mmuext(MMUEXT_NEW_BASEPTR, mfn, 0));
    page[5] = 1;
    result = mmuext(MMUEXT_CLEAR_PAGE, mfn, 0);
    fact("mmuext.clear_page", "%d %u", (int)result, page[5]);
    u8 *other = page_alloc();
    page[5] = 7;
    result = mmuext(MMUEXT_COPY_PAGE, mfn_of(other), mfn);
    fact("mmuext.copy_page", "%d %u", (int)result, other[5]);
}

/* A store to a page table, which ring 1 may only read. */
static void probe_direct_write(void)
{
    if (is_initial_domain())
        return;
    ATTEMPT_WITH("movl %[at], %%ecx; movl (%%ecx), %%eax", "movl %%eax, (%%ecx)",
                 [at] "r"(table_entry((u32)page, 1)));
    fact("mmu.direct_write", "vector %d error %x cr2 is the entry %s", attempt_vector(),
         last_trap.frame.error_code, YES_NO(last_trap.cr2 == (u32)table_entry((u32)page, 1)));
}

void probe_mmu(void)
{
    page = page_alloc();
    entry_address = entry_machine((u32)page, 1);
    probe_entry_flags();
    probe_frames();
    probe_update_commands();
    probe_extended_operations();
    probe_direct_write();
}

/* ---- types: pins, and tables below tables ---- */

#define SPARE 0x40000000u

static u64 *lowest, *middle;

static void probe_pins(void)
{
    u32 mfn = mfn_of(lowest);
    fact("types.pin_l1_while_writable", "%d", (int)mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0));
    fact("types.make_read_only", "%d", (int)map_page(lowest, PTE_READ));
    fact("types.pin_l1", "%d", (int)mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0));
    fact("types.pin_l1_again", "%d", (int)mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0));
    fact("types.pin_l1_as_l2", "%d", (int)mmuext(MMUEXT_PIN_L2_TABLE, mfn, 0));
    fact("types.writable_while_pinned", "%d", (int)map_page(lowest, PTE_WRITE));
    long result = mmu_update_one(machine_of(&lowest[2]), pte_of(mfn_of(page), 0x63));
    fact("types.write_pinned_unused_l1", "%d flags %03x", (int)result, (u32)lowest[2] & 0xfff);
    fact("types.l1_maps_itself_writable", "%d",
         (int)mmu_update_one(machine_of(&lowest[3]), pte_of(mfn, 0x63)));
    fact("types.l1_maps_itself_read_only", "%d",
         (int)mmu_update_one(machine_of(&lowest[3]), pte_of(mfn, 0x61)));
}

static void probe_second_level(void)
{
    u64 second = machine_of(table_entry(SPARE, 2)), third = machine_of(table_entry(SPARE, 3));
    u64 *entry = (u64 *)table_entry(SPARE, 2);
    u32 mfn = mfn_of(lowest);
    long result = mmu_update_one(second, pte_of(mfn, 0x67));
    fact("types.l2_entry", "%d flags %03x", (int)result, (u32)entry[0] & 0xfff);
    ATTEMPT("movl 0x40000000, %%eax");
    fact("types.read_through_new_table", "%s", attempt_text());
    fact("types.l2_to_writable_page", "%d",
         (int)mmu_update_one(second + 8, pte_of(mfn_of(page), 0x67)));
    fact("types.l2_with_pse", "%d", (int)mmu_update_one(second + 8, pte_of(mfn_of(page), 0xe7)));
    result = mmu_update_one(second + 8, pte_of(mfn, 0x65));
    fact("types.l2_second_use_read_only", "%d flags %03x", (int)result, (u32)entry[1] & 0xfff);
    result = mmu_update_one(second + 8, pte_of(mfn, PTE_NX | 0x67));
    fact("types.l2_with_nx", "%d flags %016llx", (int)result, entry[1] & PTE_FLAGS);
    fact("types.l2_cleared", "%d", (int)mmu_update_one(second + 8, 0));
    u64 high = entry_machine(0xf5800000, 2);
    fact("types.hypervisor_slot_428", "%d", (int)mmu_update_one(high, 0));
    fact("types.hypervisor_slot_511", "%d", (int)mmu_update_one(high + (511 - 428) * 8, 0));
    fact("types.guest_slot_427", "%d", (int)mmu_update_one(high - 8, 0));
    (void)third;
}

static void probe_third_level(void)
{
    u64 *top = (u64 *)start_info->pt_base;
    u64 third = machine_of(top);
    long result = mmu_update_one(third + 8, top[1]);
    fact("types.l3_same", "%d flags %03x", (int)result, (u32)top[1] & 0xfff);
    fact("types.l3_slot_4_zero", "%d", (int)mmu_update_one(third + 32, 0));
    fact("types.l3_slot_4_table", "%d", (int)mmu_update_one(third + 32, top[1]));
    fact("types.l3_slot_3_other_table", "%d", (int)mmu_update_one(third + 24, top[1]));
    result = mmu_update_one(third + 16, 0);
    fact("types.l3_slot_2_zero", "%d %016llx", (int)result, top[2]);
    map_page(middle, PTE_READ);
    fact("types.pin_l2_empty", "%d", (int)mmuext(MMUEXT_PIN_L2_TABLE, mfn_of(middle), 0));
    result = mmu_update_one(third + 16, pte_of(mfn_of(middle), 0x001));
    fact("types.l3_entry_001", "%d flags %03x", (int)result, (u32)top[2] & 0xfff);
    result = mmu_update_one(third + 16, pte_of(mfn_of(middle), 0x067));
    fact("types.l3_entry_067", "%d flags %03x", (int)result, (u32)top[2] & 0xfff);
    fact("types.unpin_l2_in_use", "%d", (int)mmuext(MMUEXT_UNPIN_TABLE, mfn_of(middle), 0));
    fact("types.unpin_l2_again", "%d", (int)mmuext(MMUEXT_UNPIN_TABLE, mfn_of(middle), 0));
}

static void probe_unpins(void)
{
    u64 second = machine_of(table_entry(SPARE, 2));
    u32 root = mfn_of((void *)start_info->pt_base);
    fact("types.unpin_l1_hooked", "%d", (int)mmuext(MMUEXT_UNPIN_TABLE, mfn_of(lowest), 0));
    fact("types.writable_while_hooked", "%d", (int)map_page(lowest, PTE_WRITE));
    fact("types.unhook_l1", "%d", (int)mmu_update_one(second, 0));
    fact("types.writable_after_unhook", "%d", (int)map_page(lowest, PTE_WRITE));
    fact("types.unpin_base", "%d", (int)mmuext(MMUEXT_UNPIN_TABLE, root, 0));
    fact("types.pin_base_again", "%d", (int)mmuext(MMUEXT_PIN_L3_TABLE, root, 0));
    fact("types.new_baseptr_same", "%d", (int)mmuext(MMUEXT_NEW_BASEPTR, root, 0));
    fact("types.new_baseptr_of_l2", "%d", (int)mmuext(MMUEXT_NEW_BASEPTR, mfn_of(middle), 0));
}

void probe_table_types(void)
{
    lowest = page_alloc();
    middle = page_alloc();
    probe_pins();
    probe_second_level();
    probe_third_level();
    probe_unpins();
}
