// SPDX-License-Identifier: MIT
/**
 * F2XM1, FYL2X and FYL2XP1: powers of two and binary logarithms.
 *
 * FYL2X is exact where its logarithm is an integer. The two with "1" in their names exist for
 * arguments near 0, whose digits adding 1 would lose, and promise nothing outside a narrow range
 * (SDM 1 §8.3.9; SDM 2, F2XM1, FYL2X table 3-53, FYL2XP1 table 3-54).
 */
import { blocks, DE, type FloatContext, PE, ZE } from './context.ts';
import { invalid, isNan, x87Nan } from './nan.ts';
import {
  bitLength,
  finite,
  INDEFINITE,
  infinity,
  integer,
  order,
  type Real,
  zero,
} from './real.ts';
import {
  areaTangentSeries,
  CONSTANT_FRACTION,
  exponentialSeries,
  FRACTION,
  fixed,
  fixedSquare,
  LN2,
  LOG2E,
  roundEndless,
  roundUnknowing,
} from './series.ts';

/** F2XM1: 2^x - 1, for -1 ≤ x ≤ 1. */
export function powerMinusOne(x: Real, context: FloatContext): Real {
  context.roundedUp = false;
  if (isNan(x)) return x87Nan(x, x, context);
  if (x.kind === 'infinity') return x.negative ? integer(-1n) : x;
  if (x.kind === 'zero') return x;
  if (x.denormal) context.flags |= DE;
  if (blocks(context)) return INDEFINITE;
  if (order(x) >= 0) {
    // Beyond ±1 the operand comes back, and on the bound too but for 2^-1 - 1.
    context.flags |= PE;
    return x.negative && order(x) === 0 && isPowerOfTwo(x) ? finite(true, -1, 1n) : x;
  }
  // (e^t - 1) / t × t for t = x ln 2.
  const magnitude = x.significand * LN2;
  const exponent = x.exponent - CONSTANT_FRACTION;
  const t = fixed(magnitude, exponent);
  const ratio = exponentialSeries(x.negative ? -t : t, x.negative);
  return roundEndless(x.negative, exponent - FRACTION, magnitude * ratio, context);
}

/** FYL2X: y × log2 x. */
export function logarithm(x: Real, y: Real, context: FloatContext): Real {
  context.roundedUp = false;
  if (isNan(x) || isNan(y)) return x87Nan(x, y, context);
  if (x.negative && x.kind !== 'zero') return invalid(context);
  const side = sideOfOne(x);
  if (y.kind === 'zero' && (x.kind === 'zero' || x.kind === 'infinity')) return invalid(context);
  if (y.kind === 'infinity' && side === 0) return invalid(context);
  const negative = y.negative !== side < 0;
  if (x.kind === 'zero' && y.kind === 'finite') {
    context.flags |= ZE;
    return infinity(negative);
  }
  if (x.denormal || y.denormal) context.flags |= DE;
  if (blocks(context)) return INDEFINITE;
  if (x.kind !== 'finite' || y.kind === 'infinity') return infinity(negative);
  if (y.kind === 'zero' || side === 0) return zero(negative);
  return timesLogarithm(x, y, negative, context);
}

/** Whether a positive value is less than 1, 1 or greater. */
function sideOfOne(x: Real): number {
  if (x.kind === 'zero') return -1;
  if (x.kind === 'infinity') return 1;
  const leading = order(x);
  if (leading !== 0) return leading;
  return isPowerOfTwo(x) ? 0 : 1;
}

function isPowerOfTwo(x: Real): boolean {
  return (x.significand & (x.significand - 1n)) === 0n;
}

function timesLogarithm(x: Real, y: Real, negative: boolean, context: FloatContext): Real {
  const leading = order(x);
  if (isPowerOfTwo(x)) {
    return roundUnknowing(negative, y.exponent, y.significand * BigInt(Math.abs(leading)), context);
  }
  // x = 2^k × m with m between 3/4 and 3/2, so that nothing cancels near 1.
  const length = bitLength(x.significand);
  const isUpper = x.significand >> BigInt(length - 2) === 3n;
  const unit = 1n << BigInt(isUpper ? length : length - 1);
  const k = isUpper ? leading + 1 : leading;
  return scaledLogarithm(k, x.significand - unit, x.significand + unit, 0, y, negative, context);
}

/** |y × (k + log2 m)|, where (m - 1) / (m + 1) = dividend/divisor × 2^exponent. */
function scaledLogarithm(
  k: number,
  dividend: bigint,
  divisor: bigint,
  exponent: number,
  y: Real,
  negative: boolean,
  context: FloatContext,
): Real {
  const isBelow = dividend < 0n;
  const magnitude = isBelow ? -dividend : dividend;
  const widen = FRACTION + bitLength(divisor) - bitLength(magnitude);
  const z = (magnitude << BigInt(widen)) / divisor;
  const series = areaTangentSeries(fixedSquare(z, exponent - widen));
  // log2 m = 2 artanh z × log2 e.
  let grid = exponent - widen - FRACTION - CONSTANT_FRACTION + 1;
  let total = z * series * LOG2E;
  if (k !== 0) {
    if (isBelow) total = -total;
    total += BigInt(k) << BigInt(-grid);
    if (total < 0n) total = -total;
  }
  grid += y.exponent;
  return roundEndless(negative, grid, total * y.significand, context);
}

/** FYL2XP1: y × log2 (x + 1). */
export function logarithmOfNext(x: Real, y: Real, context: FloatContext): Real {
  context.roundedUp = false;
  if (isNan(x) || isNan(y)) return x87Nan(x, y, context);
  if (x.negative && x.kind === 'infinity') return invalid(context);
  if (x.kind === 'zero' && y.kind === 'infinity') return invalid(context);
  if (x.kind === 'infinity' && y.kind === 'zero') return invalid(context);
  if (x.denormal || y.denormal) context.flags |= DE;
  if (blocks(context)) return INDEFINITE;
  const negative = x.negative !== y.negative;
  if (x.kind === 'infinity' || y.kind === 'infinity') return infinity(negative);
  if (x.kind === 'zero' || y.kind === 'zero') return zero(negative);
  const leading = order(x);
  if (leading >= -1) return afterAdding(x, y, negative, context);
  const signed = x.negative ? -x.significand : x.significand;
  // z = x / (2 + x); the x below disappears when it is far too small to be seen.
  if (leading < -2 * FRACTION) {
    return scaledLogarithm(0, signed, 1n, x.exponent - 1, y, negative, context);
  }
  const two = 1n << BigInt(1 - x.exponent);
  return scaledLogarithm(0, signed, two + signed, 0, y, negative, context);
}

/** Outside the promised range: of x + 1 itself. */
function afterAdding(x: Real, y: Real, negative: boolean, context: FloatContext): Real {
  if (x.negative && order(x) >= 0) {
    context.flags |= PE;
    return x;
  }
  // Of a large x nobody could see the 1.
  if (!x.negative && order(x) > FRACTION) return timesLogarithm(x, y, negative, context);
  const exponent = Math.min(x.exponent, 0);
  const shift = BigInt(x.exponent - exponent);
  const magnitude = x.significand << shift;
  const next = (1n << BigInt(-exponent)) + (x.negative ? -magnitude : magnitude);
  return timesLogarithm(finite(false, exponent, next), y, negative, context);
}
