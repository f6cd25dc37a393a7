/**
 * The header of a line program: its constants, and the files that it speaks of.
 *
 * Source: DWARF 5, 6.2.4; DWARF 4, 6.2.4.
 */

import type { DebugSections } from './debug-sections.ts';
import { type FormContext, readForm } from './forms.ts';
import { LNCT } from './numbers.ts';
import { SectionReader, stringAt } from './section-reader.ts';
import { joinPath } from './source-path.ts';

interface FileName {
  readonly name: string;
  readonly directory: number;
}

export interface LineHeader {
  /** Of the header in `.debug_line`, and of what comes after the program. */
  readonly start: number;
  readonly end: number;
  readonly version: number;
  /** Where the program starts. */
  readonly program: number;
  readonly minimumInstructionLength: number;
  readonly isStatementByDefault: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** How many numbers follow a standard opcode, by opcode. */
  readonly operandCounts: readonly number[];
  readonly directories: readonly string[];
  readonly files: readonly FileName[];
}

const LEAST_VERSION = 2;
const LAST_VERSION = 5;

/** The header at an offset of `.debug_line`. Throws a `DwarfError`. */
export function readLineHeader(sections: DebugSections, start: number): LineHeader {
  const reader = new SectionReader(sections.get('.debug_line'), start);
  const { length, offsetSize } = reader.initialLength();
  const end = reader.position + length;
  if (end > reader.end) {
    throw reader.error(`has a line program of ${length} bytes, more than there are`, start);
  }
  const version = reader.u16();
  if (version < LEAST_VERSION || version > LAST_VERSION) {
    throw reader.error(`has a line program of version ${version}; 2 to 5 are read here`, start);
  }
  const addressSize = version >= 5 ? reader.u8() : 4;
  if (version >= 5) {
    reader.skip(1);
  }
  const headerLength = reader.offset(offsetSize);
  const program = reader.position + headerLength;
  const constants = readConstants(reader, version);
  const context = contextOf(sections, version, addressSize, offsetSize);
  const tables = version >= 5 ? readNewTables(reader, context) : readOldTables(reader);
  return { start, end, version, program, ...constants, ...tables };
}

function readConstants(reader: SectionReader, version: number) {
  const minimumInstructionLength = reader.u8();
  if (version >= 4) {
    // Of instructions in one word: none of the i386 have more than one.
    reader.skip(1);
  }
  const isStatementByDefault = reader.u8() !== 0;
  const lineBase = reader.i8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  if (lineRange === 0) {
    throw reader.error('has a line program whose line_range is 0');
  }
  const operandCounts = [0];
  for (let opcode = 1; opcode < opcodeBase; opcode++) {
    operandCounts.push(reader.u8());
  }
  return {
    minimumInstructionLength,
    isStatementByDefault,
    lineBase,
    lineRange,
    opcodeBase,
    operandCounts,
  };
}

interface Tables {
  readonly directories: readonly string[];
  readonly files: readonly FileName[];
}

/** Numbered from 1; directory 0 is the unit's own. */
function readOldTables(reader: SectionReader): Tables {
  const directories = [''];
  for (let name = reader.text(); name !== ''; name = reader.text()) {
    directories.push(name);
  }
  const files: FileName[] = [{ name: '', directory: 0 }];
  for (let name = reader.text(); name !== ''; name = reader.text()) {
    files.push({ name, directory: reader.uleb() });
    reader.skipLeb();
    reader.skipLeb();
  }
  return { directories, files };
}

/** Numbered from 0, and each entry says in what form it is written. */
function readNewTables(reader: SectionReader, context: FormContext): Tables {
  const directories = readEntries(reader, context).map(({ name }) => name);
  return { directories, files: readEntries(reader, context) };
}

function readEntries(reader: SectionReader, context: FormContext): FileName[] {
  const formats: { readonly content: number; readonly form: number }[] = [];
  for (let left = reader.u8(); left > 0; left--) {
    formats.push({ content: reader.uleb(), form: reader.uleb() });
  }
  const count = reader.uleb();
  const entries: FileName[] = [];
  for (let index = 0; index < count; index++) {
    let name = '';
    let directory = 0;
    const start = reader.position;
    for (const { content, form } of formats) {
      const value = readForm(reader, form, 0, context);
      if (content === LNCT.path && value.kind === 'string') {
        name = value.value;
      } else if (content === LNCT.directory_index && value.kind === 'constant') {
        directory = Number(value.value);
      }
    }
    if (reader.position === start) {
      throw reader.error('has files that take no room');
    }
    entries.push({ name, directory });
  }
  return entries;
}

/** Line headers may stand alone, so they can use no tables that only a unit leads to. */
function contextOf(
  sections: DebugSections,
  version: number,
  addressSize: number,
  offsetSize: 4 | 8,
): FormContext {
  return {
    version,
    addressSize,
    offsetSize,
    start: 0,
    sectionBase: 0,
    indexedAddress: () => 0,
    indexedString: () => '',
    string: (table, offset) => stringAt(sections.get(table), offset),
  };
}

/** The path of a file by its number; `undefined` for a number that stands for none. */
export function pathOfFile(
  header: LineHeader,
  file: number,
  compilationDirectory: string,
): string | undefined {
  const entry = header.files[file];
  if (entry === undefined || entry.name === '') {
    return undefined;
  }
  const directory = header.directories[entry.directory] ?? '';
  return joinPath(compilationDirectory, directory, entry.name);
}
