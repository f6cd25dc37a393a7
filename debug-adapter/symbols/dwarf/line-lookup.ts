/**
 * From lines to addresses and back, in the terms of someone who sets breakpoints and steps.
 *
 * The statements of a file are gathered from all programs when someone first asks about the file.
 */

import { pathOfFile } from './line-header.ts';
import { type LineRows, ROW } from './line-program.ts';
import { firstAbove, type LineTable, type LineTables, type Sequence } from './line-tables.ts';
import { endsWithPath } from './source-path.ts';

/** A place in a source file. `column` is 0 where it is not known. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Addresses that belong to one line without a gap; `end` is exclusive. */
export interface LineRange {
  readonly start: number;
  readonly end: number;
  readonly file: string;
  readonly line: number;
}

/** Where statements of a file start, by line and then by address. */
interface FileStatements {
  readonly lines: Uint32Array;
  readonly addresses: Uint32Array;
}

export class LineLookup {
  readonly #tables: LineTables;
  readonly #statements = new Map<string, FileStatements>();
  #paths: readonly string[] | undefined;

  constructor(tables: LineTables) {
    this.#tables = tables;
  }

  /** Files that have code, each once, in the order of their names. */
  get files(): readonly string[] {
    this.#paths ??= [...this.#tables.files.keys()].sort();
    return this.#paths;
  }

  /** Files whose path ends in these segments. */
  filesEnding(suffix: string): string[] {
    return this.files.filter((path) => endsWithPath(path, suffix));
  }

  linesWithCode(file: string): number[] {
    return [...new Set(this.#statementsOf(file).lines)];
  }

  placeOf(address: number): SourcePlace | undefined {
    const found = this.#tables.rowAt(address);
    if (found === undefined) {
      return undefined;
    }
    const { table, row } = found;
    const file = fileOfRow(table, row);
    const line = table.rows.lines[row]!;
    // Line 0 is code that comes from no line.
    return file === undefined || line === 0
      ? undefined
      : { file, line, column: table.rows.columns[row]! };
  }

  rangeOf(address: number): LineRange | undefined {
    const found = this.#tables.rowAt(address);
    if (found === undefined) {
      return undefined;
    }
    const { table, sequence, row } = found;
    const file = fileOfRow(table, row);
    return file === undefined
      ? undefined
      : { ...runAround(table.rows, sequence, row), file, line: table.rows.lines[row]! };
  }

  /** The statements of a line, or of the next line that has any, from the lowest address on. */
  addressesOf(
    file: string,
    line: number,
  ): { readonly line: number; readonly addresses: readonly number[] } | undefined {
    const { lines, addresses } = this.#statementsOf(file);
    const first = firstAbove(lines, lines.length, line - 1);
    const found = lines[first];
    if (found === undefined) {
      return undefined;
    }
    const end = firstAbove(lines, lines.length, found);
    return { line: found, addresses: [...addresses.subarray(first, end)] };
  }

  /**
   * The end of what a function does before its first statement: where the compiler says so, else
   * where the second row of the function starts. `entry` where neither is known.
   */
  afterPrologue(entry: number, end: number): number {
    const found = this.#tables.rowAt(entry);
    if (found === undefined) {
      return entry;
    }
    const { rows } = found.table;
    let second: number | undefined;
    for (let row = found.row; row < found.sequence.last; row++) {
      const address = rows.addresses[row]!;
      if (address >= end) {
        break;
      }
      if ((rows.flags[row]! & ROW.PROLOGUE_END) !== 0 && address >= entry) {
        return address;
      }
      const isNext = address > entry && (rows.flags[row]! & ROW.STATEMENT) !== 0;
      second ??= isNext && rows.lines[row] !== 0 ? address : undefined;
    }
    return second ?? entry;
  }

  #statementsOf(file: string): FileStatements {
    let statements = this.#statements.get(file);
    if (statements === undefined) {
      statements = this.#gather(file);
      this.#statements.set(file, statements);
    }
    return statements;
  }

  #gather(file: string): FileStatements {
    const keys: number[] = [];
    for (const program of this.#tables.files.get(file) ?? []) {
      const table = this.#tables.tableOf(program);
      if (table !== undefined) {
        addStatements(keys, table, numbersOf(table, file));
      }
    }
    // A line and an address in one number, exactly: lines beyond 21 bits are no lines.
    const sorted = Float64Array.from(keys).sort();
    const distinct = sorted.filter((key, index) => key !== sorted[index - 1]);
    return {
      lines: Uint32Array.from(distinct, (key) => Math.trunc(key / 2 ** 32)),
      addresses: Uint32Array.from(distinct, (key) => key % 2 ** 32),
    };
  }
}

const MOST_LINES = 2 ** 21;

function addStatements(keys: number[], table: LineTable, files: ReadonlySet<number>): void {
  const { rows, sequences } = table;
  for (const { first, last } of sequences) {
    for (let row = first; row < last; row++) {
      const line = rows.lines[row]!;
      const isStatement = (rows.flags[row]! & ROW.STATEMENT) !== 0;
      if (isStatement && line > 0 && line < MOST_LINES && files.has(rows.files[row]!)) {
        keys.push(line * 2 ** 32 + rows.addresses[row]!);
      }
    }
  }
}

/** The numbers of a file in one program: it may have several. */
function numbersOf({ header, compilationDirectory }: LineTable, file: string): Set<number> {
  const numbers = header.files.flatMap((_, number) =>
    pathOfFile(header, number, compilationDirectory) === file ? [number] : [],
  );
  return new Set(numbers);
}

function fileOfRow(table: LineTable, row: number): string | undefined {
  return pathOfFile(table.header, table.rows.files[row]!, table.compilationDirectory);
}

/** From the first to the last neighbour of a row that is of the same line. */
function runAround(
  rows: LineRows,
  sequence: Sequence,
  row: number,
): { start: number; end: number } {
  const { lines, files, addresses } = rows;
  const isSame = (other: number) => lines[other] === lines[row] && files[other] === files[row];
  const isEmpty = (other: number) => addresses[other] === addresses[other + 1];
  let first = row;
  while (first > sequence.first && (isSame(first - 1) || isEmpty(first - 1))) {
    first -= 1;
  }
  let next = row + 1;
  while (next < sequence.last && (isSame(next) || isEmpty(next))) {
    next += 1;
  }
  return { start: addresses[first]!, end: addresses[next]! };
}
