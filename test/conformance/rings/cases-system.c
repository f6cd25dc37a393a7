/*
 * Instructions of the system (SDM 3A §2.8, §5.9): who may execute them, what they
 * refuse, what they leave; LAR and its kin; the FPU's and SSE's gates in CR0 and
 * CR4; alignment checks; SYSENTER; and code bytes that no processor takes.
 */
#define GROUP "system"
#include "machine.h"

/* ---- privileged instructions in ring 3 and ring 1 ------------------------- */

#define PRIVILEGED(identifier, text, ...)                                               \
  CASE(identifier##_ring_3, 3, text, .ebx = DATA, ##__VA_ARGS__)                          \
  CASE(identifier##_ring_1, 1, text, .ebx = DATA, .eflags = IOPL(3), ##__VA_ARGS__)
PRIVILEGED(hlt, "hlt")
PRIVILEGED(clts, "clts")
PRIVILEGED(lgdt, "lgdt (%ebx)")
PRIVILEGED(lidt, "lidt (%ebx)")
PRIVILEGED(lldt, "lldt %ax")
PRIVILEGED(ltr, "ltr %ax")
PRIVILEGED(lmsw, "lmsw %ax")
PRIVILEGED(mov_to_cr0, "mov %eax, %cr0")
PRIVILEGED(mov_from_cr0, "mov %cr0, %eax")
PRIVILEGED(mov_from_cr2, "mov %cr2, %eax")
PRIVILEGED(mov_to_cr3, "mov %eax, %cr3")
PRIVILEGED(mov_from_cr4, "mov %cr4, %eax")
PRIVILEGED(invlpg, "invlpg (%ebx)")
PRIVILEGED(invd, "invd")
PRIVILEGED(wbinvd, "wbinvd")
PRIVILEGED(rdmsr, "rdmsr", .ecx = 0x174)
PRIVILEGED(wrmsr, "wrmsr", .ecx = 0x174)
PRIVILEGED(sysexit, "sysexit")
/* These are not, though they tell of the system. */
CASE(sgdt_ring_3, 3, "sgdt (%ebx)", .ebx = DATA, .watch = {DATA, DATA + 4})
CASE(sidt_ring_3, 3, "sidt (%ebx)", .ebx = DATA, .watch = {DATA, DATA + 4})
CASE(sgdt_16_bit_operand, 3, "data16 sgdt (%ebx)", .ebx = DATA, .watch = {DATA, DATA + 4})
CASE(sldt_ring_3, 3, "sldt %eax", .eax = 0xffffffff)
CASE(sldt_16_bit, 3, "sldt %ax", .eax = 0xffffffff)
CASE(sldt_to_memory, 3, "sldt (%ebx)", .ebx = DATA, .watch = {DATA})
CASE(str_ring_3, 3, "str %eax", .eax = 0xffffffff)
CASE(smsw_ring_3, 3, "smsw %ax", .eax = 0xffffffff)
CASE(smsw_to_memory, 3, "smsw (%ebx)", .ebx = DATA, .watch = {DATA})
CASE(cpuid_ring_3, 3, "cpuid", .omit = OMIT_EAX | OMIT_ECX | OMIT_EDX | OMIT_EBX)
CASE(rdtsc_ring_3, 3, "rdtsc", .omit = OMIT_EAX | OMIT_EDX)
CASE(rdtsc_ring_3_tsd, 3, "rdtsc", .cr4 = CR4_TSD)
CASE(rdtsc_ring_1_tsd, 1, "rdtsc", .cr4 = CR4_TSD)
CASE(rdtsc_ring_0_tsd, 0, "rdtsc", .cr4 = CR4_TSD, .omit = OMIT_EAX | OMIT_EDX)
CASE(rdpmc_ring_3, 3, "rdpmc", .omit = OMIT_EAX | OMIT_EDX)

/* ---- control registers ---------------------------------------------------- */

CASE(cr0_pg_without_pe, 0, "mov %eax, %cr0", .eax = 0x80000010)
CASE(cr0_nw_without_cd, 0, "mov %eax, %cr0", .eax = 0x20000011)
CASE(cr0_reserved_bits_ignored, 0, "mov %eax, %cr0\n mov %cr0, %ecx", .eax = 0x1ffaffd1)
CASE(cr0_et_stays, 0, "mov %eax, %cr0\n mov %cr0, %ecx", .eax = 0x21)
CASE(cr4_reserved, 0, "mov %eax, %cr4", .eax = 0x80000010)
CASE(cr4_good, 0, "mov %eax, %cr4\n mov %cr4, %ecx",
     .eax = CR4_TSD | CR4_DE | CR4_PSE | CR4_PGE | CR4_OSFXSR)
CASE(cr4_written_from_ring_3, 3, "mov %eax, %cr4")
CASE(cr2_is_plain, 0, "mov %eax, %cr2\n mov %cr2, %ecx", .eax = 0x12345678)
CASE(cr3_low_bits, 0, "mov %eax, %cr3\n mov %cr3, %ecx", .eax = PAGE_DIRECTORY + 0x18)
CASE(cr1, 0, ".byte 0x0f, 0x20, 0xc8")
CASE(cr1_ring_3, 3, ".byte 0x0f, 0x20, 0xc8")
CASE(cr5, 0, ".byte 0x0f, 0x22, 0xe8")
CASE(mov_cr_ignores_mod, 0, ".byte 0x0f, 0x20, 0x00", .eax = 0, .omit = OMIT_EAX)
CASE(lmsw_sets_ts, 0, "lmsw %ax", .eax = 0xffff)
CASE(lmsw_cannot_clear_pe, 0, "lmsw %ax", .eax = 0)
CASE(clts_clears_ts, 0, "clts", .cr0 = CR0_TS)
CASE(pae_entered_with_bad_pointers, 0, "mov %cr4, %eax\n or $0x20, %eax\n mov %eax, %cr4\n"
     "mov $PAE_POINTERS, %eax\n mov %eax, %cr3\n"
     "mov %cr0, %eax\n or $0x80000000, %eax\n mov %eax, %cr0",
     .puts = {PUT32(PAE_POINTERS, PAE_DIRECTORY | PTE_P | 0x1e0)}, .omit = OMIT_EAX)
CASE(pae_cr3_with_bad_pointers, 0, "mov %eax, %cr3", .eax = PAE_POINTERS + 0x20,
     .paging = PAGING_PAE,
     .puts = {PUT32(PAE_POINTERS + 0x20, PAE_DIRECTORY | PTE_P | PTE_W)})
CASE(pae_cr3_loads_pointers, 0, "movl $0, PAE_POINTERS\n mov (%ebx), %ecx", .ebx = DATA,
     .paging = PAGING_PAE)
CASE(invlpg_of_register, 0, ".byte 0x0f, 0x01, 0xf8")
CASE(lgdt_of_register, 0, ".byte 0x0f, 0x01, 0xd0")
/* The operand of LGDT. */
#define PUT_REGISTER(address, limit, base) PUT64(address, (u64)(base) << 16 | (limit))
CASE(lgdt_and_back, 0, "lgdt (%ebx)\n sgdt 8(%ebx)", .ebx = DATA,
     .puts = {PUT_REGISTER(DATA, GDT_LIMIT + 8, GDT)},
     .watch = {DATA + 8, DATA + 12})
CASE(lgdt_16_bit_takes_24, 0, "lgdtw (%ebx)\n sgdt 8(%ebx)\n lgdtl 16(%ebx)", .ebx = DATA,
     .puts = {PUT_REGISTER(DATA, GDT_LIMIT, 0x77000000 | GDT),
              PUT_REGISTER(DATA + 16, GDT_LIMIT, GDT)},
     .watch = {DATA + 8, DATA + 12})
CASE(rdmsr_unknown, 0, "rdmsr", .ecx = 0x12345678)
CASE(wrmsr_unknown, 0, "wrmsr", .ecx = 0x12345678)
CASE(wrmsr_efer_reserved, 0, "wrmsr", .ecx = 0xc0000080, .eax = 0x80000000)
CASE(msr_round_trip, 0, "wrmsr\n xor %eax, %eax\n rdmsr", .ecx = 0x175, .eax = 0x12345678)

/* ---- LLDT and LTR ---------------------------------------------------------- */

CASE(lldt_null, 0, "lldt %ax", .eax = 0)
CASE(lldt_again, 0, "lldt %ax", .eax = LDT_SELECTOR)
CASE(lldt_absent, 0, "lldt %ax", .eax = LDT_ABSENT)
CASE(lldt_data, 0, "lldt %ax", .eax = DATA0)
CASE(lldt_from_ldt, 0, "lldt %ax", .eax = LDT_RW)
CASE(lldt_beyond, 0, "lldt %ax", .eax = BEYOND_GDT)
CASE(lldt_keeps_loaded_segments, 3, "mov %eax, %ds\n mov (%ebx), %ecx", .eax = LDT_RW, .ebx = 8)
CASE(ltr_null, 0, "ltr %ax", .eax = 0)
CASE(ltr_good, 0, "ltr %ax", .eax = TASK_B, .watch = {ACCESS_OF(TASK_B), ACCESS_OF(TASK)})
CASE(ltr_busy, 0, "ltr %ax", .eax = TASK_BUSY)
CASE(ltr_current, 0, "ltr %ax", .eax = TASK)
CASE(ltr_absent, 0, "ltr %ax", .eax = TASK_ABSENT)
CASE(ltr_16_bit, 0, "ltr %ax", .eax = TASK_16, .watch = {ACCESS_OF(TASK_16)})
CASE(ltr_ldt_descriptor, 0, "ltr %ax", .eax = LDT_SELECTOR)
CASE(ltr_from_ldt, 0, "ltr %ax", .eax = LDT_RW)
CASE(ltr_beyond, 0, "ltr %ax", .eax = BEYOND_GDT)

/* ---- LAR, LSL, VERR, VERW, ARPL --------------------------------------------- */

/* Each on one selector: ZF says whether it could be asked. */
#define ASK(identifier, its_ring, selector, ...)                                        \
  CASE(ask_##identifier, its_ring,                                                      \
       "lar %eax, %ecx\n lsl %eax, %edx\n pushf\n verr %ax\n pushf\n verw %ax\n pushf\n" \
       "lar %eax, %ebp\n",                                                              \
       .eax = selector, .ecx = 0x11111111, .edx = 0x22222222, .stack_words = 3, ##__VA_ARGS__)
ASK(null, 3, 0)
ASK(rw, 3, RW)
ASK(ro, 3, RO)
ASK(expand_down, 3, DOWN)
ASK(pages, 3, RW_PAGES)
ASK(absent, 3, RW_ABSENT)
ASK(of_ring_0, 3, RW_RING0 + 3)
ASK(of_ring_2_from_1, 1, RW_RING2)
ASK(rpl_above_dpl, 1, (RW_RING1 & ~3) + 2)
ASK(execute_only, 3, EXECUTE_ONLY)
ASK(execute_read, 3, EXECUTE_READ)
ASK(code_of_ring_0, 3, CODE0 + 3)
ASK(conforming_of_ring_0, 3, CONFORMING0 + 3)
ASK(tss, 0, TASK)
ASK(tss_available, 0, TASK_B)
ASK(tss_of_ring_0_from_3, 3, TASK + 3)
ASK(tss_16, 0, TASK_16)
ASK(ldt_descriptor, 0, LDT_SELECTOR)
ASK(call_gate, 0, SLOT,
    .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, PRESENT | TYPE_CALL_GATE, 0))})
