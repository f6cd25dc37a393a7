/** What a written number, character or text stands for. */

import type { BaseType } from '../symbols/c-type.ts';
import {
  CHAR,
  DOUBLE,
  FLOAT,
  INT,
  LONG,
  LONG_DOUBLE,
  LONG_LONG,
  UNSIGNED_INT,
  UNSIGNED_LONG,
  UNSIGNED_LONG_LONG,
} from './base-types.ts';
import { ExpressionError } from './expression-error.ts';
import type { Scalar } from './scalar.ts';
import type { Token } from './tokens.ts';

export interface Literal {
  readonly type: BaseType;
  readonly value: Scalar;
}

const whole = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)([uUlL]*)$/;
const fraction = /^((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([fFlL]?)$/;

/** The first type that has room, of those that C allows for the suffix (C11 6.4.4.1). */
const candidates: Readonly<Record<string, readonly BaseType[]>> = {
  '': [INT, LONG_LONG],
  u: [UNSIGNED_INT, UNSIGNED_LONG_LONG],
  l: [LONG, LONG_LONG],
  ul: [UNSIGNED_LONG, UNSIGNED_LONG_LONG],
  ll: [LONG_LONG],
  ull: [UNSIGNED_LONG_LONG],
};

/** A hexadecimal, octal or binary number may be unsigned without saying so. */
const unsignedToo: Readonly<Record<string, readonly BaseType[]>> = {
  '': [INT, UNSIGNED_INT, LONG_LONG, UNSIGNED_LONG_LONG],
  l: [LONG, UNSIGNED_LONG, LONG_LONG, UNSIGNED_LONG_LONG],
  ll: [LONG_LONG, UNSIGNED_LONG_LONG],
};

export function numberOf(token: Token): Literal {
  const [, digits, suffix] = whole.exec(token.text) ?? [];
  if (digits !== undefined && suffix !== undefined) {
    return wholeNumber(token, digits, suffix);
  }
  const [, decimal, size] = fraction.exec(token.text) ?? [];
  if (decimal !== undefined && size !== undefined && /[.eE]/.test(decimal)) {
    const value = Number(decimal);
    const letter = size.toLowerCase();
    return letter === 'f'
      ? { type: FLOAT, value: Math.fround(value) }
      : { type: letter === 'l' ? LONG_DOUBLE : DOUBLE, value };
  }
  throw new ExpressionError(token.position, `"${token.text}" is not a number as C writes them.`);
}

function wholeNumber(token: Token, digits: string, suffix: string): Literal {
  const isOctal = /^0[0-9]/.test(digits);
  if (isOctal && /[89]/.test(digits)) {
    const sentence = `"${token.text}" begins with 0 and so is octal, which has no digits 8 and 9.`;
    throw new ExpressionError(token.position, sentence);
  }
  const value = BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
  const key = /lL|Ll/.test(suffix) ? 'mixed' : suffix.toLowerCase().replace(/^(l+)u$/, 'u$1');
  const types = (/^0./.test(digits) ? unsignedToo[key] : undefined) ?? candidates[key];
  if (types === undefined) {
    throw new ExpressionError(token.position, `"${suffix}" at the end of a number has no meaning.`);
  }
  // Unlike C, a decimal number beyond 63 bits is unsigned, as it is for compilers that warn.
  const type = types.find((candidate) => hasRoom(candidate, value)) ?? UNSIGNED_LONG_LONG;
  if (!hasRoom(type, value)) {
    throw new ExpressionError(token.position, `"${token.text}" needs more than 64 bits.`);
  }
  return { type, value: type.size === 8 ? value : Number(value) };
}

const hasRoom = ({ size, isSigned }: BaseType, value: bigint): boolean =>
  value < 1n << BigInt(8 * size - (isSigned ? 1 : 0));

/** Unlike C, a `char`, which shows as one and gives the same sums. */
export function characterOf(token: Token): Literal {
  const bytes = bytesOfText(token);
  const [byte] = bytes;
  if (byte === undefined || bytes.length > 1) {
    throw new ExpressionError(token.position, `${token.text} must be one character of one byte.`);
  }
  return { type: CHAR, value: (byte << 24) >> 24 };
}

const escapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  e: 27,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 0x5c,
  "'": 0x27,
  '"': 0x22,
  '?': 0x3f,
};

const piece = /\\x([0-9a-fA-F]+)|\\([0-7]{1,3})|\\(.)|([^\\])/suy;

/** What is between the quotes, in UTF-8, escapes undone, without a zero at the end. */
export function bytesOfText({ text, position }: Token): number[] {
  const inside = text.slice(1, -1);
  const bytes: number[] = [];
  piece.lastIndex = 0;
  for (let at = 0; at < inside.length; at = piece.lastIndex) {
    piece.lastIndex = at;
    const [found, hexadecimal, octal, letter, plain] = piece.exec(inside) ?? [];
    if (found === undefined) {
      throw new ExpressionError(position + 1 + at, 'A text may not end in a backslash.');
    }
    if (plain !== undefined) {
      bytes.push(...utf8(plain.codePointAt(0) ?? 0));
      continue;
    }
    const code = hexadecimal !== undefined ? Number.parseInt(hexadecimal, 16) : octalOf(octal);
    const byte = code ?? escapes[letter ?? ''];
    if (byte === undefined || byte > 0xff) {
      throw new ExpressionError(position + 1 + at, `"${found}" in a text has no meaning.`);
    }
    bytes.push(byte);
  }
  return bytes;
}

const octalOf = (digits: string | undefined): number | undefined =>
  digits === undefined ? undefined : Number.parseInt(digits, 8);

function utf8(code: number): number[] {
  const next = (shift: number): number => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x80) {
    return [code];
  }
  if (code < 0x800) {
    return [0xc0 | (code >> 6), next(0)];
  }
  return code < 0x1_0000
    ? [0xe0 | (code >> 12), next(6), next(0)]
    : [0xf0 | (code >> 18), next(12), next(6), next(0)];
}
