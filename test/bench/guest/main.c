/* Runs the benchmark that was asked for between the lines "B name" and "E name sum". */
#include "bench.h"

extern const u32 selection[2];

enum { PORT_DEBUG = 0xe9, PORT_COM1 = 0x3f8 };

/* In the order of ../benchmarks.ts. */
static const struct {
  const char *name;
  u32 (*run)(u32 scale);
} benchmarks[] = {
  { "list", run_list },
  { "matrix", run_matrix },
  { "state", run_state },
  { "dhry", run_dhrystone },
  { "sha256", run_sha256 },
  { "sieve16M", run_sieve },
  { "rand16M", run_random },
  { "repmovs", run_copy },
  { "interp", run_interpreter },
  { "crc32", run_crc32 },
  { "fibcall", run_fibonacci },
  { "qsort", run_quicksort },
  { "int-ring0", run_int_ring0 },
  { "int-ring3", run_int_ring3 },
  { "fault-skip", run_fault_skip },
  { "fault-map", run_fault_map },
  { "cr3", run_cr3 },
  { "cr3-walk64", run_cr3_walk },
  { "invlpg", run_invlpg },
  { "outb", run_outb },
  { "self-modify", run_self_modify },
  { "pushf-popf", run_pushf_popf },
  { "segment-load", run_segment_load },
};

enum { BENCHMARKS = sizeof benchmarks / sizeof *benchmarks };

/* To both ports: which of them is heard depends on the emulator. */
static void print_character(char character) {
  __asm__ volatile("outb %0, %w1" : : "a"(character), "d"(PORT_DEBUG));
  __asm__ volatile("outb %0, %w1" : : "a"(character), "d"(PORT_COM1));
}

static void print(const char *text) {
  while (*text) {
    print_character(*text++);
  }
}

static void print_hex(u32 value) {
  for (int shift = 28; shift >= 0; shift -= 4) {
    print_character("0123456789abcdef"[value >> shift & 15]);
  }
}

void main(void) {
  u32 index = selection[0];
  u32 scale = selection[1];
  prepare_system();
  if (index >= BENCHMARKS) {
    print("? no such benchmark\n");
    return;
  }
  print("B ");
  print(benchmarks[index].name);
  print("\n");
  u32 sum = benchmarks[index].run(scale);
  print("E ");
  print(benchmarks[index].name);
  print(" ");
  print_hex(sum);
  print("\n");
}
