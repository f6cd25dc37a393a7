/**
 * State as plain data: numbers, strings, booleans, bigints, undefined, typed arrays, arrays, maps
 * and objects of these, without cycles.
 *
 * Checkpoints are deep copies of such data, and the digest of a machine is a digest of it.
 */

export type Plain =
  | number
  | string
  | boolean
  | bigint
  | undefined
  | null
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int32Array
  | readonly Plain[]
  | ReadonlyMap<Plain, Plain>
  | { readonly [name: string]: Plain };

/** A deep copy that shares nothing with the original. */
export function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (ArrayBuffer.isView(value)) {
    return (value as unknown as Uint8Array).slice() as unknown as T;
  }
  if (Array.isArray(value)) {
    return value.map(copyOf) as unknown as T;
  }
  if (value instanceof Map) {
    return new Map(Array.from(value, ([key, entry]) => [copyOf(key), copyOf(entry)])) as T;
  }
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copyOf(entry)])) as T;
}

const GOLDEN = 0x9e37_79b1;
/** Two independent sums, so that equal digests of different machines are out of the question. */
const SECOND = 0x85eb_ca6b;

/** Where a number is taken apart. */
const DOUBLE = new Float64Array(1);
const HALVES = new Uint32Array(DOUBLE.buffer);

/** Gathers what a machine consists of into 64 bits. Order matters. */
export class Digest {
  #first = 0;
  #second = 0x1234_5678;

  word(value: number): void {
    this.#first = Math.imul(this.#first ^ value, GOLDEN);
    this.#first ^= this.#first >>> 15;
    this.#second = Math.imul(this.#second ^ value, SECOND);
    this.#second ^= this.#second >>> 13;
  }

  /** Hot: RAM goes through here. */
  words(values: Uint32Array | Int32Array): void {
    let first = this.#first;
    let second = this.#second;
    for (const value of values) {
      first = Math.imul(first ^ value, GOLDEN);
      first ^= first >>> 15;
      second = Math.imul(second ^ value, SECOND);
      second ^= second >>> 13;
    }
    this.#first = first;
    this.#second = second;
  }

  text(value: string): void {
    this.word(value.length);
    for (let i = 0; i < value.length; i++) {
      this.word(value.charCodeAt(i));
    }
  }

  /** All 64 bits count: moments that never come are infinite, and not 0. */
  number(value: number): void {
    DOUBLE[0] = value + 0; // of the two zeros, the positive one
    this.words(HALVES);
  }

  data(value: unknown): void {
    switch (typeof value) {
      case 'number':
        this.number(value);
        break;
      case 'object':
        this.#object(value);
        break;
      default:
        this.text(String(value));
    }
  }

  #object(value: object | null): void {
    if (value === null) {
      this.word(0);
    } else if (ArrayBuffer.isView(value)) {
      this.#view(value);
    } else if (Array.isArray(value)) {
      this.word(value.length);
      for (const entry of value) {
        this.data(entry);
      }
    } else {
      const entries = value instanceof Map ? [...value] : Object.entries(value);
      this.word(entries.length);
      for (const [key, entry] of entries) {
        this.data(key);
        this.data(entry);
      }
    }
  }

  #view({ buffer, byteOffset, byteLength }: ArrayBufferView): void {
    this.word(byteLength);
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    const isAligned = byteOffset % 4 === 0 && byteLength % 4 === 0;
    if (isAligned) {
      this.words(new Uint32Array(buffer, byteOffset, byteLength / 4));
    } else {
      for (const byte of bytes) {
        this.word(byte);
      }
    }
  }

  /** 16 hexadecimal digits. */
  get hex(): string {
    return [this.#first, this.#second]
      .map((half) => (half >>> 0).toString(16).padStart(8, '0'))
      .join('');
  }
}
