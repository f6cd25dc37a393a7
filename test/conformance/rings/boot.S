/*
 * A boot sector that puts the machine into the state which the image expects: the
 * image at 0x10000, protected mode, flat ring-0 segments 8 and 16, A20 on, paging
 * off, every interrupt line masked, ESP = 0x90000.
 */
.set IMAGE, 0x10000
.set STACK_TOP, 0x90000
.set CHUNK_SECTORS, 64
.set CR0_PE, 1

.code16
.globl boot
boot:
  cli
  xor %ax, %ax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  mov $0x7c00, %sp
  mov %dl, drive
load:
  mov $0x42, %ah /* extended read */
  mov $packet, %si
  mov drive, %dl
  int $0x13
  jc stop
  addw $CHUNK_SECTORS * 512 / 16, packet_segment
  addl $CHUNK_SECTORS, packet_sector
  decw chunks
  jnz load
  mov $0xff, %al
  out %al, $0x21
  out %al, $0xa1
  in $0x92, %al
  or $2, %al
  out %al, $0x92
  lgdtl gdt_register
  mov %cr0, %eax
  or $CR0_PE, %al
  mov %eax, %cr0
  ljmpl $8, $protected
stop:
  hlt
  jmp stop

.code32
protected:
  mov $16, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %fs
  mov %eax, %gs
  mov %eax, %ss
  mov $STACK_TOP, %esp
  mov $IMAGE, %eax
  jmp *%eax

drive:
  .byte 0
.align 4
packet:
  .byte 16, 0
  .word CHUNK_SECTORS
  .word 0
packet_segment:
  .word IMAGE >> 4
packet_sector:
  .long 1, 0
.align 8
gdt:
  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_register:
  .word 23
  .long gdt
/* Number of chunks, patched by the builder. */
.org 508
.globl chunks
chunks:
  .word 1
.org 510
  .word 0xaa55
