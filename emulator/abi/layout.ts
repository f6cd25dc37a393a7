/**
 * C structs of the guest ABI, declared once.
 *
 * A layout is a value: it knows the size and offset of every field as the i386 System V ABI places
 * them, and makes typed views over guest bytes. The hypervisor, the debugger's struct viewer and the
 * tests all read from it what they know of a Xen struct. Everything is little-endian, and 64-bit
 * integers are aligned to 4 bytes only.
 */

import { assert } from '../assert.ts';

/** How a field is stored, and what a program sees of it. */
export interface FieldType<Value> {
  /** In bytes. */
  readonly size: number;

  /** In bytes. */
  readonly alignment: number;
  readonly shape: Shape;

  /** Set on what the hypervisor answers with: what Xen's headers call OUT, or IN/OUT. */
  readonly isOut?: true;
  read(bytes: DataView, offset: number): Value;
  write(bytes: DataView, offset: number, value: Value): void;
}

/** What a field is made of, for those who show a struct that they do not know. */
export type Shape =
  | { readonly kind: 'unsigned' | 'signed' | 'bytes' | 'text' }
  | { readonly kind: 'array'; readonly element: FieldType<unknown>; readonly length: number }
  | { readonly kind: 'struct' | 'union'; readonly fields: readonly Field[] };

/** A field in its place. */
export interface Field {
  readonly name: string;

  /** From the start of the struct, in bytes. */
  readonly offset: number;

  /** In bytes. */
  readonly size: number;
  readonly kind: Shape['kind'];
  readonly type: FieldType<unknown>;
}

type Fields = Readonly<Record<string, FieldType<unknown>>>;

type ValueOf<Type> = Type extends FieldType<infer Value> ? Value : never;

/**
 * A struct in guest memory, read and written through its fields, nested ones too.
 *
 * A view holds no values: reading a field twice reads memory twice, and `{...view}` is empty. To
 * assign a whole struct copies its bytes.
 */
export type View<Type> = ValueOf<Type>;

/** A struct or union: a type for a field of another, and the maker of views. */
export interface Layout<F extends Fields> extends FieldType<ViewOf<F>> {
  /** As in Xen's headers, without `struct`. */
  readonly name: string;
  readonly shape: Extract<Shape, { kind: 'struct' | 'union' }>;

  /** From the start of the struct, in bytes; for code that is too hot for views. */
  readonly offsets: { readonly [Name in keyof F]: number };

  /** In the order of declaration. */
  readonly fields: readonly Field[];

  /** Whether any field is an answer, so that the struct must be stored back. */
  readonly answers: boolean;

  /** The struct at `offset`, which must lie in `bytes` with its whole size. */
  at(bytes: DataView, offset?: number): ViewOf<F>;
}

type ViewOf<F extends Fields> = { -readonly [Name in keyof F]: ValueOf<F[Name]> };

/** A view of an array. An index beyond it is a mistake of ours: a guest's is checked before. */
export interface Elements<Value> extends Iterable<Value> {
  readonly length: number;
  at(index: number): Value;
  set(index: number, value: Value): void;
}

function integer<Value>(
  size: number,
  kind: 'unsigned' | 'signed',
  read: FieldType<Value>['read'],
  write: FieldType<Value>['write'],
): FieldType<Value> {
  return { size, alignment: Math.min(size, 4), shape: { kind }, read, write };
}

/** Integers are stored modulo their width, as C does. */
export const uint8 = integer<number>(
  1,
  'unsigned',
  (bytes, offset) => bytes.getUint8(offset),
  (bytes, offset, value) => bytes.setUint8(offset, value),
);

export const int8 = integer<number>(
  1,
  'signed',
  (bytes, offset) => bytes.getInt8(offset),
  (bytes, offset, value) => bytes.setInt8(offset, value),
);

export const uint16 = integer<number>(
  2,
  'unsigned',
  (bytes, offset) => bytes.getUint16(offset, true),
  (bytes, offset, value) => bytes.setUint16(offset, value, true),
);

