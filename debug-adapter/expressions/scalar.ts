/**
 * Numbers as C sees them: what shape a type gives them, and how one shape becomes another.
 *
 * A number of up to 32 bits, and any floating one, is a `number`; one of 64 bits is a `bigint`.
 * Numbers are always within their shape: unsigned ones not negative, signed ones sign-extended.
 */

import { bare, type CType } from '../symbols/c-type.ts';

export type Scalar = number | bigint;

export interface Shape {
  readonly kind: 'integer' | 'boolean' | 'float';
  /** In bytes: 1, 2, 4 or 8; of a `long double` 10, 12 or 16. */
  readonly size: number;
  readonly isSigned: boolean;
}

const integerSizes: readonly number[] = [1, 2, 4, 8];
const floatSizes: readonly number[] = [4, 8, 10, 12, 16];

const ADDRESS: Shape = { kind: 'integer', size: 4, isSigned: false };

/** `undefined`: the type holds no single number, or one that C on i386 has no arithmetic for. */
export function shapeOf(type: CType): Shape | undefined {
  const inner = bare(type);
  switch (inner.kind) {
    case 'base': {
      if (inner.encoding === 'float') {
        return floatSizes.includes(inner.size)
          ? { kind: 'float', size: inner.size, isSigned: true }
          : undefined;
      }
      const kind = inner.encoding === 'boolean' ? 'boolean' : 'integer';
      const { size, isSigned } = inner;
      return inner.encoding === 'other' || !integerSizes.includes(size)
        ? undefined
        : { kind, size, isSigned: kind === 'integer' && isSigned };
    }
    case 'enum':
      return integerSizes.includes(inner.size)
        ? { kind: 'integer', size: inner.size, isSigned: inner.isSigned }
        : undefined;
    case 'pointer':
      return inner.size === 4 ? ADDRESS : undefined;
    case 'array':
    case 'struct':
    case 'union':
    case 'function':
    case 'void':
      return undefined;
  }
}

export const isBig = (shape: Shape): boolean => shape.kind !== 'float' && shape.size === 8;

/** A conversion as a cast makes it. */
export function converter(from: Shape, to: Shape): (scalar: Scalar) => Scalar {
  if (to.kind === 'boolean') {
    return isBig(to)
      ? (scalar) => (isTrue(scalar) ? 1n : 0n)
      : (scalar) => (isTrue(scalar) ? 1 : 0);
  }
  if (to.kind === 'float') {
    return to.size === 4 ? (scalar) => Math.fround(Number(scalar)) : Number;
  }
  const wrap = wrapper(to);
  return from.kind === 'float' ? (scalar) => wrap(truncated(Number(scalar))) : wrap;
}

export const isTrue = (scalar: Scalar): boolean => scalar !== 0 && scalar !== 0n;

/** Keeps the low bits that an integer's shape has room for. Not for floating numbers. */
export function wrapper({ size, isSigned }: Shape): (scalar: Scalar) => Scalar {
  switch (size) {
    case 8:
      return isSigned
        ? (scalar) => BigInt.asIntN(64, BigInt(scalar))
        : (scalar) => BigInt.asUintN(64, BigInt(scalar));
    case 4:
      return isSigned ? (scalar) => low(scalar) | 0 : (scalar) => low(scalar) >>> 0;
    case 2:
      return isSigned ? (scalar) => (low(scalar) << 16) >> 16 : (scalar) => low(scalar) & 0xffff;
    default:
      return isSigned ? (scalar) => (low(scalar) << 24) >> 24 : (scalar) => low(scalar) & 0xff;
  }
}

/** A number that has the low 32 bits of any whole one. */
const low = (scalar: Scalar): number =>
  typeof scalar === 'number' ? scalar : Number(BigInt.asUintN(32, scalar));

/** Toward zero. What has no whole part, C leaves open: 0. */
const truncated = (value: number): bigint =>
  Number.isFinite(value) ? BigInt.asIntN(128, BigInt(Math.trunc(value))) : 0n;
