/*
 * Acts of the hypervisor in loops: calls, changes of page tables, a trapped port, events, faults.
 *
 * The command line names one by its index, and how often: "3 100000". What the host measures lies
 * between the lines "B name" and "E name times" on Xen's own console, where a line is one call. The
 * handlers are as short as they can be, so that the time is the hypervisor's. Without a command line
 * every act is tried a few times, and it is checked that it has happened so often.
 */

#include "guest.h"

#define FEW 32

/* Counts what the handlers below were entered for. */
volatile u32 seen;
static u32 port;
/* Frames of the top level that the builder made, and of its copy. */
static u32 top_levels[2];

/* The entry of `pages[0]`, and what it is in even and in odd rounds. */
static u8 *pages[2];
static pte_t entries[2];
static u64 entry_address;
static volatile u32 *entry_in_place;

extern void fault_entry(void), system_call_entry(void), event_entry(void);
__asm__(".text\n"
        /* Steps over the instruction that faulted. Above ESP: error code, EIP. */
        "fault_entry:\n\t"
        "addl $5, 4(%esp)\n\t"
        "incl seen\n\t"
        "addl $4, %esp\n\t"
        "jmp hypercall_page + 23 * 32\n"
        "system_call_entry:\n\t"
        "incl seen\n\t"
        "jmp hypercall_page + 23 * 32\n"
        /* Takes the event: upcall_pending, the selector, and the word of pending bits. */
        "event_entry:\n\t"
        "pushl %eax\n\t"
        "movl shared_info, %eax\n\t"
        "movb $0, (%eax)\n\t"
        "movl $0, 4(%eax)\n\t"
        "movl $0, 2048(%eax)\n\t"
        "incl seen\n\t"
        "popl %eax\n\t"
        "jmp hypercall_page + 23 * 32\n");

USER_TEXT static void user_faults(void)
{
    __asm__("popl %ecx\n1:\tmovl 0x80000010, %eax\n\tdecl %ecx\n\tjnz 1b\n\tud2");
}

USER_TEXT static void user_calls(void)
{
    __asm__("popl %ecx\n1:\tint $0x80\n\tdecl %ecx\n\tjnz 1b\n\tud2");
}

static u32 null_call(u32 times)
{
    u32 same = 0;
    long version = hypercall(HC_XEN_VERSION, XENVER_VERSION);
    for (u32 i = 0; i < times; i++)
        same += hypercall(HC_XEN_VERSION, XENVER_VERSION) == version;
    return same;
}

static int entry_is(u32 round)
{
    return *entry_in_place == (u32)entries[round & 1];
}

static u32 update_entry(u32 times)
{
    u32 changed = 0;
    for (u32 i = 0; i < times; i++) {
        mmu_update_one(entry_address, entries[i & 1]);
        mmuext(MMUEXT_INVLPG_LOCAL, (u32)pages[0], 0);
        changed += entry_is(i);
    }
    return changed;
}

static u32 update_mapping(u32 times)
{
    u32 changed = 0;
    for (u32 i = 0; i < times; i++) {
        map_entry((u32)pages[0], entries[i & 1]);
        changed += entry_is(i);
    }
    return changed;
}

static u32 store_entry(u32 times)
{
    u32 changed = 0;
    for (u32 i = 0; i < times; i++) {
        *entry_in_place = (u32)entries[i & 1];
        changed += entry_is(i);
    }
    return changed;
}

static u32 read_port(u32 times)
{
    u32 answers = 0;
    for (u32 i = 0; i < times; i++) {
        u8 value = 0;
        __asm__ volatile("inb $0x42, %0" : "+a"(value));
        answers += value == 0xff;
    }
    return answers;
}

static u32 take_event(u32 times)
{
    hypercall(HC_SET_CALLBACKS, KERNEL_CS, event_entry, KERNEL_CS, failsafe_entry);
    events_on();
    /* What was pending has arrived. */
    seen = 0;
    for (u32 i = 0; i < times; i++)
        send(port);
    events_off();
    install_traps();
    return seen;
}

static u32 from_user(u32 times, u32 vector, u32 flags, void (*handler)(void), void (*code)(void))
{
    u32 *stack = (u32 *)USER_STACK_TOP;
    seen = 0;
    *stack = times;
    set_trap(vector, flags, (u32)handler);
    run_user((u32)code, (u32)stack, 2);
    set_trap(vector, flags, stub_of(vector));
    return seen;
}

static u32 fault_of_user(u32 times)
{
    return from_user(times, 14, 0, fault_entry, user_faults);
}

static u32 call_of_user(u32 times)
{
    return from_user(times, 0x80, 3, system_call_entry, user_calls);
}

static u32 two_in_a_list(u32 times)
{
    struct multicall_entry list[2] = {
        { .op = HC_STACK_SWITCH, .args = { KERNEL_DS, INTERRUPT_STACK_TOP } },
        { .op = HC_FPU_TASKSWITCH, .args = { 0 } },
    };
    u32 succeeded = 0;
    for (u32 i = 0; i < times; i++) {
        list[0].result = list[1].result = -1;
        succeeded += !hypercall(HC_MULTICALL, list, 2) && !list[0].result && !list[1].result;
    }
    return succeeded;
}

