/**
 * Values on the stack of an expression, and arithmetic on them.
 *
 * Most have the generic type: an address, 32 bits, unsigned but divided, compared and shifted right
 * arithmetically as signed. DWARF 5 added values with a base type, which compilers use for what is
 * wider or a floating-point number (DWARF 5, 2.5.1).
 */

import { OP } from './operations.ts';
import { Unavailable } from './variable-location.ts';

export interface ValueType {
  readonly kind: 'generic' | 'signed' | 'unsigned' | 'float';
  /** In bytes. */
  readonly size: number;
}

export interface Value {
  readonly type: ValueType;
  /** As many bits as the type has, unsigned. */
  readonly bits: bigint;
}

export const GENERIC: ValueType = { kind: 'generic', size: 4 };

const widthOf = (type: ValueType): number => 8 * type.size;

export function integer(bits: bigint, type: ValueType): Value {
  return { type, bits: BigInt.asUintN(widthOf(type), bits) };
}

export const generic = (value: number | bigint): Value =>
  integer(typeof value === 'bigint' ? value : BigInt(Math.trunc(value)), GENERIC);

/** With the sign that the type gives it; generic values have one. */
export const signedOf = ({ type, bits }: Value): bigint =>
  type.kind === 'unsigned' ? bits : BigInt.asIntN(widthOf(type), bits);

function floatOf({ type, bits }: Value): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits, true);
  switch (type.size) {
    case 4:
      return view.getFloat32(0, true);
    case 8:
      return view.getFloat64(0, true);
    default:
      throw new Unavailable(`It is computed with floating-point numbers of ${type.size} bytes.`);
  }
}

function float(value: number, type: ValueType): Value {
  const view = new DataView(new ArrayBuffer(8));
  switch (type.size) {
    case 4:
      view.setFloat32(0, value, true);
      break;
    case 8:
      view.setFloat64(0, value, true);
      break;
    default:
      throw new Unavailable(`It is computed with floating-point numbers of ${type.size} bytes.`);
  }
  return { type, bits: view.getBigUint64(0, true) };
}

export function convert(value: Value, type: ValueType): Value {
  if (value.type.kind === 'float') {
    const number = floatOf(value);
    return type.kind === 'float' ? float(number, type) : integer(wholePart(number), type);
  }
  return type.kind === 'float'
    ? float(Number(signedOf(value)), type)
    : integer(signedOf(value), type);
}

const wholePart = (number: number): bigint =>
  Number.isFinite(number) ? BigInt(Math.trunc(number)) : 0n;

export const bytesOf = ({ type, bits }: Value): Uint8Array =>
  Uint8Array.from({ length: type.size }, (_, index) => Number((bits >> BigInt(8 * index)) & 0xffn));

export function valueFrom(bytes: Uint8Array, type: ValueType): Value {
  const bits = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return integer(bits, type);
}

/** One operand. `undefined` for an operation that has not one. */
export function unary(operation: number, value: Value): Value | undefined {
  const { type } = value;
  if (type.kind === 'float') {
    const number = floatOf(value);
    switch (operation) {
      case OP.abs:
        return float(Math.abs(number), type);
      case OP.neg:
        return float(-number, type);
      default:
        return undefined;
    }
  }
  const signed = signedOf(value);
  switch (operation) {
    case OP.abs:
      return integer(signed < 0n ? -signed : signed, type);
    case OP.neg:
      return integer(-signed, type);
    case OP.not:
      return integer(~signed, type);
    default:
      return undefined;
  }
}

/** Two operands, `right` from the top of the stack. `undefined` for another operation. */
export function binary(operation: number, left: Value, right: Value): Value | undefined {
  if (left.type.kind === 'float' || right.type.kind === 'float') {
    return floatBinary(operation, left, right);
  }
  return (
    comparison(operation, signedOf(left), signedOf(right)) ?? arithmetic(operation, left, right)
  );
}

function floatBinary(operation: number, left: Value, right: Value): Value | undefined {
  const { type } = left;
  const [a, b] = [floatOf(left), floatOf(right)];
  switch (operation) {
    case OP.plus:
      return float(a + b, type);
    case OP.minus:
      return float(a - b, type);
    case OP.mul:
      return float(a * b, type);
    case OP.div:
      return float(a / b, type);
    default:
      return comparison(operation, a, b);
  }
}

function comparison<T extends number | bigint>(operation: number, a: T, b: T): Value | undefined {
  switch (operation) {
    case OP.eq:
      return generic(a === b ? 1 : 0);
    case OP.ne:
      return generic(a === b ? 0 : 1);
    case OP.ge:
      return generic(a >= b ? 1 : 0);
    case OP.gt:
      return generic(a > b ? 1 : 0);
    case OP.le:
      return generic(a <= b ? 1 : 0);
    case OP.lt:
      return generic(a < b ? 1 : 0);
    default:
      return undefined;
  }
}

function arithmetic(operation: number, left: Value, right: Value): Value | undefined {
  const { type } = left;
  const [a, b] = [signedOf(left), signedOf(right)];
  switch (operation) {
    case OP.and:
      return integer(a & b, type);
    case OP.or:
      return integer(a | b, type);
    case OP.xor:
      return integer(a ^ b, type);
    case OP.plus:
      return integer(a + b, type);
    case OP.minus:
      return integer(a - b, type);
    case OP.mul:
      return integer(a * b, type);
    case OP.div:
      return integer(a / notZero(b), type);
    case OP.mod:
      // Unlike division, the remainder of generic values is unsigned.
      return integer(left.bits % notZero(right.bits), type);
    default:
      return shift(operation, left, right.bits);
  }
}

function notZero(divisor: bigint): bigint {
  if (divisor === 0n) {
    throw new Unavailable('It is computed by a division, now by zero.');
  }
  return divisor;
}

function shift(operation: number, left: Value, count: bigint): Value | undefined {
  const { type, bits } = left;
  const width = BigInt(widthOf(type));
  const isAll = count >= width;
  switch (operation) {
    case OP.shl:
      return integer(isAll ? 0n : bits << count, type);
    case OP.shr:
      return integer(isAll ? 0n : bits >> count, type);
    case OP.shra:
      return integer(BigInt.asIntN(widthOf(type), bits) >> (isAll ? width : count), type);
    default:
      return undefined;
  }
}
