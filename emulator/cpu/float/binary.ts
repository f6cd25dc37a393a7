// SPDX-License-Identifier: MIT
/**
 * The two formats of memory and of SSE: binary32 in a number's 32 bits, binary64 in two words.
 *
 * Values travel as bit patterns, never as JavaScript numbers, because an engine may change the
 * payload of a NaN whenever it moves one (SDM 1 §4.2.2, table 4-3).
 */
import { finite, INTEGER_BIT, infinity, nan, order, type Real, shifted, zero } from './real.ts';
import { DOUBLE, SINGLE } from './rounding.ts';

/** A binary64, as two words of memory. */
export interface Float64 {
  low: number;
  high: number;
}

export function float64(high = 0, low = 0): Float64 {
  return { low, high };
}

export function decodeSingle(bits: number): Real {
  const fraction = bits & 0x7f_ffff;
  return decode(bits < 0 || bits > 0x7fff_ffff, (bits >>> 23) & 0xff, 0xff, BigInt(fraction), 23);
}

export function decodeDouble({ low, high }: Float64): Real {
  const fraction = (BigInt(high & 0xf_ffff) << 32n) | BigInt(low);
  return decode(high < 0 || high > 0x7fff_ffff, (high >>> 20) & 0x7ff, 0x7ff, fraction, 52);
}

function decode(
  negative: boolean,
  biased: number,
  special: number,
  fraction: bigint,
  width: number,
): Real {
  if (biased === special) {
    if (fraction === 0n) return infinity(negative);
    return nan(negative, INTEGER_BIT | (fraction << BigInt(63 - width)));
  }
  const bias = special >> 1;
  if (biased !== 0) {
    return finite(negative, biased - bias - width, fraction | (1n << BigInt(width)));
  }
  return fraction === 0n ? zero(negative) : finite(negative, 1 - bias - width, fraction, true);
}

/** Packs a value rounded to SINGLE; the low bits of a NaN's payload get lost. */
export function encodeSingle(value: Real): number {
  const bits = Number(encode(value, SINGLE.minimum, 0xff, 23));
  return value.negative ? (bits | 0x8000_0000) >>> 0 : bits;
}

/** Packs a value rounded to DOUBLE; the low bits of a NaN's payload get lost. */
export function encodeDouble(value: Real, target: Float64): void {
  const bits = encode(value, DOUBLE.minimum, 0x7ff, 52);
  const high = Number(bits >> 32n);
  target.low = Number(bits & 0xffff_ffffn);
  target.high = value.negative ? (high | 0x8000_0000) >>> 0 : high;
}

/** The bits below the sign. */
function encode(value: Real, minimum: number, special: number, width: number): bigint {
  switch (value.kind) {
    case 'zero':
      return 0n;
    case 'infinity':
    case 'nan':
    case 'unsupported': {
      const payload = (value.significand & ~INTEGER_BIT) >> BigInt(63 - width);
      return (BigInt(special) << BigInt(width)) | payload;
    }
    case 'finite': {
      const leading = order(value);
      const top = Math.max(leading, minimum);
      const fraction = shifted(value.significand, value.exponent - (top - width));
      // The leading bit of a normal number adds 1 to the exponent field.
      return (BigInt(top - minimum) << BigInt(width)) + fraction;
    }
  }
}
