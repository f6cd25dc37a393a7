/**
 * Reads type names: `unsigned long`, `const struct task *`, `int (*)(void *)`, `u32[4]`.
 *
 * As in a C cast there is no name in the middle, so what a `(` begins depends on what follows it.
 */

import {
  BOOL,
  CHAR,
  DOUBLE,
  FLOAT,
  INT,
  LONG,
  LONG_DOUBLE,
  LONG_LONG,
  SHORT,
  SIGNED_CHAR,
  UNSIGNED_CHAR,
  UNSIGNED_INT,
  UNSIGNED_LONG,
  UNSIGNED_LONG_LONG,
  UNSIGNED_SHORT,
} from './base-types.ts';
import { ExpressionError } from './expression-error.ts';
import { numberOf } from './literals.ts';
import type { TypeName } from './node.ts';
import type { TokenReader } from './token-reader.ts';

const qualifiers: readonly string[] = ['const', 'volatile', 'restrict', '__restrict', '_Atomic'];
const tags: readonly string[] = ['struct', 'union', 'enum'];

/** Aliases that GCC knows are spelt out. */
const baseWords: Readonly<Record<string, string>> = {
  void: 'void',
  _Bool: '_Bool',
  char: 'char',
  short: 'short',
  int: 'int',
  long: 'long',
  float: 'float',
  double: 'double',
  signed: 'signed',
  __signed__: 'signed',
  unsigned: 'unsigned',
};

/** By their words in alphabetical order, without an `int` that could be left out. */
const baseTypes: ReadonlyMap<string, Extract<TypeName, { kind: 'base' }>['type']> = new Map([
  ['_Bool', BOOL],
  ['char', CHAR],
  ['char signed', SIGNED_CHAR],
  ['char unsigned', UNSIGNED_CHAR],
  ['short', SHORT],
  ['short signed', SHORT],
  ['short unsigned', UNSIGNED_SHORT],
  ['', INT],
  ['signed', INT],
  ['unsigned', UNSIGNED_INT],
  ['long', LONG],
  ['long signed', LONG],
  ['long unsigned', UNSIGNED_LONG],
  ['long long', LONG_LONG],
  ['long long signed', LONG_LONG],
  ['long long unsigned', UNSIGNED_LONG_LONG],
  ['float', FLOAT],
  ['double', DOUBLE],
  ['double long', LONG_DOUBLE],
]);

/** Whether the word ahead begins a type. */
export function isTypeAhead(reader: TokenReader, isTypeName: (name: string) => boolean): boolean {
  const { kind, text } = reader.ahead;
  return (
    kind === 'name' &&
    (Object.hasOwn(baseWords, text) ||
      qualifiers.includes(text) ||
      tags.includes(text) ||
      isTypeName(text))
  );
}

/** Throws where no type stands. */
export function typeNameAt(reader: TokenReader, isTypeName: (name: string) => boolean): TypeName {
  const { position } = reader.ahead;
  if (!isTypeAhead(reader, isTypeName)) {
    throw reader.unexpected('a type');
  }
  const specified = specifiers(reader, isTypeName, position);
  return declarator(reader, isTypeName)(specified);
}

function specifiers(
  reader: TokenReader,
  isTypeName: (name: string) => boolean,
  position: number,
): TypeName {
  const words: string[] = [];
  const found: ('const' | 'volatile')[] = [];
  let named: TypeName | undefined;
  while (reader.ahead.kind === 'name') {
    const { text } = reader.ahead;
    if (qualifiers.includes(text)) {
      if (text === 'const' || text === 'volatile') {
        found.push(text);
      }
      reader.take();
    } else if (Object.hasOwn(baseWords, text) && named === undefined) {
      words.push(baseWords[text] ?? text);
      reader.take();
    } else if (named === undefined && words.length === 0 && tags.includes(text)) {
      reader.take();
      named = {
        kind: 'named',
        position,
        name: `${text} ${reader.takeName(`the name of a ${text}`)}`,
      };
    } else if (named === undefined && words.length === 0 && isTypeName(text)) {
      named = { kind: 'named', position, name: text };
      reader.take();
    } else {
      break;
    }
  }
  const type = named ?? baseTypeOf(words, position);
  return found.reduce((target, kind): TypeName => ({ kind, position, target }), type);
}

function baseTypeOf(words: readonly string[], position: number): TypeName {
  if (words.join(' ') === 'void') {
    return { kind: 'void', position };
  }
  const hasInt = words.includes('int');
  const others = words.filter((word) => word !== 'int').sort();
  const type = baseTypes.get(others.join(' '));
  const takesInt = type === undefined || (type.size > 1 && type.encoding !== 'float');
  if (type === undefined || words.length === 0 || (hasInt && !takesInt)) {
    throw new ExpressionError(position, `"${words.join(' ')}" is not a type of C.`);
  }
  return { kind: 'base', position, type };
}

/** What stars, brackets and parameters make of the type before them. */
type Declarator = (type: TypeName) => TypeName;

function declarator(reader: TokenReader, isTypeName: (name: string) => boolean): Declarator {
  const { position } = reader.ahead;
  if (reader.takeIf('*')) {
    while (qualifiers.includes(reader.ahead.text)) {
      reader.take();
    }
    const rest = declarator(reader, isTypeName);
    return (target) => rest({ kind: 'pointer', position, target });
  }
  let inner: Declarator = (type) => type;
  if (reader.ahead.text === '(' && ['*', '(', '['].includes(reader.next.text)) {
    reader.take();
    inner = declarator(reader, isTypeName);
    reader.expect(')');
  }
  const suffixes: Declarator[] = [];
  for (;;) {
    const suffix = suffixAt(reader, isTypeName);
    if (suffix === undefined) {
      return (type) => inner(suffixes.reduceRight((made, make) => make(made), type));
    }
    suffixes.push(suffix);
  }
}

function suffixAt(
  reader: TokenReader,
  isTypeName: (name: string) => boolean,
): Declarator | undefined {
  const { position } = reader.ahead;
  if (reader.takeIf('[')) {
    const count =
      reader.ahead.kind === 'number' ? Number(numberOf(reader.take()).value) : undefined;
    reader.expect(']');
    return (element) => ({ kind: 'array', position, element, count });
  }
  if (!reader.takeIf('(')) {
    return undefined;
  }
  const parameters: TypeName[] = [];
  let isVariadic = false;
  while (reader.ahead.text !== ')') {
    if (reader.takeIf('..')) {
      reader.expect('.');
      isVariadic = true;
      break;
    }
    parameters.push(typeNameAt(reader, isTypeName));
    if (!reader.takeIf(',')) {
      break;
    }
  }
  reader.expect(')');
  const takesNothing = parameters.length === 1 && parameters[0]?.kind === 'void';
  const taken = takesNothing ? [] : parameters;
  return (result) => ({ kind: 'function', position, result, parameters: taken, isVariadic });
}
