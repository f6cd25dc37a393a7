/*
 * Returning: the iret hypercall to ring 1 and ring 3 with IF set and clear, with an event waiting,
 * with flags that a guest may not have; the native IRET; selectors that are null.
 *
 * Observed: where execution goes on, the mask, the flags, the frames of what comes next.
 * Expected: "Test result: SUCCESS".
 */

#include "guest.h"

static u32 port;

/* Goes to the next instruction by the hypercall, with the given flags; returns those it finds. */
static u32 return_with(u32 eflags)
{
    u32 found;
    __asm__ volatile("pushl %[flags]; pushl $0xe019; pushl $1f; jmp hypercall_page + 23 * 32\n"
                     "1: pushfl; popl %[found]"
                     : [found] "=r"(found) : [flags] "r"(eflags) : "memory", "cc");
    return found;
}

static void same_ring(void)
{
    struct vcpu_info *info = vcpu();
    u32 found = return_with(2 | 0xcd5);
    u32 mask = info->evtchn_upcall_mask;
    __asm__ volatile("cld");
    check_equal((long)mask, 1, "IF clear: events are masked");
    check_equal((long)(found & (EFLAGS_IF | EFLAGS_IOPL)), EFLAGS_IF, "the processor's IF stays set");
    check_equal((long)(found & 0xcd5), 0xcd5, "the arithmetic flags and DF come through");
    found = return_with(2 | EFLAGS_IF | EFLAGS_IOPL);
    mask = info->evtchn_upcall_mask;
    events_off();
    check_equal((long)mask, 0, "IF set: events are not masked");
    check_equal((long)(found & EFLAGS_IOPL), 0, "IOPL is refused");
    found = return_with(2 | EFLAGS_IF | EFLAGS_NT);
    __asm__ volatile("pushfl; andl $~0x4000, (%%esp); popfl" : : : "cc");
    events_off();
    check((found & EFLAGS_IF) != 0, "NT does no harm");
}

static void registers(void)
{
    u32 eax = 0x1234, ebx = 0x2345, ecx = 0x3456, edx = 0x4567, esi = 0x5678, edi = 0x6789;
    __asm__ volatile("pushl $2; pushl $0xe019; pushl $1f; jmp hypercall_page + 23 * 32\n1:"
                     : "+a"(eax), "+b"(ebx), "+c"(ecx), "+d"(edx), "+S"(esi), "+D"(edi)
                     : : "memory", "cc");
    check(eax == 0x1234 && ebx == 0x2345 && ecx == 0x3456 && edx == 0x4567 && esi == 0x5678
              && edi == 0x6789, "all registers come through");
}

u32 expected_eip;

/* An event waits: it interrupts the place that was returned to. */
static void with_event(void)
{
    memset(&upcalls, 0, sizeof upcalls);
    events_off();
    send(port);
    __asm__ volatile("pushl $0x202; pushl $0xe019; pushl $1f; movl $1f, expected_eip\n\t"
                     "jmp hypercall_page + 23 * 32\n1:" : : : "memory", "cc");
    u32 mask = vcpu()->evtchn_upcall_mask;
    events_off();
    check_equal((long)upcalls.count, 1, "a waiting event is delivered");
    check_equal((long)upcalls.frame.eip, (long)expected_eip, "at the place returned to");
    check_equal((long)upcalls.frame.cs, (long)KERNEL_CS, "with the mask that the return gave");
    check_equal((long)mask, 0, "and events are on after it");
}

USER_TEXT static void user_flags(void)
{
    __asm__("pushfl; popl %eax; movl %ds, %ebx; movl %es, %ecx; movl %fs, %edx; ud2");
}

USER_TEXT static void user_step(void)
{
    __asm__("nop; ud2");
}

