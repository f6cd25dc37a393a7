/*
 * Debug exceptions: single steps over hypercalls, over instructions that Xen executes and into
 * handlers; breakpoints on code and data of both rings; what set_debugreg refuses.
 *
 * Observed: the places at which #DB came, DR6 each time.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

#define DR6_CLEAR 0xffff0ff0u
#define DR6_STEP 0x4000u
#define MOST 24u

static u32 port;
static u32 places[MOST], conditions[MOST], count;
static u32 resumes;
u32 watched, watched_by_xen[4];
extern u8 steps_start[], steps_hypercall[], steps_cr[], steps_cpuid[], steps_int[], steps_end[],
    handler_int[], code_break[], code_after[];

static long get_dr6(void)
{
    return hypercall(HC_GET_DEBUGREG, 6);
}

static void clear_dr6(void)
{
    hypercall(HC_SET_DEBUGREG, 6, 0);
}

static int take_debug(struct frame *at)
{
    if (at->vector == 0x60)
        return 1;
    if (at->vector != 1)
        return 0;
    if (count < MOST) {
        places[count] = at->eip;
        conditions[count++] = (u32)get_dr6();
    }
    clear_dr6();
    if (resumes)
        at->eflags |= 0x10000;
    if (at->eip == (u32)steps_end)
        at->eflags &= ~EFLAGS_TF;
    return 1;
}

static void start(void)
{
    count = 0;
    clear_dr6();
    trap_hook = take_debug;
}

/* Instructions of one byte stand between the others, so that each place is its own. */
__asm__(".text\n"
        ".globl run_steps\n"
        "run_steps: pushl %ebx; pushfl; orl $0x100, (%esp); popfl\n"
        "steps_start: nop\n"
        "movl $17, %eax; xorl %ebx, %ebx; xorl %ecx, %ecx\n"
        "steps_hypercall: int $0x82\n"
        "nop; nop\n"
        "steps_cr: movl %cr0, %eax\n"
        "nop\n"
        "xorl %eax, %eax\n"
        "steps_cpuid: ud2; .ascii \"xen\"; cpuid\n"
        "nop\n"
        "steps_int: int $0x60\n"
        "nop; nop\n"
        "steps_end: popl %ebx; ret\n");
void run_steps(void);

static int was_at(const u8 *place)
{
    for (u32 i = 0; i < count; i++)
        if (places[i] == (u32)place)
            return 1;
    return 0;
}

static void single_steps(void)
{
    set_trap(0x60, 1, stub_of(0x60));
    start();
    run_steps();
    trap_hook = 0;
    for (u32 i = 0; i < count; i++)
        print("     step to +%x, DR6 %x\n", places[i] - (u32)steps_start, conditions[i]);
    /* The instruction that loads TF is not stepped itself. */
    check_equal((long)places[0], (long)((u32)steps_start + 1), "the first step is the one after popf");
    check(was_at(steps_hypercall) && !was_at(steps_hypercall + 2) && was_at(steps_hypercall + 3),
          "a step over a hypercall ends behind the next instruction");
    check(was_at(steps_cr) && was_at(steps_cr + 3) && was_at(steps_cr + 4),
          "a step over mov from CR0 ends behind it");
    check(was_at(steps_cpuid) && was_at(steps_cpuid + 7), "and over cpuid by Xen");
    check(was_at(steps_int) && !was_at(steps_int + 2) && was_at(steps_int + 3),
          "int n returns with TF, and one more instruction is executed");
    u32 wrong = 0;
    for (u32 i = 0; i < count; i++)
        wrong += conditions[i] != (DR6_CLEAR | DR6_STEP);
    check_equal((long)wrong, 0, "DR6 says BS each time");
    check_equal((long)places[count - 1], (long)(u32)steps_end, "and the last is at the end");
}

static u32 upcall_flags;

static void note_flags(u32 from)
{
    (void)from;
    __asm__ volatile("pushfl; popl %0" : "=r"(upcall_flags));
}

/* An event at a hypercall that is stepped over: its handler runs without TF. */
static void with_event(void)
{
    memset(&upcalls, 0, sizeof upcalls);
    on_port = note_flags;
    events_on();
    start();
    __asm__ volatile("pushfl; orl $0x100, (%%esp); popfl" : : : "cc", "memory");
    send(port);
    __asm__ volatile("pushfl; andl $~0x100, (%%esp); popfl" : : : "cc", "memory");
    trap_hook = 0;
    events_off();
    on_port = 0;
    check_equal((long)upcalls.count, 1, "the event comes while steps are taken");
    check_equal((long)(upcall_flags & EFLAGS_TF), 0, "its handler is not stepped");
    check((upcalls.frame.eflags & EFLAGS_TF) != 0, "its frame has TF");
}

__asm__(".text\n"
        ".globl run_break\n"
        "run_break: nop\n"
        "code_break: nop\n"
        "code_after: ret\n");
void run_break(void);

USER_TEXT static void user_break(void)
{
    __asm__("nop; nop; ud2");
}

static int resume_user(struct frame *at)
{
    return at->vector == 1 ? take_debug(at) : 0;
}

