/*
 * Enters cases and catches them when they leave.
 *
 * There are two ways in and out:
 *
 *   fast   user code loads the registers and jumps to the case, which ends in a
 *          jump back; a signal is spent only on a fault.
 *   slow   a signal handler rewrites its own frame so that sigreturn enters the
 *          case with every register, selector and TF as asked; the case ends in
 *          int3, a fault or a single-step trap, hence in the handler again.
 */
#define _GNU_SOURCE
#include "worker.h"

#include "case-memory.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif

#define KERNEL_SA_RESTORER 0x04000000ul
#define SIGNAL_STACK_BYTES 65536
#define TICK_MICROSECONDS 20000 /* a case current at two ticks loops */
#define PATIENCE_TICKS 50       /* then the case has damaged the harness */

#define EFLAGS_ALWAYS_ONE 0x2u
#define EFLAGS_TF 0x100u
#define OPCODE_JMP_REL32 0xe9
#define JMP_REL32_BYTES 5u
#define VECTOR_DEBUG 1
#define VECTOR_BREAKPOINT 3
#define VECTOR_PAGE_FAULT 14

/* Offsets in an FXSAVE image, SDM 1 §10.5.1 Table 10-2. */
#define FX_FCW 0
#define FX_FSW 2
#define FX_FTW 4
#define FX_FOP 6
#define FX_FIP 8
#define FX_FCS 12
#define FX_FDP 16
#define FX_FDS 20
#define FX_MXCSR 24
#define FX_MXCSR_MASK 28
#define FX_ST0 32
#define FX_XMM0 160
#define MXCSR_WRITABLE 0xffffu
#define MXCSR_DEFAULT 0x1f80u
#define FCW_DEFAULT 0x37fu
#define FSW_PENDING 0x80bfu /* B, SF and the six exception flags */

static uint16_t read16(const uint8_t *at) {
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint32_t read32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static void write32(uint8_t *at, uint32_t value) {
  memcpy(at, &value, sizeof value);
}

/* The FPU part of a 32-bit signal frame: the old FSAVE form, then the FXSAVE image. */
struct fpu_frame {
  uint32_t control;
  uint32_t status;
  uint32_t tag;
  uint32_t instruction_offset;
  uint32_t code_selector;
  uint32_t data_offset;
  uint32_t data_selector;
  uint8_t st[8][10];
  uint16_t software_status;
  uint16_t magic;
  uint8_t fxsave[512];
};

/* sigreturn takes the stack pointer from REG_ESP; REG_UESP is only a copy for old debuggers. */
static const int GENERAL_REGISTERS[8] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX,
                                         REG_ESP, REG_EBP, REG_ESI, REG_EDI};
static const int SEGMENT_REGISTERS[6] = {REG_ES, REG_CS, REG_SS, REG_DS, REG_FS, REG_GS};
enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum { ES, CS, SS, DS, FS, GS };

static const struct case_record *cases;
static struct result_record *results;
static volatile uint32_t *progress;

static uint32_t current;            /* the case in flight */
static uint32_t end;                /* first case that is not this worker's */
static uint32_t slow_from_here = ~0u; /* this case may not take the fast path */
static uint32_t case_at_last_tick = ~0u;
static uint32_t ticks_on_case;
static volatile int in_fast_case;
static volatile int tick_interrupted_case;
static uint16_t host_segments[6];
static int host_segments_known;

/* Fixed places that fast_enter and fast_exit read and write. */
uint32_t fast_esp;
uint32_t fast_target;
uint32_t fast_harness_esp;
struct {
  uint32_t registers[8];
  uint32_t eflags;
} fast_in, fast_out;
static uint8_t fast_fxsave[512] __attribute__((aligned(16)));
static uint8_t fast_stack[SIGNAL_STACK_BYTES] __attribute__((aligned(64)));
static uint8_t signal_stack[SIGNAL_STACK_BYTES] __attribute__((aligned(64)));

/*
 * fast_enter leaves by jumping to the case; the case's last jump arrives at
 * fast_exit, which returns to fast_enter's caller. After a fault the handler
 * resumes at fast_resume instead. No instruction between popfl and the case
 * may change a flag, and none after it may before pushfl.
 */
