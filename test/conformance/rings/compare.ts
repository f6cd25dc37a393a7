/**
 * Compares the lines that two processors print for the image of privileged cases.
 */

import { NoBochs, runBochs } from './bochs.ts';
import { buildImage, TRIPLE_FAULT } from './build.ts';
import { CORRECTIONS, STOPS, UNSETTLED } from './differences.ts';

/** Executes an image loaded at 0x10000 and answers the lines that it wrote to port 0xE9. */
export type RunImage = (image: Uint8Array) => readonly string[];

export interface Difference {
  readonly name: string;
  readonly field: string;
  readonly expected: string | undefined;
  readonly actual: string | undefined;
}

type Fields = ReadonlyMap<string, string>;

/** A line that does not end in this did not end: its case hung, or shut the processor down. */
const END_OF_LINE = ' .';
const ENDED = 'ended';
/** The field of a case in which a processor stopped with a reason of its own. */
export const STOPPED = 'stopped';

/** `case name key=value … .`; repeated keys become key[0], key[1]. */
function fieldsOf(line: string): { readonly name: string; readonly fields: Fields } {
  const [, name = '', ...words] = line.split(' ');
  const fields = new Map<string, string>([[ENDED, line.endsWith(END_OF_LINE) ? 'yes' : 'no']]);
  let traps = 0;
  for (const word of words) {
    const at = word.indexOf('=');
    if (at > 0) {
      const key = word.slice(0, at);
      fields.set(key === 'trap' ? `trap[${traps++}]` : key, word.slice(at + 1));
    }
  }
  return { name, fields };
}

function corrected(name: string, fields: Fields): Fields {
  const right = new Map(fields);
  for (const correction of CORRECTIONS.filter((each) => each.name === name)) {
    if (correction.value === undefined) {
      right.delete(correction.field);
    } else {
      right.set(correction.field, correction.value);
    }
  }
  return right;
}

function isSettled(name: string, field: string): boolean {
  return !UNSETTLED.some((each) => each.names.test(name) && each.fields.test(field));
}

const mayStop = (name: string): boolean => STOPS.some(({ names }) => names.test(name));

function differencesIn(name: string, expected: Fields, actual: Fields): Difference[] {
  const keys = [...new Set([...expected.keys(), ...actual.keys()])];
  return keys
    .filter((field) => expected.get(field) !== actual.get(field) && isSettled(name, field))
    .map((field) => ({
      name,
      field,
      expected: expected.get(field),
      actual: actual.get(field),
    }));
}

/** What differs between the lines of Bochs, corrected, and those of another processor. */
export function compareLines(bochs: readonly string[], ours: readonly string[]): Difference[] {
  const actual = new Map(ours.map(fieldsOf).map(({ name, fields }) => [name, fields]));
  const expected = new Map(bochs.map(fieldsOf).map(({ name, fields }) => [name, fields]));
  const differences: Difference[] = [];
  for (const [name, fields] of expected) {
    const own = actual.get(name);
    if (own?.has(STOPPED) && mayStop(name)) {
      continue;
    }
    if (own) {
      differences.push(...differencesIn(name, corrected(name, fields), own));
    } else {
      differences.push({ name, field: 'case', expected: 'present', actual: undefined });
    }
  }
  for (const name of actual.keys()) {
    if (!expected.has(name)) {
      differences.push({ name, field: 'case', expected: undefined, actual: 'present' });
    }
  }
  return differences;
}

/** Corrections must name cases and fields that exist, or they would correct nothing unnoticed. */
function strayCorrections(bochs: readonly string[]): string[] {
  const lines = new Map(bochs.map(fieldsOf).map(({ name, fields }) => [name, fields]));
  return CORRECTIONS.filter(({ name, field, value }) => {
    const fields = lines.get(name);
    return fields === undefined || fields.get(field) === value;
  }).map(({ name, field }) => `${name} ${field}`);
}

export interface RingsOptions {
  /** Only cases whose name has this in it are compared. */
  readonly only?: string;
  readonly print: (line: string) => void;
}

/** Runs the whole table under Bochs and under `runOurs`; answers the number of differences. */
export function compareRings(runOurs: RunImage, { only = '', print }: RingsOptions): number {
  const images = [buildImage(), buildImage(TRIPLE_FAULT)];
  const bochs = images.flatMap((image) => runBochs(image));
  const stray = strayCorrections(bochs);
  if (stray.length > 0) {
    throw new Error(`Corrections that correct nothing: ${stray.join(', ')}`);
  }
  const chosen = (lines: readonly string[]) =>
    lines.filter((line) => fieldsOf(line).name.includes(only));
  const compared = chosen(bochs);
  if (compared.length === 0) {
    throw new NoBochs(`No case has "${only}" in its name.`);
  }
  const ours = chosen(images.flatMap(runOurs));
  const differences = compareLines(compared, ours);
  const stopped = ours.filter((line) => fieldsOf(line).fields.has(STOPPED));
  if (stopped.length > 0) {
    print(
      `${stopped.length} cases end in a stop of our own: ${STOPS.map((s) => s.why).join('; ')}`,
    );
  }
  for (const { name, field, expected, actual } of differences) {
    print(`${name}: ${field} should be ${expected ?? 'absent'}, is ${actual ?? 'absent'}`);
  }
  print(`${compared.length} cases, ${differences.length} differences`);
  return differences.length;
}
