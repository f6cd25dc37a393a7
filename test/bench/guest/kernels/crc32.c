/* CRC-32 bit by bit: a short loop of nothing but arithmetic. */
#include "../bench.h"

u32 run_crc32(u32 scale) {
  u32 crc = ~0u;
  for (u32 i = 0; i < 8000000 * scale; i++) {
    crc ^= (u8)i;
    for (int bit = 0; bit < 8; bit++) {
      crc = (crc >> 1) ^ (0xEDB88320u & -(crc & 1));
    }
  }
  return ~crc;
}
