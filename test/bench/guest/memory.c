/* What the compiler calls by itself. */
#include "bench.h"

void *memcpy(void *target, const void *source, u32 size) {
  u8 *to = target;
  const u8 *from = source;
  while (size--) {
    *to++ = *from++;
  }
  return target;
}

void *memset(void *target, int value, u32 size) {
  u8 *to = target;
  while (size--) {
    *to++ = (u8)value;
  }
  return target;
}
