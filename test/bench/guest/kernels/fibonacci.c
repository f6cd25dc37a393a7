/* Calls and returns. */
#include "../bench.h"

static NOINLINE u32 fibonacci(u32 n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

u32 run_fibonacci(u32 scale) {
  u32 sum = 0;
  for (u32 round = 0; round < scale; round++) {
    sum += fibonacci(36);
  }
  return sum;
}
