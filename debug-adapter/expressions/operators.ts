/** Code of C's operators over code of their operands. */

import { bare, type CType, sizeOf } from '../symbols/c-type.ts';
import { commonType, comparisons, divides, operation, promoted } from './arithmetic.ts';
import { INT, LONG, UNSIGNED_LONG } from './base-types.ts';
import {
  bytesAt,
  type Context,
  type HeldCode,
  type ScalarCode,
  scalarsOf,
  type TypedCode,
} from './code.ts';
import { ExpressionError } from './expression-error.ts';
import { stepOf } from './members.ts';
import type { ArithmeticOperator, BinaryOperator, ComparisonOperator } from './node.ts';
import { converter, isTrue, type Scalar, type Shape, shapeOf } from './scalar.ts';
import { typeText } from './type-text.ts';

/** A number in the type that arithmetic gives it; of a pointer, itself. */
interface Operand {
  readonly type: CType;
  readonly shape: Shape;
  /** What a pointer points to. */
  readonly target: CType | undefined;
  readonly scalar: () => Scalar;
}

export function binary(
  operator: BinaryOperator,
  left: TypedCode,
  right: TypedCode,
  context: Context,
  position: number,
): ScalarCode {
  if (isComparison(operator)) {
    const texts = textComparison(operator, left, right, context, position);
    return (
      texts ??
      comparison(operator, operand(left, context, position), operand(right, context, position))
    );
  }
  const a = operand(left, context, position);
  const b = operand(right, context, position);
  if (a.target === undefined && b.target === undefined) {
    return arithmetic(operator, a, b, position);
  }
  return pointerArithmetic(operator, a, b, position);
}

const isComparison = (operator: BinaryOperator): operator is ComparisonOperator =>
  Object.hasOwn(comparisons, operator);

function operand(code: TypedCode, context: Context, position: number): Operand {
  const { type, scalar } = scalarsOf(code, context, position);
  const inner = bare(type);
  if (inner.kind === 'pointer') {
    return { type, shape: shapeOf(type)!, target: inner.target, scalar };
  }
  const bits = code.kind === 'memory' || code.kind === 'held' ? code.bits : undefined;
  const wide = promoted(type, bits)!;
  return {
    type: wide,
    shape: shapeOf(wide)!,
    target: undefined,
    scalar: converted(scalar, type, wide),
  };
}

/** The numbers of one type as those of another. */
export function converted(scalar: () => Scalar, from: CType, to: CType): () => Scalar {
  const before = shapeOf(from)!;
  const after = shapeOf(to)!;
  const isSame =
    before.kind === after.kind && before.size === after.size && before.isSigned === after.isSigned;
  const isWidened =
    before.kind !== 'float' && before.size < 4 && after.kind === 'integer' && after.size === 4;
  if (isSame || (isWidened && (after.isSigned || !before.isSigned))) {
    return scalar;
  }
  const convert = converter(before, after);
  return () => convert(scalar());
}

function arithmetic(
  operator: ArithmeticOperator,
  left: Operand,
  right: Operand,
  position: number,
): ScalarCode {
  const isShift = operator === '<<' || operator === '>>';
  const type = isShift ? left.type : commonType(left.type, right.type);
  const shape = shapeOf(type)!;
  const isWhole =
    isShift || operator === '%' || operator === '&' || operator === '|' || operator === '^';
  if (isWhole && (shape.kind === 'float' || right.shape.kind === 'float')) {
    throw new ExpressionError(position, `"${operator}" is for whole numbers only.`);
  }
  const compute = operation(operator, shape);
  const a = converted(left.scalar, left.type, type);
  const b = isShift ? right.scalar : converted(right.scalar, right.type, type);
  if (!divides(operator) || shape.kind === 'float') {
    return { kind: 'scalar', type, scalar: () => compute(a(), b()) };
  }
  const scalar = (): Scalar => {
    const dividend = a();
    const divisor = b();
    if (!isTrue(divisor)) {
      throw new ExpressionError(position, 'This divides by zero.');
    }
    return compute(dividend, divisor);
  };
  return { kind: 'scalar', type, scalar };
}

function pointerArithmetic(
  operator: ArithmeticOperator,
  left: Operand,
  right: Operand,
  position: number,
): ScalarCode {
  const isSum = operator === '+' || operator === '-';
  if (isSum && left.target !== undefined && right.target === undefined) {
    return moved(left, right, operator === '+' ? 1 : -1, position);
  }
  if (operator === '+' && right.target !== undefined && left.target === undefined) {
    return moved(right, left, 1, position);
  }
  if (operator === '-' && left.target !== undefined && right.target !== undefined) {
    return distance(left, left.target, right, right.target, position);
  }
  if (isSum) {
    throw new ExpressionError(position, 'Two pointers cannot be added.');
  }
  // Unlike C, `pointer & 0xfff` is allowed: masks of addresses are a debugger's daily bread.
  const number = ({ scalar, type, shape, target }: Operand): Operand =>
    target === undefined
      ? { scalar, type, shape, target }
      : { scalar, type: UNSIGNED_LONG, shape, target: undefined };
  return arithmetic(operator, number(left), number(right), position);
}

