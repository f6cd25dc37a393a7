/**
 * ELF files for the i386: kernels, modules and object files, 32 bits and little-endian.
 *
 * A file may come from anywhere, so nothing in it is believed: a table is checked when it is read
 * and contents when they are asked for. What does not add up ends in an `ElfError`, and no file
 * makes the reader spend more than time and memory in proportion to its size.
 *
 * Source: System V Application Binary Interface, chapters 4 and 5 ("gABI" below), with the numbers
 * of its Intel386 supplement.
 */

/** Why a file cannot be read, in a sentence that names the part of the file. */
export class ElfError extends Error {
  override readonly name = 'ElfError';
}

/** What a file is, `e_type` (gABI 4, "ELF Header"). */
export const ET = { REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;

/** Kinds of segments, `p_type` (gABI 5, "Program Header"). */
export const PT = { LOAD: 1, NOTE: 4 } as const;

/** What may be done with a segment, `p_flags` (gABI 5, "Segment Permissions"). */
export const PF = { X: 1, W: 2, R: 4 } as const;

/** Kinds of sections, `sh_type` (gABI 4, "Sections"). */
export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  NOTE: 7,
  NOBITS: 8,
  SYMTAB_SHNDX: 18,
} as const;

/** What a section is for, `sh_flags` (gABI 4, "Section Attribute Flags"). */
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4 } as const;

/** Whom a symbol is visible to, the high half of `st_info` (gABI 4, "Symbol Binding"). */
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;

/** What a symbol stands for, the low half of `st_info` (gABI 4, "Symbol Types"). */
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4 } as const;

/** Section numbers that are none (gABI 4, "Special Section Indexes"). */
const SHN = { UNDEF: 0, LORESERVE: 0xff00, ABS: 0xfff1, COMMON: 0xfff2, XINDEX: 0xffff } as const;

/** `e_phnum` when there are more segments than it can count (gABI 4, "ELF Header"). */
const PN_XNUM = 0xffff;

const EM_386 = 3;

const HEADER_SIZE = 52;
const SEGMENT_HEADER_SIZE = 32;
const SECTION_HEADER_SIZE = 40;
const SYMBOL_SIZE = 16;

export interface ElfFile {
  readonly bytes: Uint8Array;

  /** One of `ET`, or a number that an operating system gives a meaning. */
  readonly type: number;

  /** The virtual address where the program starts; 0 when it has no such place. */
  readonly entry: number;
  readonly segments: readonly Segment[];

  /** Empty in a file stripped of its section headers. The first is always the null section. */
  readonly sections: readonly Section[];
}

/** What sections and segments have in common: a part of the file with a place in memory. */
export interface Part {
  /** For messages: `section 4 (.text)`. */
  readonly label: string;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly fileSize: number;

  /** 0 in a file that is not linked yet. */
  readonly virtualAddress: number;
}

/** A program header: what is loaded, or says how to load it. */
export interface Segment extends Part {
  readonly physicalAddress: number;

  /** What is beyond `fileSize` is zero. */
  readonly memorySize: number;
}

export interface Section extends Part {
  readonly index: number;
  readonly name: string;

  /** In memory: a `NOBITS` section has that size but takes no room in the file. */
  readonly size: number;

  /** What these two mean depends on the type (gABI 4, "sh_link and sh_info Interpretation"). */
  readonly link: number;
  readonly info: number;

  /** The size of each entry of a table, else 0. */
  readonly entrySize: number;
}

export interface ElfSymbol {
  readonly name: string;

  /** An address; in a `REL` file, an offset into the section. */
  readonly value: number;

  /** In bytes; 0 when unknown. */
  readonly size: number;
  readonly binding: number;
  readonly type: number;

  /** Where it is defined. A `common` symbol is yet to be given room, `value` is its alignment. */
  readonly place: Section | 'undefined' | 'absolute' | 'common' | 'reserved';
}

