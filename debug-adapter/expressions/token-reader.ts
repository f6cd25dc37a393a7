import { ExpressionError } from './expression-error.ts';
import { nameOfToken, type Token } from './tokens.ts';

/** Goes through the words of an expression from left to right. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #index = 0;

  /** The last token is an `end`, beyond which it does not go. */
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get ahead(): Token {
    return this.#at(this.#index);
  }

  /** The one behind the one ahead. */
  get next(): Token {
    return this.#at(this.#index + 1);
  }

  take(): Token {
    const token = this.ahead;
    this.#index += 1;
    return token;
  }

  /** Takes the sign if it is ahead, and says whether it was. */
  takeIf(sign: string): boolean {
    const isThere = this.isAhead(sign);
    this.#index += isThere ? 1 : 0;
    return isThere;
  }

  isAhead(sign: string): boolean {
    return this.ahead.kind === 'sign' && this.ahead.text === sign;
  }

  expect(sign: string): void {
    if (!this.takeIf(sign)) {
      throw this.unexpected(`"${sign}"`);
    }
  }

  takeName(what: string): string {
    if (this.ahead.kind !== 'name') {
      throw this.unexpected(what);
    }
    return this.take().text;
  }

  /** Whether the comma ahead and all behind it say how to show a value: `,x`, `,[4],d`, `,!`. */
  isSuffixAhead(isLetter: (word: string) => boolean): boolean {
    const token = this.next;
    const after = this.#at(this.#index + 2);
    if (token.kind === 'sign') {
      return token.text === '[' || (token.text === '!' && isEndOfSuffix(after));
    }
    return token.kind === 'name' && isLetter(token.text) && isEndOfSuffix(after);
  }

  /** The error that something else stands ahead. */
  unexpected(wanted: string): ExpressionError {
    const { ahead } = this;
    return new ExpressionError(ahead.position, `${wanted} is expected, not ${nameOfToken(ahead)}.`);
  }

  #at(index: number): Token {
    return this.#tokens[Math.min(index, this.#tokens.length - 1)]!;
  }
}

const isEndOfSuffix = ({ kind, text }: Token): boolean => kind === 'end' || text === ',';
