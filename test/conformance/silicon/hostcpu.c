/*
 * hostcpu: runs i386 user-mode instructions on the host's own processor.
 *
 * A case is registers, segments, FPU state, memory and up to 32 bytes of code;
 * its result is the same state afterwards, and the fault if there was one.
 * Cases run in a forked worker, which a wild case may kill without harm: the
 * parent notes which case it was and forks again for the rest. The watched
 * pages are compared and put back after every case, so no case sees another's.
 *
 * What it cannot show, because the host's kernel owns it: CPL other than 3, IOPL
 * other than 0, own GDT, gates or TSS, CR0 and CR4 other than the kernel's
 * (AM = NE = 1, TSD = 0). sgdt, sidt, sldt, str and smsw show nothing either:
 * under UMIP the kernel emulates or refuses them. sysenter enters the kernel.
 */
#include "case-memory.h"
#include "hostcpu.h"
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert(sizeof(void *) == 4, "build with -m32");

static void run_batch(const struct batch *batch, uint32_t count) {
  uint32_t done = 0;
  while (done < count) {
    pid_t worker = fork();
    if (worker < 0) {
      perror("hostcpu: fork");
      exit(1);
    }
    if (worker == 0) {
      run_worker(batch, done, count);
    }
    int status;
    waitpid(worker, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_UNSUITABLE_HOST) {
      exit(EXIT_UNSUITABLE_HOST);
    }
    done = *batch->progress;
    if (done < count) {
      memset(&batch->results[done], 0, sizeof *batch->results);
      batch->results[done].outcome = OUTCOME_DIED;
      done++;
    }
  }
}

static uint32_t set_ldt(const struct ldt_record *record) {
  enum { WRITE = 1 };
  return syscall(SYS_modify_ldt, WRITE, record, sizeof *record) == 0 ? 0 : (uint32_t)errno;
}

static int read_whole(void *target, size_t bytes) {
  uint8_t *at = target;
  while (bytes > 0) {
    ssize_t got = read(STDIN_FILENO, at, bytes);
    if (got <= 0) {
      return 0;
    }
    at += got;
    bytes -= (size_t)got;
  }
  return 1;
}

static void write_whole(const void *source, size_t bytes) {
  const uint8_t *at = source;
  while (bytes > 0) {
    ssize_t put = write(STDOUT_FILENO, at, bytes);
    if (put <= 0) {
      exit(1);
    }
    at += put;
    bytes -= (size_t)put;
  }
}

static void answer_ldt_batch(uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    struct ldt_record record;
    if (!read_whole(&record, sizeof record)) {
      exit(1);
    }
    uint32_t error = set_ldt(&record);
    write_whole(&error, sizeof error);
  }
}

static void answer_case_batch(const struct batch *batch, uint32_t count) {
  if (count > MAX_BATCH || !read_whole(batch->cases, count * sizeof *batch->cases)) {
    fprintf(stderr, "hostcpu: batch of %u cases is too large or cut short\n", count);
    exit(1);
  }
  for (uint32_t i = 0; i < count; i++) {
    const struct case_record *subject = &batch->cases[i];
    int lengths_fit = subject->code_length <= MAX_CODE && subject->patch_count <= MAX_PATCHES;
    for (unsigned j = 0; lengths_fit && j < subject->patch_count; j++) {
      lengths_fit = subject->patches[j].length <= MAX_PATCH_BYTES;
    }
    if (!lengths_fit) {
      fprintf(stderr, "hostcpu: case %u of the batch has too much code or memory\n", i);
      exit(1);
    }
  }
  run_batch(batch, count);
  write_whole(batch->results, count * sizeof *batch->results);
}

int main(void) {
  map_case_memory();
  struct batch batch = {
      .cases = map(0, MAX_BATCH * sizeof *batch.cases, PROT_READ | PROT_WRITE),
      .results = map(0, MAX_BATCH * sizeof *batch.results, PROT_READ | PROT_WRITE),
      .progress = map(0, PAGE_BYTES, PROT_READ | PROT_WRITE),
  };
  struct greeting greeting = {
      .magic = GREETING_MAGIC,
      .case_bytes = sizeof(struct case_record),
      .result_bytes = sizeof(struct result_record),
  };
  write_whole(&greeting, sizeof greeting);
  struct batch_header header;
  while (read_whole(&header, sizeof header)) {
    if (header.kind == BATCH_LDT) {
      answer_ldt_batch(header.count);
    } else {
      answer_case_batch(&batch, header.count);
    }
  }
  return 0;
}
