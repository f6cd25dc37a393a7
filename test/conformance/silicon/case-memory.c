/*
 * The watched pages have three versions: live, as the case sees them; before, as
 * they were when it began; pristine, as they are between cases. A case's code and
 * patches go into the first two, and whatever then differs is its doing.
 */
#include "case-memory.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define OPCODE_INT3 0xcc

struct watched {
  uint8_t *live;     /* where the case sees it */
  uint8_t *before;   /* as it was when the case began */
  uint8_t *pristine; /* as it is between cases */
  uint32_t bytes;
};

static uint8_t code_before[CODE_BYTES] __attribute__((aligned(64)));
static uint8_t code_pristine[CODE_BYTES] __attribute__((aligned(64)));
static uint8_t data_before[DATA_BYTES] __attribute__((aligned(64)));
static uint8_t data_pristine[DATA_BYTES] __attribute__((aligned(64)));

static const struct watched watched[] = {
    {(uint8_t *)CODE_BASE, code_before, code_pristine, CODE_BYTES},
    {(uint8_t *)DATA_BASE, data_before, data_pristine, DATA_BYTES},
};
#define WATCHED_COUNT (sizeof watched / sizeof *watched)

void fill_pages(void) {
  memset(code_pristine, OPCODE_INT3, CODE_BYTES);
  for (uint32_t i = 0; i < DATA_BYTES; i++) {
    data_pristine[i] = data_pattern(DATA_BASE + i);
  }
  for (unsigned i = 0; i < WATCHED_COUNT; i++) {
    memcpy(watched[i].live, watched[i].pristine, watched[i].bytes);
    memcpy(watched[i].before, watched[i].pristine, watched[i].bytes);
  }
  /* A page not yet touched by this process would fault as not present instead of protected. */
  (void)*(volatile uint8_t *)READ_ONLY_BASE;
}

void place(uint32_t address, const uint8_t *bytes, uint32_t length) {
  for (unsigned i = 0; i < WATCHED_COUNT; i++) {
    const struct watched *pages = &watched[i];
    uint32_t base = (uint32_t)pages->live;
    if (address >= base && address + length <= base + pages->bytes) {
      memcpy(pages->live + (address - base), bytes, length);
      memcpy(pages->before + (address - base), bytes, length);
    }
  }
}

void unplace(uint32_t address, uint32_t length) {
  for (unsigned i = 0; i < WATCHED_COUNT; i++) {
    const struct watched *pages = &watched[i];
    uint32_t base = (uint32_t)pages->live;
    if (address >= base && address + length <= base + pages->bytes) {
      uint32_t offset = address - base;
      memcpy(pages->live + offset, pages->pristine + offset, length);
      memcpy(pages->before + offset, pages->pristine + offset, length);
    }
  }
}

void place_case(const struct case_record *subject) {
  place(subject->code_address, subject->code, subject->code_length);
  for (unsigned i = 0; i < subject->patch_count; i++) {
    const struct memory_patch *patch = &subject->patches[i];
    place(patch->address, patch->bytes, patch->length);
  }
}

void unplace_case(const struct case_record *subject) {
  unplace(subject->code_address, subject->code_length);
  for (unsigned i = 0; i < subject->patch_count; i++) {
    unplace(subject->patches[i].address, subject->patches[i].length);
  }
}

/* Appends the word at `address` to the runs, in one with its neighbour if that came last. */
static void report_word(struct result_record *result, uint32_t *used, uint32_t address,
                        const uint8_t *word, uint32_t word_bytes) {
  struct memory_run *last = result->run_count ? &result->runs[result->run_count - 1] : NULL;
  int joins = last && last->address + last->length == address;
  if (*used + word_bytes > MAX_RUN_BYTES || (!joins && result->run_count == MAX_RUNS)) {
    result->more_runs = 1;
    return;
  }
  if (!joins) {
    last = &result->runs[result->run_count++];
    last->address = address;
    last->length = 0;
  }
  memcpy(result->run_bytes + *used, word, word_bytes);
  last->length += word_bytes;
  *used += word_bytes;
}

void collect_memory(struct result_record *result, const struct case_record *subject) {
  enum { WORD = 8 };
  uint32_t used = 0;
  result->run_count = 0;
  result->more_runs = 0;
  for (unsigned i = 0; i < WATCHED_COUNT; i++) {
    const struct watched *pages = &watched[i];
    if (memcmp(pages->live, pages->before, pages->bytes) == 0) {
      continue;
    }
    for (uint32_t at = 0; at < pages->bytes; at += WORD) {
      if (memcmp(pages->live + at, pages->before + at, WORD) != 0) {
        report_word(result, &used, (uint32_t)pages->live + at, pages->live + at, WORD);
        memcpy(pages->live + at, pages->before + at, WORD);
      }
    }
  }
  unplace_case(subject);
}

void *map(uint32_t address, size_t bytes, int protection) {
  int placement = address ? MAP_FIXED_NOREPLACE : 0;
  int flags = MAP_SHARED | MAP_ANONYMOUS | placement;
  void *at = mmap((void *)address, bytes, protection, flags, -1, 0);
  if (at == MAP_FAILED || (address && (uint32_t)at != address)) {
    perror("hostcpu: mmap");
    exit(1);
  }
  return at;
}

void map_case_memory(void) {
  map(CODE_BASE, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
  map(DATA_BASE, DATA_BYTES, PROT_READ | PROT_WRITE);
  uint8_t *read_only = map(READ_ONLY_BASE, PAGE_BYTES, PROT_READ | PROT_WRITE);
  for (uint32_t i = 0; i < PAGE_BYTES; i++) {
    read_only[i] = data_pattern(READ_ONLY_BASE + i);
  }
  mprotect(read_only, PAGE_BYTES, PROT_READ);
}
