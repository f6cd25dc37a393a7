/* Random reads and writes in 16 MB: hardly any of them finds its page in a TLB. */
#include "../bench.h"

u32 run_random(u32 scale) {
  u32 *words = (u32 *)HEAP;
  u32 mask = 16 * MB / 4 - 1;
  u32 random = 1;
  u32 sum = 0;
  for (u32 i = 0; i < 20000000 * scale; i++) {
    /* Not next_random(): of this generator's bits the upper ones are wanted. */
    random = random * 1664525u + 1013904223u;
    u32 k = random >> 7 & mask;
    sum += words[k];
    words[k] = sum ^ i;
  }
  return sum;
}
