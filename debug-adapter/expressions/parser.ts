/**
 * Reads C expressions, by operator precedence (Pratt).
 *
 * Unlike C: `array[2..5]`, `object@8` (as gdb has it), and suffixes that say how to show the value.
 * A suffix is a letter, `[n]` or `!` behind a comma at the very end, so that `a,x` shows `a` in
 * hexadecimal; the comma operator before a variable `x` is written `(a,x)`.
 */

import { ExpressionError } from './expression-error.ts';
import { bytesOfText, characterOf, numberOf } from './literals.ts';
import {
  arithmeticOperators,
  type BinaryOperator,
  comparisonOperators,
  type DisplayFormat,
  type Expression,
  type FormatLetter,
  formatLetters,
  type MemberStep,
  type Node,
} from './node.ts';
import { TokenReader } from './token-reader.ts';
import { type Token, tokensOf } from './tokens.ts';
import { isTypeAhead, typeNameAt } from './type-name-parser.ts';

/**
 * Throws an `ExpressionError` for anything that is no expression.
 *
 * `isTypeName` tells `(u32)-1` from `(count)-1`; what follows `struct` needs no asking.
 */
export function parseExpression(text: string, isTypeName: (name: string) => boolean): Expression {
  const parser = new Parser(tokensOf(text), isTypeName);
  return parser.whole(text);
}

/** How tightly binary operators bind, after gdb's grammar for `@`. */
const precedences: Readonly<Record<string, number>> = {
  ',': 1,
  '=': 2,
  '?': 3,
  '||': 4,
  '&&': 5,
  '|': 6,
  '^': 7,
  '&': 8,
  '==': 9,
  '!=': 9,
  '<': 10,
  '>': 10,
  '<=': 10,
  '>=': 10,
  '<<': 11,
  '>>': 11,
  '@': 12,
  '+': 13,
  '-': 13,
  '*': 14,
  '/': 14,
  '%': 14,
};
const COMMA = 1;
const ASSIGNMENT = 2;
const CONDITIONAL = 3;

const assignmentOperators: ReadonlyMap<string, (typeof arithmeticOperators)[number] | undefined> =
  new Map([
    ['=', undefined],
    ...arithmeticOperators.map((operator) => [`${operator}=`, operator] as const),
  ]);

const unaryOperators = ['+', '-', '~', '!'] as const;

class Parser {
  readonly #reader: TokenReader;
  readonly #isTypeName: (name: string) => boolean;
  /** How many brackets are open: inside them a comma is always the operator. */
  #openBrackets = 0;

  constructor(tokens: readonly Token[], isTypeName: (name: string) => boolean) {
    this.#reader = new TokenReader(tokens);
    this.#isTypeName = isTypeName;
  }

  whole(text: string): Expression {
    const root = this.#expression(COMMA);
    const body = text.slice(0, this.#reader.ahead.position).trim();
    let format: DisplayFormat = {};
    let count: Node | undefined;
    while (this.#reader.takeIf(',')) {
      const { text: word, position } = this.#reader.ahead;
      if (this.#reader.takeIf('[')) {
        count = this.#inside(ASSIGNMENT);
        this.#reader.expect(']');
      } else if (this.#reader.takeIf('!')) {
        format = { ...format, isRaw: true };
      } else if (isFormatLetter(word)) {
        this.#reader.take();
        format = { ...format, letter: word };
      } else {
        const letters = formatLetters.join(', ');
        throw new ExpressionError(
          position,
          `How to show a value is one of ${letters}, ! or [n], not "${word}".`,
        );
      }
    }
    if (this.#reader.ahead.kind !== 'end') {
      throw this.#reader.unexpected('an operator or the end');
    }
    return { root, format, count, text, body };
  }

  /** Takes operators that bind at least as tightly. */
  #expression(precedence: number): Node {
    let left = this.#unary();
    for (;;) {
      const token = this.#reader.ahead;
      const ahead = token.kind === 'sign' ? this.#precedenceAhead(token.text) : undefined;
      if (ahead === undefined || ahead < precedence) {
        return left;
      }
      this.#reader.take();
      left = this.#infix(left, token, ahead);
    }
  }

