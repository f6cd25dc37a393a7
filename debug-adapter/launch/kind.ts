/**
 * Kinds of values that launch.json may hold, each declared once: how it is checked, what schema
 * editors are given for it, and how a sentence asks for it.
 */

import { UserError } from '../user-error.ts';

/** A schema as package.json holds it: plain data. */
export type JsonSchema = { readonly [key: string]: unknown };

export type JsonType = 'array' | 'boolean' | 'number' | 'object' | 'string';

export interface Kind<Value> {
  readonly type: JsonType | readonly JsonType[];
  readonly schema: JsonSchema;

  /** What may be written, to stand behind "write". */
  readonly wanted: string;

  /**
   * `undefined` when the value is none of this kind. `key` names it, as in `domains[0].memory`, to
   * those that have more to say: they throw a `UserError`.
   */
  read(value: unknown, key: string): Value | undefined;
}

/** One key of an object in launch.json. */
export interface Property<Value> {
  readonly kind: Kind<Exclude<Value, undefined>>;

  /** In Markdown: what it means. */
  readonly text: string;

  /** Whether there is no object without it. */
  readonly isNeeded: boolean;

  /** Stands for a value that is not there; of no meaning for one that is needed. */
  readonly unset: Value | undefined;

  /** What other programs call it. */
  readonly aliases: readonly string[];
}

/** `any` in place of `unknown`: a property both takes and gives its value. */
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type Properties = Readonly<Record<string, Property<any>>>;

/** What an object with such properties becomes. */
export type ValuesOf<Declared extends Properties> = {
  readonly [Key in keyof Declared]: Declared[Key] extends Property<infer Value> ? Value : never;
};

export function needed<Value>(
  kind: Kind<Value>,
  text: string,
  aliases: readonly string[] = [],
): Property<Value> {
  // No kind gives undefined for a value.
  const known = kind as Kind<Exclude<Value, undefined>>;
  return { kind: known, text, isNeeded: true, unset: undefined, aliases };
}

export function optional<Value>(
  kind: Kind<Value>,
  text: string,
  aliases: readonly string[] = [],
): Property<Value | undefined> {
  return { ...needed(kind, text, aliases), isNeeded: false };
}

export function withDefault<Value>(
  kind: Kind<Value>,
  unset: Value,
  text: string,
  aliases: readonly string[] = [],
): Property<Value> {
  return { ...needed(kind, text, aliases), isNeeded: false, unset };
}

/** What a value is in JSON; `undefined` for what JSON cannot hold, and for null. */
export function jsonTypeOf(value: unknown): JsonType | undefined {
  if (Array.isArray(value)) {
    return 'array';
  }
  const type = typeof value;
  switch (type) {
    case 'boolean':
    case 'number':
    case 'string':
      return type;
    default:
      return type === 'object' && value !== null ? 'object' : undefined;
  }
}

const LONGEST_SHOWN = 60;

/** A value for a sentence: whole if it is short. */
export function shown(value: unknown): string {
  const type = jsonTypeOf(value);
  if (type === 'array') {
    return 'a list';
  }
  if (type === 'object') {
    return 'an object';
  }
  const text = type === 'string' ? JSON.stringify(value) : String(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}

/** The value at a key, or a `UserError` that says what to write there. */
export function valueAt<Value>(kind: Kind<Value>, value: unknown, key: string): Value {
  const read = kind.read(value, key);
  if (read === undefined) {
    const what = value === '' ? 'empty' : shown(value);
    throw new UserError(`"${key}" is ${what}: write ${kind.wanted}.`);
  }
  return read;
}

export const flag: Kind<boolean> = {
  type: 'boolean',
  schema: { type: 'boolean' },
  wanted: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
};

/** A text that may be empty. */
export const text: Kind<string> = {
  type: 'string',
  schema: { type: 'string' },
  wanted: 'a text in quotes',
  read: (value) => (typeof value === 'string' ? value : undefined),
};

/** A text that says something. */
export function words(wanted: string): Kind<string> {
  return {
    type: 'string',
    schema: { type: 'string', minLength: 1 },
    wanted,
    read: (value) => (typeof value === 'string' && value.trim() !== '' ? value : undefined),
  };
}

export function wholeNumber(least: number, most: number, unit = ''): Kind<number> {
  const suffix = unit && ` ${unit}`;
  return {
    type: 'number',
    schema: { type: 'integer', minimum: least, maximum: most },
    wanted: `a whole number from ${least} to ${most}${suffix}`,
    read: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
        ? value
        : undefined,
  };
}

/** One of some words, each with its meaning. */
export function choice<Choice extends string>(
  meanings: Readonly<Record<Choice, string>>,
): Kind<Choice> {
  const choices = Object.keys(meanings) as Choice[];
  const quoted = choices.map((known) => `"${known}"`);
  return {
    type: 'string',
    schema: {
      type: 'string',
      enum: choices,
      markdownEnumDescriptions: choices.map((known) => meanings[known]),
    },
    wanted: `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`,
    read: (value) => choices.find((known) => known === value),
  };
}

export function list<Value>(item: Kind<Value>, wanted: string): Kind<readonly Value[]> {
  return {
    type: 'array',
    schema: { type: 'array', items: item.schema },
    wanted,
    read: (value, key) =>
      Array.isArray(value)
        ? Array.from(value, (one: unknown, index) => valueAt(item, one, `${key}[${index}]`))
        : undefined,
  };
}

/** Texts by texts, in the order of the file. */
export function textMap(
  wanted: string,
): Kind<readonly { readonly from: string; readonly to: string }[]> {
  return {
    type: 'object',
    schema: { type: 'object', additionalProperties: { type: 'string' } },
    wanted,
    read: (value, key) =>
      jsonTypeOf(value) === 'object'
        ? Object.entries(value as object).map(([from, to]: [string, unknown]) => ({
            from,
            to: valueAt(text, to, `${key}[${shown(from)}]`),
          }))
        : undefined,
  };
}

/** One of two kinds, told apart by the type of JSON. */
export function either<First, Second>(
  first: Kind<First>,
  second: Kind<Second>,
): Kind<First | Second> {
  return {
    type: [...typesOf(first), ...typesOf(second)],
    schema: { anyOf: [first.schema, second.schema] },
    wanted: `${first.wanted}, or ${second.wanted}`,
    read(value, key) {
      const type = jsonTypeOf(value);
      const meant = [first, second].find(
        (kind) => type !== undefined && typesOf(kind).includes(type),
      );
      return meant === undefined ? undefined : valueAt<First | Second>(meant, value, key);
    },
  };
}

/** The same kind with a further step, which answers `undefined` or throws a `UserError` to refuse. */
export function refined<Value, Result>(
  kind: Kind<Value>,
  refine: (value: Value, key: string) => Result | undefined,
): Kind<Exclude<Result, undefined>> {
  return {
    ...kind,
    read(value, key) {
      const read = kind.read(value, key);
      const result = read === undefined ? undefined : refine(read, key);
      return result as Exclude<Result, undefined> | undefined;
    },
  };
}

function typesOf({ type }: Kind<unknown>): readonly JsonType[] {
  return typeof type === 'string' ? [type] : type;
}
