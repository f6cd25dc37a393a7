// SPDX-License-Identifier: MIT
/**
 * FSIN, FCOS and FPTAN.
 *
 * The surprising rule is the x87's pi: it has 66 bits. Arguments are reduced by a multiple of half
 * of *that* number, so that the sine of the register nearest to pi has just a few good bits. From
 * 2^63 on an argument is not reduced at all: the instruction gives up and sets C2
 * (SDM 1 §8.3.8; SDM 2, FSIN, FCOS, FPTAN).
 */
import { blocks, DE, type FloatContext } from './context.ts';
import { invalid, isNan, x87Nan } from './nan.ts';
import { INDEFINITE, integer, order, type Real } from './real.ts';
import {
  cosineSeries,
  FRACTION,
  fixedSquare,
  roundEndless,
  roundUnknowing,
  sineSeries,
} from './series.ts';

/** Half of the 66-bit pi, ×2^67. */
const HALF_PI = 0xc_90fd_aa22_168c_234cn;
const HALF_PI_EXPONENT = -67;

/**
 * Below 2^-68 Intel's hardware answers x for the sine and tangent, and 1 for the cosine, however
 * the result should be rounded.
 */
const LEAST_ORDER = -68;

/** What is left of an argument, between -pi/4 and pi/4, and the quarter turns taken off it. */
interface Angle {
  readonly quadrant: number;
  readonly negative: boolean;
  readonly exponent: number;
  readonly significand: bigint;
}

type Evaluation = (angle: Angle, context: FloatContext) => Real;

/** FSIN; undefined if the argument is out of range and stays as it is. */
export function sine(value: Real, context: FloatContext): Real | undefined {
  return evaluate(value, value, sineOf, context);
}

/** FCOS; undefined if the argument is out of range. */
export function cosine(value: Real, context: FloatContext): Real | undefined {
  return evaluate(value, integer(1n), cosineOf, context);
}

/** FPTAN, without the 1.0 that it pushes as well; undefined if the argument is out of range. */
export function tangent(value: Real, context: FloatContext): Real | undefined {
  return evaluate(value, value, tangentOf, context);
}

function evaluate(
  value: Real,
  atZero: Real,
  evaluation: Evaluation,
  context: FloatContext,
): Real | undefined {
  context.roundedUp = false;
  if (isNan(value)) return x87Nan(value, value, context);
  if (value.kind === 'infinity') return invalid(context);
  if (value.kind === 'zero') return atZero;
  if (order(value) >= 63) return undefined;
  if (value.denormal) context.flags |= DE;
  if (blocks(context)) return INDEFINITE;
  if (order(value) >= LEAST_ORDER) return evaluation(reduce(value), context);
  return roundUnknowing(atZero.negative, atZero.exponent, atZero.significand, context);
}

function reduce(value: Real): Angle {
  if (order(value) < -1) return { ...value, quadrant: 0 };
  const exponent = Math.min(value.exponent, HALF_PI_EXPONENT);
  const argument = value.significand << BigInt(value.exponent - exponent);
  const quarter = HALF_PI << BigInt(HALF_PI_EXPONENT - exponent);
  const turns = (2n * argument + quarter) / (2n * quarter);
  const rest = argument - turns * quarter;
  const quadrant = Number(turns & 3n);
  return {
    quadrant: value.negative ? (4 - quadrant) & 3 : quadrant,
    negative: value.negative !== rest < 0n,
    exponent,
    significand: rest < 0n ? -rest : rest,
  };
}

function sineOf(angle: Angle, context: FloatContext): Real {
  return (angle.quadrant & 1) === 0
    ? nearZero(angle, angle.negative !== angle.quadrant >= 2, context)
    : nearOne(angle, angle.quadrant >= 2, context);
}

function cosineOf(angle: Angle, context: FloatContext): Real {
  return (angle.quadrant & 1) === 0
    ? nearOne(angle, angle.quadrant >= 2, context)
    : nearZero(angle, angle.negative !== angle.quadrant < 2, context);
}

/** ± sin of what is left. */
function nearZero(angle: Angle, negative: boolean, context: FloatContext): Real {
  const { exponent, significand } = angle;
  const ratio = sineSeries(fixedSquare(significand, exponent));
  return roundEndless(negative, exponent - FRACTION, significand * ratio, context);
}

/** ± cos of what is left. */
function nearOne(angle: Angle, negative: boolean, context: FloatContext): Real {
  const ratio = cosineSeries(fixedSquare(angle.significand, angle.exponent));
  return roundEndless(negative, -FRACTION, ratio, context);
}

function tangentOf(angle: Angle, context: FloatContext): Real {
  const { quadrant, negative, exponent, significand } = angle;
  const square = fixedSquare(significand, exponent);
  const cosineOverOne = cosineSeries(square);
  const sineOverAngle = sineSeries(square);
  if ((quadrant & 1) === 0) {
    const ratio = (sineOverAngle << BigInt(FRACTION)) / cosineOverOne;
    return roundEndless(negative, exponent - FRACTION, significand * ratio, context);
  }
  // A quarter turn away it is minus the cotangent.
  const wide = 2 * FRACTION;
  const ratio = (cosineOverOne << BigInt(wide)) / (sineOverAngle * significand);
  return roundEndless(!negative, -wide - exponent, ratio, context);
}
