/**
 * The debug sections of a file by name, unpacked when they are asked for.
 *
 * Compilers pack them in two ways: `-gz` marks a section `SHF_COMPRESSED` and puts a header before its
 * contents (gABI 4, "Compression Header"); the older `-gz=zlib-gnu` calls it `.zdebug_…` and puts "ZLIB"
 * and the length before them.
 */

import { unzlibSync } from 'fflate';
import { contentsOf, ElfError, type ElfFile, type Section } from '../../../emulator/image/elf.ts';
import { DwarfError, type Problems } from './dwarf-error.ts';
import type { DebugSection } from './section-reader.ts';

export type SectionName =
  | '.debug_abbrev'
  | '.debug_addr'
  | '.debug_frame'
  | '.debug_info'
  | '.debug_line'
  | '.debug_line_str'
  | '.debug_loc'
  | '.debug_loclists'
  | '.debug_ranges'
  | '.debug_rnglists'
  | '.debug_str'
  | '.debug_str_offsets'
  | '.debug_types'
  | '.eh_frame';

const SHF_COMPRESSED = 0x800;
const COMPRESSION_HEADER_SIZE = 12;
const GNU_HEADER_SIZE = 12;
const ELFCOMPRESS_ZLIB = 1;

/** Deflate makes at most 1032 bytes of one. */
const MOST_EXPANSION = 1032;

/** Of one section; no kernel has more, and a small file may claim anything. */
const LARGEST_SECTION = 512 * 1024 * 1024;

/** Puts addresses into the contents of a section that a linker has yet to place. */
export type Relocate = (section: Section, bytes: Uint8Array) => Uint8Array;

export class DebugSections {
  readonly #file: ElfFile;
  readonly #problems: Problems;
  readonly #relocate: Relocate;
  readonly #sections = new Map<string, Section>();
  readonly #read = new Map<SectionName, DebugSection>();

  constructor(file: ElfFile, problems: Problems, relocate: Relocate = (_, bytes) => bytes) {
    this.#file = file;
    this.#problems = problems;
    this.#relocate = relocate;
    for (const section of file.sections) {
      const name = section.name.replace(/^\.zdebug_/, '.debug_');
      if (!this.#sections.has(name)) {
        this.#sections.set(name, section);
      }
    }
  }

  has(name: SectionName): boolean {
    return (this.#sections.get(name)?.fileSize ?? 0) > 0;
  }

  /** Where a section is in memory; 0 for one that is not loaded. */
  addressOf(name: SectionName): number {
    return this.#sections.get(name)?.virtualAddress ?? 0;
  }

  /** Empty when the file has no such section or it does not unpack, which is then noted. */
  get(name: SectionName): DebugSection {
    let section = this.#read.get(name);
    if (section === undefined) {
      const bytes = this.#problems.guard(() => this.#contentsOf(name), new Uint8Array(0));
      section = { name, bytes };
      this.#read.set(name, section);
    }
    return section;
  }

  #contentsOf(name: SectionName): Uint8Array {
    const section = this.#sections.get(name);
    if (section === undefined) {
      return new Uint8Array(0);
    }
    try {
      return this.#relocate(section, unpacked(section, contentsOf(this.#file, section)));
    } catch (error) {
      throw error instanceof ElfError ? new DwarfError(error.message) : error;
    }
  }
}

function unpacked(section: Section, bytes: Uint8Array): Uint8Array {
  if ((section.flags & SHF_COMPRESSED) !== 0) {
    return unpackedByHeader(section, bytes);
  }
  return section.name.startsWith('.zdebug_') ? unpackedByName(section, bytes) : bytes;
}

function unpackedByHeader({ label }: Section, bytes: Uint8Array): Uint8Array {
  if (bytes.length < COMPRESSION_HEADER_SIZE) {
    throw new DwarfError(`${capitalised(label)} is too short for its compression header.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint32(0, true);
  if (type !== ELFCOMPRESS_ZLIB) {
    throw new DwarfError(
      `${capitalised(label)} is compressed in way ${type}, and only zlib (1) is unpacked here: link with -gz=zlib or -gz=none.`,
    );
  }
  return inflated(label, bytes.subarray(COMPRESSION_HEADER_SIZE), view.getUint32(4, true));
}

function unpackedByName({ label }: Section, bytes: Uint8Array): Uint8Array {
  if (bytes.length < GNU_HEADER_SIZE || String.fromCharCode(...bytes.subarray(0, 4)) !== 'ZLIB') {
    throw new DwarfError(`${capitalised(label)} does not start with "ZLIB" and its length.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(4) * 2 ** 32 + view.getUint32(8);
  return inflated(label, bytes.subarray(GNU_HEADER_SIZE), size);
}

function inflated(label: string, bytes: Uint8Array, size: number): Uint8Array {
  if (size > LARGEST_SECTION || size > MOST_EXPANSION * bytes.length) {
    throw new DwarfError(
      `${capitalised(label)} cannot unpack to the ${size} bytes that it says, from ${bytes.length}.`,
    );
  }
  let content: Uint8Array;
  try {
    content = unzlibSync(bytes, { out: new Uint8Array(size) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DwarfError(`${capitalised(label)} is damaged: it does not unpack (${reason}).`);
  }
  if (content.length !== size) {
    throw new DwarfError(
      `${capitalised(label)} is damaged: it unpacks to ${content.length} bytes, not ${size}.`,
    );
  }
  return content;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
