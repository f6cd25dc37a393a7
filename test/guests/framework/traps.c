/* Traps: the table, what becomes of a trap, attempts, and the way back from ring 3. */

#include "guest.h"

#define STUB_BYTES 16u
#define EFLAGS_ARITHMETIC 0x8d5u

struct trap last_trap;
int (*trap_hook)(struct frame *frame);
u8 return_natively;
u32 attempt_from, attempt_resume, attempt_esp;
u32 user_selectors[4] = { USER_DS, USER_DS, USER_DS, USER_DS };
u8 user_stack[PAGE_SIZE] __attribute__((aligned(4096)));
extern u32 user_return_esp;
void leave_user(void) __attribute__((noreturn));

u32 stub_of(u32 vector)
{
    return (u32)trap_stubs + vector * STUB_BYTES;
}

long set_trap(u32 vector, u32 flags, u32 address)
{
    struct trap_info table[2] = {
        { (u8)vector, (u8)flags, (u16)KERNEL_CS, address },
        { 0, 0, 0, 0 },
    };
    return hypercall(HC_SET_TRAP_TABLE, table);
}

/* A handler for every exception of the processor; none of them masks events. */
void install_traps(void)
{
    struct trap_info table[21];
    u32 count = 0;
    memset(table, 0, sizeof table);
    for (u32 vector = 0; vector < 20; vector++) {
        if (vector == 2 || vector == 15)
            continue;
        table[count++] = (struct trap_info){ (u8)vector, 0, (u16)KERNEL_CS, stub_of(vector) };
    }
    hypercall(HC_SET_TRAP_TABLE, table);
    hypercall(HC_SET_CALLBACKS, KERNEL_CS, upcall_entry, KERNEL_CS, failsafe_entry);
    hypercall(HC_STACK_SWITCH, KERNEL_DS, INTERRUPT_STACK_TOP);
}

static void record(const struct frame *frame)
{
    last_trap.count++;
    last_trap.frame = *frame;
    last_trap.at = (u32)&frame->eip;
    last_trap.from_user = (frame->cs & 2) != 0;
    last_trap.cr2 = vcpu()->cr2;
    last_trap.mask_inside = vcpu()->evtchn_upcall_mask;
    __asm__ volatile("pushfl; popl %0" : "=r"(last_trap.live_eflags));
}

void handle_trap(struct frame *frame)
{
    if (frame->vector == VECTOR_UPCALL) {
        handle_upcall(frame);
        goto leave;
    }
    record(frame);
    if (trap_hook && trap_hook(frame))
        goto leave;
    if (last_trap.from_user && user_return_esp)
        leave_user();
    if (!last_trap.from_user && attempt_resume) {
        frame->eip = attempt_resume;
        attempt_resume = 0;
        goto leave;
    }
    fail_now("trap %u (error %x, cr2 %x) at %x, cs %x", frame->vector, frame->error_code,
             last_trap.cr2, frame->eip, frame->cs);
leave:
    /* The hypercall takes the mask from EFLAGS.IF; the instruction knows of none. */
    if (return_natively)
        vcpu()->evtchn_upcall_mask = (frame->cs >> 16) & 0xff;
}

int attempt_vector(void)
{
    return last_trap.count ? (int)last_trap.frame.vector : -1;
}

const char *attempt_text(void)
{
    static char text[96];
    const struct frame *frame = &last_trap.frame;
    if (!last_trap.count)
        return "ok";
    u32 length = text_of(text, sizeof text, "vector %u error %08x eip+%d cs %08x eflags %08x",
                         frame->vector, frame->error_code, (int)(frame->eip - attempt_from),
                         frame->cs, frame->eflags & ~EFLAGS_ARITHMETIC);
    if (frame->vector == 14)
        text_of(text + length, sizeof text - length, " cr2 %08x", last_trap.cr2);
    return text;
}
