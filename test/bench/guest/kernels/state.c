/* A state machine that reads numbers, and a CRC of what it saw, as in CoreMark. */
#include "../bench.h"

enum state { START, INTEGER, SIGN, FRACTION, EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS, INVALID };
enum { STATES = INVALID + 1 };

static const char text[] =
    "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,"
    "5.500e+3,-.123e-2,-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^";

static u16 crc16(u8 byte, u16 crc) {
  for (int i = 0; i < 8; i++) {
    u8 bit = (byte & 1) ^ (crc & 1);
    byte >>= 1;
    if (bit) {
      crc ^= 0x4002;
      crc = crc >> 1 | 0x8000;
    } else {
      crc >>= 1;
    }
  }
  return crc;
}

static inline int is_digit(char c) {
  return c >= '0' && c <= '9';
}

static inline enum state after(enum state state, char c) {
  switch (state) {
    case START:
      if (is_digit(c)) {
        return INTEGER;
      }
      if (c == '+' || c == '-') {
        return SIGN;
      }
      return c == '.' ? FRACTION : INVALID;
    case SIGN:
      if (is_digit(c)) {
        return INTEGER;
      }
      return c == '.' ? FRACTION : INVALID;
    case INTEGER:
      if (c == '.') {
        return FRACTION;
      }
      return is_digit(c) ? state : INVALID;
    case FRACTION:
      if (c == 'e' || c == 'E') {
        return EXPONENT;
      }
      return is_digit(c) ? state : INVALID;
    case EXPONENT:
      return c == '+' || c == '-' ? EXPONENT_SIGN : INVALID;
    case EXPONENT_SIGN:
      return is_digit(c) ? EXPONENT_DIGITS : INVALID;
    case EXPONENT_DIGITS:
      return is_digit(c) ? state : INVALID;
    default:
      return state;
  }
}

u32 run_state(u32 scale) {
  u32 counts[STATES];
  u32 sum = 0;
  u16 crc = 0xffff;
  for (int i = 0; i < STATES; i++) {
    counts[i] = 0;
  }
  for (u32 round = 0; round < 20000 * scale; round++) {
    enum state state = START;
    for (const char *p = text; *p; p++) {
      if (*p == ',') {
        counts[state]++;
        state = START;
      } else {
        state = after(state, *p);
      }
    }
    for (int i = 0; i < STATES; i++) {
      crc = crc16((u8)counts[i], crc);
      crc = crc16((u8)(counts[i] >> 8), crc);
    }
    sum = sum * 33 + crc;
  }
  return sum;
}