ASK(call_gate_16, 0, SLOT,
    .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, PRESENT | TYPE_CALL_GATE_16, 0))})
ASK(task_gate, 0, SLOT, .puts = {PUT_GDT(SLOT, GATE_TO(TASK_B, 0, PRESENT | TYPE_TASK_GATE, 0))})
ASK(interrupt_gate, 0, SLOT,
    .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, PRESENT | TYPE_INTERRUPT_GATE, 0))})
ASK(reserved_type, 0, SLOT, .puts = {PUT_GDT(SLOT, GATE_TO(CODE0, LANDING, PRESENT | 0x08, 0))})
ASK(beyond_gdt, 3, BEYOND_GDT + 3)
ASK(ldt_entry, 3, LDT_RW)
CASE(lar_16_bit, 3, "lar %ax, %cx", .eax = RW, .ecx = 0xffffffff)
CASE(lsl_16_bit, 3, "lsl %ax, %cx", .eax = DATA3, .ecx = 0xffffffff)
CASE(lar_of_memory_reads_a_word, 3, "mov %eax, %ds\n lar 0xffe, %ecx", .eax = RW,
     .puts = {PUT32(DATA + 0xffe, RW)})
CASE(arpl_raises, 3, "arpl %cx, %ax", .eax = 0xffff0010, .ecx = 3)
CASE(arpl_keeps, 3, "arpl %cx, %ax", .eax = 0xffff0013, .ecx = 1)
CASE(arpl_equal, 3, "arpl %cx, %ax", .eax = 2, .ecx = 2)

