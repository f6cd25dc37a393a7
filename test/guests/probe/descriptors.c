/* Descriptors: what Xen accepts in a GDT or LDT, and what it makes of it. */

#include "probe.h"

struct descriptor {
    u32 low, high;
};

static struct descriptor gdt[512] __attribute__((aligned(4096)));
static struct descriptor ldt[512] __attribute__((aligned(4096)));

#define TESTED 9u
#define TESTED_SELECTOR (TESTED * 8 | 3)

static long update(const void *at, u32 low, u32 high)
{
    u64 machine = machine_of(at);
    return hypercall(HC_UPDATE_DESCRIPTOR, (u32)machine, (u32)(machine >> 32), low, high);
}

static const struct descriptor tried[] = {
    { 0x0000ffff, 0x00cf9a00 }, { 0x0000ffff, 0x00cfba00 }, { 0x0000ffff, 0x00cffa00 },
    { 0x0000ffff, 0x00cf9200 }, { 0x0000ffff, 0x00cff200 }, { 0x0000ffff, 0x00cff300 },
    { 0x00000000, 0x00000000 }, { 0x0000ffff, 0x00cf1200 }, { 0x0000ffff, 0x00af9a00 },
    { 0x0000ffff, 0x00affa00 }, { 0x0000ffff, 0x00efba00 }, { 0x0000ffff, 0x00008900 },
    { 0x0000ffff, 0x00008200 }, { 0x00080000, 0x0000ec00 }, { 0xe0190000, 0x0010ec00 },
    { 0xe0190000, 0x00108c00 }, { 0xe0190000, 0x0010ee00 }, { 0x0000ffff, 0x00cf9e00 },
    { 0x0000ffff, 0x00cfbe00 }, { 0x1234ffff, 0x56cff278 }, { 0x0000ffff, 0x00c0fa00 },
    { 0x0000ffff, 0x00cff600 }, { 0x0000ffff, 0x00cfd200 },
};

static void probe_gdt_calls(void)
{
    u32 frames[2] = { mfn_of(gdt), 0 };
    u32 *plain = page_alloc();
    fact("update_descriptor.misaligned", "%d", (int)update((u8 *)gdt + 4, 0xffff, 0x00cff200));
    long result = update(plain, 0xffff, 0x00cff200);
    fact("update_descriptor.plain_page", "%d %08x %08x", (int)result, plain[0], plain[1]);
    fact("update_descriptor.page_table", "%d", (int)update(table_entry((u32)plain, 1), 0, 0));
    if (!is_initial_domain())
        fact("update_descriptor.frame_0", "%d", (int)hypercall(HC_UPDATE_DESCRIPTOR, 0, 0, 0, 0));
    u32 writable = mfn_of(plain);
    fact("set_gdt.writable_page", "%d", (int)hypercall(HC_SET_GDT, &writable, 512));
    fact("set_gdt.entries_0", "%d", (int)hypercall(HC_SET_GDT, frames, 0));
    fact("set_gdt.entries_513", "%d", (int)hypercall(HC_SET_GDT, frames, 513));
    fact("set_gdt.entries_7169", "%d", (int)hypercall(HC_SET_GDT, frames, 7169));
    fact("set_gdt.again", "%d", (int)hypercall(HC_SET_GDT, frames, 512));
    ATTEMPT("movl $0, gdt + 72");
    fact("set_gdt.direct_write", "vector %d error %x cr2 in the page at %03x", attempt_vector(),
         last_trap.frame.error_code, last_trap.cr2 & 0xfff);
}

void probe_descriptors(void)
{
    u32 frame = mfn_of(gdt);
    fact("set_gdt.while_writable", "%d", (int)hypercall(HC_SET_GDT, &frame, 512));
    map_page(gdt, PTE_READ);
    fact("set_gdt", "%d", (int)hypercall(HC_SET_GDT, &frame, 512));
    for (u32 i = 0; i < sizeof tried / sizeof *tried; i++) {
        long result = update(&gdt[TESTED], tried[i].low, tried[i].high);
        volatile struct descriptor *now = &gdt[TESTED];
        fact(named("descriptor.%08x.%08x", tried[i].low, tried[i].high), "%d %08x %08x lar %08x",
             (int)result, now->low, now->high, lar(TESTED_SELECTOR));
    }
    probe_gdt_calls();
}

#define LOAD_FS(selector) ATTEMPT_WITH("movl $" #selector ", %%eax", "movl %%eax, %%fs", "i"(0))

void probe_ldt(void)
{
    u32 fs, register_value = 0;
    ldt[1] = (struct descriptor){ 0xffff, 0x00cff200 };
    ldt[2] = (struct descriptor){ 0xffff, 0x00cf9200 };
    ldt[3] = (struct descriptor){ 0xffff, 0x00cff200 };
    fact("set_ldt.while_writable", "%d", (int)mmuext(MMUEXT_SET_LDT, (u32)ldt, 4));
    LOAD_FS(0xf);
    fact("ldt.load_from_writable_page", "vector %d error %x cr2 in the page at %03x",
         attempt_vector(), last_trap.frame.error_code, last_trap.cr2 & 0xfff);
    map_page(ldt, PTE_READ);
    fact("set_ldt", "%d", (int)mmuext(MMUEXT_SET_LDT, (u32)ldt, 4));
    LOAD_FS(0xf);
    attempt_fact("ldt.load_000f");
    __asm__ volatile("movl %%fs, %0" : "=r"(fs));
    fact("ldt.fs", "%04x", fs & 0xffff);
    LOAD_FS(0x17);
    attempt_fact("ldt.load_0017_of_dpl_0");
    volatile struct descriptor *second = &ldt[2];
    fact("ldt.descriptor_2", "%08x %08x", second->low, second->high);
    LOAD_FS(0x27);
    attempt_fact("ldt.load_0027_beyond_limit");
    fact("set_ldt.misaligned", "%d", (int)mmuext(MMUEXT_SET_LDT, (u32)ldt + 8, 4));
    fact("set_ldt.entries_8193", "%d", (int)mmuext(MMUEXT_SET_LDT, (u32)ldt, 8193));
    fact("set_ldt.unmapped", "%d", (int)mmuext(MMUEXT_SET_LDT, 0x80000000, 4));
    __asm__ volatile("sldt %%ax; movzwl %%ax, %0" : "=a"(register_value));
    fact("sldt.with_ldt", "%04x", register_value);
    __asm__ volatile("movl %0, %%fs" : : "r"(KERNEL_DS));
    mmuext(MMUEXT_SET_LDT, 0, 0);
    fact("ldt.writable_after_release", "%d", (int)map_page(ldt, PTE_WRITE));
}
