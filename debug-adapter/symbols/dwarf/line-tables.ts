/**
 * All line programs of a file: which files have code, and from addresses to lines.
 *
 * One pass over `.debug_line` keeps only where sequences lie and which files have rows. Rows are made
 * again when someone looks at a program, and then kept.
 */

import type { DebugSections } from './debug-sections.ts';
import { DwarfError, type Problems, placeIn } from './dwarf-error.ts';
import { type LineHeader, pathOfFile, readLineHeader } from './line-header.ts';
import { LineRows, ROW, runLineProgram } from './line-program.ts';
import { AT } from './numbers.ts';
import { SectionReader } from './section-reader.ts';
import type { Unit, Units } from './units.ts';

/** A run of rows with an end; `first` and `last` are rows, `last` the one that marks the end. */
export interface Sequence {
  readonly start: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

/** The rows of one line program, and its sequences in the order of their addresses. */
export interface LineTable {
  readonly rows: LineRows;
  readonly sequences: readonly Sequence[];
  readonly header: LineHeader;
  readonly compilationDirectory: string;
}

interface Program {
  readonly offset: number;
  readonly compilationDirectory: string;
}

interface LineIndex {
  readonly programs: readonly Program[];
  /** Sequences of all programs by address. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly owners: Uint32Array;
  /** By path: numbers of programs with rows of the file. */
  readonly files: ReadonlyMap<string, readonly number[]>;
  readonly rowCount: number;
}

/** How far back to look for a sequence that holds an address, where sequences overlap. */
const MOST_OVERLAPS = 16;

export class LineTables {
  readonly #sections: DebugSections;
  readonly #units: Units;
  readonly #problems: Problems;
  readonly #isCode: (address: number) => boolean;
  readonly #tables = new Map<number, LineTable | undefined>();
  readonly #headers = new Map<number, LineHeader | undefined>();
  #index: LineIndex | undefined;

  constructor(
    sections: DebugSections,
    units: Units,
    problems: Problems,
    isCode: (address: number) => boolean,
  ) {
    this.#sections = sections;
    this.#units = units;
    this.#problems = problems;
    this.#isCode = isCode;
  }

  /** By path: which programs have rows of the file. */
  get files(): ReadonlyMap<string, readonly number[]> {
    return this.#indexed().files;
  }

  /** Of all programs, with those that mark ends: what readelf lists. */
  get rowCount(): number {
    return this.#indexed().rowCount;
  }

  /** `undefined` for a program that cannot be read. */
  tableOf(program: number): LineTable | undefined {
    if (!this.#tables.has(program)) {
      const { offset, compilationDirectory } = this.#indexed().programs[program]!;
      const header = this.#headerAt(offset);
      this.#tables.set(program, header && this.#tableFrom(header, compilationDirectory));
    }
    return this.#tables.get(program);
  }

  /** The program and row that an address belongs to. */
  rowAt(
    address: number,
  ): { readonly table: LineTable; readonly sequence: Sequence; readonly row: number } | undefined {
    const { starts, ends, owners } = this.#indexed();
    const after = firstAbove(starts, starts.length, address);
    for (let at = after - 1; at >= 0 && at >= after - MOST_OVERLAPS; at--) {
      const table = address < ends[at]! ? this.tableOf(owners[at]!) : undefined;
      const sequence = table?.sequences.find(({ start, end }) => address >= start && address < end);
      if (table !== undefined && sequence !== undefined) {
        return { table, sequence, row: rowIn(table.rows, sequence, address) };
      }
    }
    return undefined;
  }

  /** The path of a file by the number that entries of a unit give it. */
  pathOf(unit: Unit, file: number): string | undefined {
    const offset = unit.root.sectionOffset(AT.stmt_list);
    const header = offset === undefined ? undefined : this.#headerAt(offset);
    return header && pathOfFile(header, file, unit.root.text(AT.comp_dir) ?? '');
  }

  #headerAt(offset: number): LineHeader | undefined {
    if (!this.#headers.has(offset)) {
      const header = this.#problems.guard(() => readLineHeader(this.#sections, offset), undefined);
      this.#headers.set(offset, header);
    }
    return this.#headers.get(offset);
  }

  #tableFrom(header: LineHeader, compilationDirectory: string): LineTable {
    const rows = new LineRows();
    this.#run(header, rows);
    const own = rows.slice();
    const sequences = sequencesOf(own, this.#isCode).sort((a, b) => a.start - b.start);
    return { rows: own, sequences, header, compilationDirectory };
  }

