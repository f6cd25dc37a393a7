/** Files whose debug information is damaged: every question has an answer or none, in bounded time. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bare, type CType, sizeOf } from '../../../debug-adapter/symbols/c-type.ts';
import {
  ProgramSymbols,
  type ScopeOfVariables,
  type Variable,
} from '../../../debug-adapter/symbols/program-symbols.ts';
import { type ElfFile, readElf } from '../../../emulator/image/elf.ts';
import type { Dice } from '../silicon/values.ts';

/** Of the guests with debug information, those that differ most. */
const GUESTS = ['upcalls', 'mmu', 'traps'];

/** How far a walk through types and lists goes. */
const MOST_TYPES = 200;
const MOST_OF_EACH = 20;

/** What the questions are asked with, taken from the whole file. */
interface Specimen {
  readonly bytes: Uint8Array;
  readonly damageable: readonly { readonly start: number; readonly size: number }[];
  readonly addresses: readonly number[];
  readonly names: readonly string[];
  readonly files: readonly string[];
}

export interface SymbolCounts {
  cases: number;
  /** Files in which something was found to be wrong. */
  broken: number;
  /** Questions that were answered. */
  answers: number;
}

const specimens = new Map<string, Specimen>();

function specimenOf(root: string, guest: string): Specimen {
  const known = specimens.get(guest);
  if (known !== undefined) {
    return known;
  }
  const bytes = Uint8Array.from(readFileSync(join(root, 'test/guests', guest, 'debuggable.elf')));
  const file = readElf(bytes);
  const symbols = ProgramSymbols.open(file);
  const functions = symbols.functionsMatching(/./);
  const addresses = functions.flatMap(({ address, entry }) => [entry, address, address + 9]);
  const variables = [...symbols.globals()].map(({ name }) => name);
  const specimen = {
    bytes,
    damageable: damageableIn(file),
    addresses: [...addresses, 0, 0xffff_ffff],
    names: [...functions.map(({ name }) => name), ...variables, 'unsigned long', 'u32', 'struct x'],
    files: symbols.sourceFiles(),
  };
  specimens.set(guest, specimen);
  return specimen;
}

const damageableIn = (file: ElfFile) =>
  file.sections
    .filter(({ name, fileSize }) => /^\.(?:debug_|eh_frame$)/.test(name) && fileSize > 0)
    .map(({ offset, fileSize }) => ({ start: offset, size: fileSize }));

/** One damaged file, asked everything. Throws what any question throws. */
export function damagedFile(root: string, dice: Dice, counts: SymbolCounts): void {
  const specimen = specimenOf(root, dice.pick(['upcalls', ...GUESTS]));
  const symbols = ProgramSymbols.open(readElf(damaged(specimen, dice)));
  counts.cases++;
  for (const question of questions(symbols, specimen, dice)) {
    const answer = question();
    counts.answers +=
      answer === undefined || (Array.isArray(answer) && answer.length === 0) ? 0 : 1;
  }
  counts.broken += symbols.problems.length > 0 ? 1 : 0;
}

/** One to many bytes of one section changed, or two places of it exchanged. */
function damaged({ bytes, damageable }: Specimen, dice: Dice): Uint8Array {
  const copy = bytes.slice();
  for (let places = 1 + dice.below(2 ** dice.below(6)); places > 0; places--) {
    const { start, size } = damageable[dice.below(damageable.length)]!;
    const at = start + dice.below(size);
    switch (dice.below(4)) {
      case 0:
        copy[at] = dice.below(256);
        break;
      case 1:
        copy[at]! ^= 1 << dice.below(8);
        break;
      case 2:
        copy[at] = dice.pick([0, 1, 0x7f, 0x80, 0xff, 0xfe]);
        break;
      default: {
        const length = Math.min(1 + dice.below(16), start + size - at);
        copy.copyWithin(at, start + dice.below(size - length + 1), start + size);
      }
    }
  }
  return copy;
}

type Question = () => unknown;

function* questions(
  symbols: ProgramSymbols,
  { addresses, names, files }: Specimen,
  dice: Dice,
): Generator<Question> {
  const some = <T>(of: readonly T[], count: number): T[] =>
    of.length === 0 ? [] : Array.from({ length: count }, () => of[dice.below(of.length)]!);
  for (const address of some(addresses, 6)) {
    yield () => symbols.locationAt(address);
    yield () => symbols.rangeOfLine(address);
    yield () => symbols.functionAt(address);
    yield () => symbols.symbolAt(address);
    yield () => symbols.inlinesAt(address);
    yield () => symbols.unwind(frameAt(address, dice));
    yield () => allOf(symbols, symbols.variablesAt(address), address, dice);
  }
  for (const name of some(names, 6)) {
    const near = addresses[dice.below(addresses.length)]!;
    yield () => symbols.addressOf(name);
    yield () => symbols.functionsMatching(name);
    yield () => walk(symbols.typeNamed(dice.oneIn(2) ? name : `struct ${name}`, near));
    yield () => symbols.enumeratorNamed(name, near);
    yield () => seen(symbols, symbols.globalNamed(name, near), near, dice);
  }
  for (const path of some([...files, ...symbols.sourceFiles()], 3)) {
    yield () => symbols.filesEnding(path);
    yield () =>
      some(symbols.linesWithCode(path), 4).map((line) => symbols.addressesOfLine(path, line));
  }
  yield () => symbols.functionsMatching(/^[a-m]/);
  yield () => {
    let count = 0;
    for (const variable of symbols.globals()) {
      if (count++ < MOST_OF_EACH) {
        seen(symbols, variable, 0, dice);
      }
    }
    return count;
  };
}

function frameAt(pc: number, dice: Dice) {
  return {
    pc,
    register: (number: number) => (number < 10 ? dice.uint32() : undefined),
    read: (_: number, size: number) => (size > 64 ? undefined : new Uint8Array(size).fill(0x5a)),
    cfa: () => (dice.oneIn(2) ? 0x1000 : undefined),
  };
}

function allOf(
  symbols: ProgramSymbols,
  scopes: readonly ScopeOfVariables[],
  pc: number,
  dice: Dice,
) {
  return scopes.flatMap(({ variables }) =>
    variables.slice(0, MOST_OF_EACH).map((variable) => seen(symbols, variable, pc, dice)),
  );
}

function seen(symbols: ProgramSymbols, variable: Variable | undefined, pc: number, dice: Dice) {
  if (variable === undefined) {
    return undefined;
  }
  walk(variable.type);
  return symbols.locate(variable, frameAt(pc, dice));
}

/** Follows a type to all that it is made of. */
function walk(type: CType | undefined): number | undefined {
  const known = new Set<CType>();
  const rest = type === undefined ? [] : [type];
  for (let next = rest.pop(); next !== undefined && known.size < MOST_TYPES; next = rest.pop()) {
    if (!known.has(next)) {
      known.add(next);
      sizeOf(next);
      bare(next);
      rest.push(...partsOf(next));
    }
  }
  return known.size === 0 ? undefined : known.size;
}

function partsOf(type: CType): readonly CType[] {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type);
    case 'array':
      return [type.element];
    case 'function':
      return [type.result, ...type.parameters];
    case 'base':
    case 'enum':
    case 'void':
      return [];
    default:
      return [type.target];
  }
}