void fast_enter(void);
void fast_exit(void);
void fast_resume(void);
void hand_over(void);
void restore_rt(void);
__asm__(
    ".text\n"
    ".globl fast_enter, fast_exit, fast_resume, hand_over, restore_rt\n"
    "fast_enter:\n"
    "  pushal\n"
    "  mov %esp, fast_harness_esp\n"
    "  mov $fast_in, %esp\n"
    "  popal\n"
    "  popfl\n"
    "  mov fast_esp, %esp\n"
    "  jmp *fast_target\n"
    "fast_exit:\n"
    "  mov %esp, fast_esp\n"
    "  mov $fast_out + 36, %esp\n"
    "  pushfl\n"
    "  pushal\n"
    "fast_resume:\n"
    "  mov fast_harness_esp, %esp\n"
    "  pushl $2\n"
    "  popfl\n"
    "  popal\n"
    "  ret\n"
    "hand_over:\n" /* to the handler, which takes the next case the slow way */
    "  int3\n"
    "restore_rt:\n"
    "  mov $173, %eax\n" /* __NR_rt_sigreturn */
    "  int $0x80\n");

extern char __executable_start[];
extern char etext[];

static int is_harness_code(uint32_t eip) {
  return eip >= (uint32_t)__executable_start && eip < (uint32_t)etext;
}

/* Ends the worker without libc, whose state a case may have damaged. */
static void __attribute__((noreturn)) leave(int status) {
  __asm__ volatile("int $0x80" : : "a"(SYS_exit), "b"(status));
  __builtin_unreachable();
}

static void set_host_segments(greg_t *registers) {
  for (int i = 0; i < 6; i++) {
    registers[SEGMENT_REGISTERS[i]] = host_segments[i];
  }
}

/* ---- the slow path ------------------------------------------------------ */

/* The frame has the x87 state twice; the kernel takes registers and tags from the old form. */
static void load_fpu_frame(struct fpu_frame *frame, const uint8_t *fxsave) {
  enum { TAG_VALID = 0, TAG_EMPTY = 3, HIGH = 0xffff0000 };
  uint32_t tags = 0;
  for (int i = 0; i < 8; i++) {
    uint32_t valid = fxsave[FX_FTW] >> i & 1;
    tags |= (uint32_t)(valid ? TAG_VALID : TAG_EMPTY) << (2 * i);
  }
  frame->control = HIGH | read16(fxsave + FX_FCW);
  frame->status = HIGH | read16(fxsave + FX_FSW);
  frame->tag = HIGH | tags;
  frame->instruction_offset = read32(fxsave + FX_FIP);
  frame->code_selector = read16(fxsave + FX_FCS) | (uint32_t)read16(fxsave + FX_FOP) << 16;
  frame->data_offset = read32(fxsave + FX_FDP);
  frame->data_selector = read32(fxsave + FX_FDS);
  for (int i = 0; i < 8; i++) {
    memcpy(frame->st[i], fxsave + FX_ST0 + 16 * i, sizeof frame->st[i]);
  }
  /* MXCSR_MASK stays the kernel's. */
  memcpy(frame->fxsave, fxsave, FX_MXCSR);
  write32(frame->fxsave + FX_MXCSR, read32(fxsave + FX_MXCSR) & MXCSR_WRITABLE);
  memcpy(frame->fxsave + FX_ST0, fxsave + FX_ST0, FXSAVE_BYTES - FX_ST0);
}

/* FNINIT's state with MXCSR at its default and every register zero. */
static void initial_fxsave(uint8_t *fxsave) {
  memset(fxsave, 0, FXSAVE_BYTES);
  write32(fxsave + FX_FCW, FCW_DEFAULT);
  write32(fxsave + FX_MXCSR, MXCSR_DEFAULT);
}

