// SPDX-License-Identifier: MIT
/**
 * FPREM and FPREM1: exact remainders, a step at a time.
 *
 * A remainder needs no rounding, but a large quotient takes more steps than one instruction may
 * spend: from an exponent difference of 64 on, one execution takes away a multiple of
 * the divisor that brings the difference down, and says that it is not done (C2). The
 * quotient's low three bits come out as condition codes (SDM 2, FPREM; §8.3.7 for octants).
 */
import { blocks, DE, type FloatContext } from './context.ts';
import { invalid, isNan, x87Nan } from './nan.ts';
import { INDEFINITE, order, type Real, zero } from './real.ts';
import { EXTENDED, round } from './rounding.ts';

export interface Remainder {
  readonly value: Real;
  /** Low bits of the quotient's magnitude; undefined while the reduction is incomplete. */
  readonly quotient: number | undefined;
}

/** FPREM: the remainder of division rounded towards zero. */
export function truncatedRemainder(a: Real, b: Real, context: FloatContext): Remainder {
  return remainder(a, b, false, context);
}

/** FPREM1: the remainder of division rounded to nearest, as IEEE 754 wants it. */
export function nearestRemainder(a: Real, b: Real, context: FloatContext): Remainder {
  return remainder(a, b, true, context);
}

function remainder(a: Real, b: Real, toNearest: boolean, context: FloatContext): Remainder {
  context.roundedUp = false;
  if (isNan(a) || isNan(b)) return complete(x87Nan(a, b, context));
  if (a.kind === 'infinity' || b.kind === 'zero') return complete(invalid(context));
  if (a.denormal || b.denormal) context.flags |= DE;
  if (blocks(context)) return complete(INDEFINITE);
  if (a.kind === 'zero') return complete(a);
  // Not even an unmasked underflow is seen here: the dividend comes back as it was.
  if (b.kind === 'infinity') return complete(a);
  const difference = order(a) - order(b);
  return difference < 64
    ? reduce(a, b, toNearest, context)
    : reducePartly(a, b, difference, context);
}

function complete(value: Real): Remainder {
  return { value, quotient: 0 };
}

function reduce(a: Real, b: Real, toNearest: boolean, context: FloatContext): Remainder {
  // Far smaller than the divisor: its own remainder, and not worth aligning.
  if (order(a) < order(b) - 1) return settle(a.negative, a.exponent, a.significand, 0n, context);
  const exponent = Math.min(a.exponent, b.exponent);
  const dividend = a.significand << BigInt(a.exponent - exponent);
  const divisor = b.significand << BigInt(b.exponent - exponent);
  const quotient = dividend / divisor;
  const rest = dividend - quotient * divisor;
  const twice = rest * 2n;
  const isNextNearer = twice > divisor || (twice === divisor && (quotient & 1n) === 1n);
  if (toNearest && isNextNearer) {
    return settle(!a.negative, exponent, divisor - rest, quotient + 1n, context);
  }
  return settle(a.negative, exponent, rest, quotient, context, a.negative);
}

function settle(
  negative: boolean,
  exponent: number,
  rest: bigint,
  quotient: bigint,
  context: FloatContext,
  zeroIsNegative = negative,
): Remainder {
  const value =
    rest === 0n ? zero(zeroIsNegative) : round(negative, exponent, rest, EXTENDED, context);
  return { value, quotient: Number(quotient & 7n) };
}

/** Takes N bits off the quotient, 32 ≤ N < 64, N ≡ difference (mod 32) as Intel's hardware does. */
function reducePartly(a: Real, b: Real, difference: number, context: FloatContext): Remainder {
  const scale = difference - ((difference & 31) | 32);
  const exponent = Math.min(a.exponent, b.exponent + scale);
  const dividend = a.significand << BigInt(a.exponent - exponent);
  const divisor = b.significand << BigInt(b.exponent + scale - exponent);
  const rest = dividend % divisor;
  const value =
    rest === 0n ? zero(a.negative) : round(a.negative, exponent, rest, EXTENDED, context);
  return { value, quotient: undefined };
}
