/* What the benchmarks share. Each returns a sum over what it computed. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef short s16;
typedef int s32;

/* Keeps calls calls, and every benchmark a function of its own. */
#define NOINLINE __attribute__((noinline))

enum { MB = 1 << 20 };

/* 24 MB, all zero at the start. */
#define HEAP ((u8 *)0xD0000000)

/* Numerical Recipes' linear congruential generator; its low bits are poor. */
static inline u32 next_random(u32 *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

u32 run_list(u32 scale);
u32 run_matrix(u32 scale);
u32 run_state(u32 scale);
u32 run_dhrystone(u32 scale);
u32 run_sha256(u32 scale);
u32 run_sieve(u32 scale);
u32 run_random(u32 scale);
u32 run_copy(u32 scale);
u32 run_interpreter(u32 scale);
u32 run_crc32(u32 scale);
u32 run_fibonacci(u32 scale);
u32 run_quicksort(u32 scale);

/* The system loops instead return how often what they provoke has happened. */
void prepare_system(void);
u32 run_int_ring0(u32 operations);
u32 run_int_ring3(u32 operations);
u32 run_fault_skip(u32 operations);
u32 run_fault_map(u32 operations);
u32 run_cr3(u32 operations);
u32 run_cr3_walk(u32 operations);
u32 run_invlpg(u32 operations);
u32 run_outb(u32 operations);
u32 run_self_modify(u32 operations);
u32 run_pushf_popf(u32 operations);
u32 run_segment_load(u32 operations);
