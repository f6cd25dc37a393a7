/**
 * C's arithmetic on i386: promotions, the usual conversions, and operators on each shape.
 *
 * What C leaves undefined has an answer here: sums wrap, a shift by the width or more leaves the
 * sign or 0. `long double` is computed in the 64 bits of a double.
 */

import { type BaseType, bare, type CType } from '../symbols/c-type.ts';
import {
  DOUBLE,
  FLOAT,
  INT,
  LONG,
  LONG_DOUBLE,
  LONG_LONG,
  UNSIGNED_INT,
  UNSIGNED_LONG,
  UNSIGNED_LONG_LONG,
} from './base-types.ts';
import type { ArithmeticOperator, ComparisonOperator } from './node.ts';
import { isBig, type Scalar, type Shape, shapeOf, wrapper } from './scalar.ts';
import type { Bits } from './scalar-bytes.ts';

/** The type that a number has in arithmetic. `undefined`: it has no shape. */
export function promoted(type: CType, bits: Bits | undefined): CType | undefined {
  const shape = shapeOf(type);
  if (shape === undefined || shape.kind === 'float') {
    return shape === undefined ? undefined : type;
  }
  const width = bits === undefined ? 8 * shape.size : bits.count;
  if (width < 32 || (width === 32 && shape.isSigned && bits !== undefined)) {
    return INT;
  }
  const inner = bare(type);
  return inner.kind === 'base' ? type : shape.isSigned ? INT : UNSIGNED_INT;
}

/** The type that both sides of an operator are converted to, each promoted already. */
export function commonType(left: CType, right: CType): BaseType {
  const shapes = [shapeOf(left), shapeOf(right)];
  const floatSize = Math.max(...shapes.map((shape) => (shape?.kind === 'float' ? shape.size : 0)));
  if (floatSize > 0) {
    return floatSize === 4 ? FLOAT : floatSize === 8 ? DOUBLE : LONG_DOUBLE;
  }
  const size = Math.max(...shapes.map((shape) => shape?.size ?? 0));
  const isUnsigned = shapes.some((shape) => shape?.size === size && !shape.isSigned);
  if (size === 8) {
    return isUnsigned ? UNSIGNED_LONG_LONG : LONG_LONG;
  }
  if (isLong(left) || isLong(right)) {
    return isUnsigned ? UNSIGNED_LONG : LONG;
  }
  return isUnsigned ? UNSIGNED_INT : INT;
}

/** `long` outranks `int`, though both have 32 bits. */
function isLong(type: CType): boolean {
  const inner = bare(type);
  return inner.kind === 'base' && inner.name.includes('long');
}

type Operation = (left: Scalar, right: Scalar) => Scalar;
type Numbers = Readonly<Record<ArithmeticOperator, (left: number, right: number) => number>>;
type Bigs = Readonly<Record<ArithmeticOperator, (left: bigint, right: bigint) => bigint>>;

/** For what would divide by zero: callers ask before. */
export function divides(operator: ArithmeticOperator): boolean {
  return operator === '/' || operator === '%';
}

/** Both numbers have the shape; of shifts, the right one any. Floating numbers have `+ - * /` only. */
export function operation(operator: ArithmeticOperator, shape: Shape): Operation {
  if (shape.kind === 'float') {
    const compute = floats[operator] as Operation;
    return shape.size === 4 ? (left, right) => Math.fround(Number(compute(left, right))) : compute;
  }
  if (operator === '<<' || operator === '>>') {
    return shift(operator, shape);
  }
  if (isBig(shape)) {
    const wrap = wrapper(shape);
    const compute = bigs[operator] as Operation;
    return (left, right) => wrap(compute(left, right));
  }
  return (shape.isSigned ? signed : unsigned)[operator] as Operation;
}

const floats: Numbers = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': () => Number.NaN,
  '<<': () => Number.NaN,
  '>>': () => Number.NaN,
  '&': () => Number.NaN,
  '^': () => Number.NaN,
  '|': () => Number.NaN,
};

const signed: Numbers = {
  '+': (left, right) => (left + right) | 0,
  '-': (left, right) => (left - right) | 0,
  '*': (left, right) => Math.imul(left, right),
  '/': (left, right) => (left / right) | 0,
  // Not -0, which would be shown.
  '%': (left, right) => (left % right) | 0,
  '<<': (left, right) => left << right,
  '>>': (left, right) => left >> right,
  '&': (left, right) => left & right,
  '^': (left, right) => left ^ right,
  '|': (left, right) => left | right,
};

const unsigned: Numbers = {
  '+': (left, right) => (left + right) >>> 0,
  '-': (left, right) => (left - right) >>> 0,
  '*': (left, right) => Math.imul(left, right) >>> 0,
  '/': (left, right) => (left / right) >>> 0,
  '%': (left, right) => left % right,
  '<<': (left, right) => (left << right) >>> 0,
  '>>': (left, right) => left >>> right,
  '&': (left, right) => (left & right) >>> 0,
  '^': (left, right) => (left ^ right) >>> 0,
  '|': (left, right) => (left | right) >>> 0,
};

const bigs: Bigs = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '<<': (left, right) => left << right,
  '>>': (left, right) => left >> right,
  '&': (left, right) => left & right,
  '^': (left, right) => left ^ right,
  '|': (left, right) => left | right,
};

/** A count below 0 is one far above the width, as for an unsigned count. */
function shift(operator: '<<' | '>>', shape: Shape): Operation {
  const width = 8 * shape.size;
  const wrap = wrapper(shape);
  const isInside = (count: Scalar): boolean => count >= 0 && count < width;
  if (isBig(shape)) {
    const compute = bigs[operator];
    return (left, right) =>
      isInside(right)
        ? wrap(compute(BigInt(left), BigInt(right)))
        : beyond(operator, left, 0n, -1n);
  }
  const compute = (shape.isSigned ? signed : unsigned)[operator];
  return (left, right) =>
    isInside(right) ? compute(Number(left), Number(right)) : beyond(operator, left, 0, -1);
}

const beyond = (operator: '<<' | '>>', left: Scalar, zero: Scalar, ones: Scalar): Scalar =>
  operator === '>>' && left < 0 ? ones : zero;

/** Both numbers have one shape, or any that JavaScript compares exactly. */
export const comparisons: Readonly<
  Record<ComparisonOperator, (left: Scalar, right: Scalar) => boolean>
> = {
  '<': (left, right) => left < right,
  '>': (left, right) => left > right,
  '<=': (left, right) => left <= right,
  '>=': (left, right) => left >= right,
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
};
