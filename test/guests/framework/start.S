/*
 * Entry of a test guest: what describes the kernel to a domain builder (ELF notes, or the
 * `__xen_guest` string of before Xen 3.0.3), the first instructions, and the stubs that traps,
 * upcalls and callbacks come in by.
 *
 * A frame that Xen pushes is completed to `struct frame` of guest.h. It is left by the iret
 * hypercall, or by the native IRET if the guest asks for it.
 */

    .file "start.S"

#ifndef GUEST_PAE
#define GUEST_PAE 1
#endif
#ifndef GUEST_TRANSLATED
#define GUEST_TRANSLATED 0
#endif
#ifndef GUEST_BASE
#define GUEST_BASE 0xc0000000
#endif

#define KERNEL_DS 0xe021
#define USER_DS 0xe033
#define HC_IRET 23
#define VECTOR_UPCALL 256
#define VECTOR_FAILSAFE 257
#define VECTOR_NMI_CALLBACK 258
#define VECTOR_SYSCALL32 259
#define VECTOR_SYSENTER 260

#if GUEST_LEGACY

    /* HYPERCALL_PAGE is a page number, counted from VIRT_BASE. */
    .section __xen_guest, "a", @progbits
    .ascii "GUEST_OS=ringside-test,XEN_VER=xen-3.0,LOADER=generic"
#if GUEST_PAE
    .ascii ",PAE=yes"
#else
    .ascii ",PAE=no"
#endif
#if GUEST_BASE
    .ascii ",VIRT_BASE=0xC0000000,HYPERCALL_PAGE=0x101"
#else
    .ascii ",VIRT_BASE=0x0,HYPERCALL_PAGE=0x101"
#endif
#if GUEST_TRANSLATED
    .ascii ",FEATURES=!writable_page_tables|!auto_translated_physmap"
#endif
    .byte 0

#else

.macro note type:req, description:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 6f - 5f, \type
    .asciz "Xen"
5:  \description
6:  .balign 4
    .popsection
.endm

    note 6, .asciz "ringside-test"
    note 7, .asciz "1"
    note 5, .asciz "xen-3.0"
    note 8, .asciz "generic"
    note 2, .long hypercall_page
#if GUEST_BASE
    /* Base 0 and e_entry are what a builder takes where these are left out. */
    note 3, .long GUEST_BASE
    note 4, .long 0
    note 1, .long _start
#endif
#if GUEST_PAE
    note 9, .asciz "yes"
#else
    note 9, .asciz "no"
#endif
#if GUEST_TRANSLATED
    note 10, .asciz "!writable_page_tables|!auto_translated_physmap"
#else
    note 10, .asciz "!writable_page_tables|pae_pgdir_above_4gb"
#endif
#if GUEST_BASE
    /* Lets Xen begin where its memory needs it; without it, the hole begins where it always did. */
    note 12, .long 0xf5800000
#endif

#endif

    .section .text.start, "ax", @progbits
    .globl _start
_start:
    /* MOV changes no flag, so that EFLAGS can wait for a stack. */
    movl %eax, entry_registers
    movl %ebx, entry_registers + 4
    movl %ecx, entry_registers + 8
    movl %edx, entry_registers + 12
    movl %esi, entry_registers + 16
    movl %edi, entry_registers + 20
    movl %ebp, entry_registers + 24
    movl %esp, entry_registers + 28
    movw %cs, entry_registers + 36
    movw %ds, entry_registers + 40
    movw %es, entry_registers + 44
    movw %fs, entry_registers + 48
    movw %gs, entry_registers + 52
    movw %ss, entry_registers + 56
    movl -16(%esp), %eax
    movl %eax, entry_registers + 60
    movl -12(%esp), %eax
    movl %eax, entry_registers + 64
    movl -8(%esp), %eax
    movl %eax, entry_registers + 68
    movl -4(%esp), %eax
    movl %eax, entry_registers + 72
    movl $boot_stack + 0x4000, %esp
    pushfl
    popl entry_registers + 32
    cld
    xorl %ebp, %ebp
    call start_guest
    ud2

    /* A page of its own at a fixed place: 0x1000 after the start. */
    .section .text.hypercall_page, "ax", @progbits
    .balign 4096
    .globl hypercall_page
    .type hypercall_page, @object
    .size hypercall_page, 4096
