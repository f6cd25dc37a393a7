/*
 * The last 256 bytes of a ROM of 64 KB, with the image at its start: from the reset of the
 * processor to the entry of the image. No firmware comes between them, so that what an emulator
 * needs before the first instruction is the emulator's own.
 */
/* Below 1 MB the ROM is seen again, and there every emulator fetches from it. */
.set ROM, 0xf0000
.set ROM_END_OF_IMAGE, 0xff00
.set IMAGE, 0x100000
.set CR0_PE, 1

.code16
.globl boot
boot:
  cli
  cld
  lgdtl %cs:gdt_register
  mov %cr0, %eax
  or $CR0_PE, %al
  mov %eax, %cr0
  ljmpl $8, $protected + ROM

.code32
protected:
  mov $16, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %fs
  mov %eax, %gs
  mov %eax, %ss
  mov $ROM, %esi
  mov $IMAGE, %edi
  mov $ROM_END_OF_IMAGE / 4, %ecx
  rep movsl
  mov $IMAGE, %eax
  jmp *%eax

.align 8
gdt:
  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_register:
  .word 23
  .long gdt + ROM

/* Where the processor starts (SDM 3A, 9.1.4, "First Instruction Executed"). */
.org 0xf0
.code16
  jmp boot
.org 0x100
