/* The processor as ring 1 sees it: CPUID, control registers, descriptors of Xen, MSRs. */

#include "probe.h"

struct cpuid cpuid_native(u32 leaf, u32 subleaf)
{
    struct cpuid out;
    __asm__ volatile("cpuid" : "=a"(out.eax), "=b"(out.ebx), "=c"(out.ecx), "=d"(out.edx)
                     : "0"(leaf), "2"(subleaf));
    return out;
}

struct cpuid cpuid_emulated(u32 leaf, u32 subleaf)
{
    struct cpuid out;
    __asm__ volatile("ud2a; .ascii \"xen\"; cpuid"
                     : "=a"(out.eax), "=b"(out.ebx), "=c"(out.ecx), "=d"(out.edx)
                     : "0"(leaf), "2"(subleaf));
    return out;
}

static void leaf_fact(u32 leaf)
{
    struct cpuid out = cpuid_emulated(leaf, 0);
    fact(named("cpuid.%08x", leaf), "%08x %08x %08x %08x", out.eax, out.ebx, out.ecx, out.edx);
}

void probe_cpuid(void)
{
    static const struct { const char *name; u8 in_ecx, bit; } hidden[] = {
        { "pse", 0, 3 }, { "sep", 0, 11 }, { "mtrr", 0, 12 }, { "pge", 0, 13 }, { "pse36", 0, 17 },
        { "monitor", 1, 3 }, { "vmx", 1, 5 }, { "cx16", 1, 13 }, { "pcid", 1, 17 },
        { "x2apic", 1, 21 }, { "tsc_deadline", 1, 24 },
    }, kept[] = {
        { "fpu", 0, 0 }, { "tsc", 0, 4 }, { "msr", 0, 5 }, { "pae", 0, 6 }, { "cx8", 0, 8 },
        { "cmov", 0, 15 }, { "mmx", 0, 23 }, { "fxsr", 0, 24 }, { "sse", 0, 25 }, { "sse2", 0, 26 },
    };
    struct cpuid native = cpuid_native(1, 0), emulated = cpuid_emulated(1, 0);
    for (u32 i = 0; i < sizeof hidden / sizeof *hidden; i++)
        fact(named("cpuid.1.hidden.%s", hidden[i].name), "%u",
             ((hidden[i].in_ecx ? emulated.ecx : emulated.edx) >> hidden[i].bit) & 1);
    for (u32 i = 0; i < sizeof kept / sizeof *kept; i++)
        fact(named("cpuid.1.kept.%s", kept[i].name), "%u", (emulated.edx >> kept[i].bit) & 1);
    fact("cpuid.1.hypervisor", "%u", emulated.ecx >> 31);
    fact("cpuid.1.edx.added", "%08x", emulated.edx & ~native.edx);
    fact("cpuid.1.eax.same", "%s", YES_NO(native.eax == emulated.eax));
    struct cpuid name = cpuid_native(0, 0), same = cpuid_emulated(0, 0);
    fact("cpuid.0.vendor.same", "%s", YES_NO(!memcmp(&name.ebx, &same.ebx, 12)));
    leaf_fact(5);
    leaf_fact(6);
    leaf_fact(0xa);
    leaf_fact(0xb);
    leaf_fact(0x14);
    leaf_fact(0x40000000);
    leaf_fact(0x40000001);
    leaf_fact(0x40000002);
    leaf_fact(0x40000004);
    leaf_fact(0x40000006);
    leaf_fact(0x40000100);
    leaf_fact(0x20000000);
    leaf_fact(0xc0000000);
    struct cpuid scale = cpuid_emulated(0x40000003, 1);
    fact("cpuid.40000003.1.multiplier_of_vcpu_info", "%s",
         YES_NO(scale.ecx == vcpu()->time.tsc_to_system_mul));
    fact("cpuid.40000003.1.shift_of_vcpu_info", "%s",
         YES_NO((s32)scale.edx == vcpu()->time.tsc_shift));
}

/* Without the limit's upper bits, which some processors give and some do not. */
u32 lar(u32 selector)
{
    u32 rights = 0;
    __asm__("larl %1, %0; jz 1f; xorl %0, %0; 1:" : "=&r"(rights) : "r"(selector) : "cc");
    return rights & 0x00f0ff00;
}

static u32 lsl(u32 selector)
{
    u32 limit = 0;
    __asm__("lsll %1, %0; jz 1f; xorl %0, %0; 1:" : "=&r"(limit) : "r"(selector) : "cc");
    return limit;
}

void probe_registers(void)
{
    struct { u16 limit; u32 base; } __attribute__((packed)) gdt, idt;
    u32 value, ldt = 0, task = 0;
    for (u32 selector = 0xe018; selector <= 0xe030; selector += 8)
        fact(named("selector.%04x", selector), "lar %08x lsl %08x", lar(selector), lsl(selector));
    __asm__("sldt %%ax; movzwl %%ax, %0" : "=a"(ldt));
    __asm__("str %%ax; movzwl %%ax, %0" : "=a"(task));
    fact("sldt", "%04x", ldt);
    fact("str", "%04x", task);
    __asm__("sgdt %0" : "=m"(gdt));
    __asm__("sidt %0" : "=m"(idt));
    fact("sgdt.limit", "%04x", gdt.limit);
    fact("sidt.limit", "%04x", idt.limit);
    __asm__ volatile("movl %%cr0, %0" : "=r"(value));
    fact("cr0", "%08x", value);
    __asm__ volatile("movl %%cr2, %0" : "=r"(value));
    fact("cr2", "%08x", value);
    __asm__ volatile("movl %%cr3, %0" : "=r"(value));
    fact("cr3.is_pt_base", "%s", YES_NO(pfn_of_mfn(value >> 12) == pfn_of((void *)start_info->pt_base)));
    __asm__ volatile("movl %%cr4, %0" : "=r"(value));
    fact("cr4.pae_fxsr_xmm", "%03x", value & 0x7ff);
    __asm__ volatile("movl %%dr0, %0" : "=r"(value));
    fact("dr0", "%08x", value);
    __asm__ volatile("movl %%dr6, %0" : "=r"(value));
    fact("dr6", "%08x", value);
    __asm__ volatile("movl %%dr7, %0" : "=r"(value));
    fact("dr7", "%08x", value);
    __asm__ volatile("pushfl; popl %0" : "=r"(value));
    fact("eflags.if_iopl", "%04x", value & (EFLAGS_IF | EFLAGS_IOPL));
}

/* Those whose answer does not depend on the processor's make. */
void probe_msrs(void)
{
    static const u32 numbers[] = {
        0x17, 0x1b, 0x3a, 0xc1, 0xe7, 0xfe, 0x174, 0x175, 0x176, 0x186, 0x198, 0x199, 0x1d9, 0x200,
        0x250, 0x277, 0x2ff, 0x38d, 0x38f, 0x480, 0x606, 0x6e0, 0x800, 0x802, 0x40000000,
        0x40000001, 0x40000200, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
        0xc0000100, 0xc0000101, 0xc0000102, 0xdeadbeef,
    };
    for (u32 i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        static u32 low, high;
        ATTEMPT_WITH("movl %[number], %%ecx", "rdmsr; movl %%eax, %[low]; movl %%edx, %[high]",
                     [number] "m"(numbers[i]), [low] "m"(low), [high] "m"(high));
        const char *name = named("rdmsr.%08x", numbers[i]);
        if (attempt_vector() < 0)
            fact(name, "%08x%08x", high, low);
        else
            fact(name, "vector %d error %x", attempt_vector(), last_trap.frame.error_code);
    }
}
