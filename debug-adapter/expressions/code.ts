/**
 * What an expression is compiled to: closures that find an object or compute a number.
 *
 * Names and types are resolved once, when code is made; running it reads the guest anew. What only
 * a function of the host knows, type included, is `dynamic` and is compiled further when it runs.
 */

import { bare, type CType, sizeOf } from '../symbols/c-type.ts';
import { askedAt, ExpressionError } from './expression-error.ts';
import { type Scalar, type Shape, shapeOf } from './scalar.ts';
import {
  type Bits,
  bytesOfField,
  bytesOfScalar,
  isPossible,
  scalarOf,
  scalarOfField,
  withField,
} from './scalar-bytes.ts';
import type { ExpressionScope, Memory, Result, Tree, Value } from './scope.ts';
import { typeText } from './type-text.ts';

/** An object, or function, in memory. Running `address` runs what finds it. */
export interface MemoryCode {
  readonly kind: 'memory';
  readonly type: CType;
  readonly bits: Bits | undefined;
  readonly address: () => number;
}

/** In a register, in pieces, or known: bytes that no address leads to. */
export interface HeldCode {
  readonly kind: 'held';
  readonly type: CType;
  readonly bits: Bits | undefined;
  readonly read: () => Uint8Array;
  readonly word: (() => number) | undefined;
  readonly write: ((bytes: Uint8Array) => void) | undefined;
}

/** A result. The type has a shape. */
export interface ScalarCode {
  readonly kind: 'scalar';
  readonly type: CType;
  readonly scalar: () => Scalar;
}

export interface VoidCode {
  readonly kind: 'void';
  readonly type: CType;
  readonly run: () => void;
}

export interface TreeCode {
  readonly kind: 'tree';
  readonly tree: Tree;
}

export interface DynamicCode {
  readonly kind: 'dynamic';
  readonly result: () => Result;
}

export type TypedCode = MemoryCode | HeldCode | ScalarCode | VoidCode;
export type SettledCode = TypedCode | TreeCode;
export type Code = SettledCode | DynamicCode;

export interface Context {
  readonly scope: ExpressionScope;
  readonly allowsSideEffects: boolean;
}

/** Longer values are looked at in parts only. */
const MOST_BYTES = 1 << 16;

const hexadecimal = (address: number): string => `0x${address.toString(16)}`;

export function settled(code: Code, position: number): SettledCode {
  return code.kind === 'dynamic' ? codeOf(code.result(), position) : code;
}

export function codeOf(result: Result, position: number): SettledCode {
  if (result.kind === 'tree') {
    return { kind: 'tree', tree: result };
  }
  const { type, bits, location } = result;
  if (bits !== undefined && !isPossible(bits)) {
    throw new ExpressionError(
      position,
      'The debug information gives a bit-field an impossible place.',
    );
  }
  if (location.kind === 'memory') {
    return { kind: 'memory', type, bits, address: () => location.address >>> 0 };
  }
  const read = (): Uint8Array => {
    const { bytes } = result;
    if (bytes === undefined) {
      throw new ExpressionError(position, 'This value was optimized out.');
    }
    return bytes;
  };
  const hasWord = result.word !== undefined && bits === undefined;
  const write = location.kind === 'register' ? location.write : undefined;
  return {
    kind: 'held',
    type,
    bits,
    read,
    word: hasWord ? () => (result.word ?? 0) >>> 0 : undefined,
    write: write === undefined ? undefined : (bytes) => askedAt(position, () => write(bytes)),
  };
}

/** Runs code. What lies in memory is only found, not read. */
export function resultOf(code: Code): Result {
  switch (code.kind) {
    case 'memory':
      return {
        kind: 'value',
        type: code.type,
        location: { kind: 'memory', address: code.address() },
        bits: code.bits,
      };
    case 'held':
      return {
        kind: 'value',
        type: code.type,
        location: { kind: 'register', ...(code.write === undefined ? {} : { write: code.write }) },
        bytes: code.read(),
        bits: code.bits,
      };
    case 'scalar':
      return scalarValue(code.type, code.scalar());
    case 'void':
      code.run();
      return {
        kind: 'value',
        type: code.type,
        location: { kind: 'none' },
        bytes: new Uint8Array(),
      };
    case 'tree':
      return code.tree;
    case 'dynamic':
      return code.result();
  }
}

/** A number as a value. The type has a shape. */
export function scalarValue(type: CType, scalar: Scalar): Value {
  const shape = shapeOf(type);
  const bytes = shape === undefined ? new Uint8Array() : bytesOfScalar(scalar, shape);
  return { kind: 'value', type, location: { kind: 'none' }, bytes };
}

export function typed(code: SettledCode, position: number): TypedCode {
  if (code.kind !== 'tree') {
    return code;
  }
  if (code.tree.value === undefined) {
    const sentence = 'This is a list and not a number; one of its parts may be, as in f(x).part.';
    throw new ExpressionError(position, sentence);
  }
  const value = codeOf(code.tree.value, position);
  if (value.kind === 'tree') {
    throw new ExpressionError(position, 'This is a list and not a number.');
  }
  return value;
}

/** Reads exactly so many bytes. */
export function bytesAt(
  memory: Memory,
  address: number,
  length: number,
  position: number,
): Uint8Array {
  if (!(length >= 0 && length <= MOST_BYTES)) {
    throw new ExpressionError(position, `${length} bytes are too many to be read at once.`);
  }
  const bytes = askedAt(position, () => memory.read(address, length));
  if (bytes === undefined || bytes.length < length) {
    throw unreadable(address, position);
  }
  return bytes;
}

const unreadable = (address: number, position: number): ExpressionError =>
  new ExpressionError(position, `Cannot read ${hexadecimal(address)}.`);