/** Instructions of a file, and where they are meant to be. */
export interface Code {
  readonly label: string;
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Reads the headers. Throws an `ElfError` when they do not describe an i386 ELF file. */
export function readElf(bytes: Uint8Array): ElfFile {
  const header = readHeader(bytes);
  const nullSection = header.sectionTable === 0 ? undefined : readNullSection(bytes, header);
  const sections = nullSection === undefined ? [] : readSections(bytes, header, nullSection);
  const segments = readSegments(bytes, header, nullSection);
  return { bytes, type: header.type, entry: header.entry, segments, sections };
}

/** The bytes that a section or segment has in the file. */
export function contentsOf(file: ElfFile, part: Part): Uint8Array {
  return slice(file.bytes, part.offset, part.fileSize, part.label);
}

/** All symbols; none in a stripped file, which has no symbol table (gABI 4, "Symbol Table"). */
export function symbolsOf(file: ElfFile): ElfSymbol[] {
  const [table, another] = file.sections.filter(({ type }) => type === SHT.SYMTAB);
  if (another !== undefined) {
    throw new ElfError(`There may be one symbol table, but ${another.label} is a second one.`);
  }
  return table === undefined ? [] : readSymbols(file, table);
}

/** The executable sections, or the executable segments where no section says that it is. */
export function codeOf(file: ElfFile): Code[] {
  const sections = file.sections.filter(
    ({ type, flags }) => type === SHT.PROGBITS && (flags & SHF.EXECINSTR) !== 0,
  );
  const segments = file.segments.filter(
    ({ type, flags }) => type === PT.LOAD && (flags & PF.X) !== 0,
  );
  return (sections.length > 0 ? sections : segments).map((part: Part) => ({
    label: part.label,
    address: part.virtualAddress,
    bytes: contentsOf(file, part),
  }));
}

interface Header {
  readonly type: number;
  readonly entry: number;
  readonly segmentTable: number;
  readonly segmentCount: number;
  readonly segmentSize: number;
  readonly sectionTable: number;
  readonly sectionCount: number;
  readonly sectionSize: number;
  readonly nameTable: number;
}

function readHeader(bytes: Uint8Array): Header {
  const view = viewOf(slice(bytes, 0, HEADER_SIZE, 'the ELF header'));
  if (view.getUint32(0) !== 0x7f45_4c46) {
    throw new ElfError('This is not an ELF file: it does not start with 7f 45 4c 46.');
  }
  expectField('EI_CLASS', view.getUint8(4), 1, 'a 32-bit file');
  expectField('EI_DATA', view.getUint8(5), 1, 'a little-endian file');
  expectField('EI_VERSION', view.getUint8(6), 1, 'the only version there is');
  expectField('e_machine', view.getUint16(18, true), EM_386, 'a file for the i386');
  expectField('e_version', view.getUint32(20, true), 1, 'the only version there is');
  return {
    type: view.getUint16(16, true),
    entry: view.getUint32(24, true),
    segmentTable: view.getUint32(28, true),
    sectionTable: view.getUint32(32, true),
    segmentSize: view.getUint16(42, true),
    segmentCount: view.getUint16(44, true),
    sectionSize: view.getUint16(46, true),
    sectionCount: view.getUint16(48, true),
    nameTable: view.getUint16(50, true),
  };
}

function expectField(field: string, value: number, expected: number, meaning: string): void {
  if (value !== expected) {
    throw new ElfError(`The ELF header's ${field} is ${value}, not ${expected} (${meaning}).`);
  }
}

type NamelessSection = Omit<Section, 'name' | 'label'> & { readonly nameOffset: number };

/** Section 0, which is none: it holds the counts that are too large for the ELF header. */
function readNullSection(bytes: Uint8Array, header: Header): NamelessSection {
  expectField('e_shentsize', header.sectionSize, SECTION_HEADER_SIZE, 'a section header');
  const table = slice(bytes, header.sectionTable, SECTION_HEADER_SIZE, 'the section table');
  return sectionAt(viewOf(table), 0);
}

function readSections(bytes: Uint8Array, header: Header, nullSection: NamelessSection): Section[] {
  const count = header.sectionCount === 0 ? nullSection.size : header.sectionCount;
  const size = count * SECTION_HEADER_SIZE;
  const view = viewOf(slice(bytes, header.sectionTable, size, 'the section table'));
  const nameless = Array.from({ length: count }, (_, index) => sectionAt(view, index));
  const namesIndex = header.nameTable === SHN.XINDEX ? nullSection.link : header.nameTable;
  const names = namesIndex === SHN.UNDEF ? undefined : sectionNames(bytes, nameless, namesIndex);
  return nameless.map(({ nameOffset, ...section }) => {
    const name = names?.at(nameOffset, `Section ${section.index}`) ?? '';
    const label = `section ${section.index}${name === '' ? '' : ` (${name})`}`;
    return { ...section, name, label };
  });
}

/** One entry of the section table (gABI 4, "Section Header"). */
function sectionAt(view: DataView, index: number): NamelessSection {
  const field = (offset: number) => view.getUint32(index * SECTION_HEADER_SIZE + offset, true);
  const type = field(4);
  return {
    index,
    nameOffset: field(0),
    type,
    flags: field(8),
    virtualAddress: field(12),
    offset: field(16),
    size: field(20),
    fileSize: type === SHT.NULL || type === SHT.NOBITS ? 0 : field(20),
    link: field(24),
    info: field(28),
    entrySize: field(36),
  };
}

function sectionNames(
  bytes: Uint8Array,
  sections: readonly NamelessSection[],
  index: number,
): StringTable {
  const section = sections[index];
  if (section?.type !== SHT.STRTAB) {
    throw new ElfError(`The ELF header's e_shstrndx is ${index}, which is no string table.`);
  }
  const label = 'the table of section names';
  return new StringTable(slice(bytes, section.offset, section.fileSize, label), label);
}

/** The program headers (gABI 5, "Program Header"). */
function readSegments(
  bytes: Uint8Array,
  header: Header,
  nullSection: NamelessSection | undefined,
): Segment[] {
  if (header.segmentTable === 0 || header.segmentCount === 0) {
    return [];
  }
  expectField('e_phentsize', header.segmentSize, SEGMENT_HEADER_SIZE, 'a program header');
  const isCountElsewhere = header.segmentCount === PN_XNUM && nullSection !== undefined;
  const count = isCountElsewhere ? nullSection.info : header.segmentCount;
  const size = count * SEGMENT_HEADER_SIZE;
  const view = viewOf(slice(bytes, header.segmentTable, size, 'the program header table'));
  return Array.from({ length: count }, (_, index) => segmentAt(view, index));
}

function segmentAt(view: DataView, index: number): Segment {
  const field = (offset: number) => view.getUint32(index * SEGMENT_HEADER_SIZE + offset, true);
  const segment: Segment = {
    label: `segment ${index}`,
    type: field(0),
    offset: field(4),
    virtualAddress: field(8),
    physicalAddress: field(12),
    fileSize: field(16),
    memorySize: field(20),
    flags: field(24),
  };
  if (segment.type === PT.LOAD && segment.fileSize > segment.memorySize) {
    const { fileSize, memorySize } = segment;
    throw new ElfError(`Segment ${index} has ${fileSize} bytes for ${memorySize} of memory.`);
  }
  return segment;
}

function readSymbols(file: ElfFile, table: Section): ElfSymbol[] {
  if (table.entrySize !== SYMBOL_SIZE) {
    throw new ElfError(
      `The symbol table, ${table.label}, has entries of ${table.entrySize} bytes, not ${SYMBOL_SIZE}.`,
    );
  }
  const view = viewOf(contentsOf(file, table));
  const names = symbolNames(file, table);
  const places = extendedPlaces(file, table);
  const count = Math.floor(view.byteLength / SYMBOL_SIZE);
  return Array.from({ length: count }, (_, index) => {
    const start = index * SYMBOL_SIZE;
    const info = view.getUint8(start + 12);
    const label = `Symbol ${index} of ${table.label}`;
    return {
      name: names.at(view.getUint32(start, true), label),
      value: view.getUint32(start + 4, true),
      size: view.getUint32(start + 8, true),
      binding: info >> 4,
      type: info & 15,
      place: placeOf(file, view.getUint16(start + 14, true), () => places(index), label),
    };
  });
}

function symbolNames(file: ElfFile, table: Section): StringTable {
  const section = file.sections[table.link];
  if (section?.type !== SHT.STRTAB) {
    throw new ElfError(
      `The symbol table, ${table.label}, names section ${table.link} as its string table, which is none.`,
    );
  }
  return new StringTable(contentsOf(file, section), section.label);
}

/** Section numbers too large for a symbol's 16 bits, by symbol (gABI 4, `SHT_SYMTAB_SHNDX`). */
function extendedPlaces(file: ElfFile, table: Section): (symbol: number) => number | undefined {
  const section = file.sections.find(
    ({ type, link }) => type === SHT.SYMTAB_SHNDX && link === table.index,
  );
  if (section === undefined) {
    return () => undefined;
  }
  const view = viewOf(contentsOf(file, section));
  const count = Math.floor(view.byteLength / 4);
  return (symbol) => (symbol < count ? view.getUint32(symbol * 4, true) : undefined);
}

function placeOf(
  file: ElfFile,
  number: number,
  extended: () => number | undefined,
  label: string,
): ElfSymbol['place'] {
  switch (number) {
    case SHN.UNDEF:
      return 'undefined';
    case SHN.ABS:
      return 'absolute';
    case SHN.COMMON:
      return 'common';
  }
  if (number >= SHN.LORESERVE && number !== SHN.XINDEX) {
    return 'reserved';
  }
  const index = number === SHN.XINDEX ? extended() : number;
  const section = index === undefined ? undefined : file.sections[index];
  if (section === undefined) {
    throw new ElfError(`${label} lies in section ${index ?? 'SHN_XINDEX'}, which is not there.`);
  }
  return section;
}

/**
 * Names by their offset (gABI 4, "String Table").
 *
 * Linkers let names share their ends, and a hostile file could let each byte start a name as long
 * as the file. So all names of a table together may not be longer than a few times the table.
 */
class StringTable {
  readonly #bytes: Uint8Array;
  readonly #label: string;
  /** Offset 0 is no name, in an empty table too. */
  readonly #names = new Map([[0, '']]);
  #budget: number;

