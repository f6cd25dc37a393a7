/* What instructions do in ring 1 and ring 3, and the frames of the traps that they cause. */

#include "probe.h"

#define KERNEL(name, text) \
    ATTEMPT(text); \
    attempt_fact("ring1." name)
#define KERNEL_AFTER(name, before, text) \
    ATTEMPT_WITH(before, text, "i"(0)); \
    attempt_fact("ring1." name)

static struct { u16 limit; u32 base; } __attribute__((packed)) some_table = { 0xff, 0x1000 };

static void traps_of_software(void)
{
    KERNEL("ud2", "ud2");
    fact("ring1.frame.bytes", "%u", attempt_esp - last_trap.at);
    KERNEL("xen_prefix_without_cpuid", "ud2a; .ascii \"xen\"; nop");
    KERNEL("int3", "int3");
    KERNEL("int_3_long", ".byte 0xcd, 3");
    KERNEL("int_4", "int $4");
    KERNEL("int_80_without_handler", "int $0x80");
    KERNEL("int_21_without_handler", "int $0x21");
    KERNEL("int_0d", "int $0x0d");
    KERNEL("int_81_without_handler", "int $0x81");
    KERNEL_AFTER("divide_by_zero", "xorl %%ecx, %%ecx", "divl %%ecx");
    fact("ring1.live_eflags_in_handler", "%08x", last_trap.live_eflags & ~0x8d5u);
    fact("ring1.mask_in_handler", "%u", last_trap.mask_inside);
}

static void privileged_instructions(void)
{
    KERNEL("hlt", "hlt");
    KERNEL("cli", "cli");
    KERNEL("sti", "sti");
    KERNEL("in_61", "inb $0x61, %%al");
    KERNEL("out_80", "outb %%al, $0x80");
    KERNEL_AFTER("in_3fd", "movl $0x3fd, %%edx", "inb %%dx, %%al");
    KERNEL("wbinvd", "wbinvd");
    KERNEL("clts", "clts");
    KERNEL("lidt", "lidt some_table");
    KERNEL("lgdt", "lgdt some_table");
    KERNEL_AFTER("ltr", "movl $0xe040, %%eax", "ltr %%ax");
    KERNEL_AFTER("lldt_0", "xorl %%eax, %%eax", "lldt %%ax");
    KERNEL("invlpg", "invlpg 0x1000");
    KERNEL("rdtsc", "rdtsc");
    KERNEL_AFTER("rdpmc", "xorl %%ecx, %%ecx", "rdpmc");
    KERNEL_AFTER("write_cr0_same", "movl %%cr0, %%eax", "movl %%eax, %%cr0");
    KERNEL_AFTER("write_cr0_without_wp", "movl %%cr0, %%eax; andl $~0x10000, %%eax",
                 "movl %%eax, %%cr0");
    KERNEL_AFTER("write_cr4_same", "movl %%cr4, %%eax", "movl %%eax, %%cr4");
    KERNEL_AFTER("write_cr4_toggling_pse", "movl %%cr4, %%eax; xorl $0x10, %%eax",
                 "movl %%eax, %%cr4");
    KERNEL_AFTER("write_cr3_same", "movl %%cr3, %%eax", "movl %%eax, %%cr3");
    KERNEL_AFTER("write_dr0", "xorl %%eax, %%eax", "movl %%eax, %%dr0");
    KERNEL_AFTER("write_dr7_400", "movl $0x400, %%eax", "movl %%eax, %%dr7");
    KERNEL("sysenter", "sysenter");
    KERNEL_AFTER("wrmsr_174", "movl $0x174, %%ecx; xorl %%eax, %%eax; xorl %%edx, %%edx", "wrmsr");
    KERNEL_AFTER("wrmsr_40000000",
                 "movl $0x40000000, %%ecx; xorl %%eax, %%eax; xorl %%edx, %%edx", "wrmsr");
    KERNEL_AFTER("monitor", "xorl %%eax, %%eax; xorl %%ecx, %%ecx; xorl %%edx, %%edx",
                 ".byte 0x0f, 0x01, 0xc8");
    KERNEL("swapgs", ".byte 0x0f, 0x01, 0xf8");
}

