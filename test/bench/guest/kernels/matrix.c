/* Products of 48 x 48 matrices of 16-bit numbers. */
#include "../bench.h"

enum { SIZE = 48 };

u32 run_matrix(u32 scale) {
  s16 *a = (s16 *)HEAP;
  s16 *b = a + SIZE * SIZE;
  s32 *product = (s32 *)(b + SIZE * SIZE);
  u32 random = 2;
  u32 sum = 0;
  for (int i = 0; i < SIZE * SIZE; i++) {
    a[i] = (s16)next_random(&random);
    b[i] = (s16)next_random(&random);
  }
  for (u32 round = 0; round < 250 * scale; round++) {
    for (int row = 0; row < SIZE; row++) {
      for (int column = 0; column < SIZE; column++) {
        /* Unsigned: it wraps. */
        u32 cell = 0;
        for (int k = 0; k < SIZE; k++) {
          cell += (u32)((s32)a[row * SIZE + k] * (s32)b[k * SIZE + column]);
        }
        product[row * SIZE + column] = (s32)cell;
      }
    }
    for (int i = 0; i < SIZE * SIZE; i++) {
      s32 cell = product[i];
      sum += (u32)((cell >> 2 & 15) * (cell >> 5 & 0x7f));
      a[i] += cell >> 13;
    }
  }
  return sum;
}
