/** The spellings that C has for one and the same arithmetic type. */

const WORDS = new Set(['char', 'double', 'float', 'int', 'long', 'short', 'signed', 'unsigned']);

/**
 * A spelling that all spellings of an arithmetic type share: `unsigned long` for
 * `long unsigned int`. `undefined` for a name that is none.
 */
export function baseTypeKey(name: string): string | undefined {
  const words = name.trim().split(/\s+/);
  if (words.length > MOST_WORDS || !words.every((word) => WORDS.has(word))) {
    return undefined;
  }
  const has = (word: string) => words.includes(word);
  const base = ['char', 'double', 'float'].find(has) ?? 'int';
  const longs = words.filter((word) => word === 'long').length;
  const length = has('short') ? 'short ' : 'long '.repeat(longs);
  const sign = has('unsigned') ? 'unsigned ' : base === 'char' && has('signed') ? 'signed ' : '';
  return `${sign}${length}${base}`;
}

const MOST_WORDS = 5;

/** What a C type name asks for: a tag, or a name of any kind. */
export interface TypeName {
  readonly tag: 'struct' | 'union' | 'enum' | undefined;
  readonly name: string;
}

export function parseTypeName(text: string): TypeName {
  const match = /^\s*(struct|union|enum)\s+(\S+)\s*$/.exec(text);
  if (match === null) {
    return { tag: undefined, name: text.trim().replace(/\s+/g, ' ') };
  }
  return { tag: match[1] as 'struct' | 'union' | 'enum', name: match[2] ?? '' };
}