/* ---- x87, MMX and SSE under CR0 and CR4 --------------------------------------- */

#define FPU(identifier, text, ...) CASE(fpu_##identifier, 3, text, .ebx = DATA, ##__VA_ARGS__)
#define FPU_GATES(identifier, text)                                                     \
  FPU(identifier##_ts, text, .cr0 = CR0_TS)                                             \
  FPU(identifier##_em, text, .cr0 = CR0_EM)                                             \
  FPU(identifier##_em_ts, text, .cr0 = CR0_EM | CR0_TS)
FPU_GATES(fld1, "fld1")
FPU_GATES(fnstsw, "fnstsw %ax\n mov $0, %eax")
FPU_GATES(wait, "fwait")
FPU_GATES(mmx, "movd %eax, %mm0")
FPU_GATES(emms, "emms")
FPU_GATES(fxsave, "fxsave (%ebx)")
FPU_GATES(sse, "movaps %xmm0, %xmm1")
FPU_GATES(ldmxcsr, "ldmxcsr (%ebx)")
FPU(sse_osfxsr_ts, "movaps %xmm0, %xmm1", .cr4 = CR4_OSFXSR, .cr0 = CR0_TS)
FPU(sse_osfxsr_em, "movaps %xmm0, %xmm1", .cr4 = CR4_OSFXSR, .cr0 = CR0_EM)
FPU(sse_osfxsr, "movaps %xmm0, %xmm1", .cr4 = CR4_OSFXSR)
FPU(sse2_without_osfxsr, "paddq %xmm0, %xmm1")
FPU(paddq_mmx_without_osfxsr, "paddq %mm0, %mm1")
FPU(prefetch_and_fences_need_nothing, "prefetchnta (%ebx)\n sfence\n lfence\n mfence",
    .cr0 = CR0_TS | CR0_EM)
FPU(movnti_needs_nothing, "movnti %eax, (%ebx)", .cr0 = CR0_TS | CR0_EM)
FPU(maskmovq_ts, "mov %ebx, %edi\n maskmovq %mm0, %mm1", .cr0 = CR0_TS, .omit = 0)
FPU(pending_error_at_next,
    "fldz\n movw $0x37b, (%ebx)\n fldcw (%ebx)\n fld1\n fdiv %st(1), %st\n nop\n fld1")
FPU(pending_error_at_wait,
    "fldz\n movw $0x37b, (%ebx)\n fldcw (%ebx)\n fld1\n fdiv %st(1), %st\n fwait")
FPU(pending_error_not_at_fnstsw,
    "fldz\n movw $0x37b, (%ebx)\n fldcw (%ebx)\n fld1\n fdiv %st(1), %st\n fnstsw %ax")
FPU(pending_error_at_mmx,
    "fldz\n movw $0x37b, (%ebx)\n fldcw (%ebx)\n fld1\n fdiv %st(1), %st\n emms")
FPU(simd_error, "movl $0x1d80, (%ebx)\n ldmxcsr (%ebx)\n xorps %xmm0, %xmm0\n"
    "mov $0x3f800000, %eax\n movd %eax, %xmm1\n divss %xmm0, %xmm1", .cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT)
FPU(simd_error_without_osxmmexcpt, "movl $0x1d80, (%ebx)\n ldmxcsr (%ebx)\n xorps %xmm0, %xmm0\n"
    "mov $0x3f800000, %eax\n movd %eax, %xmm1\n divss %xmm0, %xmm1", .cr4 = CR4_OSFXSR)
FPU(ldmxcsr_reserved, "movl $0x80001f80, (%ebx)\n ldmxcsr (%ebx)", .cr4 = CR4_OSFXSR)
FPU(movaps_unaligned, "movaps 4(%ebx), %xmm0", .cr4 = CR4_OSFXSR)
FPU(fxsave_unaligned, "fxsave 8(%ebx)", .cr4 = CR4_OSFXSR)

/* ---- alignment checks ----------------------------------------------------------- */

#define ALIGNED(identifier, text, ...)                                                  \
  CASE(ac_##identifier, 3, text, .ebx = DATA, .cr0 = CR0_AM, .eflags = FLAG_AC,           \
       .cr4 = CR4_OSFXSR, .paging = PAGING_32, ##__VA_ARGS__)
ALIGNED(word_odd, "mov 1(%ebx), %cx")
ALIGNED(word_even, "mov 2(%ebx), %cx")
ALIGNED(dword, "mov 2(%ebx), %ecx")
ALIGNED(dword_write, "mov %ecx, 1(%ebx)")
ALIGNED(qword_at_4, "fldl 4(%ebx)")
ALIGNED(tbyte_at_4, "fldt 4(%ebx)")
ALIGNED(tbyte_at_8, "fldt 8(%ebx)")
ALIGNED(cmpxchg8b_at_4, "cmpxchg8b 4(%ebx)")
ALIGNED(mmx_at_4, "movq 4(%ebx), %mm0")
ALIGNED(far_pointer_at_2, "les 2(%ebx), %ecx")
ALIGNED(push, "mov $STACK3 - 2, %esp\n push %eax")
ALIGNED(pushw, "mov $STACK3 - 2, %esp\n pushw %ax")
ALIGNED(call, "mov $STACK3 - 1, %esp\n call 1f\n 1:")
ALIGNED(movups, "movups 1(%ebx), %xmm0")
ALIGNED(string, "mov %ebx, %esi\n inc %esi\n lodsl")
ALIGNED(before_page_fault, "mov NOT_PRESENT + 1, %ecx")
ALIGNED(without_am, "mov 1(%ebx), %ecx", .cr0 = 0)
ALIGNED(without_ac, "mov 1(%ebx), %ecx", .eflags = 0)
ALIGNED(ring_0, "mov 1(%ebx), %ecx", .ring = 0)
ALIGNED(ring_2, "mov 1(%ebx), %ecx", .ring = 2)
ALIGNED(segment_base_counts, "mov %eax, %ds\n mov 0, %ecx", .eax = SLOT + 3,
        .puts = {PUT_GDT(SLOT, SEGMENT(DATA + 1, 0xff, PRESENT | DPL(3) | TYPE_RW, BIG))})
/* The pushes of an interrupt from ring 3 are the system's. */
ALIGNED(not_for_descriptor_loads, "mov %eax, %ds", .eax = RW)

/* ---- SYSENTER, SYSEXIT ------------------------------------------------------------ */

static void sysenter_target(void) {
  write_msr(MSR_SYSENTER_CS, CODE0);
  write_msr(MSR_SYSENTER_ESP, STACK0 - 0x40);
  write_msr(MSR_SYSENTER_EIP, LANDING);
}
CASE(sysenter, 3, "sysenter", .setup = sysenter_target, .eflags = FLAG_IF | FLAG_AC)
CASE(sysenter_ring_0, 0, "sysenter", .setup = sysenter_target)
CASE(sysenter_without_cs, 3, "sysenter")
static void sysenter_rpl(void) {
  sysenter_target();
  write_msr(MSR_SYSENTER_CS, CODE0 + 3);
}
CASE(sysenter_cs_with_rpl, 3, "sysenter", .setup = sysenter_rpl)
static void sysenter_null_with_rpl(void) {
  sysenter_target();
  write_msr(MSR_SYSENTER_CS, 3);
}
CASE(sysenter_cs_null_with_rpl, 3, "sysenter", .setup = sysenter_null_with_rpl)
/* SYSEXIT's selectors are SYSENTER_CS + 16 and + 24: here CODE1's and DATA1's, with RPL 3. */
CASE(sysexit, 0, "sysexit", .setup = sysenter_target, .edx = LANDING, .ecx = STACK3 - 0x80)
CASE(sysexit_without_cs, 0, "sysexit", .edx = LANDING, .ecx = STACK3)

/* ---- code that is none --------------------------------------------------------------- */

#define UNDEFINED(identifier, bytes) CASE(ud_##identifier, 3, ".byte " bytes, .ebx = DATA)
UNDEFINED(ud2, "0x0f, 0x0b")
UNDEFINED(ud1, "0x0f, 0xb9, 0xc0")
UNDEFINED(lock_nop, "0xf0, 0x90")
UNDEFINED(lock_mov, "0xf0, 0x89, 0x03")
UNDEFINED(lock_add_register, "0xf0, 0x01, 0xc0")
UNDEFINED(lock_add_to_register, "0xf0, 0x03, 0x03")
UNDEFINED(lock_cmp, "0xf0, 0x39, 0x03")
UNDEFINED(lock_test, "0xf0, 0x85, 0x03")
UNDEFINED(lock_bt, "0xf0, 0x0f, 0xa3, 0x03")
UNDEFINED(lock_hlt, "0xf0, 0xf4")
UNDEFINED(lock_shl, "0xf0, 0xd1, 0x23")
UNDEFINED(group_c6_1, "0xc6, 0xc8, 0x05")
UNDEFINED(group_8f_1, "0x8f, 0xc8")
UNDEFINED(group_fe_2, "0xfe, 0xd0")
UNDEFINED(group_ff_7, "0xff, 0xf8")
UNDEFINED(group_0f00_6, "0x0f, 0x00, 0xf0")
UNDEFINED(cmpxchg8b_register, "0x0f, 0xc7, 0xc8")
UNDEFINED(bound_register, "0x62, 0xc0")
UNDEFINED(lea_register, "0x8d, 0xc0")
UNDEFINED(0f_0a, "0x0f, 0x0a")
CASE(lock_add, 3, "lock addl $1, (%ebx)", .ebx = DATA, .watch = {DATA})
CASE(lock_xchg, 3, "lock xchg %eax, (%ebx)", .ebx = DATA, .watch = {DATA})
CASE(lock_cmpxchg8b, 3, "lock cmpxchg8b (%ebx)", .ebx = DATA, .eax = 1, .watch = {DATA})
#define PREFIXES_7 "0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e"
#define PREFIXES_14 PREFIXES_7 ", " PREFIXES_7
CASE(length_15, 3, ".byte " PREFIXES_14 ", 0x90")
CASE(length_16, 3, ".byte " PREFIXES_14 ", 0x2e, 0x90")
CASE(length_16_by_immediate, 3, ".byte " PREFIXES_14 ", 0xb0, 0x01")
/* The length is exceeded before the page behind is needed. */
CASE(length_16_at_page_end, 3, "jmp *%ebx", .ebx = NOT_PRESENT - 15, .paging = PAGING_32,
     .puts = {PUT32(NOT_PRESENT - 15, 0x2e2e2e2e), PUT32(NOT_PRESENT - 11, 0x2e2e2e2e),
              PUT32(NOT_PRESENT - 7, 0x2e2e2e2e), PUT32(NOT_PRESENT - 4, 0x2e2e2e2e)})