static void code_breakpoints(void)
{
    check_equal(hypercall(HC_SET_DEBUGREG, 0, code_break), 0, "set_debugreg 0");
    check_equal(hypercall(HC_SET_DEBUGREG, 7, 1), 0, "enable it");
    check_equal(hypercall(HC_GET_DEBUGREG, 7), 0x401, "DR7 reads with its fixed bit");
    start();
    resumes = 1;
    run_break();
    run_break();
    resumes = 0;
    check_equal((long)count, 2, "a breakpoint on code, once a run with RF");
    check(places[0] == (u32)code_break && conditions[0] == (DR6_CLEAR | 1), "before it: %x, DR6 %x",
          places[0], conditions[0]);
    hypercall(HC_SET_DEBUGREG, 0, (u32)user_break + 1);
    start();
    resumes = 1;
    trap_hook = resume_user;
    run_user((u32)user_break, USER_STACK_TOP, 2);
    resumes = 0;
    trap_hook = 0;
    check(count == 1 && places[0] == (u32)user_break + 1, "a breakpoint in ring 3: %u", count);
    hypercall(HC_SET_DEBUGREG, 7, 0);
    start();
    run_break();
    trap_hook = 0;
    check_equal((long)count, 0, "none when it is off");
}

#define WRITES(n) (1u << (2 * (n)) | 0xdu << (16 + 4 * (n)))

static void data_breakpoints(void)
{
    check_equal(hypercall(HC_SET_DEBUGREG, 1, &watched), 0, "set_debugreg 1");
    check_equal(hypercall(HC_SET_DEBUGREG, 7, WRITES(1)), 0, "to watch writes of four bytes");
    start();
    __asm__ volatile("movl watched, %%eax\n\t"
                     "code_write: movl $5, watched\n\t"
                     "code_written: nop" : : : "eax", "memory");
    extern u8 code_written[];
    check(count == 1 && places[0] == (u32)code_written && conditions[0] == (DR6_CLEAR | 2),
          "a watched write traps behind it: %u at %x, DR6 %x", count, places[0], conditions[0]);
    __asm__ volatile("movb $6, watched + 3; nop" : : : "memory");
    __asm__ volatile("movb $6, watched + 4; nop" : : : "memory");
    check_equal((long)count, 2, "any of its bytes, and no other");
    /* Xen writes there for the guest: nobody is told. */
    hypercall(HC_SET_DEBUGREG, 1, &watched_by_xen[0]);
    start();
    hypercall(HC_XEN_VERSION, 1, watched_by_xen);
    __asm__ volatile("nop; nop");
    trap_hook = 0;
    check(watched_by_xen[0] != 0 && count == 0, "what Xen writes is not reported: %u", count);
    hypercall(HC_SET_DEBUGREG, 7, 0);
}

/* Conditions stay in DR6 until the guest takes them away. */
static int take_and_keep(struct frame *at)
{
    if (at->vector != 1)
        return 0;
    count++;
    return 1;
}

static void sticky(void)
{
    hypercall(HC_SET_DEBUGREG, 1, &watched);
    hypercall(HC_SET_DEBUGREG, 2, &watched_by_xen[1]);
    hypercall(HC_SET_DEBUGREG, 7, WRITES(1) | WRITES(2));
    start();
    trap_hook = take_and_keep;
    __asm__ volatile("movl $7, watched; nop" : : : "memory");
    __asm__ volatile("movl $7, watched_by_xen + 4; nop" : : : "memory");
    trap_hook = 0;
    check_equal(get_dr6(), (long)(DR6_CLEAR | (is_era() ? 4 : 6)),
                is_era() ? "the last condition alone is in DR6" : "conditions add up in DR6");
    hypercall(HC_SET_DEBUGREG, 7, 0);
    clear_dr6();
}

static void arguments_of_set_debugreg(void)
{
    check_equal(hypercall(HC_SET_DEBUGREG, 7, 0x2001), -EPERM, "general detect is refused");
    check_equal(hypercall(HC_SET_DEBUGREG, 7, 0x00020001), -EPERM, "a breakpoint on ports");
    check_equal(get_dr6(), (long)DR6_CLEAR, "DR6 at rest");
    check_equal(hypercall(HC_SET_DEBUGREG, 6, 0xffffffff), 0, "DR6 takes anything");
    check_equal(get_dr6(), (long)0xffffefff, "but the bit that is always clear");
    clear_dr6();
    check_equal(hypercall(HC_GET_DEBUGREG, 7), 0x400, "DR7 off");
    u32 value;
    __asm__ volatile("movl %%dr7, %0" : "=r"(value));
    check_equal((long)value, 0x400, "mov from DR7 reads the same");
    __asm__ volatile("movl %0, %%dr3; movl %%dr3, %0" : "+r"(value));
    check_equal((long)value, 0x400, "mov to DR3");
    ATTEMPT_WITH("movl $0x2001, %%eax", "movl %%eax, %%dr7", "i"(0));
    check_equal(attempt_vector(), 13, "mov of what is refused is #GP");
}

void test_main(void)
{
    if (bind_ipi(0, &port))
        fail_now("no port can be bound");
    events_off();
    allow_user(user_text_start, user_text_end);
    allow_user(user_stack, user_stack + PAGE_SIZE);
    arguments_of_set_debugreg();
    single_steps();
    with_event();
    code_breakpoints();
    data_breakpoints();
    sticky();
}
