/** Numbers as text, in C's notations. */

import type { FormatLetter } from './node.ts';
import type { Scalar, Shape } from './scalar.ts';
import { bytesOfScalar, scalarOf } from './scalar-bytes.ts';

/** The same bits as an unsigned number. */
const bitsOf = (scalar: Scalar, shape: Shape): bigint =>
  BigInt.asUintN(8 * shape.size, BigInt(scalar));

/** A whole number by a letter; `a`, `s` and those for anything else are the caller's. */
export function wholeText(scalar: Scalar, shape: Shape, letter: FormatLetter): string {
  const bits = bitsOf(scalar, shape);
  switch (letter) {
    case 'x':
    case 'a':
      return `0x${bits.toString(16)}`;
    case 'o':
      return bits === 0n ? '0' : `0${bits.toString(8)}`;
    case 'b':
      return `0b${bits.toString(2)}`;
    case 'u':
      return bits.toString();
    case 'c':
      return characterText(Number(bits & 0xffn), scalar);
    case 'f':
      return floatOfBits(scalar, shape);
    case 's':
    case 'd':
      return BigInt.asIntN(8 * shape.size, bits).toString();
  }
}

/** The bits of a `float` or `double`, where they are as many. */
function floatOfBits(scalar: Scalar, shape: Shape): string {
  if (shape.size < 4) {
    return scalar.toString();
  }
  const float: Shape = { kind: 'float', size: shape.size, isSigned: true };
  return floatText(Number(scalarOf(bytesOfScalar(scalar, shape), float)), float);
}

/** The shortest text that reads back as the same number. */
export function floatText(value: number, { size }: Shape): string {
  if (size !== 4 || !Number.isFinite(value)) {
    return decimal(value);
  }
  for (let digits = 6; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) {
      return decimal(text);
    }
  }
  return decimal(Number(value.toPrecision(9)));
}

function decimal(value: number): string {
  if (Number.isNaN(value)) {
    return 'nan';
  }
  if (!Number.isFinite(value)) {
    return value < 0 ? '-inf' : 'inf';
  }
  return Object.is(value, -0) ? '-0' : value.toString();
}

/** `65 'A'`. */
export const characterText = (byte: number, scalar: Scalar): string =>
  `${scalar} '${escaped(byte, "'")}'`;

/** `"text"`, with escapes for all that does not print. */
export function quoted(bytes: Uint8Array): string {
  return `"${Array.from(bytes, (byte) => escaped(byte, '"')).join('')}"`;
}

const letters: Readonly<Record<number, string>> = {
  7: 'a',
  8: 'b',
  9: 't',
  10: 'n',
  11: 'v',
  12: 'f',
  13: 'r',
};

/** Three octal digits end by themselves: what follows cannot become a part of them. */
function escaped(byte: number, quote: string): string {
  const letter = letters[byte];
  if (letter !== undefined) {
    return `\\${letter}`;
  }
  if (byte < 0x20 || byte > 0x7e) {
    return `\\${byte.toString(8).padStart(3, '0')}`;
  }
  const character = String.fromCharCode(byte);
  return character === quote || character === '\\' ? `\\${character}` : character;
}
