// SPDX-License-Identifier: MIT
/**
 * Add, subtract, multiply, divide and square root, for both units and every format.
 *
 * Each is the exact result, or enough of it, handed to `round`. A quotient or root that does not
 * end gets its lowest bit set instead of its tail ("jammed"), which no rounding can tell apart.
 * The order of the questions at the top is the priority of the exceptions: NaNs, then invalid
 * operations, then division by zero, and only a computation left over reports its denormal
 * operands (SDM 1 §4.9.2, §8.5).
 */
import { blocks, DE, DOWN, type FloatContext, ZE } from './context.ts';
import { invalid, isNan, type NanRule, sseNan, x87Nan } from './nan.ts';
import {
  bitLength,
  compareMagnitudes,
  INDEFINITE,
  infinity,
  order,
  type Real,
  signed,
  zero,
} from './real.ts';
import { controlled, DOUBLE, type Format, round, SINGLE } from './rounding.ts';

/** Where a result goes, and how the unit that computes it chooses between NaNs. */
export interface Arithmetic {
  readonly format: Format;
  readonly nan: NanRule;
}

export const SSE_SINGLE: Arithmetic = { format: SINGLE, nan: sseNan };
export const SSE_DOUBLE: Arithmetic = { format: DOUBLE, nan: sseNan };

/** The x87 as its precision control has it. */
export function x87(context: FloatContext): Arithmetic {
  return { format: controlled(context), nan: x87Nan };
}

/** Guard bits: more than the widest precision plus the two that rounding needs. */
const GUARD = 68;

/** Raises DE for denormal operands; false when that forbids the operation. */
function admits(context: FloatContext, a: Real, b: Real = a): boolean {
  if (a.denormal || b.denormal) context.flags |= DE;
  return !blocks(context);
}

/** Moves a significand right, any bits lost staying visible in the lowest one. */
function jam(significand: bigint, count: number): bigint {
  if (count >= 1000) return 1n;
  const kept = significand >> BigInt(count);
  return kept << BigInt(count) === significand ? kept : kept | 1n;
}

export function add(a: Real, b: Real, unit: Arithmetic, context: FloatContext): Real {
  return isNan(a) || isNan(b) ? unit.nan(a, b, context) : sum(a, b, unit, context);
}

export function subtract(a: Real, b: Real, unit: Arithmetic, context: FloatContext): Real {
  if (isNan(a) || isNan(b)) return unit.nan(a, b, context);
  return sum(a, signed(b, !b.negative), unit, context);
}

function sum(a: Real, b: Real, unit: Arithmetic, context: FloatContext): Real {
  if (a.kind === 'infinity' && b.kind === 'infinity' && a.negative !== b.negative) {
    return invalid(context);
  }
  if (!admits(context, a, b)) return INDEFINITE;
  if (a.kind === 'infinity') return a;
  if (b.kind === 'infinity') return b;
  if (a.kind === 'zero' && b.kind === 'zero') {
    return zero(a.negative === b.negative ? a.negative : context.rounding === DOWN);
  }
  if (a.kind === 'zero') return round(b.negative, b.exponent, b.significand, unit.format, context);
  if (b.kind === 'zero') return round(a.negative, a.exponent, a.significand, unit.format, context);
  const comparison = compareMagnitudes(a, b);
  if (comparison === 0 && a.negative !== b.negative) return zero(context.rounding === DOWN);
  const large = comparison >= 0 ? a : b;
  const small = comparison >= 0 ? b : a;
  // The larger operand gets guard bits; what of the smaller lies below them is jammed.
  const exponent = Math.max(Math.min(large.exponent, small.exponent), order(large) - 64 - GUARD);
  const most = aligned(large, exponent);
  const least = aligned(small, exponent);
  const significand = a.negative === b.negative ? most + least : most - least;
  return round(large.negative, exponent, significand, unit.format, context);
}

function aligned(value: Real, exponent: number): bigint {
  const shift = value.exponent - exponent;
  return shift >= 0 ? value.significand << BigInt(shift) : jam(value.significand, -shift);
}

export function multiply(a: Real, b: Real, unit: Arithmetic, context: FloatContext): Real {
  if (isNan(a) || isNan(b)) return unit.nan(a, b, context);
  const hasZero = a.kind === 'zero' || b.kind === 'zero';
  const hasInfinity = a.kind === 'infinity' || b.kind === 'infinity';
  if (hasZero && hasInfinity) return invalid(context);
  if (!admits(context, a, b)) return INDEFINITE;
  const negative = a.negative !== b.negative;
  if (hasInfinity) return infinity(negative);
  if (hasZero) return zero(negative);
  const significand = a.significand * b.significand;
  return round(negative, a.exponent + b.exponent, significand, unit.format, context);
}

export function divide(a: Real, b: Real, unit: Arithmetic, context: FloatContext): Real {
  if (isNan(a) || isNan(b)) return unit.nan(a, b, context);
  if (a.kind === b.kind && a.kind !== 'finite') return invalid(context);
  const negative = a.negative !== b.negative;
  if (b.kind === 'zero' && a.kind === 'finite') {
    context.flags |= ZE;
    return infinity(negative);
  }
  if (!admits(context, a, b)) return INDEFINITE;
  if (a.kind === 'infinity') return infinity(negative);
  if (b.kind === 'infinity' || a.kind === 'zero') return zero(negative);
  const widen = Math.max(0, 64 + GUARD + bitLength(b.significand) - bitLength(a.significand));
  const dividend = a.significand << BigInt(widen);
  const quotient = dividend / b.significand;
  const significand = quotient * b.significand === dividend ? quotient : quotient | 1n;
  const exponent = a.exponent - b.exponent - widen;
  return round(negative, exponent, significand, unit.format, context);
}

export function squareRoot(a: Real, unit: Arithmetic, context: FloatContext): Real {
  if (isNan(a)) return unit.nan(a, a, context);
  if (a.kind === 'zero') return a;
  if (a.negative) return invalid(context);
  if (!admits(context, a)) return INDEFINITE;
  if (a.kind === 'infinity') return a;
  // A root has half the bits of its radicand, whose exponent must be even.
  let widen = 2 * GUARD + 64 - bitLength(a.significand);
  if (((a.exponent - widen) & 1) !== 0) widen += 1;
  const radicand = a.significand << BigInt(widen);
  const root = integerRoot(radicand);
  const significand = root * root === radicand ? root : root | 1n;
  return round(false, (a.exponent - widen) / 2, significand, unit.format, context);
}

/** The integer part of a square root. */
function integerRoot(radicand: bigint): bigint {
  if (radicand === 0n) return 0n;
  // Newton's iteration from above falls until it has the answer.
  let root = 1n << BigInt((bitLength(radicand) + 1) >> 1);
  for (;;) {
    const next = (root + radicand / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
