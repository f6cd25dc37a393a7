/* The pages that a case can see, watched for what it changes in them. */
#ifndef CASE_MEMORY_H
#define CASE_MEMORY_H

#include "hostcpu.h"

#include <stddef.h>

/* Maps shared pages, at `address` unless that is 0; ends the program if that is impossible. */
void *map(uint32_t address, size_t bytes, int protection);

void map_case_memory(void);

/* Puts every watched page into the state that it has between cases. */
void fill_pages(void);

/* Writes bytes that belong to the state before the case, which need not lie in watched pages. */
void place(uint32_t address, const uint8_t *bytes, uint32_t length);
void unplace(uint32_t address, uint32_t length);

/* Writes the case's code and patches. */
void place_case(const struct case_record *subject);

/* Reports which memory the case changed and puts everything back. */
void collect_memory(struct result_record *result, const struct case_record *subject);

#endif