/** What reads the number of an object at an address. */
function loader(
  memory: Memory,
  shape: Shape,
  bits: Bits | undefined,
  position: number,
): (address: number) => Scalar {
  if (bits !== undefined) {
    const length = bytesOfField(bits);
    return (address) => scalarOfField(bytesAt(memory, address, length, position), bits, shape);
  }
  if (memory.read32 !== undefined && shape.size <= 4 && shape.kind === 'integer') {
    return quickLoader(memory, shape, position);
  }
  return (address) => scalarOf(bytesAt(memory, address, shape.size, position), shape);
}

/** Hot: conditions of breakpoints read by this. */
function quickLoader(memory: Memory, shape: Shape, position: number): (address: number) => number {
  const { size, isSigned } = shape;
  const unused = 32 - 8 * size;
  return (address) => {
    const offset = address & 3;
    const isAcross = offset + size > 4;
    const start = isAcross ? address : address - offset;
    const word = isAcross && size < 4 ? undefined : askWord(memory, start, position);
    if (word === undefined) {
      return Number(scalarOf(bytesAt(memory, address, size, position), shape));
    }
    const high = (word >>> (8 * (address - start))) << unused;
    return isSigned ? high >> unused : high >>> unused;
  };
}

function askWord(memory: Memory, address: number, position: number): number | undefined {
  try {
    return memory.read32?.(address);
  } catch (error) {
    return askedAt(position, () => {
      throw error;
    });
  }
}

/** The numbers of code whose type has a shape; arrays and functions become addresses. */
export function scalarsOf(code: TypedCode, context: Context, position: number): ScalarCode {
  if (code.kind === 'scalar') {
    return code;
  }
  const inner = bare(code.type);
  if (inner.kind === 'array' || inner.kind === 'function') {
    const target = inner.kind === 'array' ? inner.element : code.type;
    return {
      kind: 'scalar',
      type: { kind: 'pointer', size: 4, target },
      scalar: addressOf(code, position),
    };
  }
  const shape = shapeOf(code.type);
  if (shape === undefined || code.kind === 'void') {
    throw new ExpressionError(
      position,
      `A value of type "${typeText(code.type)}" is not a number.`,
    );
  }
  const { type } = code;
  if (code.kind === 'memory') {
    const { address } = code;
    const load = loader(context.scope.memory, shape, code.bits, position);
    return { kind: 'scalar', type, scalar: () => load(address()) };
  }
  const { read, word, bits } = code;
  if (word !== undefined && shape.size === 4 && shape.kind === 'integer') {
    return { kind: 'scalar', type, scalar: shape.isSigned ? () => word() | 0 : word };
  }
  return { kind: 'scalar', type, scalar: () => heldScalar(read(), bits, shape, position) };
}

function heldScalar(
  bytes: Uint8Array,
  bits: Bits | undefined,
  shape: Shape,
  position: number,
): Scalar {
  if (bytes.length < (bits === undefined ? shape.size : bytesOfField(bits))) {
    throw new ExpressionError(position, 'Only a part of this value is known.');
  }
  return bits === undefined ? scalarOf(bytes, shape) : scalarOfField(bytes, bits, shape);
}

export function addressOf(code: TypedCode, position: number): () => number {
  if (code.kind !== 'memory') {
    throw new ExpressionError(position, 'This value is not in memory and has no address.');
  }
  if (code.bits !== undefined) {
    throw new ExpressionError(position, 'A bit-field has no address.');
  }
  return code.address;
}

/** All bytes of an object; of a bit-field those that it lies in. */
export function bytesOf(code: TypedCode, context: Context, position: number): () => Uint8Array {
  switch (code.kind) {
    case 'memory': {
      const length = code.bits === undefined ? sizeOf(code.type) : bytesOfField(code.bits);
      return () => bytesAt(context.scope.memory, code.address(), length, position);
    }
    case 'held':
      return code.read;
    case 'scalar':
    case 'void':
      return () => {
        const { bytes } = resultOf(code) as Value;
        return bytes ?? new Uint8Array();
      };
  }
}

/** Puts a number of the type's own shape where `code` is. One run of it finds the place. */
export interface Place {
  readonly load: () => Scalar;
  /** The number that then is there, which a bit-field may have cut. */
  readonly store: (scalar: Scalar) => Scalar;
}

/** Finds an object once, to read and write it. Throws where nothing can be written. */
export function placeOf(code: TypedCode, context: Context, position: number): () => Place {
  const shape = shapeOf(code.type);
  if (shape === undefined || code.kind === 'scalar' || code.kind === 'void') {
    throw new ExpressionError(position, 'Nothing can be assigned to this: it is only a result.');
  }
  const { bits } = code;
  const encode = (scalar: Scalar, old: () => Uint8Array): Uint8Array =>
    bits === undefined ? bytesOfScalar(scalar, shape) : withField(old(), bits, scalar);
  const decode = (bytes: Uint8Array): Scalar => heldScalar(bytes, bits, shape, position);
  if (code.kind === 'memory') {
    const { memory } = context.scope;
    const length = bits === undefined ? shape.size : bytesOfField(bits);
    return () => {
      const address = code.address();
      const read = (): Uint8Array => bytesAt(memory, address, length, position);
      const store = (scalar: Scalar): Scalar => {
        const bytes = encode(scalar, read);
        askedAt(position, () => memory.write(address, bytes));
        return decode(bytes);
      };
      return { load: () => decode(read()), store };
    };
  }
  const { write, read } = code;
  if (write === undefined) {
    throw new ExpressionError(position, 'This value cannot be changed.');
  }
  const store = (scalar: Scalar): Scalar => {
    const bytes = encode(scalar, read);
    write(bytes);
    return decode(bytes);
  };
  return () => ({ load: () => decode(read()), store });
}
