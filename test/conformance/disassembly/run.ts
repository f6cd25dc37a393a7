/** `conformance disassembly`: code of ELF files and code that no one wrote, ours beside objdump's. */

import { readFileSync } from 'node:fs';
import { codeOf, ElfError, readElf } from '../../../emulator/image/elf.ts';
import { compare, type Difference, type Region } from './compare.ts';
import { textOf } from './differences.ts';
import { everyOpcode, randomBytes } from './made-code.ts';
import type { DisassemblyOptions } from './options.ts';

/** Why a file cannot be compared, in words for the user. */
export class NoCode extends Error {
  override readonly name = 'NoCode';
}

/** Kinds of differences that are printed one by one. */
const SHOWN = 50;
/** Where code lies that no file places. */
const MADE_AT = 0x10_0000;

/** Compares, prints what differs and answers how many instructions do. */
export function compareDisassembly(options: DisassemblyOptions): number {
  const { print } = options;
  const tally = new Tally();
  for (const { label, ...region } of regionsOf(options)) {
    const before = tally.count;
    tally.add(region);
    print(`${label}: ${tally.count - before} instructions`);
  }
  tally.print(print);
  return tally.differences;
}

type LabelledRegion = Region & { readonly label: string };

function* regionsOf({
  files,
  opcodes,
  random,
  seed,
}: DisassemblyOptions): Generator<LabelledRegion> {
  for (const file of files) {
    for (const { label, ...code } of codeOfFile(file)) {
      yield { label: `${file}: ${label}`, ...code };
    }
  }
  if (opcodes) {
    let piece = 0;
    for (const bytes of everyOpcode(seed, 'all')) {
      yield { label: `every opcode, ${piece++}, seed ${seed}`, address: MADE_AT, bytes };
    }
  }
  if (random > 0) {
    yield { label: `noise, seed ${seed}`, address: MADE_AT, bytes: randomBytes(seed, random) };
  }
}

function codeOfFile(file: string): LabelledRegion[] {
  try {
    return codeOf(readElf(readFileSync(file)));
  } catch (error) {
    if (error instanceof ElfError || (error instanceof Error && 'code' in error)) {
      throw new NoCode(`${file}: ${error.message}`);
    }
    throw error;
  }
}

/** Differences by what they have in common. */
class Tally {
  count = 0;
  differences = 0;
  readonly #shapes = new Map<string, { count: number; readonly example: Difference }>();
  /** Accepted ones by reason, and by what we and objdump call the instruction. */
  readonly #accepted = new Map<string, Map<string, number>>();

  add(region: Region): void {
    const { count, differences } = compare(region);
    this.count += count;
    for (const both of differences.values()) {
      const unexplained = both.filter(({ reason }) => reason === undefined);
      this.differences += unexplained.length > 0 ? 1 : 0;
      const [first] = both;
      if (unexplained.length === 0 && first?.reason !== undefined) {
        this.#accept(first.reason, first);
      }
      for (const difference of unexplained) {
        const shape = this.#shapes.get(shapeOf(difference)) ?? { count: 0, example: difference };
        shape.count++;
        this.#shapes.set(shapeOf(difference), shape);
      }
    }
  }

  #accept(reason: string, { ours, theirs }: Difference): void {
    const names = this.#accepted.get(reason) ?? new Map<string, number>();
    const [our, their] = [mnemonicOf(ours), mnemonicOf(theirs)];
    const name = our === their || our === '(bad)' ? their : `${our} for ${their}`;
    names.set(name, (names.get(name) ?? 0) + 1);
    this.#accepted.set(reason, names);
  }

  print(print: (line: string) => void): void {
    const shapes = [...this.#shapes.values()].sort((a, b) => b.count - a.count);
    for (const { count, example } of shapes.slice(0, SHOWN)) {
      print(`${String(count).padStart(7)} x ${lineOf(example)}`);
    }
    if (shapes.length > SHOWN) {
      print(`and ${shapes.length - SHOWN} more kinds of differences`);
    }
    for (const [reason, names] of this.#accepted) {
      print(`${total(names)} accepted: ${reason}`);
      print(`    ${[...names].map(([name, count]) => `${name} ${count}`).join(', ')}`);
    }
    print(`${this.count} cases, ${this.differences} differences`);
  }
}

const total = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0);

const mnemonicOf = (answer: Difference['ours']): string => textOf(answer).mnemonic;

/** Differences that are the same but for numbers and registers are one kind. */
function shapeOf({ syntax, ours, theirs }: Difference): string {
  const plain = (text: string): string =>
    text
      .replace(/-?0x[0-9a-f]+/g, '#')
      .replace(/\b(?:e?(?:[abcd]x|[sd]i|[sb]p)|[abcd][lh]|x?mm\d|[c-gs]s)\b/g, 'r');
  return `${syntax} ${plain(ours.text)} ${plain(theirs.text)} ${ours.length - theirs.length}`;
}

function lineOf({ syntax, address, bytes, ours, theirs }: Difference): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const sides = `ours "${ours.text}" of ${ours.length}, objdump's "${theirs.text}" of ${theirs.length}`;
  return `${syntax} at 0x${address.toString(16)}, ${digits}: ${sides}`;
}
