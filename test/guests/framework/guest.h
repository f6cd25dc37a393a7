/*
 * What a test guest sees of the framework. A guest defines `test_main`; the framework enters it in
 * ring 1 with a trap table, an event callback, a failsafe callback, shared_info mapped and events
 * masked, and shuts the domain down when it returns.
 */
#pragma once

#include "xen.h"

/* ---- variants (set by build.ts) ---- */

#ifndef GUEST_PAE
#define GUEST_PAE 1
#endif
#ifndef GUEST_TRANSLATED
#define GUEST_TRANSLATED 0
#endif
#ifndef GUEST_LEGACY
#define GUEST_LEGACY 0
#endif
#ifndef GUEST_BASE
#define GUEST_BASE 0xc0000000
#endif

#if GUEST_PAE
typedef u64 pte_t;
#else
typedef u32 pte_t;
#endif

/* ---- system.c ---- */

extern struct start_info *start_info;
extern struct shared_info *shared_info;
/* As it was before the ports of store and console were masked. */
extern struct shared_info first_shared_info;

/* The registers as they were at the entry point, and the four words below the boot stack. */
struct entry_registers {
    u32 eax, ebx, ecx, edx, esi, edi, ebp, esp, eflags;
    u32 cs, ds, es, fs, gs, ss;
    u32 below_stack[4];
};
extern struct entry_registers entry_registers;

void test_main(void);
void shutdown(u32 reason) __attribute__((noreturn));
int is_initial_domain(void);
u32 domain_id(void);
/* Whether this is a hypervisor of before 4.0, which refuses in words of its own. */
int is_era(void);