static void enter_slowly(ucontext_t *context, const struct case_record *subject) {
  greg_t *registers = context->uc_mcontext.gregs;
  struct fpu_frame *frame = (struct fpu_frame *)context->uc_mcontext.fpregs;
  place_case(subject);
  for (int i = 0; i < 8; i++) {
    registers[GENERAL_REGISTERS[i]] = (greg_t)subject->registers[i];
  }
  registers[REG_EIP] = (greg_t)subject->eip;
  uint32_t trap_flag = subject->mode == MODE_STEP ? EFLAGS_TF : 0;
  registers[REG_EFL] = (greg_t)((subject->eflags & ~EFLAGS_TF) | trap_flag);
  set_host_segments(registers);
  if (subject->flags & WITH_SEGMENTS) {
    for (int i = 0; i < 6; i++) {
      registers[SEGMENT_REGISTERS[i]] = subject->segments[i];
    }
  }
  if (frame) {
    uint8_t initial[FXSAVE_BYTES];
    initial_fxsave(initial);
    load_fpu_frame(frame, subject->flags & WITH_FPU ? subject->fxsave : initial);
  }
}

/* Whether the trap is the end that the case was given rather than one of its own. */
static int is_end_of_case(const struct case_record *subject, int signal, uint32_t vector,
                          uint32_t linear_eip) {
  if (signal != SIGTRAP) {
    return 0;
  }
  if (subject->mode == MODE_STEP) {
    return vector == VECTOR_DEBUG;
  }
  uint32_t trailing_int3 = subject->code_address + subject->code_length;
  return vector == VECTOR_BREAKPOINT && linear_eip == trailing_int3 + 1;
}

static void record_signal(struct result_record *result, const struct case_record *subject,
                          int signal, const ucontext_t *context) {
  const greg_t *registers = context->uc_mcontext.gregs;
  const struct fpu_frame *frame = (const struct fpu_frame *)context->uc_mcontext.fpregs;
  /* eip is relative to the base of CS: the distance the case itself gave. */
  uint32_t code_base = subject->code_address - subject->eip;
  for (int i = 0; i < 8; i++) {
    result->registers[i] = (uint32_t)registers[GENERAL_REGISTERS[i]];
  }
  result->eflags = (uint32_t)registers[REG_EFL];
  result->eip = (uint32_t)registers[REG_EIP];
  for (int i = 0; i < 6; i++) {
    result->segments[i] = (uint16_t)registers[SEGMENT_REGISTERS[i]];
  }
  uint32_t vector = (uint32_t)registers[REG_TRAPNO];
  result->vector = 0;
  result->error_code = 0;
  result->cr2 = 0;
  if (signal == SIGVTALRM) {
    result->outcome = OUTCOME_TIMEOUT;
  } else if (signal == SIGSYS) {
    result->outcome = OUTCOME_SYSCALL;
  } else if (is_end_of_case(subject, signal, vector, code_base + result->eip)) {
    result->outcome = OUTCOME_COMPLETED;
    result->eip -= subject->mode == MODE_STEP ? 0 : 1;
    result->eflags &= subject->mode == MODE_STEP ? ~EFLAGS_TF : ~0u;
  } else {
    result->outcome = OUTCOME_FAULT;
    result->vector = (uint8_t)vector;
    result->error_code = (uint32_t)registers[REG_ERR];
    result->cr2 = vector == VECTOR_PAGE_FAULT ? (uint32_t)context->uc_mcontext.cr2 : 0;
  }
  collect_memory(result, subject);
  if (frame) {
    memcpy(result->fxsave, frame->fxsave, FXSAVE_BYTES);
  }
}

/* ---- the fast path ------------------------------------------------------ */

static int is_fast(uint32_t index) {
  const struct case_record *subject = &cases[index];
  uint32_t behind = subject->code_address + subject->code_length;
  return subject->mode == MODE_FAST && index != slow_from_here &&
         subject->code_address >= CODE_BASE &&
         behind + JMP_REL32_BYTES <= CODE_BASE + CODE_BYTES;
}

static void enter_fast(const struct case_record *subject) {
  uint32_t behind = subject->code_address + subject->code_length;
  uint8_t jump_back[JMP_REL32_BYTES] = {OPCODE_JMP_REL32};
  write32(jump_back + 1, (uint32_t)fast_exit - (behind + JMP_REL32_BYTES));
  place_case(subject);
  place(behind, jump_back, JMP_REL32_BYTES);
  for (int i = 0; i < 8; i++) {
    fast_in.registers[i] = subject->registers[EDI - i]; /* popal takes edi first */
  }
  fast_in.eflags = subject->eflags & ~EFLAGS_TF;
  fast_esp = subject->registers[ESP];
  fast_target = subject->eip;
  if (subject->flags & WITH_FPU) {
    memcpy(fast_fxsave, subject->fxsave, FXSAVE_BYTES);
    write32(fast_fxsave + FX_MXCSR, read32(subject->fxsave + FX_MXCSR) & MXCSR_WRITABLE);
    __asm__ volatile("fxrstor %0" : : "m"(fast_fxsave));
  }
  tick_interrupted_case = 0;
  in_fast_case = 1;
  fast_enter();
}