export const int16 = integer<number>(
  2,
  'signed',
  (bytes, offset) => bytes.getInt16(offset, true),
  (bytes, offset, value) => bytes.setInt16(offset, value, true),
);

export const uint32 = integer<number>(
  4,
  'unsigned',
  (bytes, offset) => bytes.getUint32(offset, true),
  (bytes, offset, value) => bytes.setUint32(offset, value, true),
);

export const int32 = integer<number>(
  4,
  'signed',
  (bytes, offset) => bytes.getInt32(offset, true),
  (bytes, offset, value) => bytes.setInt32(offset, value, true),
);

/** Only 4-byte aligned on i386, unlike on x86-64. */
export const uint64 = integer<bigint>(
  8,
  'unsigned',
  (bytes, offset) => bytes.getBigUint64(offset, true),
  (bytes, offset, value) => bytes.setBigUint64(offset, value, true),
);

/** Only 4-byte aligned on i386, unlike on x86-64. */
export const int64 = integer<bigint>(
  8,
  'signed',
  (bytes, offset) => bytes.getBigInt64(offset, true),
  (bytes, offset, value) => bytes.setBigInt64(offset, value, true),
);

/** Marks a field that the hypervisor fills in. */
export function out<Type extends FieldType<unknown>>(type: Type): Type {
  return { ...type, isOut: true };
}

/**
 * Raw bytes, read as a window onto guest memory, not a copy. What is written may be shorter; zeros
 * follow it.
 */
export function bytes(length: number): FieldType<Uint8Array> {
  return {
    size: length,
    alignment: 1,
    shape: { kind: 'bytes' },
    read: (memory, offset) => windowOf(memory, offset, length),
    write(memory, offset, value) {
      assert(value.length <= length, `${value.length} bytes do not fit into ${length}`);
      const stored = windowOf(memory, offset, length);
      stored.set(value);
      stored.fill(0, value.length);
    },
  };
}

/**
 * A C string of Latin-1 in a fixed array, zeros behind it. Read up to the first zero or the array's
 * end. What is written must leave room for one zero; whoever takes it from a user checks that.
 */
export function text(size: number): FieldType<string> {
  return {
    size,
    alignment: 1,
    shape: { kind: 'text' },
    read(memory, offset) {
      const stored = windowOf(memory, offset, size);
      const end = stored.indexOf(0);
      const characters = end < 0 ? stored : stored.subarray(0, end);
      return Array.from(characters, (code) => String.fromCharCode(code)).join('');
    },
    write(memory, offset, value) {
      assert(value.length < size, `a string of ${value.length} does not fit into ${size} bytes`);
      const codes = Array.from({ length: value.length }, (_, index) => value.charCodeAt(index));
      assert(
        codes.every((code) => code > 0 && code <= 0xff),
        'a string of the ABI is Latin-1 without zeros',
      );
      const stored = windowOf(memory, offset, size);
      stored.set(codes);
      stored.fill(0, codes.length);
    },
  };
}

/** `length` elements one behind the other. */
export function array<Value>(
  element: FieldType<Value>,
  length: number,
): FieldType<Elements<Value>> {
  return {
    size: element.size * length,
    alignment: element.alignment,
    shape: { kind: 'array', element, length },
    read: (memory, offset) => new ElementsView(element, length, memory, offset),
    write(memory, offset, values) {
      assert(values.length === length, `${values.length} elements are not ${length}`);
      for (let index = 0; index < length; index++) {
        element.write(memory, offset + index * element.size, values.at(index));
      }
    },
  };
}

class ElementsView<Value> implements Elements<Value> {
  readonly length: number;
  readonly #element: FieldType<Value>;
  readonly #memory: DataView;
  readonly #start: number;

  constructor(element: FieldType<Value>, length: number, memory: DataView, start: number) {
    this.length = length;
    this.#element = element;
    this.#memory = memory;
    this.#start = start;
  }

  at(index: number): Value {
    return this.#element.read(this.#memory, this.#offsetOf(index));
  }

  set(index: number, value: Value): void {
    this.#element.write(this.#memory, this.#offsetOf(index), value);
  }

  *[Symbol.iterator](): Generator<Value, void> {
    for (let index = 0; index < this.length; index++) {
      yield this.at(index);
    }
  }

