/* The trap table, and the calls that have few cases each. */

#include "probe.h"

static int take_trap(struct frame *frame)
{
    return frame->vector == 0x51 || frame->vector == 0x80;
}

/* In a user domain events are masked or not, and the gate masks or does not. */
static void probe_trap_flags(void)
{
    struct vcpu_info *info = vcpu();
    trap_hook = take_trap;
    for (u32 flags = 3; flags <= 7; flags += 4)
        for (u8 mask = 0; mask < 2; mask++) {
            set_trap(0x51, flags, stub_of(0x51));
            info->evtchn_upcall_mask = mask;
            __asm__ volatile("int $0x51" : : : "memory");
            u32 after = info->evtchn_upcall_mask;
            info->evtchn_upcall_mask = 1;
            fact(named("trap_table.flags_%u_mask_%u", flags, mask), "inside %u cs %08x after %u",
                 last_trap.mask_inside, last_trap.frame.cs, after);
        }
    set_trap(0x51, 1, stub_of(0x51));
    ATTEMPT("int $0x51");
    fact("trap_table.dpl_1_from_ring_1", "%d", attempt_vector());
    attempt_resume = 0;
    set_trap(0x80, 7, stub_of(0x80));
    __asm__ volatile("int $0x80" : : : "memory");
    fact("trap_table.int_80", "inside %u cs %08x", last_trap.mask_inside, last_trap.frame.cs);
    trap_hook = 0;
}

void probe_trap_table(void)
{
    static const u16 selectors[] = { 0xe008, 0, 0xe018, 0x10 };
    probe_trap_flags();
    for (u32 i = 0; i < 4; i++) {
        struct trap_info table[2] = { { 0x52, 0, selectors[i], 0x1000 }, { 0, 0, 0, 0 } };
        fact(named("trap_table.selector_%04x", selectors[i]), "%d",
             (int)hypercall(HC_SET_TRAP_TABLE, table));
    }
    set_trap(0x82, 3, stub_of(0x82));
    fact("trap_table.int_82_stays_a_hypercall", "%x", (u32)hypercall_int82(HC_XEN_VERSION));
    fact("trap_table.unmapped_pointer", "%d", (int)hypercall(HC_SET_TRAP_TABLE, 0x800010));
    fact("trap_table.null", "%d", (int)hypercall(HC_SET_TRAP_TABLE, 0));
    install_traps();
    fact("stack_switch.ss_0", "%d", (int)hypercall(HC_STACK_SWITCH, 0, INTERRUPT_STACK_TOP));
    fact("stack_switch.ss_e008", "%d", (int)hypercall(HC_STACK_SWITCH, 0xe008, INTERRUPT_STACK_TOP));
    fact("stack_switch.odd_esp", "%d", (int)hypercall(HC_STACK_SWITCH, KERNEL_DS, 0x100001));
    fact("set_callbacks.bad_selectors", "%d", (int)hypercall(HC_SET_CALLBACKS, 0, 0x1000, 0, 0x1000));
    install_traps();
    struct callback_register callback = { 9, 0, KERNEL_CS, 0x1000 };
    fact("callback_op.type_9", "%d", (int)hypercall(HC_CALLBACK_OP, CALLBACKOP_REGISTER, &callback));
    callback.type = CALLBACKTYPE_SYSENTER_DEPRECATED;
    fact("callback_op.type_3", "%d", (int)hypercall(HC_CALLBACK_OP, CALLBACKOP_REGISTER, &callback));
    callback.type = CALLBACKTYPE_EVENT;
    fact("callback_op.unregister_event", "%d",
         (int)hypercall(HC_CALLBACK_OP, CALLBACKOP_UNREGISTER, &callback));
}

