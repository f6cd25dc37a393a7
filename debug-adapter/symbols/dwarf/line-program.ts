/**
 * Line programs: which line each instruction came from.
 *
 * A program makes a table of rows, written as a small machine that moves through addresses and
 * lines. Rows come in sequences, each a run of code with an end.
 *
 * Source: DWARF 5, 6.2.
 */

import type { LineHeader } from './line-header.ts';
import { LNE, LNS } from './numbers.ts';
import { type DebugSection, SectionReader } from './section-reader.ts';

/** What a row says besides place and line. */
export const ROW = { STATEMENT: 1, PROLOGUE_END: 2, END: 4 } as const;

/** Rows, a column each. Grows while a program runs. */
export class LineRows {
  addresses = new Uint32Array(1024);
  lines = new Uint32Array(1024);
  columns = new Uint16Array(1024);
  files = new Uint16Array(1024);
  flags = new Uint8Array(1024);
  length = 0;

  add(address: number, line: number, column: number, file: number, flags: number): void {
    const { length } = this;
    if (length === this.addresses.length) {
      this.#grow();
    }
    this.addresses[length] = address;
    this.lines[length] = line;
    this.columns[length] = column;
    this.files[length] = file;
    this.flags[length] = flags;
    this.length = length + 1;
  }

  /** Of its own, and no larger than it has to be. */
  slice(): LineRows {
    const rows = new LineRows();
    rows.addresses = this.addresses.slice(0, this.length);
    rows.lines = this.lines.slice(0, this.length);
    rows.columns = this.columns.slice(0, this.length);
    rows.files = this.files.slice(0, this.length);
    rows.flags = this.flags.slice(0, this.length);
    rows.length = this.length;
    return rows;
  }

  #grow(): void {
    const size = 2 * this.addresses.length;
    this.addresses = grown(this.addresses, new Uint32Array(size));
    this.lines = grown(this.lines, new Uint32Array(size));
    this.columns = grown(this.columns, new Uint16Array(size));
    this.files = grown(this.files, new Uint16Array(size));
    this.flags = grown(this.flags, new Uint8Array(size));
  }
}

function grown<T extends Uint8Array | Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Carries out a program and adds its rows. Throws a `DwarfError`; rows made until then stay. */
export function runLineProgram(section: DebugSection, header: LineHeader, rows: LineRows): void {
  new LineMachine(section, header, rows).run();
}

class LineMachine {
  readonly #reader: SectionReader;
  readonly #header: LineHeader;
  readonly #rows: LineRows;
  #address = 0;
  #line = 1;
  #column = 0;
  #file = 1;
  #flags = 0;

  constructor(section: DebugSection, header: LineHeader, rows: LineRows) {
    this.#reader = new SectionReader(section, header.program, header.end);
    this.#header = header;
    this.#rows = rows;
    this.#reset();
  }

  /** Hot: once for each byte of `.debug_line`. */
  run(): void {
    const reader = this.#reader;
    const { opcodeBase, lineBase, lineRange, minimumInstructionLength } = this.#header;
    while (!reader.isAtEnd) {
      const opcode = reader.u8();
      if (opcode >= opcodeBase) {
        const special = opcode - opcodeBase;
        this.#address += Math.trunc(special / lineRange) * minimumInstructionLength;
        this.#line += lineBase + (special % lineRange);
        this.#addRow();
      } else if (opcode === LNS.extended) {
        this.#extended();
      } else {
        this.#standard(opcode);
      }
    }
  }

  #standard(opcode: number): void {
    const reader = this.#reader;
    const { minimumInstructionLength, lineRange, opcodeBase } = this.#header;
    switch (opcode) {
      case LNS.copy:
        this.#addRow();
        break;
      case LNS.advance_pc:
        this.#address += reader.uleb() * minimumInstructionLength;
        break;
      case LNS.advance_line:
        this.#line += reader.sleb();
        break;
      case LNS.set_file:
        this.#file = reader.uleb();
        break;
      case LNS.set_column:
        this.#column = reader.uleb();
        break;
      case LNS.negate_stmt:
        this.#flags ^= ROW.STATEMENT;
        break;
      case LNS.set_basic_block:
      case LNS.set_epilogue_begin:
        break;
      case LNS.const_add_pc:
        this.#address += Math.trunc((255 - opcodeBase) / lineRange) * minimumInstructionLength;
        break;
      case LNS.fixed_advance_pc:
        this.#address += reader.u16();
        break;
      case LNS.set_prologue_end:
        this.#flags |= ROW.PROLOGUE_END;
        break;
      default:
        this.#skipOperands(opcode);
    }
  }

  #skipOperands(opcode: number): void {
    for (let left = this.#header.operandCounts[opcode] ?? 0; left > 0; left--) {
      this.#reader.skipLeb();
    }
  }

  #extended(): void {
    const reader = this.#reader;
    const length = reader.uleb();
    const start = reader.position;
    reader.skip(length);
    const end = reader.position;
    if (length === 0) {
      return;
    }
    reader.position = start;
    switch (reader.u8()) {
      case LNE.end_sequence:
        this.#flags |= ROW.END;
        this.#addRow();
        this.#reset();
        break;
      case LNE.set_address:
        this.#address = length === 5 ? reader.u32() : reader.unsigned(length - 1);
        break;
    }
    reader.position = end;
  }

  #addRow(): void {
    const { STATEMENT } = ROW;
    this.#rows.add(this.#address, this.#line, this.#column, this.#file, this.#flags);
    this.#flags &= STATEMENT;
  }

  #reset(): void {
    this.#address = 0;
    this.#line = 1;
    this.#column = 0;
    this.#file = 1;
    this.#flags = this.#header.isStatementByDefault ? ROW.STATEMENT : 0;
  }
}
