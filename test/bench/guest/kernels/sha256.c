/* SHA-256 (FIPS 180-4, 6.2.2), without the padding, of 64 KB again and again. */
#include "../bench.h"

enum { INPUT = 65536, BLOCK = 64 };

static const u32 constants[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline u32 rotated(u32 value, int bits) {
  return value >> bits | value << (32 - bits);
}

static NOINLINE void hash_block(u32 *hash, const u8 *bytes) {
  u32 words[64];
  for (int i = 0; i < 16; i++) {
    const u8 *word = bytes + 4 * i;
    words[i] = (u32)word[0] << 24 | word[1] << 16 | word[2] << 8 | word[3];
  }
  for (int i = 16; i < 64; i++) {
    u32 x = words[i - 15];
    u32 y = words[i - 2];
    words[i] = words[i - 16] + (rotated(x, 7) ^ rotated(x, 18) ^ x >> 3) + words[i - 7] +
               (rotated(y, 17) ^ rotated(y, 19) ^ y >> 10);
  }
  u32 a = hash[0];
  u32 b = hash[1];
  u32 c = hash[2];
  u32 d = hash[3];
  u32 e = hash[4];
  u32 f = hash[5];
  u32 g = hash[6];
  u32 h = hash[7];
  for (int i = 0; i < 64; i++) {
    u32 t1 = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) +
             constants[i] + words[i];
    u32 t2 = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  hash[0] += a;
  hash[1] += b;
  hash[2] += c;
  hash[3] += d;
  hash[4] += e;
  hash[5] += f;
  hash[6] += g;
  hash[7] += h;
}

u32 run_sha256(u32 scale) {
  u32 hash[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  };
  u8 *input = HEAP;
  for (int i = 0; i < INPUT; i++) {
    input[i] = (u8)(i * 7);
  }
  for (u32 round = 0; round < 100 * scale; round++) {
    for (int i = 0; i < INPUT; i += BLOCK) {
      hash_block(hash, input + i);
    }
  }
  return hash[0] ^ hash[3] ^ hash[7];
}