hypercall_page:
    .fill 4096, 1, 0xf4

    .text

    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if (vector == 8) || (vector == 17) || ((vector >= 10) && (vector <= 14))
    .else
    pushl $0
    .endif
    pushl $vector
    jmp trap_common
    .set vector, vector + 1
    .endr

.macro entry name:req, vector:req
    .globl \name
\name:
    pushl $0
    pushl $\vector
    jmp trap_common
.endm

    entry upcall_entry, VECTOR_UPCALL
    entry nmi_entry, VECTOR_NMI_CALLBACK
    entry syscall32_entry, VECTOR_SYSCALL32
    entry sysenter_entry, VECTOR_SYSENTER

    /* DS, ES, FS and GS lie below EIP; they have been loaded with null selectors. */
    .globl failsafe_entry
failsafe_entry:
    popl %ss:failsafe_selectors
    popl %ss:failsafe_selectors + 4
    popl %ss:failsafe_selectors + 8
    popl %ss:failsafe_selectors + 12
    pushl $0
    pushl $VECTOR_FAILSAFE

trap_common:
    cld
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    movl $KERNEL_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    pushl %esp
    call handle_trap
    addl $4, %esp

    /* Leaves through the frame at ESP. */
    .globl leave_frame
leave_frame:
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    addl $8, %esp
    cmpb $0, %ss:return_natively
    jne 1f
    jmp hypercall_page + HC_IRET * 32
1:  iret

    /* void run_user(u32 eip, u32 esp, u32 eflags) */
    .globl run_user
run_user:
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    movl 20(%esp), %eax
    movl 24(%esp), %ecx
    movl 28(%esp), %edx
    movl %esp, user_return_esp
    pushl $USER_DS
    pushl %ecx
    pushl %edx
    pushl $0xe02b
    pushl %eax
    movw user_selectors, %ds
    movw %ss:user_selectors + 4, %es
    movw %ss:user_selectors + 8, %fs
    movw %ss:user_selectors + 12, %gs
    xorl %eax, %eax
    xorl %ecx, %ecx
    xorl %edx, %edx
    xorl %ebx, %ebx
    xorl %esi, %esi
    xorl %edi, %edi
    xorl %ebp, %ebp
    cmpb $0, %ss:return_natively
    jne 1f
    jmp hypercall_page + HC_IRET * 32
1:  iret

    /* void leave_user(void): gives up the trap frame and returns from run_user. */
    .globl leave_user
leave_user:
    movl user_return_esp, %esp
    movl $0, user_return_esp
    movl $KERNEL_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret

    /* long hypercall_by_page(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e) */
    .globl hypercall_by_page
hypercall_by_page:
    pushl %ebx
    pushl %esi
    pushl %edi
    movl 16(%esp), %eax
    shll $5, %eax
    addl $hypercall_page, %eax
    movl 20(%esp), %ebx
    movl 24(%esp), %ecx
    movl 28(%esp), %edx
    movl 32(%esp), %esi
    movl 36(%esp), %edi
    call *%eax
    popl %edi
    popl %esi
    popl %ebx
    ret

    /* long hypercall_by_interrupt(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e) */
    .globl hypercall_by_interrupt
hypercall_by_interrupt:
    pushl %ebx
    pushl %esi
    pushl %edi
    movl 16(%esp), %eax
    movl 20(%esp), %ebx
    movl 24(%esp), %ecx
    movl 28(%esp), %edx
    movl 32(%esp), %esi
    movl 36(%esp), %edi
    int $0x82
    popl %edi
    popl %esi
    popl %ebx
    ret

    /* Where a vCPU other than the first begins; its stack holds the function and its argument. */
    .globl secondary_start
secondary_start:
    cld
    popl %eax
    call *%eax
    ud2

    .data
    .balign 4
    .globl entry_registers
entry_registers:
    .fill 19, 4, 0

    .bss
    .balign 0x4000
    .globl boot_stack
boot_stack:
    .skip 0x4000
    /* Traps from ring 3 come in here. */
    .globl kernel_stack
kernel_stack:
    .skip 0x4000
    .globl user_return_esp
user_return_esp:
    .skip 4
    .globl failsafe_selectors
failsafe_selectors:
    .skip 16

    .section .note.GNU-stack, "", @progbits