static void probe_multicall(void)
{
    struct multicall_entry calls[3] = {
        { HC_XEN_VERSION, 0, { 0 } }, { 63, 0, { 0 } }, { HC_XEN_VERSION, 0, { XENVER_PAGESIZE } },
    };
    long result = hypercall(HC_MULTICALL, calls, 3);
    fact("multicall", "%d results %x %d %d", (int)result, (u32)calls[0].result, calls[1].result,
         calls[2].result);
    struct multicall_entry nested = { HC_MULTICALL, 0, { (u32)calls, 1 } };
    result = hypercall(HC_MULTICALL, &nested, 1);
    fact("multicall.nested", "%d result %d", (int)result, nested.result);
    fact("multicall.unmapped_pointer", "%d", (int)hypercall(HC_MULTICALL, 0x800010, 1));
}

void probe_small_calls(void)
{
    if (!is_initial_domain()) {
        fact("console_io.write_nothing", "%d", (int)hypercall(HC_CONSOLE_IO, CONSOLEIO_WRITE, 0, "abc"));
        fact("console_io.write_unmapped", "%d", (int)hypercall(HC_CONSOLE_IO, CONSOLEIO_WRITE, 3, 0x800010));
        fact("console_io.write_3", "%d", (int)hypercall(HC_CONSOLE_IO, CONSOLEIO_WRITE, 3, "abc"));
        fact("console_io.read", "%d", (int)hypercall(HC_CONSOLE_IO, CONSOLEIO_READ, 3, trap_stubs));
        fact("console_io.command_9", "%d", (int)hypercall(HC_CONSOLE_IO, 9, 3, "abc"));
    }
    probe_multicall();
    fact("hvm_op.get_param", "%d", (int)hypercall(HC_HVM_OP, 1, hypercall_page));
    fact("hvm_op.guest_request_vm_event", "%d", (int)hypercall(HC_HVM_OP, 24, 0));
    struct { u32 handler, pad; } nmi = { (u32)nmi_entry, 0 };
    fact("nmi_op.register", "%d", (int)hypercall(HC_NMI_OP, 0, &nmi));
}

static u32 steps;
static u32 step_eips[8], step_flags[8];

static int take_step(struct frame *frame)
{
    if (frame->vector != 1)
        return 0;
    if (steps < 8) {
        step_eips[steps] = frame->eip;
        step_flags[steps] = frame->eflags;
    }
    steps++;
    return 1;
}

static void probe_single_steps(void)
{
    u32 start, dr6;
    trap_hook = take_step;
    __asm__ volatile("movl $1f, %0; pushfl; orl $0x100, (%%esp); popfl\n"
                     "1: nop; movl $5, %%eax; pushfl; andl $~0x100, (%%esp); popfl; nop"
                     : "=&r"(start) : : "eax", "memory", "cc");
    trap_hook = 0;
    fact("single_step.count", "%u", steps);
    for (u32 i = 0; i < steps && i < 8; i++)
        fact(named("single_step.%u", i), "eip+%u eflags %04x", step_eips[i] - start,
             step_flags[i] & 0xf700);
    __asm__ volatile("movl %%dr6, %0" : "=r"(dr6));
    fact("single_step.dr6", "%08x", dr6);
}

static long set_register(u32 number, u32 value)
{
    return hypercall(HC_SET_DEBUGREG, number, value);
}

void probe_debug_registers(void)
{
    fact("debugreg.set_0_in_hypervisor", "%d", (int)set_register(0, 0xf5800000));
    long result = set_register(0, 0x100000);
    fact("debugreg.set_0", "%d get %x", (int)result, (u32)hypercall(HC_GET_DEBUGREG, 0));
    set_register(0, 0);
    result = set_register(7, 0x2000);
    fact("debugreg.set_7_with_general_detect", "%d get %x", (int)result,
         (u32)hypercall(HC_GET_DEBUGREG, 7));
    fact("debugreg.set_4", "%d", (int)set_register(4, 0));
    result = set_register(6, 0);
    fact("debugreg.set_6", "%d get %x", (int)result, (u32)hypercall(HC_GET_DEBUGREG, 6));
    fact("debugreg.set_8", "%d", (int)set_register(8, 0));
    probe_single_steps();
}

