/**
 * All code of an ELF file as one text, with what an editor wants to know of its lines.
 *
 * Where a symbol lies inside an instruction, the instruction ends there: what has a name is read
 * from its first byte on, whatever stands before it.
 */

import type { SyntaxName } from '../../emulator/cpu/disassembler.ts';
import { type Code, codeOf, ElfError, type ElfFile, ET, SHT } from '../../emulator/image/elf.ts';
import { namesOf, oneLine } from './labels.ts';
import { bytesOf, type Entry, grouped, type Limit, Page, PartWriter } from './part-writer.ts';

export { ElfError, readElf } from '../../emulator/image/elf.ts';
export type { Entry, Limit };

/** The first is the one to use where nothing else is asked for. */
export const SYNTAXES = ['att', 'intel'] as const satisfies readonly SyntaxName[];

/** Beyond 300 000 lines or 20 MB, VS Code shows neither colours nor an outline. */
export const EDITOR_LIMIT: Limit = { lines: 250_000, characters: 16_000_000 };

export interface ListingOptions {
  /** What the file is called, for its first line. */
  readonly name: string;
  readonly syntax: SyntaxName;
  readonly limit: Limit;
}

/** Bytes of code that are listed, and that there are. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

const types: Readonly<Record<number, string>> = {
  ...{ [ET.REL]: 'object file', [ET.EXEC]: 'executable', [ET.DYN]: 'shared object' },
  ...{ [ET.CORE]: 'core file' },
};

/** A finished listing. */
export class Listing {
  readonly text: string;
  /** For each part of the code, the labels in it. */
  readonly entries: readonly Entry[];
  /** Says that there is more code than the limit lets through. */
  readonly shortfall: string | undefined;
  readonly #parts: readonly PartWriter[];
  readonly #isLinked: boolean;

  constructor(
    lines: readonly string[],
    parts: readonly PartWriter[],
    isLinked: boolean,
    shortfall: string | undefined,
  ) {
    this.text = `${lines.join('\n')}\n`;
    this.entries = parts.map((part) => part.entry());
    this.shortfall = shortfall;
    this.#parts = parts;
    this.#isLinked = isLinked;
  }

  /** Of a jump or call in a line: the line it leads to. `undefined` for any other line. */
  targetOf(line: number): number | undefined {
    const home = this.#parts.find((part) => part.targets.has(line));
    const target = home?.targets.get(line);
    if (home === undefined || target === undefined) {
      return undefined;
    }
    // Until a linker has placed them, all parts begin at the same address.
    const parts = this.#isLinked ? this.#parts : [home];
    return parts.map((part) => part.lineAt(target)).find((candidate) => candidate !== undefined);
  }
}

/**
 * Writes a listing, and pauses from time to time for whoever waits.
 *
 * Throws an `ElfError` when the file has no code or contradicts itself.
 */
export function* list(file: ElfFile, options: ListingOptions): Generator<Progress, Listing> {
  const isLinked = file.type !== ET.REL;
  const codes = codeOf(file).filter(({ bytes }) => bytes.length > 0);
  const total = codes.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (total === 0) {
    throw new ElfError('There is no code in this file: no section or segment is executable.');
  }
  const namesIn = namesOf(file);
  const addressWidth = widthOf(codes);
  const page = new Page(options.limit);
  page.write(...headOf(file, codes, total, options));
  const parts: PartWriter[] = [];
  let done = 0;
  for (const code of codes) {
    const part = new PartWriter(page, code, namesIn(code), { addressWidth, ...options });
    parts.push(part);
    for (const written of part.write()) {
      yield { done: done + written, total };
    }
    done += part.written;
    if (page.isFull) {
      break;
    }
  }
  const shortfall = done < total ? shortfallOf(options.limit, done, total) : undefined;
  page.write(...(shortfall === undefined ? [] : ['', `; ${shortfall}`]));
  return new Listing(page.lines, parts, isLinked, shortfall);
}

function headOf(
  file: ElfFile,
  [first]: readonly Code[],
  total: number,
  { name, syntax }: ListingOptions,
): string[] {
  const isLinked = file.type !== ET.REL;
  const hasSections = file.sections.some(({ label }) => label === first?.label);
  const entry = isLinked && file.entry !== 0 ? `, entry at 0x${file.entry.toString(16)}` : '';
  const style = syntax === 'att' ? 'AT&T' : 'Intel';
  return [
    `; ${oneLine(name)}: ${types[file.type] ?? 'ELF file'} for the i386${entry}`,
    `; ${bytesOf(total)} of code in ${style} syntax`,
    ...(hasSections
      ? []
      : ['; no section says what is code: whole segments are listed, and data in them as if code']),
    ...(!file.sections.some(({ type }) => type === SHT.SYMTAB)
      ? ['; no names: the file has no symbol table']
      : []),
    ...(isLinked
      ? []
      : ['; not linked yet: addresses in calls and operands are what the linker is to replace']),
  ];
}

const shortfallOf = ({ lines }: Limit, done: number, total: number): string =>
  `Listed are the first ${grouped(done)} of ${bytesOf(total)} of code: ` +
  `the limit is ${grouped(lines)} lines.`;

/** Digits of the largest address. */
const widthOf = (codes: readonly Code[]): number =>
  Math.max(
    4,
    ...codes.map(({ address, bytes }) => ((address + bytes.length) >>> 0).toString(16).length),
  );
