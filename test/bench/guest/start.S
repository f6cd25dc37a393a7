/*
 * The start of the image, loaded and entered at 0x100000: protected mode, flat ring-0
 * segments, paging off, interrupts off, memory beyond the image zero. Turns on paging
 * and goes to main():
 *
 *   0x00000000   4 MB    the first 4 MB again, for the moment of the switch
 *   0xC0000000  64 MB    all memory in order, for ring 0
 *   0xD0000000  24 MB    the heap, pages scattered over 16..40 MB, for ring 3 too
 */
.set PAGE, 4096
.set IMAGE, 0x100000
.set MEMORY_PAGES, 64 * 256
.set KERNEL, 0xC0000000
.set HEAP_FRAMES, 0x1000000
.set HEAP_PAGES, 24 * 256
.set PRESENT_WRITABLE, 3
.set PRESENT_WRITABLE_USER, 7
.set CR0_WP_PG, 0x80010000
.set COM1, 0x3f8
.set DEBUG_PORT, 0xe9

.section .start, "ax"
.globl start, selection
start:
  jmp begin
/* Which benchmark, by its index in main.c, and how long; patched by whoever loads the image. */
.org 8
selection:
  .long 0
  .long 1

begin:
  cli
  cld
  mov $stack_top - KERNEL, %esp

  /* The first sign of life, on a line of its own whatever the emulator has printed. */
  mov $COM1, %edx
  mov $'\n', %al
  out %al, $DEBUG_PORT
  out %al, %dx
  mov $'S', %al
  out %al, $DEBUG_PORT
  out %al, %dx
  mov $'\n', %al
  out %al, $DEBUG_PORT
  out %al, %dx

  mov $bss_begin - KERNEL, %edi
  mov $bss_end, %ecx
  sub $bss_begin, %ecx
  xor %eax, %eax
  rep stosb

  /* So that every emulator has spent its memory on the guest when it is asked how much it took. */
  mov $IMAGE, %edi
  mov $MEMORY_PAGES - IMAGE / PAGE, %ecx
touch:
  orl $0, (%edi)
  add $PAGE, %edi
  dec %ecx
  jnz touch

  mov $memory_tables - KERNEL, %edi
  mov $PRESENT_WRITABLE, %eax
  mov $MEMORY_PAGES, %ecx
map_memory:
  stosl
  add $PAGE, %eax
  dec %ecx
  jnz map_memory

  mov $heap_tables - KERNEL, %edi
  xor %esi, %esi
map_heap:
  /* 2731 and the number of pages have no factor in common: each frame comes once. */
  imul $2731, %esi, %eax
  add $17, %eax
  xor %edx, %edx
  mov $HEAP_PAGES, %ecx
  div %ecx
  mov %edx, %eax
  imul $PAGE, %eax
  add $HEAP_FRAMES + PRESENT_WRITABLE_USER, %eax
  stosl
  inc %esi
  cmp $HEAP_PAGES, %esi
  jne map_heap

  mov $memory_tables - KERNEL + PRESENT_WRITABLE, %eax
  mov %eax, page_directory - KERNEL
  mov $page_directory - KERNEL + (KERNEL >> 22) * 4, %edi
  mov $MEMORY_PAGES / 1024, %ecx
map_memory_tables:
  stosl
  add $PAGE, %eax
  dec %ecx
  jnz map_memory_tables

  mov $heap_tables - KERNEL + PRESENT_WRITABLE_USER, %eax
  mov $page_directory - KERNEL + (0xD0000000 >> 22) * 4, %edi
  mov $HEAP_PAGES / 1024, %ecx
map_heap_tables:
  stosl
  add $PAGE, %eax
  dec %ecx
  jnz map_heap_tables

  mov $page_directory - KERNEL, %eax
  mov %eax, %cr3
  mov %cr0, %eax
  or $CR0_WP_PG, %eax
  mov %eax, %cr0
  mov $paging_is_on, %eax
  jmp *%eax
paging_is_on:
  mov $stack_top, %esp
  call main
stop:
  cli
  hlt
  jmp stop

.bss
.align PAGE
.globl heap_tables
page_directory:
  .skip PAGE
memory_tables:
  .skip MEMORY_PAGES * 4
heap_tables:
  .skip HEAP_PAGES * 4
stack:
  .skip 0x10000
stack_top:
