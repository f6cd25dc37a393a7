/* An interpreter of byte code: one indirect jump per instruction, and it is hard to predict. */
#include "../bench.h"

enum operation {
  RESTART,
  LOAD,
  MOVE,
  MULTIPLY,
  ADD,
  COPY,
  XOR,
  SUBTRACT_EIGHTH,
  INCREASE,
  MASK,
  HALVE_AND_SKIP_IF_ODD,
  ADD_CONSTANT,
  REPEAT_UNLESS,
  BRANCH_IF_ABOVE,
};

enum { LOOP = 12, BRANCH_TARGET = 15, FUEL = 3000 };

static const u8 program[] = {
  LOAD, 0, 0,
  LOAD, 1, 1,
  LOAD, 2, 97,
  LOAD, 5, 0,
  /* LOOP */
  MOVE, 3, 1,
  /* BRANCH_TARGET */
  MULTIPLY, 3, 2,
  ADD, 0, 3,
  COPY, 4, 0,
  XOR, 4, 3,
  SUBTRACT_EIGHTH, 0, 4,
  INCREASE, 1, 1,
  MASK, 4, 1,
  HALVE_AND_SKIP_IF_ODD, 4, 6,
  ADD_CONSTANT, 5, 1,
  REPEAT_UNLESS, 1, 3,
  BRANCH_IF_ABOVE, 5, 4,
  RESTART, 0, 0,
};

u32 run_interpreter(u32 scale) {
  u32 registers[8];
  u32 sum = 0;
  for (int i = 0; i < 8; i++) {
    registers[i] = 0;
  }
  for (u32 round = 0; round < 12000 * scale; round++) {
    u32 position = 0;
    u32 fuel = FUEL;
    registers[6] = round;
    for (;;) {
      const u8 *instruction = program + position;
      u8 a = instruction[1];
      u8 b = instruction[2];
      position += 3;
      if (!--fuel) {
        break;
      }
      switch (instruction[0]) {
        case RESTART:
          position = LOOP;
          registers[1] += 7;
          break;
        case LOAD:
          registers[a] = b;
          break;
        case MOVE:
          registers[a] = registers[b];
          break;
        case MULTIPLY:
          registers[a] *= registers[b];
          break;
        case ADD:
          registers[a] += registers[b];
          break;
        case COPY:
          registers[a] = registers[b];
          break;
        case XOR:
          registers[a] ^= registers[b];
          break;
        case SUBTRACT_EIGHTH:
          registers[a] -= registers[b] >> 3;
          break;
        case INCREASE:
          registers[a] += b;
          break;
        case MASK:
          registers[a] &= 0xff;
          registers[a] |= registers[b];
          break;
        case HALVE_AND_SKIP_IF_ODD:
          if (registers[a] & 1) {
            position += 3;
          }
          registers[a] >>= 1;
          break;
        case ADD_CONSTANT:
          registers[a] += b;
          break;
        case REPEAT_UNLESS:
          if ((registers[a] & 3) != b) {
            position = LOOP;
          }
          break;
        case BRANCH_IF_ABOVE:
          if (registers[a] > registers[b]) {
            position = BRANCH_TARGET;
          }
          break;
      }
    }
    sum = sum * 31 + registers[0] + registers[5];
  }
  return sum;
}