/* Says whether a rule holds; a broken one makes the guest's result a failure. */
void check(int holds, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As `check`, of two numbers that must be the same. */
void check_equal(long actual, long expected, const char *what);
/* What this domain or machine cannot show. */
void skip(const char *why) __attribute__((noreturn));
void fail_now(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- hypercalls ---- */

extern u8 hypercall_page[4096];
long hypercall_by_page(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e);
long hypercall_by_interrupt(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e);

#define HYPERCALL_(call, number, a, b, c, d, e, ...) \
    call((number), (u32)(a), (u32)(b), (u32)(c), (u32)(d), (u32)(e))
#define hypercall(number, ...) \
    HYPERCALL_(hypercall_by_page, number, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define hypercall_int82(number, ...) \
    HYPERCALL_(hypercall_by_interrupt, number, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* event_channel_op, sched_op and physdev_op in the form that the variant uses. */
long event_channel_op(u32 command, void *argument, u32 bytes);
#define evtchn(command, argument) event_channel_op((command), (argument), sizeof *(argument))
long sched_op(u32 command, void *argument);
long send(u32 port);
long bind_virq(u32 virq, u32 vcpu, u32 *port);
long bind_ipi(u32 vcpu, u32 *port);
long close_port(u32 port);
long block(void);
long yield(void);

/* ---- text (format.c, console.c) ---- */

typedef __builtin_va_list arguments;
/* %c %s %d %u %x, width and zero padding, and `ll` for hexadecimal and decimal. */
u32 format_text(char *to, u32 room, const char *format, arguments values);
u32 text_of(char *to, u32 room, const char *format, ...) __attribute__((format(printf, 3, 4)));
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fact(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
void console_flush(void);
/* Takes what has been typed; returns the number of bytes, which may be zero. */
u32 console_read(char *to, u32 room);

u32 length_of(const char *text);
int same_text(const char *left, const char *right);
void *memset(void *to, int value, unsigned long count);
void *memcpy(void *to, const void *from, unsigned long count);
int memcmp(const void *left, const void *right, unsigned long count);

/* ---- memory (paging.c) ---- */

#define PTE_P 0x001u
#define PTE_RW 0x002u
#define PTE_US 0x004u
#define PTE_A 0x020u
#define PTE_D 0x040u
#define PTE_PSE 0x080u
#define PTE_G 0x100u
#define PTE_NX 0x8000000000000000ull
#define PTE_FLAGS 0xfff0000000000fffull
#define PTE_READ (PTE_P | PTE_A)
#define PTE_WRITE (PTE_P | PTE_RW | PTE_A | PTE_D)
#define PTE_TABLE (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

extern u32 hypervisor_start;

/* A page of the domain's own memory, zeroed, mapped writable at the returned address. */
void *page_alloc(void);
u32 pfn_of(const void *address);
void *address_of_pfn(u32 pfn);
/* Machine frames; in a translated domain they are the pseudo-physical ones. */
u32 mfn_of(const void *address);
u32 mfn_of_pfn(u32 pfn);
u32 pfn_of_mfn(u32 mfn);
u64 machine_of(const void *address);
pte_t pte_of(u32 mfn, u64 flags);
u32 pte_mfn(pte_t pte);

/* The entry that maps an address at a level (1 the lowest), or null where there is no table. */
pte_t *table_entry(u32 address, u32 level);
u64 entry_machine(u32 address, u32 level);
pte_t *table_at(u32 mfn);

/* Makes sure that there is a lowest table's slot for an address: adds a middle table if need be. */
void need_middle_table(u32 address);

/* Changes the lowest entry for an address; 0 or a negative errno. */
long map_entry(u32 address, pte_t entry);
long map_page(const void *address, u64 flags);
long mmu_update_one(u64 pointer, u64 value);
extern u32 mmu_done;
long mmuext(u32 command, u32 first, u32 second);

/* ---- traps (traps.c, start.S) ---- */

#define VECTOR_UPCALL 256u
#define VECTOR_FAILSAFE 257u
#define VECTOR_NMI_CALLBACK 258u
#define VECTOR_SYSCALL32 259u
#define VECTOR_SYSENTER 260u

/* What the entry stubs leave on the stack. `cs` is the whole word, with the mask in bits 16-23. */
struct frame {
    u32 gs, fs, es, ds;
    u32 edi, esi, ebp, esp_of_pusha, ebx, edx, ecx, eax;
    u32 vector, error_code;
    u32 eip, cs, eflags;
    u32 user_esp, user_ss;
};

/* A trap as it was taken. */
struct trap {
    u32 count;
    struct frame frame;
    u32 at;            /* address of the pushed EIP */
    u32 from_user;
    u32 cr2;
    u32 mask_inside;   /* evtchn_upcall_mask when the handler began */
    u32 live_eflags;
};
extern struct trap last_trap;

extern u8 trap_stubs[];
u32 stub_of(u32 vector);
extern void upcall_entry(void), failsafe_entry(void), nmi_entry(void), syscall32_entry(void),
    sysenter_entry(void);

/* Called for a trap that nobody expects, if set; returns non-zero when it is dealt with. */
extern int (*trap_hook)(struct frame *frame);
/* Selectors that the failsafe callback was handed: DS, ES, FS, GS. */
extern u32 failsafe_selectors[4];
/* Return from traps and upcalls by the native IRET in place of the hypercall. */
extern u8 return_natively;

long set_trap(u32 vector, u32 flags, u32 address);
void install_traps(void);

/* An attempt: an instruction that may fault. Execution goes on after it. */
extern u32 attempt_from, attempt_resume, attempt_esp;
/* Vector of the trap that the last attempt met, or -1. */
int attempt_vector(void);
/* "ok", or the trap in the words of the facts. */
const char *attempt_text(void);

#define ATTEMPT_WITH(before, text, ...)                                                   \
    do {                                                                                  \
        last_trap.count = 0;                                                              \
        __asm__ volatile("movl $771f, attempt_from\n\tmovl $772f, attempt_resume\n\t"     \
                         "movl %%esp, attempt_esp\n\t" before                            \
                         "\n771:\n\t" text "\n772:\n\tmovl $0, attempt_resume"            \
                         : : __VA_ARGS__ : "eax", "ebx", "ecx", "edx", "memory", "cc");   \
    } while (0)
#define ATTEMPT(text) ATTEMPT_WITH("", text)

/* Ring 3. Runs code with the given flags until it traps; the trap is `last_trap`. */
void run_user(u32 eip, u32 esp, u32 eflags);
extern u32 user_selectors[4]; /* DS, ES, FS, GS to enter ring 3 with */
/* Gives ring 3 access to pages of the guest. */
void allow_user(const void *from, const void *to);
extern u8 user_text_start[], user_text_end[];
extern u8 user_stack[PAGE_SIZE];
extern u8 kernel_stack[];
#define USER_TEXT __attribute__((section(".user.text"), naked, used))
#define USER_STACK_TOP ((u32)user_stack + PAGE_SIZE - 4)
#define INTERRUPT_STACK_TOP ((u32)kernel_stack + STACK_SIZE)
#define STACK_SIZE 0x4000u

u32 vcpu_id(void);

/* ---- events (events.c) ---- */

struct upcalls {
    u32 count;
    u8 mask_inside, pending_inside;
    u32 selector_inside, pending0_inside;
    struct frame frame;
    u32 at;
    u32 per_port[1024];
};
extern struct upcalls upcalls;
/* Runs for each port in an upcall, after its pending bit was cleared. */
extern void (*on_port)(u32 port);
/* Runs in place of the usual scan. */
extern void (*on_upcall)(struct frame *frame);
void handle_upcall(struct frame *frame);
void scan_ports(void);

extern struct vcpu_info *vcpu_infos[32];
struct vcpu_info *vcpu(void);
void events_off(void);
void events_on(void);
int port_pending(u32 port);
int port_masked(u32 port);
void port_clear(u32 port);
void port_mask(u32 port, int masked);

/* Nanoseconds since the start of Xen, and the cycle counter. */
u64 now(void);
u64 rdtsc(void);
#define MILLISECONDS(n) ((u64)(n) * 1000000u)
void spin_until(u64 time);
long set_timer(u64 time);

/* ---- grants (grants.c) ---- */

/* The grant table, set up and mapped on the first call. */
struct grant_entry *grant_table(void);
void grant_access(u32 ref, u32 domain, const void *page, int read_only);
/* Takes a grant back; 0 while it is in use. */
int grant_end(u32 ref);

/* ---- xenstore (xenstore.c) ---- */

/* One request and its reply. Returns the reply's length, or a negative errno's name in `error`. */
long xenstore(u32 type, u32 transaction, const void *payload, u32 length, char *reply, u32 room);
extern char xenstore_error[32];
/* The text of a node, NUL-terminated; its length, or -1 with `xenstore_error` set. */
long xenstore_read(const char *path, char *to, u32 room);
long xenstore_write(const char *path, const char *value);
long xenstore_number(const char *path);
/* The next watch event, waiting at most so long: path and token; 0 when there is none. */
int xenstore_event(char *path, char *token, u32 room, u64 patience);
