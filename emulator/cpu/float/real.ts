// SPDX-License-Identifier: MIT
/**
 * A floating-point value taken out of its encoding: what the arithmetic works on.
 *
 * All three formats unpack into the same shape, so that an operand in memory can meet one in a
 * register. A finite value is exactly `significand × 2^exponent`, normalised or not. A NaN keeps
 * its payload as the x87 would: 64 bits, the quiet bit at 62, narrower payloads at the top.
 * `denormal` belongs to the encoding an operand came from; it is what raises DE.
 */

export type Kind = 'zero' | 'finite' | 'infinity' | 'nan' | 'unsupported';

export interface Real {
  readonly kind: Kind;
  readonly negative: boolean;
  readonly exponent: number;
  readonly significand: bigint;
  readonly denormal: boolean;
}

export const INTEGER_BIT = 1n << 63n;
const QUIET_BIT = 1n << 62n;

const POSITIVE_ZERO = real('zero', false, 0n);
const NEGATIVE_ZERO = real('zero', true, 0n);
const POSITIVE_INFINITY = real('infinity', false, INTEGER_BIT);
const NEGATIVE_INFINITY = real('infinity', true, INTEGER_BIT);

/** The default answer to an invalid operation: a negative quiet NaN (SDM 1 §4.8.3.7). */
export const INDEFINITE = real('nan', true, INTEGER_BIT | QUIET_BIT);

/** An encoding that is no number since the 387: unnormal, pseudo-infinity, pseudo-NaN. */
export const UNSUPPORTED = real('unsupported', false, 0n);

function real(kind: Kind, negative: boolean, significand: bigint): Real {
  return { kind, negative, exponent: 0, significand, denormal: false };
}

export function zero(negative: boolean): Real {
  return negative ? NEGATIVE_ZERO : POSITIVE_ZERO;
}

export function infinity(negative: boolean): Real {
  return negative ? NEGATIVE_INFINITY : POSITIVE_INFINITY;
}

/** `significand × 2^exponent`; the significand must not be 0. */
export function finite(
  negative: boolean,
  exponent: number,
  significand: bigint,
  denormal = false,
): Real {
  return { kind: 'finite', negative, exponent, significand, denormal };
}

export function nan(negative: boolean, significand: bigint): Real {
  return real('nan', negative, significand);
}

export function integer(value: bigint): Real {
  if (value === 0n) return POSITIVE_ZERO;
  return finite(value < 0n, 0, value < 0n ? -value : value);
}

export function quiet(value: Real): Real {
  return nan(value.negative, value.significand | QUIET_BIT);
}

export function isSignaling(value: Real): boolean {
  return value.kind === 'nan' && (value.significand & QUIET_BIT) === 0n;
}

/** The same magnitude with another sign. */
export function signed(value: Real, negative: boolean): Real {
  return value.negative === negative ? value : { ...value, negative };
}

const measured = new DataView(new ArrayBuffer(8));

/** How many bits a value takes, for values of up to 1,000 bits. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  measured.setFloat64(0, Number(value));
  const exponent = ((measured.getUint32(0) >>> 20) & 0x7ff) - 1023;
  // The conversion to a double may have rounded up to the next power of two.
  return value >> BigInt(exponent) === 0n ? exponent : exponent + 1;
}

/** The exponent of the leading bit: x = 1.… × 2^order. */
export function order(value: Real): number {
  return value.exponent + bitLength(value.significand) - 1;
}

/** A significand moved left, or right where the bits lost are known to be 0. */
export function shifted(significand: bigint, count: number): bigint {
  return count >= 0 ? significand << BigInt(count) : significand >> BigInt(-count);
}

/** Compares magnitudes of finite values: negative, zero or positive like a difference. */
export function compareMagnitudes(a: Real, b: Real): number {
  const difference = order(a) - order(b);
  if (difference !== 0) return difference;
  const shift = a.exponent - b.exponent;
  const left = shift > 0 ? a.significand << BigInt(shift) : a.significand;
  const right = shift < 0 ? b.significand << BigInt(-shift) : b.significand;
  return left > right ? 1 : left < right ? -1 : 0;
}
