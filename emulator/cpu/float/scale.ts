// SPDX-License-Identifier: MIT
/**
 * FSCALE and FXTRACT: putting on, and taking off, a power of two.
 *
 * FSCALE truncates its second operand whatever the rounding control says, and ignores the
 * precision control. Zero has no exponent, so FXTRACT divides by zero there: the exponent comes
 * out as minus infinity (SDM 2, FSCALE table 3-32, FXTRACT).
 */
import { blocks, DE, type FloatContext, TOWARD_ZERO, ZE } from './context.ts';
import { invalid, isNan, x87Nan } from './nan.ts';
import { INDEFINITE, infinity, integer, order, type Real, zero } from './real.ts';
import { dropBits, EXTENDED, round } from './rounding.ts';

/** Beyond this many powers of two every value overflows or vanishes, even with a wrapped exponent. */
const FAR = 0x1_0000;

/** FSCALE: value × 2^trunc(scale). */
export function scale(value: Real, by: Real, context: FloatContext): Real {
  context.roundedUp = false;
  if (isNan(value) || isNan(by)) return x87Nan(value, by, context);
  if (by.kind === 'infinity') return scaleByInfinity(value, by, context);
  if (value.denormal || by.denormal) context.flags |= DE;
  if (blocks(context)) return INDEFINITE;
  // Scaling by zero does not even find an unmasked underflow.
  if (value.kind !== 'finite' || by.kind === 'zero') return value;
  const exponent = value.exponent + truncated(by);
  return round(value.negative, exponent, value.significand, EXTENDED, context);
}

function scaleByInfinity(value: Real, by: Real, context: FloatContext): Real {
  const isUndefined = by.negative ? value.kind === 'infinity' : value.kind === 'zero';
  if (isUndefined) return invalid(context);
  if (value.denormal) context.flags |= DE;
  if (blocks(context)) return INDEFINITE;
  return by.negative
    ? zero(value.negative)
    : value.kind === 'zero'
      ? value
      : infinity(value.negative);
}

function truncated(value: Real): number {
  if (value.kind === 'zero') return 0;
  const magnitude =
    order(value) > 16
      ? FAR
      : Number(dropBits(value.significand, -value.exponent, false, TOWARD_ZERO).value);
  return value.negative ? -magnitude : magnitude;
}

export interface Extracted {
  readonly exponent: Real;
  readonly significand: Real;
}

/** FXTRACT: a value's exponent as a number, and its significand as one between 1 and 2. */
export function extract(value: Real, context: FloatContext): Extracted {
  context.roundedUp = false;
  if (isNan(value)) {
    const answer = x87Nan(value, value, context);
    return { exponent: answer, significand: answer };
  }
  if (value.kind === 'infinity') return { exponent: infinity(false), significand: value };
  if (value.kind === 'zero') {
    context.flags |= ZE;
    return { exponent: infinity(true), significand: value };
  }
  if (value.denormal) context.flags |= DE;
  const leading = order(value);
  return {
    exponent: integer(BigInt(leading)),
    significand: { ...value, exponent: value.exponent - leading, denormal: false },
  };
}
