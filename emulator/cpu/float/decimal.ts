// SPDX-License-Identifier: MIT
/**
 * Packed decimal integers: FBLD and FBSTP.
 *
 * Ten bytes: eighteen digits, two to a byte with the lowest first, and a sign in the top bit of
 * the last byte. Loading checks nothing: the nibbles A to F just count as 10 to 15
 * (SDM 1 §4.7; the manual calls their result undefined).
 */
import type { FloatContext } from './context.ts';
import { toInteger } from './conversion.ts';
import { invalid } from './nan.ts';
import { integer, type Real, zero } from './real.ts';

const LIMIT = 10n ** 18n;

/** What FBSTP stores for a value it cannot represent. */
export const INDEFINITE_DECIMAL = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff] as const;

/** Reads a packed decimal from its ten bytes. */
export function decodeDecimal(bytes: ArrayLike<number>): Real {
  let magnitude = 0n;
  for (let index = 8; index >= 0; index--) {
    const pair = bytes[index] ?? 0;
    magnitude = magnitude * 100n + BigInt((pair >> 4) * 10 + (pair & 15));
  }
  const negative = ((bytes[9] ?? 0) & 0x80) !== 0;
  if (magnitude === 0n) return zero(negative);
  return integer(negative ? -magnitude : magnitude);
}

/** The ten bytes of a value rounded to an integer; the decimal indefinite with IE if too large. */
export function encodeDecimal(value: Real, context: FloatContext): readonly number[] {
  const before = context.flags;
  const rounded = toInteger(value, 64, context.rounding, context);
  const magnitude = rounded < 0n ? -rounded : rounded;
  if (magnitude >= LIMIT) {
    // Too large for the digits but not for toInteger, which may have found it inexact.
    context.flags = before;
    context.roundedUp = false;
    invalid(context);
    return INDEFINITE_DECIMAL;
  }
  const digits = magnitude.toString().padStart(18, '0');
  const bytes: number[] = [];
  for (let index = 16; index >= 0; index -= 2) {
    bytes.push(Number.parseInt(digits.slice(index, index + 2), 16));
  }
  bytes.push(value.negative ? 0x80 : 0);
  return bytes;
}
