// SPDX-License-Identifier: MIT
/**
 * Power series in fixed point, for the x87's transcendental instructions.
 *
 * Each series gives a function divided by its argument, which is close to 1 however small the
 * argument is: multiplying by the exact argument keeps all digits. Numbers have 192 bits after
 * the point, three times what a result needs, so that rounding them is as good as rounding the
 * true value. A sum that comes out as exactly 1 is moved by its last bit: the true one never is,
 * and directed rounding must see on which side it lies.
 */
import { type FloatContext, PE, UE } from './context.ts';
import { order, type Real } from './real.ts';
import { EXTENDED, round } from './rounding.ts';

export const FRACTION = 192;
const ONE = 1n << BigInt(FRACTION);

/** Constants with 256 bits after the point. */
export const CONSTANT_FRACTION = 256;
export const PI =
  0x3_243f_6a88_85a3_08d3_1319_8a2e_0370_7344_a409_3822_299f_31d0_082e_fa98_ec4e_6c89n;
export const LN2 =
  0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af_40f3_4326_7298_b62d_8a0d_175b_8baa_fa2bn;
export const LOG2E =
  0x1_7154_7652_b82f_e177_7d0f_fda0_d23a_7d11_d6ae_f551_bad2_b4b1_164a_2cd9_a342_648fn;

/** A magnitude × 2^exponent in fixed point, cut off. */
export function fixed(magnitude: bigint, exponent: number): bigint {
  const shift = exponent + FRACTION;
  return shift >= 0 ? magnitude << BigInt(shift) : magnitude >> BigInt(-shift);
}

/** The square of magnitude × 2^exponent in fixed point. */
export function fixedSquare(magnitude: bigint, exponent: number): bigint {
  return fixed(magnitude * magnitude, 2 * exponent);
}

/** sin x / x, given x². */
export function sineSeries(square: bigint): bigint {
  return sum(-square, true, (n) => 2 * n * (2 * n + 1));
}

/** cos x, given x². */
export function cosineSeries(square: bigint): bigint {
  return sum(-square, true, (n) => 2 * n * (2 * n - 1));
}

/** (e^x - 1) / x. */
export function exponentialSeries(x: bigint, isNegative: boolean): bigint {
  return sum(x, isNegative, (n) => n + 1);
}

/** arctan x / x, given x². */
export function arctangentSeries(square: bigint): bigint {
  return sum(-square, true, undefined);
}

/** artanh x / x, given x². */
export function areaTangentSeries(square: bigint): bigint {
  return sum(square, false, undefined);
}

/**
 * Adds up 1 + r/d(1) + r²/(d(1)d(2)) + …; without divisors 1 + r/3 + r²/5 + …
 * `isBelowOne` says where the true sum lies when this one shows no difference.
 */
function sum(
  ratio: bigint,
  isBelowOne: boolean,
  divisor: ((n: number) => number) | undefined,
): bigint {
  let total = ONE;
  let term = ONE;
  for (let n = 1; term !== 0n && term !== -1n; n++) {
    term = (term * ratio) >> BigInt(FRACTION);
    if (divisor) term /= BigInt(divisor(n));
    total += divisor ? term : term / BigInt(2 * n + 1);
  }
  if (total !== ONE) return total;
  return isBelowOne ? ONE - 1n : ONE + 1n;
}

/** Rounds, for a register, a value whose digits go on beyond those computed. */
export function roundEndless(
  negative: boolean,
  exponent: number,
  significand: bigint,
  context: FloatContext,
): Real {
  return round(negative, exponent, significand | 1n, EXTENDED, context);
}

/**
 * Rounds, for a register, a value that may be exact. The hardware does not know and calls it
 * inexact.
 */
export function roundUnknowing(
  negative: boolean,
  exponent: number,
  significand: bigint,
  context: FloatContext,
): Real {
  const result = round(negative, exponent, significand, EXTENDED, context);
  context.flags |= PE;
  if (result.kind === 'finite' && order(result) < EXTENDED.minimum) context.flags |= UE;
  return result;
}
