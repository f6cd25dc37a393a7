/**
 * The settings in an `xl.cfg` file: `name = value`, one on a line or with `;` between.
 *
 * It looks like Python and was it once. A value is a number, a quoted text, or a list of values,
 * which may go over several lines. `+=` adds to what was set before.
 *
 * Source: `tools/libs/util/libxlu_cfg_y.y`.
 */

import { errorAt, type Place, type Token, tokensOf } from './xl-tokens.ts';

export interface XlText extends Place {
  readonly kind: 'text' | 'number';
  readonly text: string;
}

export interface XlList extends Place {
  readonly kind: 'list';
  readonly values: readonly XlValue[];
}

export type XlValue = XlText | XlList;

export interface XlSetting extends Place {
  readonly name: string;
  readonly value: XlValue;
}

/** A list in a list in a list has no use. */
const DEEPEST_LIST = 8;

/** The settings by name. Throws a `UserError` that says where. */
export function settingsOf(text: string, file: string): ReadonlyMap<string, XlSetting> {
  return new SettingsReader(tokensOf(text, file), file).read();
}

class SettingsReader {
  readonly #tokens: readonly Token[];
  readonly #file: string;
  #position = 0;

  constructor(tokens: readonly Token[], file: string) {
    this.#tokens = tokens;
    this.#file = file;
  }

  read(): ReadonlyMap<string, XlSetting> {
    const settings = new Map<string, XlSetting>();
    for (;;) {
      const token = this.#take();
      if (token.kind === 'end') {
        return settings;
      }
      if (token.kind === 'name') {
        const setting = this.#setting(token, settings.get(token.text));
        settings.set(setting.name, setting);
        this.#endOfSetting();
      } else if (token.kind !== 'line end' && !isSign(token, ';')) {
        throw this.#unexpected(token, 'the name of a setting');
      }
    }
  }

  #setting({ text: name, line, column }: Token, before: XlSetting | undefined): XlSetting {
    const sign = this.#take();
    if (!isSign(sign, '=') && !isSign(sign, '+=')) {
      throw this.#unexpected(sign, `"=" after ${name}`);
    }
    const value = this.#value(0);
    if (sign.text === '=' || before === undefined) {
      return { name, value, line, column };
    }
    return { name, value: this.#sum(before.value, value), line, column };
  }

  /** Lists are joined, and so are texts. */
  #sum(before: XlValue, added: XlValue): XlValue {
    if (before.kind === 'list' && added.kind === 'list') {
      return { ...before, values: [...before.values, ...added.values] };
    }
    if (before.kind === 'text' && added.kind === 'text') {
      return { ...before, text: before.text + added.text };
    }
    throw errorAt(this.#file, added, 'Only a list can be added to a list, and a text to a text.');
  }

  #value(depth: number): XlValue {
    const token = this.#take();
    const { line, column } = token;
    if (token.kind === 'text' || token.kind === 'number') {
      return { kind: token.kind, text: token.text, line, column };
    }
    if (!isSign(token, '[')) {
      throw this.#unexpected(token, 'a number, a quoted text or a list');
    }
    if (depth === DEEPEST_LIST) {
      throw errorAt(this.#file, token, 'Lists may not be nested so deep.');
    }
    return { kind: 'list', values: this.#values(depth + 1), line, column };
  }

  /** What follows `[`. A comma may stand after the last value. */
  #values(depth: number): XlValue[] {
    const values: XlValue[] = [];
    for (;;) {
      this.#skipLineEnds();
      if (isSign(this.#next(), ']')) {
        this.#take();
        return values;
      }
      values.push(this.#value(depth));
      this.#skipLineEnds();
      const token = this.#take();
      if (isSign(token, ']')) {
        return values;
      }
      if (!isSign(token, ',')) {
        throw this.#unexpected(token, '"," or "]"');
      }
    }
  }

  #endOfSetting(): void {
    const token = this.#next();
    if (token.kind !== 'end' && token.kind !== 'line end' && !isSign(token, ';')) {
      throw this.#unexpected(token, 'the end of the line');
    }
  }

  #skipLineEnds(): void {
    while (this.#next().kind === 'line end') {
      this.#take();
    }
  }

  /** The token that comes; the last one again and again. */
  #next(): Token {
    const token = this.#tokens[this.#position] ?? this.#tokens.at(-1);
    return token ?? { kind: 'end', text: '', line: 1, column: 1 };
  }

  #take(): Token {
    const token = this.#next();
    this.#position += 1;
    return token;
  }

  #unexpected(token: Token, expected: string) {
    const found = {
      ...{ name: `"${token.text}"`, number: `"${token.text}"`, sign: `"${token.text}"` },
      ...{ text: 'a text', 'line end': 'the end of the line', end: 'the end of the file' },
    }[token.kind];
    return errorAt(this.#file, token, `Here is ${found} where ${expected} should be.`);
  }
}

/** A sign, and not a text with that character in it. */
function isSign(token: Token, text: string): boolean {
  return token.kind === 'sign' && token.text === text;
}
