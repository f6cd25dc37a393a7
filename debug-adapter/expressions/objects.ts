/** Code that finds objects: by pointers, members, indices, addresses; and casts. */

import { bare, type CType, sizeOf } from '../symbols/c-type.ts';
import { LONG, pointerTo, UNSIGNED_LONG } from './base-types.ts';
import {
  addressOf,
  bytesAt,
  type Code,
  type Context,
  codeOf,
  type HeldCode,
  type MemoryCode,
  type ScalarCode,
  type SettledCode,
  scalarsOf,
  type TypedCode,
  typed,
} from './code.ts';
import { ExpressionError } from './expression-error.ts';
import { memberNamed, stepOf } from './members.ts';
import { converted } from './operators.ts';
import { arrayOf } from './resolve-type.ts';
import { type Scalar, shapeOf } from './scalar.ts';
import { bytesOfField } from './scalar-bytes.ts';
import type { Tree } from './scope.ts';
import { typeText } from './type-text.ts';

const inMemory = (type: CType, address: () => number): MemoryCode => ({
  kind: 'memory',
  type,
  bits: undefined,
  address,
});

export function dereference(code: TypedCode, context: Context, position: number): MemoryCode {
  const { type, scalar } = scalarsOf(code, context, position);
  const inner = bare(type);
  if (inner.kind !== 'pointer') {
    const sentence = `"${typeText(type)}" is not a pointer; say what it points to, as in *(u32 *)(…).`;
    throw new ExpressionError(position, sentence);
  }
  if (bare(inner.target).kind === 'void') {
    throw new ExpressionError(position, 'What a "void *" points to has no type; cast it first.');
  }
  return inMemory(inner.target, scalar as () => number);
}

export function addressCode(code: TypedCode, position: number): ScalarCode {
  return { kind: 'scalar', type: pointerTo(code.type), scalar: addressOf(code, position) };
}

export function member(
  code: SettledCode,
  name: string,
  isArrow: boolean,
  context: Context,
  position: number,
): Code {
  if (code.kind === 'tree') {
    return childOf(code.tree, name, context, position);
  }
  if (isArrow) {
    return memberOf(dereference(code, context, position), name, position);
  }
  const inner = bare(code.type);
  // As gdb has it, `.` goes through a pointer too: `container_of(p, struct s, m).x` is easily typed.
  return inner.kind === 'pointer'
    ? memberOf(dereference(code, context, position), name, position)
    : memberOf(code, name, position);
}

function memberOf(code: TypedCode, name: string, position: number): Code {
  const { type, offset, bits } = memberNamed(code.type, name, position);
  if (code.kind === 'memory') {
    const { address } = code;
    return { kind: 'memory', type, bits, address: () => (address() + offset) >>> 0 };
  }
  if (code.kind !== 'held') {
    throw new ExpressionError(position, `"${typeText(code.type)}" has no members here.`);
  }
  return part(code, type, offset, bits, position);
}

/** A piece of something that is not in memory. */
export function part(
  whole: HeldCode,
  type: CType,
  offset: number,
  bits: HeldCode['bits'],
  position: number,
): HeldCode {
  const length = bits === undefined ? sizeOf(type) : bytesOfField(bits);
  const { read, write } = whole;
  const piece = (): Uint8Array => {
    const bytes = read();
    if (!(offset >= 0 && offset + length <= bytes.length)) {
      throw new ExpressionError(position, 'This part lies outside of the bytes that are known.');
    }
    return bytes.slice(offset, offset + length);
  };
  const patch = (bytes: Uint8Array): void => {
    const patched = Uint8Array.from(read());
    patched.set(bytes, offset);
    write?.(patched);
  };
  return {
    kind: 'held',
    type,
    bits,
    read: piece,
    word: undefined,
    write: write === undefined ? undefined : patch,
  };
}

function childOf(tree: Tree, name: string, context: Context, position: number): Code {
  const children = tree.children();
  const child = children.find((candidate) => candidate.name === name);
  if (child !== undefined) {
    return codeOf(child.value, position);
  }
  const { value } = tree;
  if (value !== undefined) {
    const code = codeOf(value, position);
    if (code.kind !== 'tree') {
      return member(code, name, false, context, position);
    }
  }
  const has = children.slice(0, 8).map((each) => each.name);
  const instead = has.length === 0 ? 'It has none' : `It has ${has.join(', ')}`;
  throw new ExpressionError(position, `This list has no part "${name}". ${instead}.`);
}

