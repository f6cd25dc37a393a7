/** Writes the lines of one section or segment. */

import { disassemble, type SyntaxName } from '../../emulator/cpu/disassembler.ts';
import { instructionSet } from '../../emulator/cpu/instruction-set.ts';
import { type Code, STT } from '../../emulator/image/elf.ts';
import { type Label, lastNotAbove, type Names, oneLine } from './labels.ts';

/** How long a listing may become. */
export interface Limit {
  readonly lines: number;
  readonly characters: number;
}

/** A name and the lines that belong to it, counted from 0; the last one included. */
export interface Entry {
  readonly name: string;
  readonly kind: 'code' | 'function' | 'label' | 'object';
  readonly firstLine: number;
  readonly lastLine: number;
  readonly entries: readonly Entry[];
}

/** The lines between two pauses. */
const STRIDE = 2000;

/** Columns for bytes: one instruction in two hundred has more. */
const BYTES_SHOWN = 8;
/** Columns for a mnemonic. */
const MNEMONIC_WIDTH = 6;
/** Of so many zeros in a row none is code, and they are one line. */
const ZEROS = 16;

/** The lines so far. */
export class Page {
  readonly lines: string[] = [];
  readonly #limit: Limit;
  #characters = 0;

  constructor(limit: Limit) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.lines.length >= this.#limit.lines || this.#characters >= this.#limit.characters;
  }

  write(...lines: readonly string[]): void {
    for (const line of lines) {
      this.lines.push(line);
      this.#characters += line.length + 1;
    }
  }
}

export interface Style {
  readonly syntax: SyntaxName;
  /** Digits of an address. */
  readonly addressWidth: number;
}

/** Writes one section or segment and remembers what is in which line. */
export class PartWriter {
  /** By line, the address that its jump or call names. */
  readonly targets = new Map<number, number>();
  /** Bytes that are in the listing. */
  written = 0;

  readonly #page: Page;
  readonly #code: Code;
  readonly #names: Names;
  readonly #style: Style;
  /** Of instructions, in the same order. */
  readonly #offsets: number[] = [];
  readonly #lines: number[] = [];
  readonly #headed: { readonly label: Label; readonly line: number }[] = [];
  #firstLine = 0;
  #lastLine = 0;

  constructor(page: Page, code: Code, names: Names, style: Style) {
    this.#page = page;
    this.#code = code;
    this.#names = names;
    this.#style = style;
  }

  /** Yields the bytes written at each pause. */
  *write(): Generator<number> {
    const code = this.#code;
    this.#firstLine = this.#page.lines.length + 1;
    this.#page.write('', headOfPart(code));
    let pause = this.#page.lines.length + STRIDE;
    for (const { start, end, labels } of this.#names.stretchesOf(code)) {
      this.#writeLabels(labels);
      const bytes = code.bytes.subarray(0, end);
      for (let offset = start; offset < end && !this.#page.isFull; ) {
        offset += this.#writeLine(bytes, offset);
        this.written = offset;
        if (this.#page.lines.length >= pause) {
          pause = this.#page.lines.length + STRIDE;
          yield offset;
        }
      }
      if (this.#page.isFull) {
        break;
      }
    }
    this.#lastLine = this.#page.lines.length - 1;
  }

  /** The line of the instruction at an address, if one begins there. */
  lineAt(address: number): number | undefined {
    const offset = (address - this.#code.address) >>> 0;
    const index = lastNotAbove(this.#offsets, offset);
    return this.#offsets[index] === offset ? this.#lines[index] : undefined;
  }

  entry(): Entry {
    const ends = [...this.#headed.slice(1).map(({ line }) => line), this.#lastLine + 2];
    return {
      name: this.#code.label,
      kind: 'code',
      firstLine: this.#firstLine,
      lastLine: this.#lastLine,
      entries: this.#headed.map(({ label, line }, index) => ({
        name: label.name,
        kind: label.type === STT.FUNC ? 'function' : label.type === STT.OBJECT ? 'object' : 'label',
        firstLine: line,
        // A label follows an empty line, unless it is a second name of the same place.
        lastLine: Math.max(line, (ends[index] ?? line) - 2),
        entries: [],
      })),
    };
  }

  #writeLabels(labels: readonly Label[]): void {
    if (labels.length > 0 && !this.#page.isFull) {
      this.#page.write('');
    }
    for (const label of labels) {
      if (this.#page.isFull) {
        return;
      }
      this.#headed.push({ label, line: this.#page.lines.length });
      this.#page.write(`<${label.name}>:`);
    }
  }

  /** Answers how many bytes the line is about. */
  #writeLine(bytes: Uint8Array, offset: number): number {
    const line = this.#page.lines.length;
    const zeros = zerosAt(bytes, offset);
    this.#offsets.push(offset);
    this.#lines.push(line);
    const address = (this.#code.address + offset) >>> 0;
    const place = `${address.toString(16).padStart(this.#style.addressWidth)}:  `;
    if (zeros >= ZEROS) {
      this.#page.write(`${place}${column('00 …')}  ${grouped(zeros)} zeros`);
      return zeros;
    }
    const { length, mnemonic, operands } = disassemble(instructionSet.map, bytes, offset, address, {
      syntax: this.#style.syntax,
      symbolAt: (target) => {
        this.targets.set(line, target);
        return this.#names.nameOf(target);
      },
    });
    const digits = Array.from(bytes.subarray(offset, offset + length), hexByte).join(' ');
    const text = `${mnemonic.padEnd(MNEMONIC_WIDTH)} ${operands.join(',')}`;
    this.#page.write(`${place}${column(digits)}  ${text}`.trimEnd());
    return length;
  }
}

function headOfPart({ label, address, bytes }: Code): string {
  const last = (address + bytes.length - 1) >>> 0;
  const range = `0x${address.toString(16)} to 0x${last.toString(16)}`;
  return `; ${oneLine(label)}: ${range}, ${bytesOf(bytes.length)}`;
}

/** Zeros from an offset on, in whole words unless they reach the end. */
function zerosAt(bytes: Uint8Array, start: number): number {
  let end = start;
  while (end < bytes.length && bytes[end] === 0) {
    end++;
  }
  // The instruction after them may begin with zeros of its own.
  return end === bytes.length ? end - start : (end - start) & ~3;
}

const column = (text: string): string => text.padEnd(3 * BYTES_SHOWN - 1);

const hexByte = (byte: number): string => byte.toString(16).padStart(2, '0');

/** A count with its thousands apart. */
export const grouped = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');

export const bytesOf = (count: number): string => `${grouped(count)} byte${count === 1 ? '' : 's'}`;
