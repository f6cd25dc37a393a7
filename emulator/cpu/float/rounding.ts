// SPDX-License-Identifier: MIT
/**
 * From an exact value to the nearest ones a format can hold: the only place that rounds.
 *
 * The surprising rule is underflow. It is *tininess after rounding*: a value counts as tiny when
 * even rounding it with an unbounded exponent leaves it below the smallest normal number. Masked
 * underflow then reports only inexact results, unmasked underflow every tiny one (SDM 1 §4.9.1.5,
 * §8.5.5).
 */
import { DOWN, type FloatContext, NEAREST, OE, PE, type Rounding, UE, UP } from './context.ts';
import { bitLength, finite, infinity, type Real, zero } from './real.ts';

/** The range of a format's numbers, and what the unit computing in it does beyond that range. */
export interface Format {
  /** Bits of the significand, the leading one included. */
  readonly precision: number;
  /** Exponent of the smallest normal number, 1.0 × 2^minimum. */
  readonly minimum: number;
  readonly maximum: number;
  /**
   * How far an unmasked overflow or underflow moves the exponent of a result so that it fits;
   * undefined where no result is delivered then, and only the flags count.
   */
  readonly wrap: number | undefined;
}

export const SINGLE: Format = { precision: 24, minimum: -126, maximum: 127, wrap: undefined };
export const DOUBLE: Format = { precision: 53, minimum: -1022, maximum: 1023, wrap: undefined };
export const EXTENDED: Format = {
  precision: 64,
  minimum: -16382,
  maximum: 16383,
  wrap: 0x6000,
};
const EXTENDED_53: Format = { ...EXTENDED, precision: 53 };
const EXTENDED_24: Format = { ...EXTENDED, precision: 24 };

/** The register format under precision control: a shorter significand, the same exponents. */
export function controlled(context: FloatContext): Format {
  if (context.precision === 64) return EXTENDED;
  return context.precision === 53 ? EXTENDED_53 : EXTENDED_24;
}

/** An integer after rounding, and how it differs from what was rounded. */
interface Rounded {
  readonly value: bigint;
  readonly inexact: boolean;
  readonly up: boolean;
}

/** Drops the low `count` bits of a magnitude. */
export function dropBits(
  magnitude: bigint,
  count: number,
  negative: boolean,
  rounding: Rounding,
): Rounded {
  if (count <= 0) return { value: magnitude << BigInt(-count), inexact: false, up: false };
  const kept = magnitude >> BigInt(count);
  const rest = magnitude - (kept << BigInt(count));
  if (rest === 0n) return { value: kept, inexact: false, up: false };
  const up = roundsUp(kept, rest, 1n << BigInt(count - 1), negative, rounding);
  return { value: up ? kept + 1n : kept, inexact: true, up };
}

function roundsUp(
  kept: bigint,
  rest: bigint,
  half: bigint,
  negative: boolean,
  rounding: Rounding,
): boolean {
  if (rounding === NEAREST) return rest > half || (rest === half && (kept & 1n) === 1n);
  if (rounding === DOWN) return negative;
  return rounding === UP && !negative;
}

/**
 * Rounds ±significand × 2^exponent, significand not 0, and raises OE, UE and PE. A significand
 * that stands for more bits than it has must have its lowest bit set and be at least two bits
 * longer than the format's.
 */
export function round(
  negative: boolean,
  exponent: number,
  significand: bigint,
  format: Format,
  context: FloatContext,
): Real {
  const length = bitLength(significand);
  const excess = length - format.precision;
  const order = exponent + length - 1;
  context.roundedUp = false;
  const rounded = dropBits(significand, excess, negative, context.rounding);
  const carry = bitLength(rounded.value) > format.precision ? 1 : 0;
  if (order + carry > format.maximum) {
    context.flags |= OE;
    if ((context.masks & OE) !== 0) return overflow(negative, format, context);
    return wrap(negative, exponent + excess, -1, rounded, format, context);
  }
  if (order >= format.minimum) return finish(negative, exponent + excess, rounded, context);
  const isTiny = order + carry < format.minimum;
  if (isTiny && (context.masks & UE) === 0) {
    context.flags |= UE;
    return wrap(negative, exponent + excess, 1, rounded, format, context);
  }
  if (isTiny && context.flushToZero) {
    context.flags |= UE | PE;
    return zero(negative);
  }
  // Below the normal numbers the grid no longer gets finer.
  const grid = format.minimum - format.precision + 1;
  const coarse = dropBits(significand, grid - exponent, negative, context.rounding);
  if (isTiny && coarse.inexact) context.flags |= UE;
  return finish(negative, grid, coarse, context);
}

function finish(
  negative: boolean,
  exponent: number,
  rounded: Rounded,
  context: FloatContext,
): Real {
  if (rounded.inexact) {
    context.flags |= PE;
    context.roundedUp = rounded.up;
  }
  return rounded.value === 0n ? zero(negative) : finite(negative, exponent, rounded.value);
}

/**
 * The unmasked answer: the exponent moved into range, up or down. What FSCALE leaves out of range
 * even so is infinite or zero in every rounding mode.
 */
function wrap(
  negative: boolean,
  exponent: number,
  direction: 1 | -1,
  rounded: Rounded,
  format: Format,
  context: FloatContext,
): Real {
  if (format.wrap === undefined) return finish(negative, exponent, rounded, context);
  const moved = exponent + direction * format.wrap;
  const order = moved + bitLength(rounded.value) - 1;
  if (order >= format.minimum && order <= format.maximum) {
    return finish(negative, moved, rounded, context);
  }
  context.flags |= PE;
  context.roundedUp = direction < 0;
  return context.roundedUp ? infinity(negative) : zero(negative);
}

/** The masked answer to overflow: infinity, or the largest number if rounding is towards it. */
function overflow(negative: boolean, format: Format, context: FloatContext): Real {
  context.flags |= PE;
  const { rounding } = context;
  context.roundedUp = rounding === NEAREST || rounding === (negative ? DOWN : UP);
  if (context.roundedUp) return infinity(negative);
  const { precision, maximum } = format;
  return finite(negative, maximum - precision + 1, (1n << BigInt(precision)) - 1n);
}