export function index(array: SettledCode, at: TypedCode, context: Context, position: number): Code {
  if (array.kind === 'tree') {
    return indexOfTree(array.tree, at, context, position);
  }
  if (array.kind === 'held' && bare(array.type).kind === 'array') {
    return indexOfHeld(array, at, context, position);
  }
  const isSwapped = !leadsSomewhere(array) && leadsSomewhere(at);
  const [base, steps] = isSwapped ? [at, array] : [array, at];
  return dereference(elementAddress(base, steps, context, position), context, position);
}

/** C allows `2[array]`. */
function leadsSomewhere({ type }: TypedCode): boolean {
  const { kind } = bare(type);
  return kind === 'pointer' || kind === 'array';
}

function indexOfTree(tree: Tree, at: TypedCode, context: Context, position: number): Code {
  if (at.kind === 'held') {
    const name = String.fromCharCode(...at.read().slice(0, -1).subarray(0, LONGEST_TEXT));
    return childOf(tree, name, context, position);
  }
  const number = wholeNumber(at, context, position)();
  const children = tree.children();
  const named = children.find(({ name }) => name === `[${number}]` || name === `${number}`);
  const child = named ?? children[number];
  if (child === undefined) {
    throw new ExpressionError(
      position,
      `This list has ${children.length} parts and no [${number}].`,
    );
  }
  return codeOf(child.value, position);
}

function indexOfHeld(array: HeldCode, at: TypedCode, context: Context, position: number): Code {
  const inner = bare(array.type);
  const element = inner.kind === 'array' ? inner.element : array.type;
  const size = stepOf(element, position);
  const number = wholeNumber(at, context, position);
  return {
    kind: 'dynamic',
    result: () => {
      const { read, write } = part(array, element, number() * size, undefined, position);
      const location = { kind: 'register', ...(write === undefined ? {} : { write }) } as const;
      return { kind: 'value', type: element, location, bytes: read() };
    },
  };
}

/** `pointer + index`, with a type that leads to the element. */
function elementAddress(
  base: TypedCode,
  at: TypedCode,
  context: Context,
  position: number,
): ScalarCode {
  const { type, scalar } = scalarsOf(base, context, position);
  const inner = bare(type);
  if (inner.kind !== 'pointer') {
    const sentence = `"${typeText(base.type)}" is neither an array nor a pointer.`;
    throw new ExpressionError(position, sentence);
  }
  const size = stepOf(inner.target, position);
  const number = wholeNumber(at, context, position);
  const address = (): number => (Number(scalar()) + Math.imul(number(), size)) >>> 0;
  return { kind: 'scalar', type, scalar: address };
}

/** As an index or count, signed. */
export function wholeNumber(code: TypedCode, context: Context, position: number): () => number {
  const { type, scalar } = scalarsOf(code, context, position);
  const { kind } = bare(type);
  if (shapeOf(type)?.kind === 'float' || kind === 'pointer') {
    throw new ExpressionError(position, `A whole number is needed, not "${typeText(type)}".`);
  }
  return converted(scalar, type, LONG) as () => number;
}

/** `array[first..last]`: the elements from `first` to `last`, as an array of their own. */
export function range(
  array: TypedCode,
  first: () => number,
  last: () => number,
  context: Context,
  position: number,
): Code {
  const start = first();
  const count = last() - start + 1;
  if (count <= 0) {
    throw new ExpressionError(position, `The range ends before ${start}, where it begins.`);
  }
  if (array.kind === 'held') {
    const inner = bare(array.type);
    const element = inner.kind === 'array' ? inner.element : array.type;
    const type = arrayOf(element, count, position);
    return part(array, type, start * stepOf(element, position), undefined, position);
  }
  return elementsFrom(array, start, count, context, position);
}

