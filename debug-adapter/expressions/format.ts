/**
 * Values in one line, as gdb's users know them and bounded in length.
 *
 * Formatting never fails: what cannot be read says so in angle brackets, where it would stand.
 */

import { bare, type CType, type EnumType, sizeOf } from '../symbols/c-type.ts';
import { bytesAt, type Context, codeOf, type HeldCode, scalarsOf, type TypedCode } from './code.ts';
import { ExpressionError } from './expression-error.ts';
import { membersOf } from './members.ts';
import type { DisplayFormat } from './node.ts';
import { characterText, floatText, quoted, wholeText } from './number-text.ts';
import { part, textAt } from './objects.ts';
import { type Scalar, type Shape, shapeOf } from './scalar.ts';
import type { ExpressionScope, Result } from './scope.ts';
import { typeText } from './type-text.ts';

export type FormatScope = Pick<ExpressionScope, 'memory' | 'symbolAt'>;

export interface FormatOptions {
  readonly format?: DisplayFormat;
  /** As the editor's "hexadecimal": whole numbers that no letter formats. */
  readonly hex?: boolean;
  /** About how many characters there may be. */
  readonly length?: number;
}

const USUAL_LENGTH = 200;
const LONGEST_TEXT = 96;
/** Of a struct in a struct, and of what a pointer leads to, one level is shown. */
const LEVELS = 2;

/** Numbers below are seldom addresses, even where a kernel has symbols there. */
const LOWEST_ADDRESS = 0x1_0000;

/** What a value is, in one line. */
export function formatValue(
  result: Result,
  scope: FormatScope,
  options: FormatOptions = {},
): string {
  if (result.kind === 'tree') {
    return result.summary;
  }
  if (result.location.kind !== 'memory' && result.bytes === undefined) {
    return '<optimized out>';
  }
  const writer = new Writer(scope, options);
  return writer.guarded(() => {
    const code = codeOf(result, 0);
    return code.kind === 'tree' ? code.tree.summary : writer.text(code, LEVELS);
  });
}

class Writer {
  readonly #scope: FormatScope;
  readonly #context: Context;
  readonly #format: DisplayFormat;
  /** Bytes in an array are numbers; one by itself may be a letter. */
  #isInArray = false;
  /** How many more characters there may be. */
  #room: number;

  constructor(
    scope: FormatScope,
    { format = {}, hex = false, length = USUAL_LENGTH }: FormatOptions,
  ) {
    this.#scope = scope;
    this.#context = { scope: nameless(scope), allowsSideEffects: false };
    this.#format = format.letter === undefined && hex ? { ...format, letter: 'x' } : format;
    this.#room = length;
  }

  guarded(write: () => string): string {
    try {
      return write();
    } catch (error) {
      if (error instanceof ExpressionError) {
        return `<${lowercased(error.message)}>`;
      }
      throw error;
    }
  }

  text(code: TypedCode, levels: number): string {
    const inner = bare(code.type);
    switch (inner.kind) {
      case 'base':
      case 'enum':
        return this.#number(code, inner);
      case 'pointer':
        return this.#pointer(code, inner.target, levels);
      case 'array':
        return this.#array(code, inner.element, inner.count, levels);
      case 'struct':
      case 'union':
        return levels === 0 ? '{…}' : this.#members(code, levels);
      case 'function':
        return code.kind === 'memory'
          ? `{${typeText(code.type)}} ${this.#address(code.address())}`
          : `{${typeText(code.type)}}`;
      case 'void':
        return 'void';
    }
  }

  #number(code: TypedCode, type: Extract<CType, { kind: 'base' | 'enum' }>): string {
    const shape = shapeOf(type);
    if (shape === undefined) {
      return this.#bytes(code);
    }
    const { scalar } = scalarsOf(code, this.#context, 0);
    const value = scalar();
    const { letter, isRaw } = this.#format;
    if (shape.kind === 'float') {
      return letter === undefined || letter === 'f' || letter === 's' || letter === 'c'
        ? floatText(Number(value), shape)
        : wholeText(BigInt(Number.isFinite(value) ? Math.trunc(Number(value)) : 0), WIDE, letter);
    }
    if (letter !== undefined && letter !== 's') {
      return letter === 'a'
        ? this.#address(Number(BigInt.asUintN(32, BigInt(value))))
        : wholeText(value, shape, letter);
    }
    return isRaw === true ? value.toString() : this.#plain(value, shape, type);
  }

