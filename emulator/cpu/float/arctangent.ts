// SPDX-License-Identifier: MIT
/**
 * FPATAN: the angle, between -pi and pi, of the point (x, y) as seen from the origin.
 *
 * No argument is invalid: infinities and zeroes lie in directions of their own, signs of zeroes
 * included. Unlike the sine and its kin it knows the true pi (SDM 1 §8.3.8; SDM 2, FPATAN
 * table 3-28).
 */
import { blocks, DE, type FloatContext } from './context.ts';
import { isNan, x87Nan } from './nan.ts';
import { bitLength, compareMagnitudes, INDEFINITE, order, type Real, zero } from './real.ts';
import {
  arctangentSeries,
  CONSTANT_FRACTION,
  FRACTION,
  fixed,
  fixedSquare,
  PI,
  roundEndless,
  roundUnknowing,
} from './series.ts';

/** For slopes below 2^-40 Intel's hardware takes the slope for the angle. */
const LEAST_ORDER = -40;

/** FPATAN, of ST(1) and ST(0). */
export function arctangent(y: Real, x: Real, context: FloatContext): Real {
  context.roundedUp = false;
  if (isNan(x) || isNan(y)) return x87Nan(x, y, context);
  if (x.denormal || y.denormal) context.flags |= DE;
  if (blocks(context)) return INDEFINITE;
  if (x.kind === 'infinity' && y.kind === 'infinity') {
    return partOfPi(x.negative ? 6 : 2, y.negative, context);
  }
  if (y.kind === 'zero' || x.kind === 'infinity') {
    return x.negative ? partOfPi(8, y.negative, context) : zero(y.negative);
  }
  if (x.kind === 'zero' || y.kind === 'infinity') return partOfPi(4, y.negative, context);
  return angleOf(y, x, context);
}

/** Eighths of pi. */
function partOfPi(eighths: number, negative: boolean, context: FloatContext): Real {
  return roundEndless(negative, -CONSTANT_FRACTION - 3, PI * BigInt(eighths), context);
}

/**
 * The angle as some eighths of pi plus or minus the arctangent of a number below 1/2:
 * from the nearest axis, or from the diagonal where arctan q = pi/4 - arctan (1-q)/(1+q).
 */
function angleOf(y: Real, x: Real, context: FloatContext): Real {
  const isSteep = compareMagnitudes(y, x) > 0;
  const small = isSteep ? x : y;
  const large = isSteep ? y : x;
  const isBelow = isSteep !== x.negative;
  let eighths = 0;
  if (isSteep) eighths = 4;
  else if (x.negative) eighths = 8;

  if (order(large) - order(small) > 1) {
    const exponent = small.exponent - large.exponent;
    const ratio = divide(small.significand, large.significand);
    if (eighths === 0 && ratio.order + exponent < LEAST_ORDER) {
      return roundUnknowing(y.negative, exponent + ratio.exponent, ratio.quotient, context);
    }
    return turned(y.negative, eighths, isBelow, exponent + ratio.exponent, ratio.quotient, context);
  }
  const shift = BigInt(Math.abs(small.exponent - large.exponent));
  const isFiner = small.exponent < large.exponent;
  const minor = isFiner ? small.significand : small.significand << shift;
  const major = isFiner ? large.significand << shift : large.significand;
  const ratio = divide(major - minor, major + minor);
  eighths += isBelow ? -2 : 2;
  return turned(y.negative, eighths, !isBelow, ratio.exponent, ratio.quotient, context);
}

interface Ratio {
  readonly quotient: bigint;
  readonly exponent: number;
  readonly order: number;
}

/** A quotient with at least FRACTION significant bits, the lowest set if there are more. */
function divide(dividend: bigint, divisor: bigint): Ratio {
  const exponent = bitLength(dividend) - bitLength(divisor) - FRACTION - 1;
  const widened = dividend << BigInt(-exponent);
  const quotient = widened / divisor;
  return {
    quotient: quotient * divisor === widened ? quotient : quotient | 1n,
    exponent,
    order: exponent + bitLength(quotient) - 1,
  };
}

/** Eighths of pi plus or minus arctan (tangent × 2^exponent). */
function turned(
  negative: boolean,
  eighths: number,
  isBelow: boolean,
  exponent: number,
  tangent: bigint,
  context: FloatContext,
): Real {
  const angle = tangent * arctangentSeries(fixedSquare(tangent, exponent));
  if (eighths === 0) return roundEndless(negative, exponent - FRACTION, angle, context);
  const base = (PI * BigInt(eighths)) >> BigInt(CONSTANT_FRACTION + 3 - FRACTION);
  const offset = fixed(angle, exponent - FRACTION);
  const total = isBelow ? base - offset - 1n : base + offset;
  return roundEndless(negative, -FRACTION, total, context);
}