  #offsetOf(index: number): number {
    assert(
      Number.isInteger(index) && index >= 0 && index < this.length,
      `there is no element ${index} in an array of ${this.length}`,
    );
    return this.#start + index * this.#element.size;
  }
}

/** Fields one behind the other, each aligned, the whole padded to the widest alignment. */
export function struct<const F extends Fields>(name: string, fields: F): Layout<F> {
  const placed: Field[] = [];
  let end = 0;
  for (const [field, type] of Object.entries(fields)) {
    const offset = alignUp(end, type.alignment);
    placed.push(place(field, type, offset));
    end = offset + type.size;
  }
  return layout(name, 'struct', placed, end);
}

/** Fields all in one place: the bytes may be read as any of them. */
export function union<const F extends Fields>(name: string, fields: F): Layout<F> {
  const placed = Object.entries(fields).map(([field, type]) => place(field, type, 0));
  return layout(name, 'union', placed, Math.max(...placed.map(({ size }) => size)));
}

function place(name: string, type: FieldType<unknown>, offset: number): Field {
  return { name, offset, size: type.size, kind: type.shape.kind, type };
}

function layout<F extends Fields>(
  name: string,
  kind: 'struct' | 'union',
  fields: readonly Field[],
  end: number,
): Layout<F> {
  const alignment = Math.max(...fields.map(({ type }) => type.alignment));
  const size = alignUp(end, alignment);
  class StructView extends Place {}
  for (const field of fields) {
    Object.defineProperty(StructView.prototype, field.name, accessor(field));
  }
  const read = (memory: DataView, offset: number) =>
    new StructView(memory, offset) as unknown as ViewOf<F>;
  return {
    name,
    size,
    alignment,
    shape: { kind, fields },
    offsets: Object.fromEntries(
      fields.map((field) => [field.name, field.offset]),
    ) as Layout<F>['offsets'],
    fields,
    answers: fields.some(({ type }) => isAnswer(type)),
    read,
    write(memory, offset, value) {
      if (value instanceof StructView) {
        windowOf(memory, offset, size).set(windowOf(value[MEMORY], value[START], size));
      } else {
        writeFields(memory, offset, fields, value);
      }
    },
    at(memory, offset = 0) {
      // The sentence is made only where it is needed: every hypercall with a struct comes here.
      if (offset < 0 || offset + size > memory.byteLength) {
        assert(false, `${name} at ${offset} does not fit into ${memory.byteLength} bytes`);
      }
      return read(memory, offset);
    },
  };
}

/** A plain object; of a union it may leave members out. */
function writeFields(
  memory: DataView,
  offset: number,
  fields: readonly Field[],
  value: Readonly<Record<string, unknown>>,
): void {
  for (const { name, offset: start, type } of fields) {
    if (value[name] !== undefined) {
      type.write(memory, offset + start, value[name]);
    }
  }
}

function isAnswer(type: FieldType<unknown>): boolean {
  const { shape } = type;
  switch (shape.kind) {
    case 'struct':
    case 'union':
      return type.isOut ?? shape.fields.some((field) => isAnswer(field.type));
    case 'array':
      return type.isOut ?? isAnswer(shape.element);
    case 'unsigned':
    case 'signed':
    case 'bytes':
    case 'text':
      return type.isOut ?? false;
  }
}

const MEMORY = Symbol('memory');
const START = Symbol('start');

/** Where a view looks. Symbols, because a string could be the name of a field. */
class Place {
  readonly [MEMORY]: DataView;
  readonly [START]: number;

  constructor(memory: DataView, start: number) {
    this[MEMORY] = memory;
    this[START] = start;
  }
}

function accessor({ type, offset }: Field): PropertyDescriptor & ThisType<Place> {
  return {
    enumerable: true,
    get() {
      return type.read(this[MEMORY], this[START] + offset);
    },
    set(value) {
      type.write(this[MEMORY], this[START] + offset, value);
    },
  };
}

function windowOf(memory: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(memory.buffer, memory.byteOffset + offset, length);
}

function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
