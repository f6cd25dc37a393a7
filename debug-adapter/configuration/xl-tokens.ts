/**
 * The words of an `xl.cfg` file.
 *
 * Source: `tools/libs/util/libxlu_cfg_l.l` and `libxlu_cfg.c`.
 */

import { UserError } from '../user-error.ts';

export interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign' | 'line end' | 'end';

  /** Of a text, what is between the quotes with the escapes undone; of all others, as written. */
  readonly text: string;

  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

/** Where something stands: `machine.cfg:3:9`. */
export type Place = Pick<Token, 'line' | 'column'>;

const space = /[ \t\r]+/y;
const comment = /#[^\n]*/y;
const lineEnd = /\n/y;

/** A backslash at the very end of a line joins it with the next. */
const continuation = /\\\r?\n/y;

const words: readonly (readonly [Token['kind'], RegExp])[] = [
  ['name', /[A-Za-z][A-Za-z0-9._]*/y],
  ['number', /[0-9][0-9a-fA-FxX]*/y],
  ['text', /'(?:[^'\\\n]|\\[^\n])*'|"(?:[^"\\\n]|\\[^\n])*"/y],
  ['sign', /\+=|[=,[\];]/y],
];

/** All words of a file, with an `end` as the last. Throws a `UserError` that says where. */
export function tokensOf(text: string, file: string): readonly Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  let line = 1;
  let lineStart = 0;
  while (offset < text.length) {
    const skipped = matchAt(space, text, offset) ?? matchAt(comment, text, offset);
    const jump = matchAt(continuation, text, offset);
    const end = matchAt(lineEnd, text, offset);
    const place = { line, column: offset - lineStart + 1 };
    if (end !== undefined) {
      tokens.push({ kind: 'line end', text: end, ...place });
    }
    if (end !== undefined || jump !== undefined) {
      offset += (end ?? jump ?? '').length;
      line += 1;
      lineStart = offset;
    } else if (skipped === undefined) {
      const { token, length } = wordAt(text, offset, place, file);
      tokens.push(token);
      offset += length;
    } else {
      offset += skipped.length;
    }
  }
  return [...tokens, { kind: 'end', text: '', line, column: offset - lineStart + 1 }];
}

/** An error at a place of a file. */
export function errorAt(file: string, { line, column }: Place, sentence: string): UserError {
  return new UserError(`${file}:${line}:${column}: ${sentence}`);
}

function wordAt(text: string, offset: number, place: Place, file: string) {
  for (const [kind, pattern] of words) {
    const word = matchAt(pattern, text, offset);
    if (word !== undefined) {
      const value = kind === 'text' ? unquoted(word, place, file) : word;
      return { token: { kind, text: value, ...place }, length: word.length };
    }
  }
  const character = String.fromCodePoint(text.codePointAt(offset) ?? 0);
  if (character === '"' || character === "'") {
    throw errorAt(file, place, 'This text has no closing quote on its line.');
  }
  throw errorAt(
    file,
    place,
    `"${character}" cannot stand here. Values are numbers, quoted texts, and lists of them in [ ].`,
  );
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unquoted(word: string, place: Place, file: string): string {
  const pattern = /\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))/gs;
  return word.slice(1, -1).replace(pattern, (whole, hexadecimal, octal, letter) => {
    if (hexadecimal !== undefined || octal !== undefined) {
      const code = Number.parseInt(hexadecimal ?? octal, hexadecimal === undefined ? 8 : 16);
      return String.fromCharCode(code & 0xff);
    }
    const meaning = escapes[letter];
    if (meaning === undefined) {
      throw errorAt(file, place, `"${whole}" in this text means nothing.`);
    }
    return meaning;
  });
}

/** What a sticky pattern finds at an offset. */
function matchAt(pattern: RegExp, text: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0];
}
