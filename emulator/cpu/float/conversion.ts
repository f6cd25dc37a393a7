// SPDX-License-Identifier: MIT
/**
 * Between floating-point formats, and between them and integers.
 *
 * Narrowing looks at what comes out: it may overflow, underflow and be inexact, but never
 * complains of a denormal operand. Widening looks at what goes in. An integer that does not fit
 * becomes the most negative one, the "integer indefinite", and is an invalid operation, not an
 * overflow (SDM 1 §8.1.5, §4.9.1, table 8-10).
 */
import { blocks, blocksStore, DE, type FloatContext, PE, type Rounding } from './context.ts';
import { invalid, isNan } from './nan.ts';
import { INDEFINITE, integer, isSignaling, quiet, type Real, signed, zero } from './real.ts';
import { dropBits, type Format, round } from './rounding.ts';

/** A value read from memory for its own sake: FLD m32fp and m64fp, and the SSE converters. */
export function widen(value: Real, context: FloatContext): Real {
  if (value.kind === 'nan') {
    if (isSignaling(value)) invalid(context);
    return quiet(value);
  }
  if (value.denormal) context.flags |= DE;
  return value;
}

/**
 * FST m32fp and m64fp. A store that an unmasked overflow or underflow withholds says nothing
 * of the digits it would have lost, unlike an SSE conversion: neither PE nor C1.
 */
export function narrowForStore(value: Real, format: Format, context: FloatContext): Real {
  const before = context.flags;
  const result = narrow(value, format, context);
  if (blocksStore(context)) {
    context.flags &= before | ~PE;
    context.roundedUp = false;
  }
  return result;
}

/** A value rounded into a narrower format. */
export function narrow(value: Real, format: Format, context: FloatContext): Real {
  context.roundedUp = false;
  if (isNan(value)) {
    if (value.kind === 'unsupported' || isSignaling(value)) invalid(context);
    return value.kind === 'unsupported' ? INDEFINITE : quiet(value);
  }
  if (value.kind !== 'finite') return value;
  return round(value.negative, value.exponent, value.significand, format, context);
}

/**
 * The signed integer of `bits` bits nearest to a value in the direction of `rounding`, or the
 * integer indefinite with IE.
 */
export function toInteger(
  value: Real,
  bits: number,
  rounding: Rounding,
  context: FloatContext,
): bigint {
  context.roundedUp = false;
  const limit = 1n << BigInt(bits - 1);
  if (value.kind === 'zero') return 0n;
  // Beyond 2^64 the digits are of no interest, and there may be thousands.
  if (value.kind === 'finite' && value.exponent <= 64) {
    const {
      value: magnitude,
      inexact,
      up,
    } = dropBits(value.significand, -value.exponent, value.negative, rounding);
    const result = value.negative ? -magnitude : magnitude;
    if (result >= -limit && result < limit) {
      if (inexact) context.flags |= PE;
      context.roundedUp = up;
      return result;
    }
  }
  invalid(context);
  return -limit;
}

/** FRNDINT: a value rounded to an integer in its own format, as the rounding control says. */
export function roundToInteger(value: Real, context: FloatContext): Real {
  context.roundedUp = false;
  if (isNan(value)) {
    if (value.kind === 'unsupported') return invalid(context);
    return widen(value, context);
  }
  if (value.kind !== 'finite') return value;
  if (value.denormal) context.flags |= DE;
  if (blocks(context)) return INDEFINITE;
  if (value.exponent >= 0) return value;
  const {
    value: magnitude,
    inexact,
    up,
  } = dropBits(value.significand, -value.exponent, value.negative, context.rounding);
  if (inexact) context.flags |= PE;
  context.roundedUp = up;
  return magnitude === 0n ? zero(value.negative) : signed(integer(magnitude), value.negative);
}
