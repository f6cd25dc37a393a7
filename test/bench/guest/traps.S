/* Interrupt and fault handlers of the system loops, and their code for ring 3. */
.set DATA0, 0x10
.set CODE3, 0x1b
.set DATA3, 0x23
.set FLAGS_ALWAYS, 2

.text
.globl on_count, on_leave, on_fault_skip, on_fault_map
.globl run_in_ring3, ring3_loop, ring3_loop_end

on_count:
  inc %eax
  iret

/* From ring 3 back to whoever called run_in_ring3, with EAX as the result. */
on_leave:
  mov $DATA0, %ecx
  mov %ecx, %ds
  mov %ecx, %es
  mov ring0_stack, %esp
  pop %ebp
  pop %edi
  pop %esi
  pop %ebx
  ret

/* Steps over the two bytes of the instruction that faulted. */
on_fault_skip:
  add $4, %esp
  addl $2, (%esp)
  inc %eax
  iret

/* Makes the page present that the loop took away. */
on_fault_map:
  add $4, %esp
  push %eax
  push %edx
  mov missing_entry, %eax
  mov present_entry, %edx
  mov %edx, (%eax)
  pop %edx
  pop %eax
  iret

/* u32 run_in_ring3(u32 eip, u32 esp, u32 ecx) */
run_in_ring3:
  mov 4(%esp), %edx
  mov 8(%esp), %eax
  mov 12(%esp), %ecx
  push %ebx
  push %esi
  push %edi
  push %ebp
  mov %esp, ring0_stack
  mov $DATA3, %ebx
  mov %ebx, %ds
  mov %ebx, %es
  push $DATA3
  push %eax
  push $FLAGS_ALWAYS
  push $CODE3
  push %edx
  iret

/* Copied into the heap, where ring 3 may go. */
ring3_loop:
  xor %eax, %eax
again:
  int $0x80
  dec %ecx
  jnz again
  int $0x81
ring3_loop_end:

.bss
.align 4
ring0_stack:
  .skip 4