/** `count` elements of an array or behind a pointer. */
export function elementsFrom(
  code: TypedCode,
  start: number,
  count: number,
  context: Context,
  position: number,
): Code {
  const from: ScalarCode = { kind: 'scalar', type: LONG, scalar: () => start };
  const { address, type } = dereference(
    elementAddress(code, from, context, position),
    context,
    position,
  );
  return inMemory(arrayOf(type, checkedCount(count, position), position), address);
}

/** `object@count`: the object and those behind it in memory. */
export function repeated(code: TypedCode, count: number, position: number): Code {
  const address = addressOf(code, position);
  return inMemory(arrayOf(code.type, checkedCount(count, position), position), address);
}

function checkedCount(count: number, position: number): number {
  if (count <= 0) {
    throw new ExpressionError(position, `An array has at least one element, not ${count}.`);
  }
  return count;
}

export function cast(code: TypedCode, type: CType, context: Context, position: number): Code {
  const target = bare(type);
  if (target.kind === 'void') {
    const { scalar } = scalarsOf(code, context, position);
    return { kind: 'void', type, run: () => void scalar() };
  }
  if (shapeOf(type) === undefined) {
    const isSame = typeText(bare(code.type)) === typeText(target);
    if (isSame) {
      return code;
    }
    const pointer = typeText(pointerTo(type));
    const sentence = `Nothing can be cast to "${typeText(type)}"; a pointer can, as in *(${pointer})p.`;
    throw new ExpressionError(position, sentence);
  }
  const from = scalarsOf(code, context, position);
  return { kind: 'scalar', type, scalar: converted(from.scalar, from.type, type) };
}

/** `container_of`: the pointer less the member's offset, as a pointer to the type. */
export function containerOf(
  code: TypedCode,
  type: CType,
  offset: number,
  context: Context,
  position: number,
): ScalarCode {
  const { scalar, type: from } = scalarsOf(code, context, position);
  const address = converted(scalar, from, UNSIGNED_LONG) as () => number;
  return { kind: 'scalar', type: pointerTo(type), scalar: () => (address() - offset) >>> 0 };
}

/** All bytes of a text in memory up to its zero, which is left out; at most `most` of them. */
export function textAt(
  context: Pick<Context, 'scope'>,
  address: number,
  most: number,
  position: number,
): Uint8Array {
  const bytes: number[] = [];
  while (bytes.length < most) {
    const next = (address + bytes.length) >>> 0;
    // Up to the end of the page: what is behind it may not be there.
    const length = Math.min(most - bytes.length, 0x1000 - (next & 0xfff));
    const piece = bytesAt(context.scope.memory, next, length, position);
    const zero = piece.indexOf(0);
    for (const byte of zero < 0 ? piece : piece.subarray(0, zero)) {
      bytes.push(byte);
    }
    if (zero >= 0) {
      break;
    }
  }
  return Uint8Array.from(bytes);
}

export function numberOrText(
  code: SettledCode,
  kind: 'number' | 'text',
  context: Context,
  position: number,
): number | string {
  const value = typed(code, position);
  const inner = bare(value.type);
  if (kind === 'number') {
    const { scalar } = scalarsOf(value, context, position);
    return exactNumber(scalar(), position);
  }
  const element =
    inner.kind === 'array' ? inner.element : inner.kind === 'pointer' ? inner.target : undefined;
  if (element === undefined || sizeOf(element) !== 1) {
    throw new ExpressionError(
      position,
      `A text is needed, as in "device", not "${typeText(value.type)}".`,
    );
  }
  const bytes =
    value.kind === 'held' && inner.kind === 'array'
      ? value.read().subarray(0, LONGEST_TEXT)
      : textAt(
          context,
          Number(scalarsOf(value, context, position).scalar()),
          LONGEST_TEXT,
          position,
        );
  const zero = bytes.indexOf(0);
  return String.fromCharCode(...(zero < 0 ? bytes : bytes.subarray(0, zero)));
}

const LONGEST_TEXT = 4096;

function exactNumber(scalar: Scalar, position: number): number {
  const number = Number(scalar);
  if (typeof scalar === 'bigint' && !Number.isSafeInteger(number)) {
    throw new ExpressionError(position, `${scalar} is too large a number here.`);
  }
  return number;
}
