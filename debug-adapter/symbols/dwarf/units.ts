/**
 * Units: the parts of `.debug_info`, mostly one for each source file that was compiled.
 *
 * Reading all headers is cheap, and everything else of a unit waits until someone asks for it.
 *
 * Source: DWARF 5, 7.5.1; units of types in a section of their own, DWARF 4, 7.5.1.2.
 */

import {
  AbbreviationBudget,
  AbbreviationTable,
  hasLocationLists,
  refersToOtherUnits,
} from './abbreviations.ts';
import type { DebugSections } from './debug-sections.ts';
import { type Die, DieCursor } from './die.ts';
import { DwarfError, type Problems, placeIn } from './dwarf-error.ts';
import type { FormContext } from './forms.ts';
import { AT, UT } from './numbers.ts';
import { type DebugSection, SectionReader, stringAt } from './section-reader.ts';

const LEAST_VERSION = 2;
const LAST_VERSION = 5;

/** What the header of a unit says. */
export interface UnitHeader {
  readonly version: number;
  readonly type: number;
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
  readonly abbreviations: number;
  /** Of the header, in its section. */
  readonly start: number;
  /** Of the first entry. */
  readonly entries: number;
  readonly end: number;
  /** Of a unit of types: by what others refer to it, and which entry they mean. */
  readonly signature: bigint | undefined;
  readonly typeOffset: number;
}

export class Unit implements FormContext {
  readonly header: UnitHeader;
  readonly section: DebugSection;
  readonly sectionBase: number;
  readonly sections: DebugSections;
  readonly abbreviations: AbbreviationTable;
  #root: Die | undefined;
  #stringOffsetsBase: number | undefined;
  #hasLocationLists: boolean | undefined;
  #refersToOtherUnits: boolean | undefined;

  constructor(
    header: UnitHeader,
    section: DebugSection,
    sectionBase: number,
    sections: DebugSections,
    abbreviations: AbbreviationTable,
  ) {
    this.header = header;
    this.section = section;
    this.sectionBase = sectionBase;
    this.sections = sections;
    this.abbreviations = abbreviations;
  }

  get version(): number {
    return this.header.version;
  }

  get addressSize(): number {
    return this.header.addressSize;
  }

  get offsetSize(): 4 | 8 {
    return this.header.offsetSize;
  }

  get start(): number {
    return this.header.start;
  }

  /** For messages. */
  get label(): string {
    return `the unit in ${placeIn(this.section.name, this.start)}`;
  }

  /** The entry that describes the unit and holds all others. */
  get root(): Die {
    this.#root ??= this.dieAt(this.sectionBase + this.header.entries);
    return this.#root;
  }

  get hasLocationLists(): boolean {
    this.#hasLocationLists ??= hasLocationLists(this.abbreviations, this.version);
    return this.#hasLocationLists;
  }

  get refersToOtherUnits(): boolean {
    this.#refersToOtherUnits ??= refersToOtherUnits(this.abbreviations);
    return this.#refersToOtherUnits;
  }

  /** The entry at an offset that is unique in the file. */
  dieAt(offset: number): Die {
    const cursor = new DieCursor(this, offset);
    if (!cursor.next()) {
      throw new DwarfError(
        `There is no entry in ${placeIn(this.section.name, offset - this.sectionBase)}.`,
      );
    }
    return cursor.die();
  }

  string(table: '.debug_str' | '.debug_line_str', offset: number): string {
    return stringAt(this.sections.get(table), offset);
  }

  indexedString(index: number): string {
    return this.string('.debug_str', this.indexedStringOffset(index));
  }

  /** Where in `.debug_str` a string is. */
  indexedStringOffset(index: number): number {
    const table = this.sections.get('.debug_str_offsets');
    this.#stringOffsetsBase ??= this.root.sectionOffset(AT.str_offsets_base) ?? 2 * this.offsetSize;
    const reader = new SectionReader(table, this.#stringOffsetsBase + index * this.offsetSize);
    return reader.offset(this.offsetSize);
  }

  indexedAddress(index: number): number {
    const base = this.root.sectionOffset(AT.addr_base) ?? 2 * this.offsetSize;
    const table = this.sections.get('.debug_addr');
    return new SectionReader(table, base + index * this.addressSize).unsigned(this.addressSize);
  }
}

/** All units of a file, in the order of the file. */
export class Units {
  readonly all: readonly Unit[];
  readonly #bySignature = new Map<bigint, Unit>();