static void page_faults(void)
{
    KERNEL("read_unmapped", "movl 0x10, %%eax");
    fact("vcpu_info.cr2_after_page_fault", "%08x", vcpu()->cr2);
    KERNEL("write_unmapped", "movl %%eax, 0x10");
    KERNEL("read_without_table", "movl 0xc0000000, %%eax");
    KERNEL("write_m2p", "movl %%eax, 0xf5800000");
    KERNEL("read_fff00000", "movl 0xfff00000, %%eax");
    KERNEL("read_ffbff000", "movl 0xffbff000, %%eax");
}

static void selectors(void)
{
    KERNEL_AFTER("ds_0008", "movl $8, %%eax", "movl %%eax, %%ds");
    KERNEL_AFTER("es_1234", "movl $0x1234, %%eax", "movl %%eax, %%es");
    KERNEL_AFTER("es_e008", "movl $0xe008, %%eax", "movl %%eax, %%es");
}

static void flags_and_task_switched(void)
{
    u32 flags, cr0;
    __asm__ volatile("pushl $0x3046; popfl; pushfl; popl %0" : "=r"(flags) : : "cc");
    fact("ring1.popf_without_if_with_iopl_3", "%08x", flags);
    KERNEL("iret_to_the_same_ring", "pushfl; pushl %%cs; pushl $1f; iret; 1:");
    KERNEL("fninit", "fninit");
    hypercall(HC_FPU_TASKSWITCH, 1);
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    fact("cr0.after_fpu_taskswitch_1", "%08x", cr0);
    KERNEL("fninit_task_switched", "fninit");
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    fact("cr0.after_device_not_available", "%08x", cr0);
    hypercall(HC_FPU_TASKSWITCH, 1);
    hypercall(HC_FPU_TASKSWITCH, 0);
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    fact("cr0.after_fpu_taskswitch_0", "%08x", cr0);
}

void probe_kernel_traps(void)
{
    some_table.base = (u32)&some_table;
    traps_of_software();
    privileged_instructions();
    page_faults();
    selectors();
    flags_and_task_switched();
}

/* Each is ring-3 code of its own; what follows the instruction is not reached. */
#define USER(name, text) \
    static USER_TEXT void user_##name(void) { __asm__(text "\n\tud2"); }

USER(ud2, "ud2")
USER(int3, "int3")
USER(int80, "int $0x80")
USER(int82, "int $0x82")
USER(hlt, "hlt")
USER(cli, "cli")
USER(in, "inb $0x61, %al")
USER(m2p, "movl 0xf5800000, %eax")
USER(read, "movl 0x100000, %eax")
USER(write, "movl %eax, 0x100000")
USER(sysenter, "sysenter")
USER(flags, "pushfl; popl %eax; movl %cs, %ecx; movl %ss, %edx")

static void user_fact(const char *name, void (*code)(void))
{
    last_trap.count = 0;
    attempt_from = (u32)code;
    run_user((u32)code, USER_STACK_TOP, 2);
    fact(named("ring3.%s", name), "%s", attempt_text());
}

void probe_user_traps(void)
{
    allow_user(user_text_start, user_text_end);
    allow_user(user_stack, user_stack + PAGE_SIZE);
    user_fact("ud2", user_ud2);
    const struct frame *frame = &last_trap.frame;
    fact("ring3.frame.bytes_below_kernel_sp", "%u", INTERRUPT_STACK_TOP - last_trap.at);
    fact("ring3.frame.ss", "%04x", frame->user_ss);
    fact("ring3.frame.esp_moved", "%d", (int)(frame->user_esp - USER_STACK_TOP));
    fact("ring3.mask_in_handler", "%u", last_trap.mask_inside);
    user_fact("int3", user_int3);
    user_fact("int_80_without_handler", user_int80);
    user_fact("int_82", user_int82);
    user_fact("read_kernel", user_read);
    user_fact("write_kernel", user_write);
    user_fact("hlt", user_hlt);
    user_fact("read_m2p", user_m2p);
    user_fact("cli", user_cli);
    user_fact("in_61", user_in);
    user_fact("sysenter", user_sysenter);
    run_user((u32)user_flags, USER_STACK_TOP, 2);
    fact("ring3.live.eflags_if_iopl", "%04x", frame->eax & (EFLAGS_IF | EFLAGS_IOPL));
    fact("ring3.live.selectors", "%04x %04x", frame->ecx, frame->edx);
}