  #precedenceAhead(sign: string): number | undefined {
    if (assignmentOperators.has(sign)) {
      return ASSIGNMENT;
    }
    const isSuffix =
      sign === ',' && this.#openBrackets === 0 && this.#reader.isSuffixAhead(isFormatLetter);
    return isSuffix ? undefined : precedences[sign];
  }

  /** What stands between brackets or other signs that come in pairs. */
  #inside(precedence: number): Node {
    this.#openBrackets += 1;
    const inner = this.#expression(precedence);
    this.#openBrackets -= 1;
    return inner;
  }

  #infix(left: Node, { text, position }: Token, precedence: number): Node {
    if (assignmentOperators.has(text)) {
      const operator = assignmentOperators.get(text);
      return {
        kind: 'assignment',
        position,
        operator,
        target: left,
        value: this.#expression(ASSIGNMENT),
      };
    }
    if (text === '?') {
      const then = this.#inside(COMMA);
      this.#reader.expect(':');
      const otherwise = this.#expression(CONDITIONAL);
      return { kind: 'conditional', position, test: left, then, otherwise };
    }
    const right = this.#expression(precedence + 1);
    switch (text) {
      case ',':
        return { kind: 'comma', position, left, right };
      case '@':
        return { kind: 'repeat', position, object: left, count: right };
      case '&&':
      case '||':
        return { kind: 'logical', position, operator: text, left, right };
      default:
        return { kind: 'binary', position, operator: binaryOperatorOf(text), left, right };
    }
  }

  #unary(): Node {
    const { kind, text, position } = this.#reader.ahead;
    if (kind === 'name' && text === 'sizeof') {
      return this.#sizeOf();
    }
    if (kind !== 'sign') {
      return this.#postfix(this.#primary());
    }
    const operator = unaryOperators.find((candidate) => candidate === text);
    if (operator !== undefined) {
      this.#reader.take();
      return { kind: 'unary', position, operator, operand: this.#unary() };
    }
    switch (text) {
      case '*':
      case '&':
        this.#reader.take();
        return { kind: text === '*' ? 'dereference' : 'address', position, operand: this.#unary() };
      case '++':
      case '--': {
        this.#reader.take();
        const sign = text === '++' ? '+' : '-';
        return { kind: 'step', position, operator: sign, isPrefix: true, operand: this.#unary() };
      }
      case '(':
        return this.#parenthesis();
      default:
        throw this.#reader.unexpected('a value');
    }
  }

  /** A cast, or an expression with what follows it. */
  #parenthesis(): Node {
    const { position } = this.#reader.take();
    if (isTypeAhead(this.#reader, this.#isTypeName)) {
      const type = typeNameAt(this.#reader, this.#isTypeName);
      this.#reader.expect(')');
      return { kind: 'cast', position, type, operand: this.#unary() };
    }
    const inner = this.#inParentheses();
    return this.#postfix(inner);
  }

  /** Behind the opening one. */
  #inParentheses(): Node {
    const inner = this.#inside(COMMA);
    this.#reader.expect(')');
    return inner;
  }

  #sizeOf(): Node {
    const { position } = this.#reader.take();
    if (!this.#reader.takeIf('(')) {
      return { kind: 'size of', position, operand: this.#unary() };
    }
    if (isTypeAhead(this.#reader, this.#isTypeName)) {
      const type = typeNameAt(this.#reader, this.#isTypeName);
      this.#reader.expect(')');
      return { kind: 'size of type', position, type };
    }
    return { kind: 'size of', position, operand: this.#postfix(this.#inParentheses()) };
  }

  #primary(): Node {
    const token = this.#reader.ahead;
    const { position } = token;
    switch (token.kind) {
      case 'number':
        return { kind: 'literal', position, literal: numberOf(this.#reader.take()) };
      case 'character':
        return { kind: 'literal', position, literal: characterOf(this.#reader.take()) };
      case 'text':
        return { kind: 'text', position, bytes: this.#texts() };
      case 'register':
        return { kind: 'register', position, name: this.#reader.take().text };
      case 'name':
        return this.#named();
      case 'sign':
      case 'end':
        throw this.#reader.unexpected('a value');
    }
  }

  /** Texts that stand side by side are one. */
  #texts(): readonly number[] {
    const bytes: number[] = [];
    while (this.#reader.ahead.kind === 'text') {
      for (const byte of bytesOfText(this.#reader.take())) {
        bytes.push(byte);
      }
    }
    return bytes;
  }

  #named(): Node {
    if (isTypeAhead(this.#reader, this.#isTypeName)) {
      const sentence = `"${this.#reader.ahead.text}" is a type, and a value is expected.`;
      throw new ExpressionError(this.#reader.ahead.position, sentence);
    }
    const { text: name, position } = this.#reader.take();
    if (!this.#reader.takeIf('(')) {
      return { kind: 'name', position, name };
    }
    switch (name) {
      case 'offsetof':
      case '__builtin_offsetof': {
        const type = typeNameAt(this.#reader, this.#isTypeName);
        const path = this.#memberPath();
        return { kind: 'offset of', position, type, path };
      }
      case 'container_of':
      case 'list_entry': {
        const pointer = this.#inside(ASSIGNMENT);
        this.#reader.expect(',');
        const type = typeNameAt(this.#reader, this.#isTypeName);
        const path = this.#memberPath();
        return { kind: 'container of', position, pointer, type, path };
      }
      default:
        return { kind: 'call', position, name, arguments: this.#arguments() };
    }
  }

  #arguments(): readonly Node[] {
    const values: Node[] = [];
    if (this.#reader.takeIf(')')) {
      return values;
    }
    do {
      values.push(this.#inside(ASSIGNMENT));
    } while (this.#reader.takeIf(','));
    this.#reader.expect(')');
    return values;
  }

  /** From the comma to the closing parenthesis. */
  #memberPath(): readonly MemberStep[] {
    this.#reader.expect(',');
    const { position } = this.#reader.ahead;
    const path: MemberStep[] = [
      { kind: 'member', position, name: this.#reader.takeName('the name of a member') },
    ];
    while (!this.#reader.takeIf(')')) {
      const at = this.#reader.ahead.position;
      if (this.#reader.takeIf('.')) {
        const name = this.#reader.takeName('the name of a member');
        path.push({ kind: 'member', position: at, name });
      } else {
        this.#reader.expect('[');
        if (this.#reader.ahead.kind !== 'number') {
          throw this.#reader.unexpected('a number');
        }
        path.push({
          kind: 'index',
          position: at,
          index: Number(numberOf(this.#reader.take()).value),
        });
        this.#reader.expect(']');
      }
    }
    return path;
  }

  #postfix(primary: Node): Node {
    let node = primary;
    for (;;) {
      const { kind, text, position } = this.#reader.ahead;
      const next = kind === 'sign' ? this.#postfixOf(node, text, position) : undefined;
      if (next === undefined) {
        return node;
      }
      node = next;
    }
  }

  #postfixOf(node: Node, sign: string, position: number): Node | undefined {
    switch (sign) {
      case '.':
      case '->': {
        this.#reader.take();
        const name = this.#reader.takeName('the name of a member');
        return { kind: 'member', position, object: node, name, isArrow: sign === '->' };
      }
      case '[':
        this.#reader.take();
        return this.#subscript(node, position);
      case '++':
      case '--': {
        this.#reader.take();
        const operator = sign === '++' ? '+' : '-';
        return { kind: 'step', position, operator, isPrefix: false, operand: node };
      }
      case '(':
        throw new ExpressionError(
          position,
          'A function of the guest cannot be called: that would run the guest.',
        );
      default:
        return undefined;
    }
  }

  #subscript(array: Node, position: number): Node {
    const index = this.#inside(COMMA);
    if (this.#reader.takeIf('..')) {
      const last = this.#inside(COMMA);
      this.#reader.expect(']');
      return { kind: 'range', position, array, first: index, last };
    }
    this.#reader.expect(']');
    return { kind: 'index', position, array, index };
  }
}

function isFormatLetter(word: string): word is FormatLetter {
  return formatLetters.some((letter) => letter === word);
}

function binaryOperatorOf(sign: string): BinaryOperator {
  return [...arithmeticOperators, ...comparisonOperators].find((operator) => operator === sign)!;
}