  #plain(value: Scalar, shape: Shape, type: Extract<CType, { kind: 'base' | 'enum' }>): string {
    if (type.kind === 'enum') {
      return enumText(Number(value), type);
    }
    if (shape.kind === 'boolean') {
      return value === 0 ? 'false' : value === 1 ? 'true' : value.toString();
    }
    if (shape.size === 1) {
      const byte = Number(value) & 0xff;
      const isShown = isCharacter(type) || (isPrintable(byte) && !this.#isInArray);
      return isShown ? characterText(byte, value) : value.toString();
    }
    const symbol =
      shape.size === 4 && !shape.isSigned && value >= LOWEST_ADDRESS
        ? this.#scope.symbolAt(Number(value))
        : undefined;
    return symbol === undefined ? value.toString() : `${value} <${symbol}>`;
  }

  /** Of types without arithmetic: as they lie in memory. */
  #bytes(code: TypedCode): string {
    const bytes = code.kind === 'held' ? code.read() : this.#readStart(code);
    const shown = Array.from(bytes.slice(0, 16), (byte) => byte.toString(16).padStart(2, '0'));
    return `<${shown.join(' ')}${bytes.length > 16 ? ' …' : ''}>`;
  }

  #readStart(code: TypedCode): Uint8Array {
    return code.kind === 'memory'
      ? bytesAt(this.#scope.memory, code.address(), Math.min(sizeOf(code.type), 17), 0)
      : new Uint8Array();
  }

  #address(address: number): string {
    const symbol = this.#scope.symbolAt(address);
    const digits = `0x${address.toString(16)}`;
    return symbol === undefined ? digits : `${digits} <${symbol}>`;
  }

  #pointer(code: TypedCode, target: CType, levels: number): string {
    const address = Number(scalarsOf(code, this.#context, 0).scalar());
    const { letter, isRaw } = this.#format;
    const isNumber = letter !== undefined && letter !== 'a' && letter !== 's' && letter !== 'x';
    if (isNumber) {
      return wholeText(address, ADDRESS, letter);
    }
    const number = this.#address(address);
    const inner = bare(target);
    const isText = isCharacter(target) || (letter === 's' && sizeOf(target) === 1);
    if (isRaw === true || address === 0 || letter === 'a') {
      return number;
    }
    if (isText) {
      return `${number} ${this.guarded(() => this.#textFrom(address))}`;
    }
    const isStruct = inner.kind === 'struct' || inner.kind === 'union';
    if (!isStruct || levels < LEVELS || inner.isIncomplete) {
      return number;
    }
    const pointed: TypedCode = {
      kind: 'memory',
      type: target,
      bits: undefined,
      address: () => address,
    };
    return `${number} ${this.guarded(() => this.#members(pointed, levels - 1))}`;
  }

  #textFrom(address: number): string {
    const most = Math.min(LONGEST_TEXT, Math.max(8, this.#room));
    const bytes = textAt(this.#context, address, most + 1, 0);
    return bytes.length > most ? `${quoted(bytes.subarray(0, most))}…` : quoted(bytes);
  }

  #array(code: TypedCode, element: CType, count: number | undefined, levels: number): string {
    const { letter, isRaw } = this.#format;
    const isText =
      letter === 's' ? sizeOf(element) === 1 : letter === undefined && isCharacter(element);
    if (isText && isRaw !== true) {
      return this.#arrayText(code, count ?? LONGEST_TEXT);
    }
    if (levels === 0) {
      return '{…}';
    }
    const size = sizeOf(element);
    const elementAt = (at: number) => ({ name: '', code: pieceOf(code, element, at * size) });
    const wasInArray = this.#isInArray;
    this.#isInArray = true;
    const text = this.#list(code, count ?? 0, elementAt, levels, count === undefined);
    this.#isInArray = wasInArray;
    return text;
  }

  #arrayText(code: TypedCode, count: number): string {
    const most = Math.min(count, LONGEST_TEXT);
    const bytes =
      code.kind === 'held'
        ? code.read()
        : code.kind === 'memory'
          ? textAt(this.#context, code.address(), most, 0)
          : new Uint8Array();
    const zero = bytes.indexOf(0);
    const characters = bytes.subarray(0, Math.min(most, zero < 0 ? bytes.length : zero));
    const isCut = characters.length === most && count > most;
    return `${quoted(characters)}${isCut ? '…' : ''}`;
  }

  #members(code: TypedCode, levels: number): string {
    const inner = bare(code.type);
    if (inner.kind !== 'struct' && inner.kind !== 'union') {
      return '{}';
    }
    if (inner.isIncomplete) {
      return '<incomplete type>';
    }
    const members = membersOf(inner);
    const memberAt = (at: number) => {
      const { name, type, offset, bits } = members[at]!;
      return { name: `${name} = `, code: pieceOf(code, type, offset, bits) };
    };
    const wasInArray = this.#isInArray;
    this.#isInArray = false;
    const text = this.#list(code, members.length, memberAt, levels, false);
    this.#isInArray = wasInArray;
    return text;
  }

  /** As many parts as there is room for. Says once where nothing can be read, not for each part. */
  #list(
    whole: TypedCode,
    count: number,
    partAt: (at: number) => { readonly name: string; readonly code: TypedCode },
    levels: number,
    isOpen: boolean,
  ): string {
    if (whole.kind === 'memory' && count > 0) {
      bytesAt(this.#scope.memory, whole.address(), 1, 0);
    }
    const parts: string[] = [];
    for (let at = 0; at < count && this.#room > 0; at++) {
      const before = this.#room;
      const text = this.guarded(() => {
        const { name, code } = partAt(at);
        return `${name}${this.guarded(() => this.text(code, levels - 1))}`;
      });
      this.#room = before - text.length - 2;
      parts.push(text);
    }
    const isCut = parts.length < count || isOpen;
    return `{${[...parts, ...(isCut ? ['…'] : [])].join(', ')}}`;
  }
}

