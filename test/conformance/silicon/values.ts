/**
 * Operands for random cases, drawn towards where instructions err: the ends of
 * ranges, single bits, page ends, and for floating point the borders between
 * classes of numbers. All chance comes from a seed, so a case can be had again.
 */

import { CODE_BASE, DATA_BASE, PAGE_BYTES, READ_ONLY_BASE } from './wire.ts';

/** Deterministic pseudo-random numbers (mulberry32): one 32-bit word of state. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  uint32(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  uint64(): bigint {
    return (BigInt(this.uint32()) << 32n) | BigInt(this.uint32());
  }

  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * bound);
  }

  /** True once in `rarity` throws. */
  oneIn(rarity: number): boolean {
    return this.below(rarity) === 0;
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }
}

/** An integer of `bits` bits: an extreme, a near extreme, one bit, a small one, or anything. */
export function integer(dice: Dice, bits: 8 | 16 | 32): number {
  const mask = 2 ** bits - 1;
  const top = 2 ** (bits - 1);
  switch (dice.below(8)) {
    case 0:
      return dice.pick([0, 1, top - 1, top, mask, mask - 1, top + 1, top / 2]);
    case 1:
      return 2 ** dice.below(bits);
    case 2:
      return mask - 2 ** dice.below(bits);
    case 3:
      return dice.below(64) & mask;
    case 4:
      // Digits, for the decimal adjustments and carries out of a nibble.
      return (decimalDigits(dice) & mask) >>> 0;
    default:
      return (dice.uint32() & mask) >>> 0;
  }
}

/** A 64-bit integer: each half as {@link integer} has it, so that carries cross the middle. */
export function integer64(dice: Dice): Uint8Array {
  const value = dice.oneIn(4)
    ? dice.pick([0n, 1n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n, 1n << 32n])
    : (BigInt(integer(dice, 32)) << 32n) | BigInt(integer(dice, 32));
  return little(value, 8);
}

function decimalDigits(dice: Dice): number {
  let digits = 0;
  for (let nibble = 0; nibble < 8; nibble++) {
    digits = digits * 16 + dice.below(dice.oneIn(8) ? 16 : 10);
  }
  return digits >>> 0;
}

/** Ends of mapped and of writable memory: an operand that begins just before may cross them. */
const EDGES: readonly [number, ...number[]] = [
  DATA_BASE,
  DATA_BASE + PAGE_BYTES,
  READ_ONLY_BASE,
  READ_ONLY_BASE + PAGE_BYTES,
  CODE_BASE + 2 * PAGE_BYTES,
];

/**
 * An address for an operand of `bytes` bytes: mostly inside the data pages, aligned or not,
 * sometimes about an edge. It never points at what the harness itself has mapped, which a case
 * could damage; nor does any address within 4 KB of it.
 */
export function address(dice: Dice, bytes: number): number {
  if (dice.oneIn(4)) {
    return dice.pick(EDGES) - bytes - 1 + dice.below(bytes + 3);
  }
  const anywhere = DATA_BASE + dice.below(2 * PAGE_BYTES - bytes + 1);
  return dice.oneIn(2) ? anywhere : anywhere & ~(bytes - 1);
}

/** EFLAGS with random arithmetic flags and DF; IF and the fixed bit as user code has them. */
export function flags(dice: Dice): number {
  const ARITHMETIC_AND_DF = 0xcd5;
  const FIXED_AND_IF = 0x202;
  return (dice.uint32() & ARITHMETIC_AND_DF) | FIXED_AND_IF;
}

/** Layout of a binary format: f32 and f64 of IEEE 754, f80 of SDM 1 §4.2.2. */
interface FloatFormat {
  readonly exponentBits: bigint;
  /** Bits right of the point. */
  readonly fractionBits: bigint;
}

const F32: FloatFormat = { exponentBits: 8n, fractionBits: 23n };
const F64: FloatFormat = { exponentBits: 11n, fractionBits: 52n };
const F80: FloatFormat = { exponentBits: 15n, fractionBits: 63n };

const ones = (bits: bigint) => (1n << bits) - 1n;

function fraction(dice: Dice, { fractionBits }: FloatFormat): bigint {
  const all = ones(fractionBits);
  const bit = 1n << BigInt(dice.below(Number(fractionBits)));
  switch (dice.below(6)) {
    case 0:
      return dice.pick([0n, 1n, all, all - 1n, (all >> 1n) + 1n, all >> 1n]);
    case 1:
      return bit;
    case 2:
      return all ^ bit;
    case 3:
      // A short significand: exact products and ties.
      return all & ~((bit << 1n) - 1n) & dice.uint64();
    default:
      return dice.uint64() & all;
  }
}

/** Biased exponent: about one, about the ends, integers and halves, or anything. */
function exponent(dice: Dice, { exponentBits, fractionBits }: FloatFormat): bigint {
  const all = ones(exponentBits);
  const bias = all >> 1n;
  switch (dice.below(8)) {
    case 0:
      return 0n;
    case 1:
      return all;
    case 2:
      return dice.pick([1n, 2n, all - 1n, all - 2n]);
    case 3:
      return (bias + BigInt(dice.below(Number(fractionBits) + 4))) & all;
    case 4:
    case 5:
      return bias + BigInt(dice.below(5) - 2);
    case 6:
      return bias + BigInt(dice.below(140) - 70);
    default:
      return dice.uint64() & all;
  }
}

function little(value: bigint, bytes: number): Uint8Array {
  const at = new Uint8Array(bytes);
  for (let index = 0; index < bytes; index++) {
    at[index] = Number((value >> BigInt(8 * index)) & 0xffn);
  }
  return at;
}

function ieee(dice: Dice, format: FloatFormat, bytes: number): Uint8Array {
  const sign = BigInt(dice.below(2));
  const high = (sign << format.exponentBits) | (exponent(dice, format) & ones(format.exponentBits));
  return little((high << format.fractionBits) | fraction(dice, format), bytes);
}

/** Any single precision pattern: zeros, denormals, ties, infinities, both kinds of NaN. */
export function f32(dice: Dice): Uint8Array {
  return ieee(dice, F32, 4);
}

export function f64(dice: Dice): Uint8Array {
  return ieee(dice, F64, 8);
}

/**
 * Any x87 pattern, those with a wrong integer bit among them: unnormals, pseudo-denormals,
 * pseudo-infinities and pseudo-NaNs (SDM 1 §8.2.2).
 */
export function f80(dice: Dice): Uint8Array {
  const sign = BigInt(dice.below(2));
  const biased = exponent(dice, F80) & ones(F80.exponentBits);
  const usual = biased === 0n ? 0n : 1n;
  const integerBit = dice.oneIn(16) ? 1n - usual : usual;
  const significand = (integerBit << F80.fractionBits) | fraction(dice, F80);
  return little((((sign << 15n) | biased) << 64n) | significand, 10);
}

/** A packed decimal operand of FBLD; one digit in some of them is not decimal. */
export function packedDecimal(dice: Dice): Uint8Array {
  const digit = () => dice.below(dice.oneIn(64) ? 16 : 10);
  const bytes = Uint8Array.from({ length: 10 }, () => digit() * 16 + digit());
  bytes[9] = dice.below(2) * 0x80;
  return bytes;
}