function moved(pointer: Operand, by: Operand, sign: number, position: number): ScalarCode {
  if (by.shape.kind === 'float') {
    throw new ExpressionError(position, 'A pointer moves by whole numbers only.');
  }
  const step = sign * stepOf(pointer.target!, position);
  const { scalar } = pointer;
  const count = converted(by.scalar, by.type, LONG);
  const move = (): number => (Number(scalar()) + Math.imul(Number(count()), step)) >>> 0;
  return { kind: 'scalar', type: pointer.type, scalar: move };
}

function distance(
  left: Operand,
  leftTarget: CType,
  right: Operand,
  rightTarget: CType,
  position: number,
): ScalarCode {
  const step = stepOf(leftTarget, position);
  if (step === 0 || step !== stepOf(rightTarget, position)) {
    const types = `"${typeText(left.type)}" and "${typeText(right.type)}"`;
    throw new ExpressionError(position, `The distance between ${types} cannot be counted.`);
  }
  const scalar = (): number => (((Number(left.scalar()) - Number(right.scalar())) | 0) / step) | 0;
  return { kind: 'scalar', type: INT, scalar };
}

function comparison(operator: ComparisonOperator, left: Operand, right: Operand): ScalarCode {
  const plain = ({ type, target }: Operand): CType => (target === undefined ? type : UNSIGNED_LONG);
  const type = commonType(plain(left), plain(right));
  const compare = comparisons[operator];
  const a = converted(left.scalar, left.type, type);
  const b = converted(right.scalar, right.type, type);
  return { kind: 'scalar', type: INT, scalar: () => (compare(a(), b()) ? 1 : 0) };
}

/**
 * Unlike C, `name == "eth0"` compares texts: the address of a text that only the expression has
 * would never be equal. `undefined`: neither side is such a text.
 */
function textComparison(
  operator: ComparisonOperator,
  left: TypedCode,
  right: TypedCode,
  context: Context,
  position: number,
): ScalarCode | undefined {
  const text = [left, right].find(isHeldText);
  if (text === undefined || (operator !== '==' && operator !== '!=')) {
    return undefined;
  }
  const other = text === left ? right : left;
  const isSame = operator === '==';
  const wanted = text.read();
  const compare = isHeldText(other)
    ? () => startsWith(other.read(), wanted)
    : textInMemory(other, wanted, context, position);
  return { kind: 'scalar', type: INT, scalar: () => (compare() === isSame ? 1 : 0) };
}

function isHeldText(code: TypedCode): code is HeldCode {
  if (code.kind !== 'held') {
    return false;
  }
  const inner = bare(code.type);
  return inner.kind === 'array' && sizeOf(inner.element) === 1;
}

function textInMemory(
  code: TypedCode,
  wanted: Uint8Array,
  context: Context,
  position: number,
): () => boolean {
  const { type, scalar } = scalarsOf(code, context, position);
  const inner = bare(type);
  if (inner.kind !== 'pointer' || sizeOf(inner.target) !== 1) {
    const sentence = `A text can be compared with characters, not with "${typeText(code.type)}".`;
    throw new ExpressionError(position, sentence);
  }
  const { memory } = context.scope;
  return () => {
    const address = Number(scalar());
    // Byte by byte: a text that ends early may be the last thing on its page.
    return wanted.every((byte, index) => {
      const [found] = bytesAt(memory, (address + index) >>> 0, 1, position);
      return found === byte;
    });
  };
}

const startsWith = (bytes: Uint8Array, wanted: Uint8Array): boolean =>
  wanted.every((byte, index) => (bytes[index] ?? 0) === byte);

export function unary(
  operator: '+' | '-' | '~' | '!',
  code: TypedCode,
  context: Context,
  position: number,
): ScalarCode {
  if (operator === '!') {
    const test = truth(code, context, position);
    return { kind: 'scalar', type: INT, scalar: () => (test() ? 0 : 1) };
  }
  const { type, shape, target, scalar } = operand(code, context, position);
  if (target !== undefined || (operator === '~' && shape.kind === 'float')) {
    const sentence = `"${operator}" is not for a value of type "${typeText(type)}".`;
    throw new ExpressionError(position, sentence);
  }
  if (operator === '+') {
    return { kind: 'scalar', type, scalar };
  }
  if (shape.kind === 'float') {
    return { kind: 'scalar', type, scalar: () => -Number(scalar()) };
  }
  const zero = shape.size === 8 ? 0n : 0;
  const ones = converter({ kind: 'integer', size: 4, isSigned: true }, shape)(-1);
  const compute = operation(operator === '-' ? '-' : '^', shape);
  const other = operator === '-' ? zero : ones;
  return { kind: 'scalar', type, scalar: () => compute(other, scalar()) };
}

/** Whether a value counts as true. */
export function truth(code: TypedCode, context: Context, position: number): () => boolean {
  const { scalar } = scalarsOf(code, context, position);
  return () => isTrue(scalar());
}

/** The type of `test ? left : right`, where both are numbers or pointers. */
export function branchType(left: ScalarCode, right: ScalarCode): CType {
  if (bare(left.type).kind === 'pointer' || bare(right.type).kind === 'pointer') {
    return bare(left.type).kind === 'pointer' ? left.type : right.type;
  }
  return commonType(promoted(left.type, undefined)!, promoted(right.type, undefined)!);
}
