/**
 * The words of a C expression.
 *
 * Beside those of C: `$eax` is a register, `..` makes a range, `@` an array. Texts and numbers of
 * words are bounded, and with them all that is later done with a tree of them.
 */

import { ExpressionError } from './expression-error.ts';

export interface Token {
  readonly kind: 'name' | 'register' | 'number' | 'character' | 'text' | 'sign' | 'end';
  /** As written; of a register without the `$`. */
  readonly text: string;
  /** From 0. */
  readonly position: number;
  /** One past its last character. */
  readonly end: number;
}

/** Deeper or longer trees than these could give are not built. */
export const MOST_CHARACTERS = 8192;
const MOST_TOKENS = 500;

const space = /[ \t\r\n\f\v]+/y;

const kinds: readonly (readonly [Token['kind'], RegExp])[] = [
  ['name', /[A-Za-z_][A-Za-z0-9_]*/y],
  ['register', /\$[A-Za-z_][A-Za-z0-9_]*/y],
  ['number', /0[xX][0-9a-fA-F]+[A-Za-z0-9_]*/y],
  ['number', /(?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[A-Za-z0-9_]*/y],
  ['character', /'(?:[^'\\\n]|\\[^\n])*'/y],
  ['text', /"(?:[^"\\\n]|\\[^\n])*"/y],
  [
    'sign',
    /<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||\.\.|[-+*/%&|^]=|[-+*/%&|^~!<>=?:,.()[\]@]/y,
  ],
];

/** All words, with an `end` as the last. */
export function tokensOf(text: string): readonly Token[] {
  if (text.length > MOST_CHARACTERS) {
    const sentence = `An expression may have ${MOST_CHARACTERS} characters; this one has ${text.length}.`;
    throw new ExpressionError(MOST_CHARACTERS, sentence);
  }
  const tokens: Token[] = [];
  let position = afterSpace(text, 0);
  while (position < text.length) {
    if (tokens.length === MOST_TOKENS) {
      throw new ExpressionError(
        position,
        `An expression may have ${MOST_TOKENS} words; here it has more.`,
      );
    }
    const token = tokenAt(text, position);
    tokens.push(token);
    position = afterSpace(text, token.end);
  }
  return [...tokens, { kind: 'end', text: '', position: text.length, end: text.length }];
}

/** How errors call a token. */
export function nameOfToken(token: Token): string {
  if (token.kind === 'end') {
    return 'the end';
  }
  return token.kind === 'register' ? `"$${token.text}"` : `"${token.text}"`;
}

function afterSpace(text: string, position: number): number {
  space.lastIndex = position;
  return position + (space.exec(text)?.[0].length ?? 0);
}

function tokenAt(text: string, position: number): Token {
  for (const [kind, pattern] of kinds) {
    pattern.lastIndex = position;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) {
      const word = kind === 'register' ? found.slice(1) : found;
      return { kind, text: word, position, end: position + found.length };
    }
  }
  const character = String.fromCodePoint(text.codePointAt(position) ?? 0);
  const isQuote = character === '"' || character === "'";
  const sentence = isQuote
    ? `What begins with ${character} here has no closing ${character}.`
    : `"${character}" has no meaning in an expression.`;
  throw new ExpressionError(position, sentence);
}
