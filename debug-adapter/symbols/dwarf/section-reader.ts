/**
 * Reads the numbers and strings of a debug section one after the other, never beyond its end.
 *
 * Source: DWARF 5, chapter 7 ("Data Representation"). Numbers are little-endian.
 */

import { DwarfError, placeIn } from './dwarf-error.ts';

/** A section of debug information by name, with what it holds once it is unpacked. */
export interface DebugSection {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** No LEB128 of ours is longer: 64 bits take ten bytes, and some writers pad. */
const MOST_LEB128_BYTES = 16;

/** The escape values of an initial length (DWARF 5, 7.2.2). */
const LENGTH_64 = 0xffff_ffff;
const LENGTH_RESERVED = 0xffff_fff0;

export class SectionReader {
  readonly section: DebugSection;
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;

  /** `end` is exclusive. */
  constructor(section: DebugSection, position = 0, end = section.bytes.length) {
    this.section = section;
    this.bytes = section.bytes;
    this.position = position;
    this.end = Math.min(end, section.bytes.length);
  }

  get isAtEnd(): boolean {
    return this.position >= this.end;
  }

  /** Moves on by `count` bytes. */
  skip(count: number): void {
    if (!(count <= this.end - this.position)) {
      throw this.#tooShort();
    }
    this.position += count;
  }

  u8(): number {
    const { position } = this;
    if (position >= this.end) {
      throw this.#tooShort();
    }
    this.position = position + 1;
    return this.bytes[position]!;
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16(): number {
    const { position, bytes } = this;
    this.skip(2);
    return bytes[position]! | (bytes[position + 1]! << 8);
  }

  u24(): number {
    return this.u16() | (this.u8() << 16);
  }

  u32(): number {
    const { position, bytes } = this;
    this.skip(4);
    return (
      (bytes[position]! |
        (bytes[position + 1]! << 8) |
        (bytes[position + 2]! << 16) |
        (bytes[position + 3]! << 24)) >>>
      0
    );
  }

  /** Not exact beyond 2^53. */
  u64(): number {
    const low = this.u32();
    return low + this.u32() * 2 ** 32;
  }

  bigU64(): bigint {
    const low = BigInt(this.u32());
    return low | (BigInt(this.u32()) << 32n);
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes. */
  unsigned(size: number): number {
    switch (size) {
      case 1:
        return this.u8();
      case 2:
        return this.u16();
      case 4:
        return this.u32();
      case 8:
        return this.u64();
      default:
        throw this.error(`has a number of ${size} bytes`);
    }
  }

  /** Unsigned; not exact beyond 2^53 (DWARF 5, 7.6). */
  uleb(): number {
    let byte = this.u8();
    if (byte < 0x80) {
      return byte;
    }
    let value = byte & 0x7f;
    let scale = 128;
    for (let count = 1; count < MOST_LEB128_BYTES; count++) {
      byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return value;
      }
      scale *= 128;
    }
    throw this.error('has a LEB128 number without an end');
  }

  /** Signed; not exact beyond 2^53. */
  sleb(): number {
    const start = this.position;
    const value = this.uleb();
    const isNegative = (this.bytes[this.position - 1]! & 0x40) !== 0;
    return isNegative ? value - 128 ** (this.position - start) : value;
  }

  /** Unsigned, 64 bits of it. */
  bigUleb(): bigint {
    return BigInt.asUintN(64, this.#bigLeb());
  }

  /** Signed, 64 bits of it. */
  bigSleb(): bigint {
    const start = this.position;
    const value = this.#bigLeb();
    const isNegative = (this.bytes[this.position - 1]! & 0x40) !== 0;
    const width = BigInt(7 * (this.position - start));
    return BigInt.asIntN(64, isNegative ? value - (1n << width) : value);
  }

  skipLeb(): void {
    for (let count = 0; count < MOST_LEB128_BYTES; count++) {
      if (this.u8() < 0x80) {
        return;
      }
    }
    throw this.error('has a LEB128 number without an end');
  }

  /** An offset into a section: 4 bytes, or 8 in the 64-bit format. */
  offset(size: 4 | 8): number {
    return size === 4 ? this.u32() : this.u64();
  }

  /** The length of what follows, and the size of offsets in it (DWARF 5, 7.4). */
  initialLength(): { readonly length: number; readonly offsetSize: 4 | 8 } {
    const length = this.u32();
    if (length === LENGTH_64) {
      return { length: this.u64(), offsetSize: 8 };
    }
    if (length >= LENGTH_RESERVED) {
      throw this.error('has a length from the reserved ones');
    }
    return { length, offsetSize: 4 };
  }

  take(count: number): Uint8Array {
    const start = this.position;
    this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  /** Up to a zero, which is passed over. */
  text(): string {
    const start = this.position;
    this.skipText();
    return textOf(this.bytes, start, this.position - 1);
  }

  skipText(): void {
    const zero = this.bytes.indexOf(0, this.position);
    if (zero === -1 || zero >= this.end) {
      throw this.error('has a string without an end');
    }
    this.position = zero + 1;
  }

  /** `trouble` is said of the present position: "has a number of 3 bytes". */
  error(trouble: string, position = this.position): DwarfError {
    return new DwarfError(
      `The debug information in ${placeIn(this.section.name, position)} ${trouble}.`,
    );
  }

  #bigLeb(): bigint {
    let value = 0n;
    for (let count = 0n; count < MOST_LEB128_BYTES; count++) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << (7n * count);
      if (byte < 0x80) {
        return value;
      }
    }
    throw this.error('has a LEB128 number without an end');
  }

  #tooShort(): DwarfError {
    return this.error('ends inside a value');
  }
}

/** The string that starts at an offset of a section of strings. */
export function stringAt(section: DebugSection, offset: number): string {
  if (!(offset < section.bytes.length)) {
    throw new DwarfError(`There is no string in ${placeIn(section.name, offset)}.`);
  }
  return new SectionReader(section, offset).text();
}

/** UTF-8 where it is that, else a character a byte. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let isPlain = true;
  for (let from = start; from < end; from += 4096) {
    const part = bytes.subarray(from, Math.min(from + 4096, end));
    text += String.fromCharCode(...part);
    isPlain &&= part.every((byte) => byte < 0x80);
  }
  return isPlain ? text : fromUtf8(text);
}

function fromUtf8(text: string): string {
  const escaped = Array.from(text, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  try {
    return decodeURIComponent(escaped.join(''));
  } catch {
    return text;
  }
}
