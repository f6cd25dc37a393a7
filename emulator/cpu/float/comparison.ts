// SPDX-License-Identifier: MIT
/**
 * Ordering two values, and the SSE minimum and maximum that are defined by it.
 *
 * Zeroes of both signs are equal and a NaN is unordered with everything, itself included. The
 * ordered comparisons hold any NaN for invalid, the unordered ones (FUCOM, UCOMISS) only a
 * signaling one. MINPS is not symmetric: when in doubt, NaNs and equal zeroes included, it gives
 * the second operand (SDM 2, FCOM, FUCOM, MINPS).
 */
import { DE, type FloatContext } from './context.ts';
import { invalid, isNan } from './nan.ts';
import { compareMagnitudes, isSignaling, type Real } from './real.ts';

export type Relation = 'less' | 'equal' | 'greater' | 'unordered';

/** Compares, taking any NaN for an invalid operand. */
export function compareOrdered(a: Real, b: Real, context: FloatContext): Relation {
  if (!isNan(a) && !isNan(b)) return compare(a, b, context);
  invalid(context);
  return 'unordered';
}

/** Compares, taking only signaling NaNs and unsupported encodings for invalid operands. */
export function compareUnordered(a: Real, b: Real, context: FloatContext): Relation {
  if (!isNan(a) && !isNan(b)) return compare(a, b, context);
  if (a.kind === 'unsupported' || b.kind === 'unsupported' || isSignaling(a) || isSignaling(b)) {
    invalid(context);
  }
  return 'unordered';
}

function compare(a: Real, b: Real, context: FloatContext): Relation {
  if (a.denormal || b.denormal) context.flags |= DE;
  const difference = compareSigned(a, b);
  if (difference === 0) return 'equal';
  return difference < 0 ? 'less' : 'greater';
}

function compareSigned(a: Real, b: Real): number {
  const side = signOf(a) - signOf(b);
  if (side !== 0 || a.kind === 'zero') return side;
  const size = sizeOf(a) - sizeOf(b);
  const magnitude = size !== 0 || a.kind === 'infinity' ? size : compareMagnitudes(a, b);
  return a.negative ? -magnitude : magnitude;
}

function signOf(value: Real): number {
  if (value.kind === 'zero') return 0;
  return value.negative ? -1 : 1;
}

function sizeOf(value: Real): number {
  return value.kind === 'infinity' ? 1 : 0;
}

/** MINSS and its kin: the first operand only if it is known to be less. */
export function minimum(a: Real, b: Real, context: FloatContext): Real {
  return compareOrdered(a, b, context) === 'less' ? a : b;
}

/** MAXSS and its kin: the first operand only if it is known to be greater. */
export function maximum(a: Real, b: Real, context: FloatContext): Real {
  return compareOrdered(a, b, context) === 'greater' ? a : b;
}
