/* What a domain finds when it starts: registers, start_info, page tables, shared_info. */

#include "probe.h"

extern u8 image_start[], image_end[];

static u32 rounded_up(u32 value)
{
    return (value + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

void probe_entry(void)
{
    const struct entry_registers *at = &entry_registers;
    fact("entry.eax", "%08x", at->eax);
    fact("entry.ebx", "%08x", at->ebx);
    fact("entry.ecx", "%08x", at->ecx);
    fact("entry.edx", "%08x", at->edx);
    fact("entry.edi", "%08x", at->edi);
    fact("entry.ebp", "%08x", at->ebp);
    fact("entry.esi.page_offset", "%03x", at->esi & 0xfff);
    fact("entry.esp.page_offset", "%03x", at->esp & 0xfff);
    fact("entry.eflags", "%08x", at->eflags);
    fact("entry.cs", "%04x", at->cs);
    fact("entry.ds", "%04x", at->ds);
    fact("entry.es", "%04x", at->es);
    fact("entry.fs", "%04x", at->fs);
    fact("entry.gs", "%04x", at->gs);
    fact("entry.ss", "%04x", at->ss);
    fact("entry.stack", "%08x %08x %08x %08x", at->below_stack[0], at->below_stack[1],
         at->below_stack[2], at->below_stack[3]);
}

void probe_start_info(void)
{
    const struct start_info *info = start_info;
    u32 p2m_end = rounded_up(info->mfn_list + info->nr_pages * 4);
    u32 tail = 0;
    for (const u8 *byte = (const u8 *)info + sizeof *info; (u32)byte & 0xfff; byte++)
        tail += *byte;
    fact("start_info.magic", "%s", info->magic);
    fact("start_info.shared_info.page_offset", "%03x", info->shared_info & 0xfff);
    fact("start_info.flags", "%08x", info->flags);
    fact("start_info.store_evtchn", "%u", info->store_evtchn);
    fact("start_info.console_evtchn", "%u", info->console_evtchn);
    fact("start_info.nr_pt_frames", "%u", info->nr_pt_frames);
    fact("start_info.mod_start", "%08x", info->mod_start);
    fact("start_info.mod_len", "%u", info->mod_len);
    fact("start_info.cmd_line", "'%s'", info->cmd_line);
    fact("start_info.first_p2m_pfn", "%u", info->first_p2m_pfn);
    fact("start_info.nr_p2m_frames", "%u", info->nr_p2m_frames);
    fact("start_info.rest_of_page", "%u", tail);
    fact("layout.mfn_list_minus_kernel_end", "%d", (int)(info->mfn_list - (u32)image_end));
    fact("layout.start_info_minus_mfn_list_end", "%d", (int)((u32)info - p2m_end));
    if (!is_initial_domain()) {
        fact("layout.store_page_minus_start_info", "%d",
             (int)(pfn_of_mfn(info->store_mfn) - pfn_of(info)));
        fact("layout.console_page_minus_start_info", "%d",
             (int)(pfn_of_mfn(info->console_mfn) - pfn_of(info)));
        fact("layout.page_tables_minus_start_info", "%d",
             (int)(pfn_of((void *)info->pt_base) - pfn_of(info)));
    }
    fact("layout.boot_stack_end_minus_page_tables", "%d pages more than nr_pt_frames",
         (int)((entry_registers.esp - info->pt_base) / PAGE_SIZE - info->nr_pt_frames));
}

static void print_upper_tables(void)
{
    u32 root = pfn_of((void *)start_info->pt_base);
    pte_t *top = (pte_t *)start_info->pt_base;
    for (u32 slot = 0; slot < 4; slot++)
        fact(named("tables.l3.%u", slot), "flags %03x page %u", (u32)top[slot] & 0xfff,
             pfn_of_mfn(pte_mfn(top[slot])) - root);
    fact("tables.l3.4", "%016llx", top[4]);
    pte_t *low = table_at(pte_mfn(top[0])), *high = table_at(pte_mfn(top[3]));
    for (u32 slot = 0; slot < 2; slot++)
        fact(named("tables.l2.0.%u", slot), "flags %03x page %u", (u32)low[slot] & 0xfff,
             pfn_of_mfn(pte_mfn(low[slot])) - root);
    fact("tables.l2.0.2", "%016llx", low[2]);
    fact("tables.l2.3.0", "%016llx", high[0]);
    fact("tables.l2.3.427", "%016llx", high[427]);
    fact("tables.l2.3.428.present", "%s", YES_NO(high[428] & PTE_P));
}

/* The pages that the builder mapped, each compared with what its place demands. */
void probe_first_tables(void)
{
    u32 table_start = start_info->pt_base;
    u32 table_end = table_start + start_info->nr_pt_frames * PAGE_SIZE;
    u32 mapped = 0, tables = 0, wrong_frame = 0, wrong_flags = 0, wrong_m2p = 0;
    for (u32 page = 0; page < 0x400000; page += PAGE_SIZE) {
        pte_t entry = *table_entry(page, 1);
        u32 flags = (u32)entry & 0xfff & ~PTE_D;
        int is_table = page >= table_start && page < table_end;
        int is_shared = pte_mfn(entry) == start_info->shared_info / PAGE_SIZE;
        mapped += (entry & PTE_P) != 0;
        tables += is_table && (u32)(entry & 0xfff) == PTE_READ;
        if (is_shared)
            continue;
        wrong_frame += pte_mfn(entry) != mfn_of((void *)page);
        wrong_flags += flags != (is_table ? PTE_READ : (PTE_P | PTE_RW | PTE_A));
    }
    for (u32 pfn = 0; pfn < start_info->nr_pages; pfn++)
        wrong_m2p += pfn_of_mfn(mfn_of_pfn(pfn)) != pfn;
    print_upper_tables();
    fact("tables.l1.mapped_pages", "%u", mapped);
    fact("tables.l1.beyond", "%s", YES_NO(table_entry(0x400000, 1)));
    fact("tables.l1.page_table_pages_read_only_021", "%s",
         YES_NO(tables == start_info->nr_pt_frames));
    fact("tables.l1.other_flags", "%u", wrong_flags);
    fact("tables.l1.frames_unlike_p2m", "%u", wrong_frame);
    fact("m2p.entries_unlike_p2m", "%u", wrong_m2p);
    fact("m2p.frame_0", "%08x", pfn_of_mfn(0));
    fact("m2p.shared_info", "%08x", pfn_of_mfn(start_info->shared_info / PAGE_SIZE));
    fact("p2m.frames_equal_pfns", "%s", YES_NO(mfn_of_pfn(0x123) == 0x123));
}

void probe_shared_info(void)
{
    const struct shared_info *shared = &first_shared_info;
    const struct vcpu_info *first = &shared->vcpu_info[0];
    u32 others = 0, masks = 0;
    for (u32 number = 1; number < 32; number++)
        others += *(const u32 *)&shared->vcpu_info[number] == 0x100;
    for (u32 word = 0; word < 32; word++)
        masks |= shared->evtchn_mask[word];
    fact("shared_info.vcpu0.mask", "%u", first->evtchn_upcall_mask);
    fact("shared_info.vcpu0.cr2", "%08x", first->cr2);
    fact("shared_info.other_vcpus_masked", "%u", others);
    fact("shared_info.evtchn_mask", "%08x", masks);
    fact("shared_info.time.version_is_even", "%s", YES_NO(!(first->time.version & 1)));
    fact("shared_info.time.mul_top_bit", "%u", first->time.tsc_to_system_mul >> 31);
    fact("shared_info.time.flags", "%02x", first->time.flags);
    fact("shared_info.wc_version", "%u", shared->wc_version);
    fact("shared_info.wc_nsec_below_a_second", "%s", YES_NO(shared->wc_nsec < 1000000000u));
    fact("shared_info.arch.max_pfn", "%08x", shared->arch_max_pfn);
    fact("shared_info.arch.frame_list_list", "%08x", shared->arch_frame_list_list);
    fact("shared_info.arch.nmi_reason", "%08x", shared->arch_nmi_reason);
    fact("shared_info.arch.p2m_cr3", "%08x", shared->arch_p2m_cr3);
    fact("shared_info.arch.p2m_vaddr", "%08x", shared->arch_p2m_vaddr);
    fact("shared_info.arch.p2m_generation", "%08x", shared->arch_p2m_generation);
    fact("shared_info.arch.wc_sec_hi", "%08x", shared->arch_wc_sec_hi);
}
