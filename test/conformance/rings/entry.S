/* Where the image begins, how a case is entered and how it is left. */

.set DATA0, 0x10

.section .start, "ax"
.globl start, selection
start:
  jmp begin
/* First case to run and the first not to run, patched by whoever wants a single one. */
.org 4
selection:
  .long 0
  .long 0xffffffff
begin:
  call run_cases
halt:
  cli
  hlt
  jmp halt

.text

/* One stub of 16 bytes per vector: afterwards all frames look alike. */
.globl stubs
stubs:
.set vector, 0
.rept 256
  .align 16
  .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
  /* the processor pushed an error code */
  .else
  push $0
  .endif
  .byte 0x68 /* push imm32, whatever the value */
  .long vector
  jmp trapped
  .set vector, vector + 1
.endr

trapped:
  pushal
  push %ds
  push %es
  push %fs
  push %gs
  mov $DATA0, %eax
  mov %eax, %ds
  mov %eax, %es
  cld
  push %esp
  call on_trap
  test %eax, %eax
  jz leave_case
  pop %eax
  pop %gs
  pop %fs
  pop %es
  pop %ds
  popal
  add $8, %esp
  iret

leave_case:
  mov $DATA0, %eax
  mov %eax, %ss
  mov harness_esp, %esp
  popal
  ret

/*
 * void enter(void): loads the registers in entry_registers and goes by iret to the
 * frame at entry_frame; returns when the case has ended.
 */
.globl enter
enter:
  pushal
  mov %esp, harness_esp
  mov $entry_registers, %esp
  pop %gs
  pop %fs
  pop %es
  pop %ds
  popal
  mov %ss:entry_frame, %esp
  iret

.bss
.align 4
harness_esp:
  .long 0
