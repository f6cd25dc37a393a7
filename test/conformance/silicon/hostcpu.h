/*
 * Wire format between hostcpu.c and wire.ts: little-endian, packed, fixed size.
 *
 *   start    hostcpu writes one struct greeting
 *   stdin    batches: a struct batch_header, then `count` records of its kind
 *   stdout   for each batch `count` answers: a struct result_record for a case,
 *            a uint32_t errno (0 = set) for an LDT entry
 */
#ifndef HOSTCPU_H
#define HOSTCPU_H

#include <stdint.h>

#define PAGE_BYTES 4096u

/*
 * The memory of a case; everything beside it is unmapped:
 *
 *   CODE_BASE       two pages rwx, filled with int3
 *   DATA_BASE       two pages rw, filled with data_pattern()
 *   READ_ONLY_BASE  the page after them, read-only, filled with data_pattern()
 *
 * So an operand can cross from rw to nothing (end of the code pages), from rw
 * to read-only (end of the data pages) and from nothing into each of them.
 */
#define CODE_BASE 0x10000000u
#define DATA_BASE 0x20000000u
#define READ_ONLY_BASE 0x20002000u

#define CODE_BYTES (2 * PAGE_BYTES)
#define DATA_BYTES (2 * PAGE_BYTES)

#define GREETING_MAGIC 0x55504348u /* "HCPU" */
#define MAX_BATCH 4096u
#define MAX_CODE 32u
#define MAX_PATCHES 6u
#define MAX_PATCH_BYTES 32u
#define MAX_RUNS 8u
#define MAX_RUN_BYTES 384u
/* An FXSAVE image up to and including xmm7. */
#define FXSAVE_BYTES 288u

enum batch_kind {
  BATCH_CASES = 0,
  BATCH_LDT = 1,
};

enum case_mode {
  /* Runs to the end of its code; a signal is spent only if it faults. */
  MODE_FAST = 0,
  /* Entered by sigreturn, runs until the int3 behind its code or a fault. */
  MODE_RUN = 1,
  /* The same with EFLAGS.TF: one instruction, or one iteration of REP. */
  MODE_STEP = 2,
};

enum case_flag {
  /* Load and report the FXSAVE image. */
  WITH_FPU = 1,
  /* Load the six selectors given; not with MODE_FAST. */
  WITH_SEGMENTS = 2,
};

enum outcome {
  OUTCOME_COMPLETED = 0,
  OUTCOME_FAULT = 1,
  /* int 0x80: the kernel handed it back instead of serving it. */
  OUTCOME_SYSCALL = 2,
  OUTCOME_TIMEOUT = 3,
  /* The worker process ended; nothing else in the result is valid. */
  OUTCOME_DIED = 4,
};

struct __attribute__((packed)) greeting {
  uint32_t magic;
  uint32_t case_bytes;
  uint32_t result_bytes;
};

struct __attribute__((packed)) batch_header {
  uint32_t kind;
  uint32_t count;
};

/* struct user_desc of modify_ldt(2). */
struct __attribute__((packed)) ldt_record {
  uint32_t entry;
  uint32_t base;
  uint32_t limit;
  uint32_t bits;
};

/* Bytes of the watched pages that differ from the pattern when the case begins. */
struct __attribute__((packed)) memory_patch {
  uint32_t address;
  uint32_t length;
  uint8_t bytes[MAX_PATCH_BYTES];
};

struct __attribute__((packed)) case_record {
  uint8_t mode;
  uint8_t flags;
  uint8_t code_length;
  uint8_t patch_count;
  uint32_t code_address; /* linear; eip is relative to the base of CS */
  uint32_t registers[8]; /* eax ecx edx ebx esp ebp esi edi */
  uint32_t eflags;
  uint32_t eip;
  uint16_t segments[6]; /* es cs ss ds fs gs */
  uint8_t code[MAX_CODE];
  struct memory_patch patches[MAX_PATCHES];
  uint8_t fxsave[FXSAVE_BYTES];
};

/* A stretch of changed memory; its bytes follow those of the run before it. */
struct __attribute__((packed)) memory_run {
  uint32_t address;
  uint32_t length;
};

struct __attribute__((packed)) result_record {
  uint8_t outcome;
  uint8_t vector;
  uint8_t run_count;
  uint8_t more_runs; /* 1: more memory changed than fits */
  uint32_t error_code;
  uint32_t cr2;
  uint32_t registers[8];
  uint32_t eflags;
  uint32_t eip;
  uint16_t segments[6];
  struct memory_run runs[MAX_RUNS];
  uint8_t run_bytes[MAX_RUN_BYTES];
  uint8_t fxsave[FXSAVE_BYTES];
};

/* What the data pages hold where no patch says otherwise: aperiodic, never all equal. */
static inline uint8_t data_pattern(uint32_t address) {
  uint32_t mixed = (address ^ (address >> 7)) * 0x9e3779b1u;
  return (uint8_t)(mixed >> 24);
}

#endif
