/* rep movsl, 1 MB at a time. */
#include "../bench.h"

enum { PAGE = 4096, SIZE = MB };

u32 run_copy(u32 scale) {
  u32 random = 3;
  u32 sum = 0;
  /* As much of the source as the sum depends on. */
  for (u32 i = 0; i < 16 * PAGE / 4; i++) {
    ((u32 *)HEAP)[i] = next_random(&random);
  }
  for (u32 round = 0; round < 400 * scale; round++) {
    u8 *target = HEAP + 12 * MB + round % 4 * PAGE;
    u8 *source = HEAP + round % 8 * PAGE;
    u32 count = SIZE / 4;
    *(u32 *)source = round;
    __asm__ volatile("rep movsl" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
    sum += ((u32 *)(HEAP + 12 * MB))[round];
  }
  return sum;
}