static void to_ring_3(const char *how)
{
    const struct frame *frame = &last_trap.frame;
    print("by %s:\n", how);
    vcpu()->evtchn_upcall_mask = 1;
    run_user((u32)user_flags, USER_STACK_TOP, 2);
    u32 mask = (frame->cs >> 16) & 0xff;
    check_equal((long)mask, 1, "to ring 3 with IF clear: masked");
    check_equal((long)(frame->eax & (EFLAGS_IF | EFLAGS_IOPL)), EFLAGS_IF, "ring 3 sees IF set, IOPL 0");
    check(frame->ebx == USER_DS && frame->ecx == USER_DS, "its data segments");
    vcpu()->evtchn_upcall_mask = 1;
    run_user((u32)user_flags, USER_STACK_TOP, 2 | EFLAGS_IF);
    mask = (frame->cs >> 16) & 0xff;
    events_off();
    check_equal((long)mask, return_natively ? 1 : 0,
                return_natively ? "IRET knows of no mask" : "to ring 3 with IF set: not masked");
    run_user((u32)user_flags, USER_STACK_TOP, 2 | EFLAGS_IOPL);
    check_equal((long)(frame->eax & EFLAGS_IOPL), 0, "IOPL is refused in ring 3");
    events_off();
    run_user((u32)user_step, USER_STACK_TOP, 2 | EFLAGS_TF);
    check(frame->vector == 1 && frame->eip == (u32)user_step + 1, "TF steps one instruction");
    user_selectors[1] = user_selectors[2] = user_selectors[3] = 0;
    run_user((u32)user_flags, USER_STACK_TOP, 2);
    check((frame->ecx & 0xffff) == 0 && (frame->edx & 0xffff) == 0, "null selectors stay null");
    user_selectors[1] = user_selectors[2] = user_selectors[3] = USER_DS;
}

static void native_same_ring(void)
{
    struct vcpu_info *info = vcpu();
    u32 found;
    info->evtchn_upcall_mask = 1;
    __asm__ volatile("pushl $0x3246; pushl $0xe019; pushl $1f; iret\n1: pushfl; popl %0"
                     : "=r"(found) : : "memory", "cc");
    check_equal((long)(found & (EFLAGS_IF | EFLAGS_IOPL)), EFLAGS_IF, "IRET in ring 1 sets neither IF nor IOPL");
    check_equal(info->evtchn_upcall_mask, 1, "and leaves the mask");
    __asm__ volatile("pushl $0x0046; pushl $0x1e019; pushl $1f; iret\n1: pushfl; popl %0"
                     : "=r"(found) : : "memory", "cc");
    check_equal((long)(found & EFLAGS_IF), EFLAGS_IF, "it cannot clear IF");
}

static void bad_frames(void)
{
    ATTEMPT("pushl $0x202; pushl $0x1234; pushl $1f; iret; 1:");
    check(attempt_vector() == 13 && last_trap.frame.error_code == 0x1234,
          "IRET to a selector beyond the table: vector %d error %x", attempt_vector(),
          last_trap.frame.error_code);
    ATTEMPT("pushl $0x202; pushl $0; pushl $1f; iret; 1:");
    check(attempt_vector() == 13 && last_trap.frame.error_code == 0,
          "IRET to a null selector: vector %d error %x", attempt_vector(), last_trap.frame.error_code);
    ATTEMPT("pushl $0x202; pushl $0xe018; pushl $1f; iret; 1:");
    check(attempt_vector() == 13 && last_trap.frame.error_code == 0xe018,
          "IRET to ring 0: vector %d error %x", attempt_vector(), last_trap.frame.error_code);
}

void test_main(void)
{
    allow_user(user_text_start, user_text_end);
    allow_user(user_stack, user_stack + PAGE_SIZE);
    if (bind_ipi(0, &port))
        fail_now("no port can be bound");
    events_off();
    same_ring();
    registers();
    with_event();
    to_ring_3("hypercall");
    return_natively = 1;
    to_ring_3("IRET");
    return_natively = 0;
    native_same_ring();
    bad_frames();
}