#define READ_SEGMENT(name, value) __asm__ volatile("mov %%" name ", %0" : "=r"(value))

/* Reads the selectors; a case may have loaded others, which the harness does not want. */
static void collect_segments(uint16_t segments[6]) {
  READ_SEGMENT("es", segments[ES]);
  READ_SEGMENT("cs", segments[CS]);
  READ_SEGMENT("ss", segments[SS]);
  READ_SEGMENT("ds", segments[DS]);
  READ_SEGMENT("fs", segments[FS]);
  READ_SEGMENT("gs", segments[GS]);
  if (segments[ES] != host_segments[ES]) {
    __asm__ volatile("mov %0, %%es" : : "r"(host_segments[ES]));
  }
  if (segments[FS] != host_segments[FS]) {
    __asm__ volatile("mov %0, %%fs" : : "r"(host_segments[FS]));
  }
  if (segments[GS] != host_segments[GS]) {
    __asm__ volatile("mov %0, %%gs" : : "r"(host_segments[GS]));
  }
}

static void record_fast(struct result_record *result, const struct case_record *subject) {
  uint16_t segments[6];
  collect_segments(segments);
  memcpy(result->segments, segments, sizeof segments);
  if (subject->flags & WITH_FPU) {
    __asm__ volatile("fxsave %0" : "=m"(fast_fxsave));
    memcpy(result->fxsave, fast_fxsave, FXSAVE_BYTES);
  }
  result->outcome = OUTCOME_COMPLETED;
  result->vector = 0;
  result->error_code = 0;
  result->cr2 = 0;
  for (int i = 0; i < 8; i++) {
    result->registers[EDI - i] = fast_out.registers[i];
  }
  result->registers[ESP] = fast_esp;
  result->eflags = fast_out.eflags;
  result->eip = subject->eip + subject->code_length;
  collect_memory(result, subject);
  unplace(subject->code_address + subject->code_length, JMP_REL32_BYTES);
}

static void run_fast_cases(void) {
  while (current < end && is_fast(current)) {
    const struct case_record *subject = &cases[current];
    enter_fast(subject);
    if (!in_fast_case) {
      continue; /* it faulted: the handler recorded it and went on */
    }
    in_fast_case = 0;
    record_fast(&results[current], subject);
    /* sigreturn cannot restore NT and ID, so a case interrupted by the timer runs again. */
    if (!tick_interrupted_case) {
      *progress = ++current;
    }
  }
  if (current == end) {
    leave(0);
  }
  hand_over();
  leave(EXIT_DAMAGED);
}

/* ---- signals ------------------------------------------------------------ */

/* Makes the signal frame enter the next case. */
static void enter_next(ucontext_t *context) {
  greg_t *registers = context->uc_mcontext.gregs;
  if (current == end) {
    leave(0);
  }
  if (!is_fast(current)) {
    enter_slowly(context, &cases[current]);
    return;
  }
  registers[REG_EIP] = (greg_t)run_fast_cases;
  registers[REG_ESP] = (greg_t)(fast_stack + SIGNAL_STACK_BYTES - 64);
  registers[REG_EFL] = EFLAGS_ALWAYS_ONE;
  set_host_segments(registers);
}

/* Leaves a fast case that faulted: back into the loop, FPU without pending exceptions. */
static void resume_fast_loop(ucontext_t *context) {
  greg_t *registers = context->uc_mcontext.gregs;
  struct fpu_frame *frame = (struct fpu_frame *)context->uc_mcontext.fpregs;
  registers[REG_EIP] = (greg_t)fast_resume;
  registers[REG_ESP] = (greg_t)fast_harness_esp;
  registers[REG_EFL] = EFLAGS_ALWAYS_ONE;
  set_host_segments(registers);
  if (frame) {
    frame->status &= ~FSW_PENDING;
    frame->control |= 0x3f;
    write32(frame->fxsave + FX_MXCSR, MXCSR_DEFAULT);
  }
}