  constructor(sections: DebugSections, problems: Problems) {
    const reader = new UnitReader(sections, problems);
    const units = reader.read('.debug_info', 0);
    this.all = sections.has('.debug_types')
      ? [...units, ...reader.read('.debug_types', sections.get('.debug_info').bytes.length)]
      : units;
    for (const unit of this.all) {
      if (unit.header.signature !== undefined && unit.header.type !== UT.skeleton) {
        this.#bySignature.set(unit.header.signature, unit);
      }
    }
  }

  /** The unit that the entry at an offset is in. */
  containing(offset: number): Unit | undefined {
    let low = 0;
    let high = this.all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const unit = this.all[middle]!;
      if (unit.sectionBase + unit.start <= offset) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const unit = this.all[low - 1];
    return unit !== undefined && offset < unit.sectionBase + unit.header.end ? unit : undefined;
  }

  /** The entry at an offset. Throws a `DwarfError` when no unit has it. */
  dieAt(offset: number): Die {
    const unit = this.containing(offset);
    if (unit === undefined) {
      throw new DwarfError(`No unit has an entry in ${placeIn('.debug_info', offset)}.`);
    }
    return unit.dieAt(offset);
  }

  /** The type that a unit of types describes; `undefined` when no unit has this signature. */
  typeBySignature(signature: bigint): Die | undefined {
    const unit = this.#bySignature.get(signature);
    return unit?.dieAt(unit.sectionBase + unit.start + unit.header.typeOffset);
  }
}

class UnitReader {
  readonly #sections: DebugSections;
  readonly #problems: Problems;
  readonly #budget: AbbreviationBudget;
  readonly #tables = new Map<string, AbbreviationTable>();

  constructor(sections: DebugSections, problems: Problems) {
    this.#sections = sections;
    this.#problems = problems;
    this.#budget = new AbbreviationBudget(sections.get('.debug_abbrev'));
  }

  /** Goes on after a unit that cannot be read as long as its length makes sense. */
  read(name: '.debug_info' | '.debug_types', sectionBase: number): Unit[] {
    const section = this.#sections.get(name);
    const units: Unit[] = [];
    const reader = new SectionReader(section);
    while (!reader.isAtEnd) {
      const start = reader.position;
      const end = this.#problems.guard(() => endOfUnit(reader), undefined);
      if (end === undefined) {
        break;
      }
      const header = this.#problems.guard(() => unitHeader(section, start, end.end), undefined);
      if (header !== undefined) {
        units.push(new Unit(header, section, sectionBase, this.#sections, this.#table(header)));
      }
      reader.position = end.end;
    }
    return units;
  }

  #table(header: UnitHeader): AbbreviationTable {
    const { abbreviations, addressSize, offsetSize, version } = header;
    const key = `${abbreviations} ${addressSize} ${offsetSize} ${version === 2}`;
    let table = this.#tables.get(key);
    if (table === undefined) {
      const section = this.#sections.get('.debug_abbrev');
      table = new AbbreviationTable(section, abbreviations, header, this.#budget);
      this.#tables.set(key, table);
    }
    return table;
  }
}

function endOfUnit(reader: SectionReader): { readonly end: number } {
  const start = reader.position;
  const { length } = reader.initialLength();
  const end = reader.position + length;
  if (end > reader.end) {
    throw reader.error(`has a unit of ${length} bytes, more than there are`, start);
  }
  return { end };
}

function unitHeader(section: DebugSection, start: number, end: number): UnitHeader {
  const reader = new SectionReader(section, start, end);
  const { offsetSize } = reader.initialLength();
  const version = reader.u16();
  if (version < LEAST_VERSION || version > LAST_VERSION) {
    throw reader.error(`has a unit of DWARF ${version}; 2 to 5 are read here`, start);
  }
  const isNew = version >= 5;
  const isOfTypes = section.name === '.debug_types';
  const type = isNew ? reader.u8() : isOfTypes ? UT.type : UT.compile;
  const newAddressSize = isNew ? reader.u8() : 0;
  const abbreviations = reader.offset(offsetSize);
  const addressSize = isNew ? newAddressSize : reader.u8();
  if (addressSize !== 4) {
    throw reader.error(`has a unit with addresses of ${addressSize} bytes, not 4`, start);
  }
  const hasTypes = type === UT.type || type === UT.split_type;
  const hasId = hasTypes || type === UT.skeleton || type === UT.split_compile;
  const signature = hasId ? reader.bigU64() : undefined;
  const typeOffset = hasTypes ? reader.offset(offsetSize) : 0;
  const entries = reader.position;
  return {
    version,
    type,
    offsetSize,
    addressSize,
    abbreviations,
    start,
    entries,
    end,
    signature: hasTypes ? signature : undefined,
    typeOffset,
  };
}