const ADDRESS: Shape = { kind: 'integer', size: 4, isSigned: false };
const WIDE: Shape = { kind: 'integer', size: 8, isSigned: true };

/** A part of an object at an offset. */
export function pieceOf(
  whole: TypedCode,
  type: CType,
  offset: number,
  bits: HeldCode['bits'] = undefined,
): TypedCode {
  if (whole.kind === 'memory') {
    const { address } = whole;
    return { kind: 'memory', type, bits, address: () => (address() + offset) >>> 0 };
  }
  if (whole.kind === 'held') {
    return part(whole, type, offset, bits, 0);
  }
  throw new ExpressionError(0, 'This value has no parts.');
}

/** Whether elements of the type make a text: `char`, but not `u8`, which is a number of bits. */
function isCharacter(type: CType): boolean {
  const inner = bare(type);
  return inner.kind === 'base' && inner.encoding === 'character' && inner.name === 'char';
}

const isPrintable = (byte: number): boolean => byte >= 0x20 && byte < 0x7f;

/** By name; as `A | B` where single bits have names that make up all of it. */
function enumText(value: number, { enumerators }: EnumType): string {
  const exact = enumerators.find((each) => each.value === value);
  if (exact !== undefined) {
    return exact.name;
  }
  let rest = value >>> 0;
  const names: string[] = [];
  for (const { name, value: bit } of enumerators) {
    const mask = bit >>> 0;
    if (mask !== 0 && (mask & (mask - 1)) === 0 && (rest & mask) !== 0) {
      names.push(name);
      rest = (rest & ~mask) >>> 0;
    }
  }
  return rest === 0 && names.length > 0 ? names.join(' | ') : value.toString();
}

/** `Cannot read 4 bytes at 0x10.` becomes `cannot read 4 bytes at 0x10`. */
const lowercased = (sentence: string): string =>
  `${sentence.charAt(0).toLowerCase()}${sentence.slice(1).replace(/\.$/, '')}`;

/** Values need no names to be shown. */
export function nameless(scope: FormatScope): ExpressionScope {
  return {
    variable: () => undefined,
    typeNamed: () => undefined,
    register: () => undefined,
    function: () => undefined,
    memory: scope.memory,
    symbolAt: (address) => scope.symbolAt(address),
  };
}