  constructor(bytes: Uint8Array, label: string) {
    this.#bytes = bytes;
    this.#label = label;
    this.#budget = 8 * bytes.length;
  }

  /** The name at an offset; `owner` is whom a complaint is about. */
  at(offset: number, owner: string): string {
    const known = this.#names.get(offset);
    if (known !== undefined) {
      return known;
    }
    const name = this.#read(offset, owner);
    this.#names.set(offset, name);
    return name;
  }

  #read(offset: number, owner: string): string {
    const end = this.#bytes.indexOf(0, offset);
    if (offset >= this.#bytes.length || end === -1) {
      throw new ElfError(`${owner} has its name at ${offset}, outside ${this.#label}.`);
    }
    this.#budget -= end - offset;
    if (this.#budget < 0) {
      throw new ElfError(`The names in ${this.#label} overlap too much to be names.`);
    }
    return textOf(this.#bytes.subarray(offset, end));
  }
}

/** UTF-8 where it is that, else a character a byte. */
function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  return bytes.some((byte) => byte >= 0x80) ? fromUtf8(text) : text;
}

function fromUtf8(text: string): string {
  const escaped = Array.from(text, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  try {
    return decodeURIComponent(escaped.join(''));
  } catch {
    return text;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function slice(bytes: Uint8Array, offset: number, size: number, label: string): Uint8Array {
  if (offset + size > bytes.length) {
    throw new ElfError(
      `${capitalised(label)} should be ${size} bytes at ${offset}, but the file has ${bytes.length}.`,
    );
  }
  return bytes.subarray(offset, offset + size);
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
