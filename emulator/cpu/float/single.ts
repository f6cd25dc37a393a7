// SPDX-License-Identifier: MIT
/**
 * SSE arithmetic on one binary32 lane, bits in and bits out.
 *
 * A quick way stands before the exact one. The host computes in binary64, whose 53 bits are
 * more than twice 24 plus two, so that rounding a sum, product, quotient or root a second time
 * gives what rounding once would have; and whether something was lost can be asked exactly. It
 * answers only where nothing but PE can happen: rounding to nearest, no NaN, infinity or denormal
 * anywhere (SDM 1 §11.5, table 11-1; S. Figueroa, "When is double rounding innocuous?").
 */
import {
  type Arithmetic,
  add,
  divide,
  multiply,
  SSE_SINGLE,
  squareRoot,
  subtract,
} from './arithmetic.ts';
import { decodeSingle, encodeSingle } from './binary.ts';
import { compareOrdered, compareUnordered, maximum, minimum, type Relation } from './comparison.ts';
import { type FloatContext, NEAREST, PE } from './context.ts';
import { type Real, zero } from './real.ts';

// One value at a time changes between bits and number here; nothing stays.
const value = new Float32Array(1);
const bits = new Uint32Array(value.buffer);

function numberOf(pattern: number): number {
  bits[0] = pattern;
  return value[0] ?? 0;
}

/** A lane as SSE sees it: a denormal may be told to be a zero. */
export function singleOperand(pattern: number, context: FloatContext): Real {
  const operand = decodeSingle(pattern);
  return operand.denormal && context.denormalsAreZero ? zero(operand.negative) : operand;
}

/** Neither NaN nor infinity nor denormal. */
function isPlain(pattern: number): boolean {
  const exponent = pattern & 0x7f80_0000;
  return exponent === 0 ? (pattern & 0x7fff_ffff) === 0 : exponent !== 0x7f80_0000;
}

/**
 * Rounds what the host found; undefined if the result may be out of range. The smallest normal
 * number is: a tiny value may have been rounded up to it.
 */
function narrowed(exact: number): number | undefined {
  value[0] = exact;
  const pattern = bits[0] ?? 0;
  const magnitude = pattern & 0x7fff_ffff;
  if (magnitude >= 0x7f80_0000 || (magnitude <= 0x80_0000 && exact !== 0)) return undefined;
  return pattern;
}

function finish(pattern: number, isExact: boolean, context: FloatContext): number {
  if (!isExact) context.flags |= PE;
  return pattern;
}

type Operation = (a: Real, b: Real, unit: Arithmetic, context: FloatContext) => Real;

function exactly(operation: Operation, a: number, b: number, context: FloatContext): number {
  const left = singleOperand(a, context);
  return encodeSingle(operation(left, singleOperand(b, context), SSE_SINGLE, context));
}

export function addSingle(a: number, b: number, context: FloatContext): number {
  return quickSum(a, numberOf(a), b, numberOf(b), context) ?? exactly(add, a, b, context);
}

export function subtractSingle(a: number, b: number, context: FloatContext): number {
  return quickSum(a, numberOf(a), b, -numberOf(b), context) ?? exactly(subtract, a, b, context);
}

function quickSum(
  aBits: number,
  a: number,
  bBits: number,
  b: number,
  context: FloatContext,
): number | undefined {
  if (context.rounding !== NEAREST || !isPlain(aBits) || !isPlain(bBits)) return undefined;
  const sum = a + b;
  const result = narrowed(sum);
  if (result === undefined) return undefined;
  // Exponents may lie so far apart that even binary64 loses some: Knuth's TwoSum.
  const added = sum - a;
  const lost = a - (sum - added) + (b - added);
  return finish(result, numberOf(result) === sum && lost === 0, context);
}

export function multiplySingle(a: number, b: number, context: FloatContext): number {
  if (context.rounding === NEAREST && isPlain(a) && isPlain(b)) {
    const product = numberOf(a) * numberOf(b);
    const result = narrowed(product);
    if (result !== undefined) return finish(result, numberOf(result) === product, context);
  }
  return exactly(multiply, a, b, context);
}

export function divideSingle(a: number, b: number, context: FloatContext): number {
  const divisor = numberOf(b);
  if (context.rounding === NEAREST && isPlain(a) && isPlain(b) && divisor !== 0) {
    const dividend = numberOf(a);
    const result = narrowed(dividend / divisor);
    if (result !== undefined) {
      return finish(result, numberOf(result) * divisor === dividend, context);
    }
  }
  return exactly(divide, a, b, context);
}

export function squareRootSingle(a: number, context: FloatContext): number {
  const radicand = numberOf(a);
  if (context.rounding === NEAREST && isPlain(a) && radicand >= 0) {
    const result = narrowed(Math.sqrt(radicand));
    if (result !== undefined) {
      const root = numberOf(result);
      return finish(result, root * root === radicand, context);
    }
  }
  return encodeSingle(squareRoot(singleOperand(a, context), SSE_SINGLE, context));
}

export function minimumSingle(a: number, b: number, context: FloatContext): number {
  const left = singleOperand(a, context);
  return encodeSingle(minimum(left, singleOperand(b, context), context));
}

export function maximumSingle(a: number, b: number, context: FloatContext): number {
  const left = singleOperand(a, context);
  return encodeSingle(maximum(left, singleOperand(b, context), context));
}

/** COMISS, and the predicates of CMPSS that are invalid for any NaN: lt, le, nlt, nle. */
export function compareOrderedSingle(a: number, b: number, context: FloatContext): Relation {
  return compareOrdered(singleOperand(a, context), singleOperand(b, context), context);
}

/** UCOMISS, and the predicates of CMPSS that only mind signaling NaNs: eq, neq, ord, unord. */
export function compareUnorderedSingle(a: number, b: number, context: FloatContext): Relation {
  return compareUnordered(singleOperand(a, context), singleOperand(b, context), context);
}
