/* Loops around single acts of the system: interrupts, faults, address spaces, code that changes. */
#include "bench.h"

enum { PAGE = 4096, UNUSED_PORT = 0x80 };
enum { CODE0 = 0x08, DATA0 = 0x10, TASK = 0x28 };
enum { VECTOR_PAGE_FAULT = 14, VECTOR_COUNT = 0x80, VECTOR_LEAVE = 0x81 };
enum { RING3_CODE_PAGE = 1, RING3_STACK_PAGE = 2, CHANGING_CODE_PAGE = 3, VANISHING_PAGE = 100 };
enum { WALK_PAGES = 64, WALK_STRIDE = 7 * PAGE };

#define UNMAPPED 0xE0000000u

extern u32 heap_tables[];
extern const u8 ring3_loop[];
extern const u8 ring3_loop_end[];
void on_count(void);
void on_leave(void);
void on_fault_skip(void);
void on_fault_map(void);
u32 run_in_ring3(u32 eip, u32 esp, u32 ecx);

/* For on_fault_map: where the page-table entry is, and what it should be. */
u32 *missing_entry;
u32 present_entry;

static u64 descriptors[6] = {
  0,
  0x00cf9a000000ffff, /* code, ring 0 */
  0x00cf92000000ffff, /* data, ring 0 */
  0x00cffa000000ffff, /* code, ring 3 */
  0x00cff2000000ffff, /* data, ring 3 */
};
static u64 gates[256];
static u8 interrupt_stack[PAGE] __attribute__((aligned(16)));
static struct {
  u32 link;
  u32 esp0;
  u32 ss0;
  u32 unused[22];
  u16 trap;
  u16 io_map;
} task;

static void set_gate(u32 vector, void (*handler)(void), u32 ring) {
  u32 address = (u32)handler;
  u32 low = CODE0 << 16 | (address & 0xffff);
  u32 high = (address & 0xffff0000) | 0x8e00 | ring << 13;
  gates[vector] = (u64)high << 32 | low;
}

static void invalidate(volatile void *address) {
  __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* Reads CR3 and writes it back, so that the TLB is empty. */
static u32 reload_cr3(void) {
  u32 cr3;
  __asm__ volatile("mov %%cr3, %0\n mov %0, %%cr3" : "=r"(cr3) : : "memory");
  return cr3;
}

void prepare_system(void) {
  u64 base = (u32)&task;
  task.esp0 = (u32)interrupt_stack + sizeof interrupt_stack;
  task.ss0 = DATA0;
  task.io_map = sizeof task;
  descriptors[TASK / 8] =
      (sizeof task - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24) << 56;
  set_gate(VECTOR_COUNT, on_count, 3);
  set_gate(VECTOR_LEAVE, on_leave, 3);
  struct __attribute__((packed)) {
    u16 limit;
    u32 base;
  } gdt = { sizeof descriptors - 1, (u32)descriptors }, idt = { sizeof gates - 1, (u32)gates };
  __asm__ volatile("lgdt %0" : : "m"(gdt));
  __asm__ volatile("lidt %0" : : "m"(idt));
  __asm__ volatile("ljmp %0, $1f\n1:" : : "i"(CODE0));
  __asm__ volatile("mov %0, %%ds" : : "r"(DATA0));
  __asm__ volatile("mov %0, %%es" : : "r"(DATA0));
  __asm__ volatile("mov %0, %%fs" : : "r"(DATA0));
  __asm__ volatile("mov %0, %%gs" : : "r"(DATA0));
  __asm__ volatile("mov %0, %%ss" : : "r"(DATA0));
  __asm__ volatile("ltr %w0" : : "r"(TASK));
}

u32 run_int_ring0(u32 operations) {
  u32 count = 0;
  for (u32 i = 0; i < operations; i++) {
    __asm__ volatile("int $0x80" : "+a"(count));
  }
  return count;
}

u32 run_int_ring3(u32 operations) {
  u8 *target = HEAP + RING3_CODE_PAGE * PAGE;
  for (const u8 *source = ring3_loop; source < ring3_loop_end; source++) {
    *target++ = *source;
  }
  u32 stack_top = (u32)HEAP + (RING3_STACK_PAGE + 1) * PAGE;
  return run_in_ring3((u32)HEAP + RING3_CODE_PAGE * PAGE, stack_top, operations);
}

u32 run_fault_skip(u32 operations) {
  u32 count = 0;
  set_gate(VECTOR_PAGE_FAULT, on_fault_skip, 0);
  for (u32 i = 0; i < operations; i++) {
    __asm__ volatile("mov (%1), %%edx" : "+a"(count) : "c"(UNMAPPED) : "edx", "memory");
  }
  return count;
}

u32 run_fault_map(u32 operations) {
  volatile u32 *page = (volatile u32 *)(HEAP + VANISHING_PAGE * PAGE);
  u32 count = 0;
  set_gate(VECTOR_PAGE_FAULT, on_fault_map, 0);
  *page = 1;
  missing_entry = &heap_tables[VANISHING_PAGE];
  present_entry = *missing_entry;
  for (u32 i = 0; i < operations; i++) {
    *missing_entry = 0;
    invalidate(page);
    count += *page;
  }
  return count;
}

u32 run_cr3(u32 operations) {
  u32 first = reload_cr3();
  u32 count = 0;
  for (u32 i = 0; i < operations; i++) {
    count += reload_cr3() == first;
  }
  return count;
}

u32 run_cr3_walk(u32 operations) {
  u32 sum = 0;
  for (u32 k = 0; k < WALK_PAGES; k++) {
    *(u32 *)(HEAP + k * WALK_STRIDE) = 1;
  }
  for (u32 i = 0; i < operations; i++) {
    reload_cr3();
    for (u32 k = 0; k < WALK_PAGES; k++) {
      sum += *(volatile u32 *)(HEAP + k * WALK_STRIDE);
    }
  }
  return sum / WALK_PAGES;
}

u32 run_invlpg(u32 operations) {
  volatile u32 *page = (volatile u32 *)(HEAP + VANISHING_PAGE * PAGE);
  u32 count = 0;
  *page = 1;
  for (u32 i = 0; i < operations; i++) {
    invalidate(page);
    count += *page;
  }
  return count;
}

u32 run_outb(u32 operations) {
  for (u32 i = 0; i < operations; i++) {
    __asm__ volatile("outb %b0, %1" : : "a"(i), "i"(UNUSED_PORT));
  }
  return operations;
}

/* Writes "mov $i, %eax; ret" anew each time before it is called. */
u32 run_self_modify(u32 operations) {
  u8 *code = HEAP + CHANGING_CODE_PAGE * PAGE;
  u32 count = 0;
  code[0] = 0xb8;
  code[5] = 0xc3;
  for (u32 i = 0; i < operations; i++) {
    u32 result;
    *(volatile u32 *)(code + 1) = i;
    __asm__ volatile("call *%1" : "=a"(result) : "r"(code) : "memory");
    count += result == i;
  }
  return count;
}

u32 run_pushf_popf(u32 operations) {
  for (u32 i = 0; i < operations; i++) {
    __asm__ volatile("pushf\n popf" : : : "memory", "cc");
  }
  return operations;
}

u32 run_segment_load(u32 operations) {
  for (u32 i = 0; i < operations; i++) {
    __asm__ volatile("mov %0, %%es" : : "r"(DATA0) : "memory");
  }
  return operations;
}
