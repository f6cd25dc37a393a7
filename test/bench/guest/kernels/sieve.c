/* The sieve of Eratosthenes with a byte per number: 16 MB, crossed in every stride. */
#include "../bench.h"

enum { NUMBERS = 16 * MB };

u32 run_sieve(u32 scale) {
  u8 *is_prime = HEAP;
  u32 *words = (u32 *)HEAP;
  u32 count = 0;
  for (u32 round = 0; round < 2 * scale; round++) {
    for (u32 i = 0; i < NUMBERS / 4; i++) {
      words[i] = 0x01010101;
    }
    is_prime[0] = 0;
    is_prime[1] = 0;
    for (u32 i = 2; i * i < NUMBERS; i++) {
      if (is_prime[i]) {
        for (u32 j = i * i; j < NUMBERS; j += i) {
          is_prime[j] = 0;
        }
      }
    }
    count = 0;
    for (u32 i = 0; i < NUMBERS; i++) {
      count += is_prime[i];
    }
  }
  return count;
}