static u32 load_base_pointer(u32 times)
{
    u32 loaded = 0;
    for (u32 i = 0; i < times; i++)
        loaded += !mmuext(MMUEXT_NEW_BASEPTR, top_levels[~i & 1], 0);
    mmuext(MMUEXT_NEW_BASEPTR, top_levels[0], 0);
    return loaded;
}

static u32 give_turn_away(u32 times)
{
    u32 done = 0;
    for (u32 i = 0; i < times; i++)
        done += !yield();
    return done;
}

/* Sleeps until the timer wakes it, a microsecond later. */
static u32 sleep_for_timer(u32 times)
{
    hypercall(HC_SET_CALLBACKS, KERNEL_CS, event_entry, KERNEL_CS, failsafe_entry);
    events_on();
    seen = 0;
    for (u32 i = 0; i < times; i++) {
        set_timer(now() + 1000);
        block();
    }
    events_off();
    install_traps();
    return seen;
}

/* The host knows an act by its index. */
static const struct {
    const char *name;
    u32 (*run)(u32 times);
} acts[] = {
    { "hypercall", null_call },
    { "mmu-update", update_entry },
    { "update-va", update_mapping },
    { "pte-store", store_entry },
    { "port-read", read_port },
    { "event", take_event },
    { "user-fault", fault_of_user },
    { "user-int80", call_of_user },
    { "multicall", two_in_a_list },
    { "base-pointer", load_base_pointer },
    { "yield", give_turn_away },
    { "timer", sleep_for_timer },
};
#define ACTS (sizeof acts / sizeof *acts)

static pte_t *copy_of(const pte_t *table, u32 count)
{
    pte_t *copy = page_alloc();
    memcpy(copy, table, count * sizeof *copy);
    return copy;
}

/* A second top level with the guest in it; the hypervisor's part cannot be shared. */
static void prepare_second_space(void)
{
    pte_t *old = (pte_t *)start_info->pt_base;
    pte_t *top = copy_of(old, 4);
    pte_t *high = copy_of(table_at(pte_mfn(old[3])), (hypervisor_start >> 21) & 511);
    top[3] = pte_of(mfn_of(high), PTE_TABLE);
    map_page(high, PTE_READ);
    map_page(top, PTE_READ);
    top_levels[0] = mfn_of(old);
    top_levels[1] = mfn_of(top);
    check_equal(mmuext(MMUEXT_PIN_L3_TABLE, top_levels[1], 0), 0, "a second top level");
}

static void prepare(void)
{
    u32 privilege = 1, timer;
    prepare_second_space();
    check_equal(bind_virq(VIRQ_TIMER, 0, &timer), 0, "a port for the timer");
    /* No tick is to come among the events that are counted. */
    check_equal(hypercall(HC_VCPU_OP, VCPUOP_STOP_PERIODIC_TIMER, 0, 0), 0, "no ticks");
    for (u32 i = 0; i < 2; i++)
        pages[i] = page_alloc();
    for (u32 i = 0; i < 2; i++)
        entries[i] = pte_of(mfn_of(pages[i]), PTE_WRITE);
    entry_address = entry_machine((u32)pages[0], 1);
    entry_in_place = (volatile u32 *)table_entry((u32)pages[0], 1);
    check_equal(bind_ipi(0, &port), 0, "a port for events to itself");
    check_equal(hypercall(HC_PHYSDEV_OP, PHYSDEVOP_SET_IOPL, &privilege), 0, "set_iopl");
    hypercall(HC_VM_ASSIST, VMASST_CMD_ENABLE, VMASST_WRITABLE_PAGETABLES);
    allow_user(user_text_start, user_text_end);
    allow_user(user_stack, user_stack + PAGE_SIZE);
    /* So that no back-end has anything to say later. */
    console_flush();
}

static void say(const char *format, ...)
{
    char line[64];
    arguments values;
    __builtin_va_start(values, format);
    u32 length = format_text(line, sizeof line, format, values);
    __builtin_va_end(values);
    hypercall(HC_CONSOLE_IO, CONSOLEIO_WRITE, length, line);
}

/* The number at a text, which is moved behind it; -1 where there is none. */
static u32 number_at(const char **text)
{
    u32 value = 0;
    while (**text == ' ')
        ++*text;
    if (**text < '0' || **text > '9')
        return ~0u;
    while (**text >= '0' && **text <= '9')
        value = value * 10 + (u32)(*(*text)++ - '0');
    return value;
}

void test_main(void)
{
    const char *text = start_info->cmd_line;
    u32 index = number_at(&text), times = number_at(&text);
    prepare();
    if (index < ACTS && times != ~0u) {
        say("S\nB %s\n", acts[index].name);
        times = acts[index].run(times);
        say("E %s %08x\n", acts[index].name, times);
        return;
    }
    for (u32 i = 0; i < ACTS; i++)
        check_equal((long)acts[i].run(FEW), FEW, acts[i].name);
}
