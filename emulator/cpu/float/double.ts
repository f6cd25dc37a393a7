// SPDX-License-Identifier: MIT
/**
 * SSE2 arithmetic on one binary64 lane.
 *
 * As for binary32 a quick way stands before the exact one; but there is no wider format of the
 * host to look into. What an operation lost is recovered by error-free transformations: Knuth's
 * TwoSum, and Dekker's product made of Veltkamp's halves. Those are only exact while none of
 * their own steps overflows or underflows, hence the narrower range of exponents admitted
 * (Handbook of Floating-Point Arithmetic §4.3-4.4).
 */
import {
  type Arithmetic,
  add,
  divide,
  multiply,
  SSE_DOUBLE,
  squareRoot,
  subtract,
} from './arithmetic.ts';
import { decodeDouble, encodeDouble, type Float64 } from './binary.ts';
import { compareOrdered, compareUnordered, maximum, minimum, type Relation } from './comparison.ts';
import { type FloatContext, NEAREST, PE } from './context.ts';
import { type Real, zero } from './real.ts';

// One value at a time changes between words and number here; nothing stays.
const value = new Float64Array(1);
const words = new Uint32Array(value.buffer);

/** Magnitudes, beside 0, for which every step of a transformation is exact. */
const LARGE = 2 ** 400;
const SMALL = 2 ** -400;

function numberOf(lane: Float64): number {
  words[0] = lane.low;
  words[1] = lane.high;
  return value[0] ?? 0;
}

function put(result: number, target: Float64): void {
  value[0] = result;
  target.low = words[0] ?? 0;
  target.high = words[1] ?? 0;
}

/** A lane as SSE sees it: a denormal may be told to be a zero. */
export function doubleOperand(lane: Float64, context: FloatContext): Real {
  const operand = decodeDouble(lane);
  return operand.denormal && context.denormalsAreZero ? zero(operand.negative) : operand;
}

/** Whether transformations may be trusted with a value; not with a NaN. */
function isModerate(number: number): boolean {
  const magnitude = Math.abs(number);
  return magnitude <= LARGE && (magnitude >= SMALL || magnitude === 0);
}

/** What rounding a product lost: a × b - product, exactly. */
function lostByProduct(a: number, b: number, product: number): number {
  const aScaled = a * 134217729;
  const bScaled = b * 134217729;
  const aHigh = aScaled - (aScaled - a);
  const bHigh = bScaled - (bScaled - b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

function finish(result: number, isExact: boolean, target: Float64, context: FloatContext): void {
  if (!isExact) context.flags |= PE;
  put(result, target);
}

type Operation = (a: Real, b: Real, unit: Arithmetic, context: FloatContext) => Real;

function exactly(
  operation: Operation,
  a: Float64,
  b: Float64,
  target: Float64,
  context: FloatContext,
): void {
  const left = doubleOperand(a, context);
  const right = doubleOperand(b, context);
  encodeDouble(operation(left, right, SSE_DOUBLE, context), target);
}

export function addDouble(a: Float64, b: Float64, target: Float64, context: FloatContext): void {
  if (!quickSum(numberOf(a), numberOf(b), target, context)) exactly(add, a, b, target, context);
}

export function subtractDouble(
  a: Float64,
  b: Float64,
  target: Float64,
  context: FloatContext,
): void {
  if (!quickSum(numberOf(a), -numberOf(b), target, context)) {
    exactly(subtract, a, b, target, context);
  }
}

/** Whether the sum could be found, and its flags told, by the host's arithmetic. */
function quickSum(a: number, b: number, target: Float64, context: FloatContext): boolean {
  if (context.rounding !== NEAREST || !isModerate(a) || !isModerate(b)) return false;
  const sum = a + b;
  const added = sum - a;
  const lost = a - (sum - added) + (b - added);
  finish(sum, lost === 0, target, context);
  return true;
}

export function multiplyDouble(
  a: Float64,
  b: Float64,
  target: Float64,
  context: FloatContext,
): void {
  const left = numberOf(a);
  const right = numberOf(b);
  if (context.rounding === NEAREST && isModerate(left) && isModerate(right)) {
    const product = left * right;
    finish(product, lostByProduct(left, right, product) === 0, target, context);
  } else {
    exactly(multiply, a, b, target, context);
  }
}

export function divideDouble(a: Float64, b: Float64, target: Float64, context: FloatContext): void {
  const dividend = numberOf(a);
  const divisor = numberOf(b);
  const isQuick = isModerate(dividend) && isModerate(divisor) && divisor !== 0;
  if (context.rounding === NEAREST && isQuick) {
    const quotient = dividend / divisor;
    const product = quotient * divisor;
    const isExact = product === dividend && lostByProduct(quotient, divisor, product) === 0;
    finish(quotient, isExact, target, context);
  } else {
    exactly(divide, a, b, target, context);
  }
}

export function squareRootDouble(a: Float64, target: Float64, context: FloatContext): void {
  const radicand = numberOf(a);
  if (context.rounding === NEAREST && radicand >= 0 && isModerate(radicand)) {
    const root = Math.sqrt(radicand);
    const square = root * root;
    const isExact = square === radicand && lostByProduct(root, root, square) === 0;
    finish(root, isExact, target, context);
  } else {
    encodeDouble(squareRoot(doubleOperand(a, context), SSE_DOUBLE, context), target);
  }
}

export function minimumDouble(
  a: Float64,
  b: Float64,
  target: Float64,
  context: FloatContext,
): void {
  const left = doubleOperand(a, context);
  encodeDouble(minimum(left, doubleOperand(b, context), context), target);
}

export function maximumDouble(
  a: Float64,
  b: Float64,
  target: Float64,
  context: FloatContext,
): void {
  const left = doubleOperand(a, context);
  encodeDouble(maximum(left, doubleOperand(b, context), context), target);
}

/** COMISD, and the predicates of CMPSD that are invalid for any NaN: lt, le, nlt, nle. */
export function compareOrderedDouble(a: Float64, b: Float64, context: FloatContext): Relation {
  return compareOrdered(doubleOperand(a, context), doubleOperand(b, context), context);
}

/** UCOMISD, and the predicates of CMPSD that only mind signaling NaNs: eq, neq, ord, unord. */
export function compareUnorderedDouble(a: Float64, b: Float64, context: FloatContext): Relation {
  return compareUnordered(doubleOperand(a, context), doubleOperand(b, context), context);
}
