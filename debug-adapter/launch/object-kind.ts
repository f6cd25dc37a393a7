/** Objects in launch.json: each key is known, or the sentence says which one was probably meant. */

import { UserError } from '../user-error.ts';
import {
  type JsonSchema,
  jsonTypeOf,
  type Kind,
  type Properties,
  shown,
  type ValuesOf,
  valueAt,
} from './kind.ts';

/** An object with the declared keys and no others. */
export function object<Declared extends Properties>(
  properties: Declared,
  wanted: string,
): Kind<ValuesOf<Declared>> {
  const required = Object.keys(properties).filter((key) => properties[key]?.isNeeded);
  return {
    type: 'object',
    schema: {
      type: 'object',
      properties: schemasOf(properties),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    },
    wanted,
    read: (value, key) =>
      jsonTypeOf(value) === 'object' ? readProperties(properties, value as object, key) : undefined,
  };
}

/** The schemas of properties, with their texts and defaults. */
export function schemasOf(properties: Properties): JsonSchema {
  return Object.fromEntries(
    Object.entries(properties).map(([name, { kind, text, unset }]) => [
      name,
      { ...kind.schema, ...(unset !== undefined && { default: unset }), markdownDescription: text },
    ]),
  );
}

/**
 * Reads the keys of the object at `place`, which is empty for the whole of launch.json. Throws a
 * `UserError` for keys that are neither declared nor `isForOthers`.
 */
export function readProperties<Declared extends Properties>(
  properties: Declared,
  written: object,
  place = '',
  isForOthers: (key: string) => boolean = () => false,
): ValuesOf<Declared> {
  const prefix = place && `${place}.`;
  const given = new Map<string, unknown>(
    Object.entries(written).filter(([, value]) => value !== undefined),
  );
  for (const key of given.keys()) {
    if (!Object.hasOwn(properties, key) && !isForOthers(key)) {
      throw new UserError(unknownKey(properties, key, prefix));
    }
  }
  const values = Object.entries(properties).map(([name, { kind, unset, isNeeded }]) => {
    if (isNeeded && !given.has(name)) {
      throw new UserError(`"${place}" has no "${name}": write ${kind.wanted} there.`);
    }
    return [name, given.has(name) ? valueAt(kind, given.get(name), `${prefix}${name}`) : unset];
  });
  return Object.fromEntries(values) as ValuesOf<Declared>;
}

function unknownKey(properties: Properties, key: string, prefix: string): string {
  const what = `${shown(prefix + key)} means nothing here`;
  const meant = nearestKey(properties, key);
  return meant === undefined
    ? `${what}: write one of ${Object.keys(properties).join(', ')}.`
    : `${what}: write "${meant}" if that is what you mean.`;
}

/** Of so many letters one may be wrong. */
const LETTERS_A_MISTAKE = 3;
const LONGEST_KEY = 40;

function nearestKey(properties: Properties, key: string): string | undefined {
  const wanted = plain(key);
  const names = Object.keys(properties);
  const alias = names.find((name) =>
    [name, ...(properties[name]?.aliases ?? [])].some((known) => plain(known) === wanted),
  );
  if (alias !== undefined || key.length > LONGEST_KEY) {
    return alias;
  }
  const [nearest] = names
    .map((name) => ({ name, distance: editDistance(plain(name), wanted) }))
    .filter(({ name, distance }) => distance <= Math.max(1, name.length / LETTERS_A_MISTAKE))
    .sort((a, b) => a.distance - b.distance);
  return nearest?.name;
}

const plain = (key: string): string => key.toLowerCase().replace(/[-_ ]/g, '');

/** Letters to insert, remove or replace to come from one word to the other. */
function editDistance(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const line = [row];
    for (let column = 1; column <= other.length; column++) {
      const change = one[row - 1] === other[column - 1] ? 0 : 1;
      line.push(
        Math.min(
          (above[column] ?? 0) + 1,
          (line[column - 1] ?? 0) + 1,
          (above[column - 1] ?? 0) + change,
        ),
      );
    }
    above = line;
  }
  return above[other.length] ?? 0;
}
