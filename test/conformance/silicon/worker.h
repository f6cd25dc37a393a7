/* The process that runs cases, which one of them may kill. */
#ifndef WORKER_H
#define WORKER_H

#include "hostcpu.h"

/* Shared between parent and worker. */
struct batch {
  struct case_record *cases;
  struct result_record *results;
  /* The first case without a result. */
  volatile uint32_t *progress;
};

/* The worker's exit status when the host's kernel lacks something that cases need. */
#define EXIT_UNSUITABLE_HOST 2
/* ... when a case has damaged the worker. */
#define EXIT_DAMAGED 3

/* Runs the cases from `from` up to `to`, then ends the process. */
void __attribute__((noreturn)) run_worker(const struct batch *batch, uint32_t from, uint32_t to);

#endif
