/** Numbers in a guest's memory: little-endian, `long double` in the x87's format of 80 bits. */

import { isBig, type Scalar, type Shape, wrapper } from './scalar.ts';

/** Which bits of the bytes a bit-field has, the lowest being bit 0 of the first byte. */
export interface Bits {
  readonly first: number;
  readonly count: number;
}

/** `bytes` has at least as many as the shape. */
export function scalarOf(bytes: Uint8Array, shape: Shape): Scalar {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (shape.kind === 'float') {
    return shape.size === 4
      ? view.getFloat32(0, true)
      : shape.size === 8
        ? view.getFloat64(0, true)
        : extendedOf(view);
  }
  switch (shape.size) {
    case 8:
      return shape.isSigned ? view.getBigInt64(0, true) : view.getBigUint64(0, true);
    case 4:
      return shape.isSigned ? view.getInt32(0, true) : view.getUint32(0, true);
    case 2:
      return shape.isSigned ? view.getInt16(0, true) : view.getUint16(0, true);
    default:
      return shape.isSigned ? view.getInt8(0) : view.getUint8(0);
  }
}

export function bytesOfScalar(scalar: Scalar, shape: Shape): Uint8Array {
  const bytes = new Uint8Array(shape.size);
  const view = new DataView(bytes.buffer);
  if (shape.kind === 'float') {
    writeFloat(view, Number(scalar));
    return bytes;
  }
  switch (shape.size) {
    case 8:
      view.setBigUint64(0, BigInt.asUintN(64, BigInt(scalar)), true);
      break;
    case 4:
      view.setUint32(0, Number(scalar), true);
      break;
    case 2:
      view.setUint16(0, Number(scalar), true);
      break;
    default:
      view.setUint8(0, Number(scalar));
  }
  return bytes;
}

/** How many bytes from the field's first one it lies in. */
export const bytesOfField = ({ first, count }: Bits): number => Math.ceil((first + count) / 8);

/** Whether a bit-field can be: debug information may say anything. */
export const isPossible = ({ first, count }: Bits): boolean =>
  Number.isInteger(first) &&
  first >= 0 &&
  first < 64 &&
  Number.isInteger(count) &&
  count > 0 &&
  count <= 64;

/** A bit-field's number, sign-extended where its type is signed. */
export function scalarOfField(bytes: Uint8Array, bits: Bits, shape: Shape): Scalar {
  const whole = littleEndian(bytes) >> BigInt(bits.first);
  const field = shape.isSigned
    ? BigInt.asIntN(bits.count, whole)
    : BigInt.asUintN(bits.count, whole);
  return isBig(shape) ? wrapper(shape)(field) : Number(field);
}

/** The bytes that a bit-field lies in, with a new number in it. */
export function withField(bytes: Uint8Array, bits: Bits, scalar: Scalar): Uint8Array {
  const mask = ((1n << BigInt(bits.count)) - 1n) << BigInt(bits.first);
  const field = (BigInt(scalar) << BigInt(bits.first)) & mask;
  let whole = (littleEndian(bytes) & ~mask) | field;
  return Uint8Array.from(bytes, () => {
    const byte = Number(whole & 0xffn);
    whole >>= 8n;
    return byte;
  });
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((whole, byte) => (whole << 8n) | BigInt(byte), 0n);
}

/** Sign and exponent in the last two bytes, the integer bit explicit (SDM volume 1, 4.2.2). */
const BIAS = 16383;
const TWO_TO_32 = 2 ** 32;

/** Rounded to a double: C on the host has no more. */
function extendedOf(view: DataView): number {
  const low = view.getUint32(0, true);
  const high = view.getUint32(4, true);
  const top = view.getUint16(8, true);
  const sign = top & 0x8000 ? -1 : 1;
  const exponent = top & 0x7fff;
  if (exponent === 0x7fff) {
    return (high & 0x7fff_ffff) === 0 && low === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  }
  const significand = (high * TWO_TO_32 + low) / 2 ** 63;
  return sign * scaled(significand, exponent - BIAS);
}

/** In two steps where 2 ** exponent is no double. */
const scaled = (value: number, exponent: number): number =>
  exponent < -1000 ? value * 2 ** -1000 * 2 ** (exponent + 1000) : value * 2 ** exponent;

function writeFloat(view: DataView, value: number): void {
  if (view.byteLength === 4) {
    view.setFloat32(0, value, true);
  } else if (view.byteLength === 8) {
    view.setFloat64(0, value, true);
  } else {
    writeExtended(view, value);
  }
}

function writeExtended(view: DataView, value: number): void {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value) || size === Number.POSITIVE_INFINITY) {
    view.setUint32(4, Number.isNaN(value) ? 0xc000_0000 : 0x8000_0000, true);
    view.setUint16(8, sign | 0x7fff, true);
    return;
  }
  if (size === 0) {
    view.setUint16(8, sign, true);
    return;
  }
  const [significand, exponent] = normalized(size);
  const high = Math.floor(significand * 2 ** 31);
  view.setUint32(4, high, true);
  view.setUint32(0, (significand * 2 ** 31 - high) * TWO_TO_32, true);
  view.setUint16(8, sign | (exponent + BIAS), true);
}

/** A number from 1 up to 2 and the power of two that gives the value. */
function normalized(value: number): readonly [number, number] {
  const view = new DataView(new ArrayBuffer(8));
  // A denormal double is a normal number of 80 bits.
  const shift = value < 2 ** -1022 ? 64 : 0;
  view.setFloat64(0, value * 2 ** shift);
  const exponent = ((view.getUint16(0) >> 4) & 0x7ff) - 1023;
  return [(value * 2 ** shift) / 2 ** exponent, exponent - shift];
}