static void probe_placement(void)
{
    static struct vcpu_info placed __attribute__((aligned(64)));
    struct vcpu_register_vcpu_info place = { mfn_of(&placed), (u32)&placed & 0xfff, 0 };
    u32 old_cr2 = vcpu()->cr2;
    long result = hypercall(HC_VCPU_OP, VCPUOP_REGISTER_VCPU_INFO, 0, &place);
    fact("vcpu.register_vcpu_info", "%d word %08x sel %08x cr2 copied %s", (int)result,
         *(u32 *)&placed & 0xffff, placed.evtchn_pending_sel, YES_NO(placed.cr2 == old_cr2));
    if (!result)
        vcpu_infos[0] = &placed;
    fact("vcpu.register_vcpu_info.time_runs", "%s", YES_NO(now() > 0));
    fact("vcpu.register_vcpu_info.again", "%d",
         (int)hypercall(HC_VCPU_OP, VCPUOP_REGISTER_VCPU_INFO, 0, &place));
}

void probe_vcpu(void)
{
    static struct vcpu_runstate_info runstate;
    u64 physical = 0, area = (u32)&runstate;
    fact("vcpu.is_up_0", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_IS_UP, 0, 0));
    if (!is_initial_domain())
        fact("vcpu.is_up_1", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_IS_UP, 1, 0));
    fact("vcpu.is_up_32", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_IS_UP, 32, 0));
    fact("vcpu.is_up_9999", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_IS_UP, 9999, 0));
    fact("vcpu.stop_periodic", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_STOP_PERIODIC_TIMER, 0, 0));
    fact("vcpu.stop_singleshot", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_STOP_SINGLESHOT_TIMER, 0, 0));
    long result = hypercall(HC_VCPU_OP, VCPUOP_GET_RUNSTATE_INFO, 0, &runstate);
    fact("vcpu.get_runstate_info", "%d state %u entered %s ran %s", (int)result, runstate.state,
         YES_NO(runstate.state_entry_time), YES_NO(runstate.time[RUNSTATE_RUNNING]));
    fact("vcpu.get_physid", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_GET_PHYSID, 0, &physical));
    probe_placement();
    memset(&runstate, 0, sizeof runstate);
    result = hypercall(HC_VCPU_OP, VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, 0, &area);
    fact("vcpu.register_runstate", "%d state %u", (int)result, runstate.state);
    fact("vcpu.initialise_0", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_INITIALISE, 0, trap_stubs));
    if (!is_initial_domain()) {
        fact("vcpu.initialise_1", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_INITIALISE, 1, 0));
        fact("vcpu.up_1", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_UP, 1, 0));
        fact("vcpu.send_nmi_2", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_SEND_NMI, 2, 0));
    }
    fact("vcpu.up_0", "%d", (int)hypercall(HC_VCPU_OP, VCPUOP_UP, 0, 0));
}

void probe_physdev(void)
{
    static u8 argument[64];
    u32 level = 1, flags;
    long result = hypercall(HC_PHYSDEV_OP, PHYSDEVOP_SET_IOPL, &level);
    __asm__ volatile("pushfl; popl %0" : "=r"(flags));
    fact("physdev.set_iopl_1", "%d eflags %04x", (int)result, flags & (EFLAGS_IF | EFLAGS_IOPL));
    ATTEMPT("cli");
    fact("physdev.iopl_1.cli", "%s", attempt_text());
    ATTEMPT("inb $0x61, %%al");
    fact("physdev.iopl_1.in_61", "%s", attempt_text());
    ATTEMPT("outb %%al, $0x80");
    fact("physdev.iopl_1.out_80", "%s", attempt_text());
    level = 4;
    fact("physdev.set_iopl_4", "%d", (int)hypercall(HC_PHYSDEV_OP, PHYSDEVOP_SET_IOPL, &level));
    level = 0;
    hypercall(HC_PHYSDEV_OP, PHYSDEVOP_SET_IOPL, &level);
    if (is_initial_domain())
        return;
    for (u32 command = 0; command < 32; command++) {
        if (command == PHYSDEVOP_SET_IOPL)
            continue;
        memset(argument, 0, sizeof argument);
        fact(named("physdev.zeros.%u", command), "%d",
             (int)hypercall(HC_PHYSDEV_OP, command, argument));
    }
}