static void finish_slow_case(ucontext_t *context, int signal) {
  record_signal(&results[current], &cases[current], signal, context);
  *progress = ++current;
  enter_next(context);
}

/* A fast case ended in a signal: its own fault, a loop, or ours because it changed DS. */
static void finish_fast_case(ucontext_t *context, int signal) {
  const struct case_record *subject = &cases[current];
  uint32_t behind = subject->code_address + subject->code_length;
  record_signal(&results[current], subject, signal, context);
  unplace(behind, JMP_REL32_BYTES);
  in_fast_case = 0;
  if (is_harness_code((uint32_t)context->uc_mcontext.gregs[REG_EIP])) {
    slow_from_here = current;
  } else {
    *progress = ++current;
  }
  resume_fast_loop(context);
}

static void handle_tick(ucontext_t *context) {
  if (case_at_last_tick != current) {
    case_at_last_tick = current;
    ticks_on_case = 0;
    tick_interrupted_case = 1;
    return;
  }
  if (++ticks_on_case == PATIENCE_TICKS) {
    leave(EXIT_DAMAGED);
  }
  if (is_harness_code((uint32_t)context->uc_mcontext.gregs[REG_EIP])) {
    return; /* slow, but not looping */
  }
  if (in_fast_case) {
    finish_fast_case(context, SIGVTALRM);
  } else {
    finish_slow_case(context, SIGVTALRM);
  }
}

static void handle_signal(int signal, siginfo_t *info, void *frame) {
  (void)info;
  /* The case's AC flag would hit the handler's own unaligned accesses. */
  __asm__ volatile("pushl $2\n popfl" : : : "cc", "memory");
  ucontext_t *context = frame;
  if (!host_segments_known) {
    for (int i = 0; i < 6; i++) {
      host_segments[i] = (uint16_t)context->uc_mcontext.gregs[SEGMENT_REGISTERS[i]];
    }
    host_segments[GS] = 0; /* thread-local storage, which nothing uses from here on */
    host_segments_known = 1;
    enter_next(context);
  } else if (signal == SIGVTALRM) {
    handle_tick(context);
  } else if (in_fast_case) {
    finish_fast_case(context, signal);
  } else if ((uint32_t)context->uc_mcontext.gregs[REG_EIP] == (uint32_t)hand_over + 1) {
    enter_next(context);
  } else {
    finish_slow_case(context, signal);
  }
}

/* struct sigaction as the kernel knows it, so that restore_rt is ours. */
struct kernel_sigaction {
  void (*handler)(int, siginfo_t *, void *);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
};

static void catch_signals(void) {
  static const int SIGNALS[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGSYS, SIGVTALRM};
  stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
  sigaltstack(&stack, NULL);
  for (unsigned i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) {
    struct kernel_sigaction action = {
        .handler = handle_signal,
        .flags = SA_SIGINFO | SA_ONSTACK | KERNEL_SA_RESTORER,
        .restorer = restore_rt,
        .mask = ~0ull,
    };
    syscall(SYS_rt_sigaction, SIGNALS[i], &action, NULL, sizeof action.mask);
  }
  struct itimerval tick = {{0, TICK_MICROSECONDS}, {0, TICK_MICROSECONDS}};
  setitimer(ITIMER_VIRTUAL, &tick, NULL);
}

void run_worker(const struct batch *batch, uint32_t from, uint32_t to) {
  cases = batch->cases;
  results = batch->results;
  progress = batch->progress;
  current = from;
  end = to;
  *progress = from;
  fill_pages();
  catch_signals();
  /* int 0x80 outside our own text becomes SIGSYS instead of a system call. */
  uint32_t text_bytes = (uint32_t)(etext - __executable_start);
  if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, (unsigned long)__executable_start,
            (unsigned long)text_bytes, 0)) {
    perror("hostcpu: PR_SET_SYSCALL_USER_DISPATCH (Linux 5.11 or later is needed)");
    leave(EXIT_UNSUITABLE_HOST);
  }
  hand_over();
  leave(EXIT_DAMAGED);
}