  #run(header: LineHeader, rows: LineRows): void {
    const section = this.#sections.get('.debug_line');
    this.#problems.guard(() => runLineProgram(section, header, rows), undefined);
  }

  #indexed(): LineIndex {
    this.#index ??= this.#makeIndex();
    return this.#index;
  }

  #makeIndex(): LineIndex {
    const programs = this.#programs();
    const files = new Map<string, number[]>();
    const sequences: { start: number; end: number; owner: number }[] = [];
    const rows = new LineRows();
    // Programs of a sound file do not overlap; those of a hostile one could all be the same bytes.
    let budget = 2 * this.#sections.get('.debug_line').bytes.length;
    let rowCount = 0;
    for (const [owner, { offset, compilationDirectory }] of programs.entries()) {
      const header = this.#problems.guard(() => readLineHeader(this.#sections, offset), undefined);
      if (header === undefined) {
        continue;
      }
      budget -= header.end - header.start;
      if (budget < 0) {
        this.#problems.note(`The line programs in ${placeIn('.debug_line', offset)} overlap.`);
        break;
      }
      rows.length = 0;
      this.#run(header, rows);
      rowCount += rows.length;
      const found = sequencesOf(rows, this.#isCode);
      for (const { start, end } of found) {
        sequences.push({ start, end, owner });
      }
      noteFiles(files, owner, rows, found, (file) =>
        pathOfFile(header, file, compilationDirectory),
      );
    }
    sequences.sort((a, b) => a.start - b.start);
    return {
      programs,
      files,
      rowCount,
      starts: Uint32Array.from(sequences, ({ start }) => start),
      ends: Uint32Array.from(sequences, ({ end }) => end),
      owners: Uint32Array.from(sequences, ({ owner }) => owner),
    };
  }

  /** One after the other as they lie, and those that units point to elsewhere. */
  #programs(): Program[] {
    const directories = new Map<number, string>();
    for (const unit of this.#units.all) {
      this.#problems.guard(() => {
        const offset = unit.root.sectionOffset(AT.stmt_list);
        if (offset !== undefined && !directories.has(offset)) {
          directories.set(offset, unit.root.text(AT.comp_dir) ?? '');
        }
      }, undefined);
    }
    const offsets = new Set(directories.keys());
    this.#problems.guard(() => this.#consecutivePrograms(offsets), undefined);
    return [...offsets]
      .sort((a, b) => a - b)
      .map((offset) => ({ offset, compilationDirectory: directories.get(offset) ?? '' }));
  }

  #consecutivePrograms(offsets: Set<number>): void {
    const section = this.#sections.get('.debug_line');
    let offset = 0;
    while (offset < section.bytes.length) {
      const reader = new SectionReader(section, offset);
      const { length } = reader.initialLength();
      if (reader.position + length > section.bytes.length) {
        throw new DwarfError(
          `The line program in ${placeIn('.debug_line', offset)} has ${length} bytes, more than there are.`,
        );
      }
      offsets.add(offset);
      offset = reader.position + length;
    }
  }
}

/** Puts the rows of each sequence into the order of their addresses. */
function sequencesOf(rows: LineRows, isCode: (address: number) => boolean): Sequence[] {
  const sequences: Sequence[] = [];
  let first = 0;
  for (let row = 0; row < rows.length; row++) {
    if ((rows.flags[row]! & ROW.END) === 0) {
      continue;
    }
    orderRows(rows, first, row);
    const start = rows.addresses[first]!;
    const end = rows.addresses[row]!;
    if (start < end && isCode(start)) {
      sequences.push({ start, end, first, last: row });
    }
    first = row + 1;
  }
  return sequences;
}

/** Compilers write them in order, but a program may go backwards. */
function orderRows(rows: LineRows, first: number, last: number): void {
  const { addresses, lines, columns, files, flags } = rows;
  let isOrdered = true;
  for (let row = first + 1; row < last && isOrdered; row++) {
    isOrdered = addresses[row]! >= addresses[row - 1]!;
  }
  if (isOrdered) {
    return;
  }
  const order = Array.from({ length: last - first }, (_, index) => first + index);
  order.sort((a, b) => addresses[a]! - addresses[b]! || a - b);
  for (const column of [addresses, lines, columns, files, flags]) {
    column.set(
      order.map((row) => column[row]!),
      first,
    );
  }
}

function noteFiles(
  files: Map<string, number[]>,
  owner: number,
  rows: LineRows,
  sequences: readonly Sequence[],
  pathOf: (file: number) => string | undefined,
): void {
  const used = new Set<number>();
  let last = -1;
  for (const { first, last: end } of sequences) {
    for (let row = first; row < end; row++) {
      const file = rows.files[row]!;
      if (file !== last && rows.lines[row] !== 0) {
        used.add(file);
        last = file;
      }
    }
  }
  for (const path of new Set([...used].map(pathOf))) {
    if (path !== undefined) {
      const owners = files.get(path);
      if (owners === undefined) {
        files.set(path, [owner]);
      } else {
        owners.push(owner);
      }
    }
  }
}

/** The last row at or before an address; of several at one place, one that starts a statement. */
function rowIn(rows: LineRows, { first, last }: Sequence, address: number): number {
  const { addresses, flags } = rows;
  let low = first;
  let high = last;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addresses[middle]! <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const found = low - 1;
  for (let row = found; row >= first && addresses[row] === addresses[found]; row--) {
    if ((flags[row]! & ROW.STATEMENT) !== 0) {
      return row;
    }
  }
  return found;
}

/** The index of the first number above a limit, in numbers that rise. */
export function firstAbove(numbers: Uint32Array, length: number, limit: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! <= limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
