/**
 * Call frame information: for each run of code, how a frame's registers are found again.
 *
 * Two sections hold it, nearly in one format: `.debug_frame` is for debuggers alone, `.eh_frame` is
 * loaded with the program. An entry (FDE) covers a run of code and refers to what it has in common
 * with others (CIE).
 *
 * Source: DWARF 5, 6.4.1; Linux Standard Base, "Exception Frames".
 */

import type { DebugSections } from './debug-sections.ts';
import type { Problems } from './dwarf-error.ts';
import { SectionReader } from './section-reader.ts';

/** What entries have in common. */
export interface CommonEntry {
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  readonly returnRegister: number;
  readonly isSignalFrame: boolean;
  /** How addresses are written in `.eh_frame`, `DW_EH_PE`. */
  readonly pointerEncoding: number;
  readonly hasAugmentationLength: boolean;
  /** The first instructions of all its entries. */
  readonly instructions: SectionReader;
}

export interface FrameEntry {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly common: CommonEntry;
  readonly instructions: SectionReader;
}

/** Pointers of `.eh_frame`: how long (low four bits) and from where (next three). */
const EH_PE = {
  absptr: 0x00,
  uleb128: 0x01,
  udata2: 0x02,
  udata4: 0x03,
  udata8: 0x04,
  sleb128: 0x09,
  sdata2: 0x0a,
  sdata4: 0x0b,
  sdata8: 0x0c,
  pcrel: 0x10,
  omit: 0xff,
} as const;

const DEBUG_FRAME_CIE = 0xffff_ffff;
/** As a reader of 64 bits rounds it. */
const DEBUG_FRAME_CIE_64 = 2 ** 64;

type FrameSection = '.debug_frame' | '.eh_frame';

/** The entries of one section, by address. */
export class FrameEntries {
  readonly #sections: DebugSections;
  readonly #problems: Problems;
  readonly #name: FrameSection;
  readonly #common = new Map<number, CommonEntry>();
  #entries: readonly FrameEntry[] | undefined;

  constructor(sections: DebugSections, problems: Problems, name: FrameSection) {
    this.#sections = sections;
    this.#problems = problems;
    this.#name = name;
  }

  /** The entry that covers an address. */
  at(address: number): FrameEntry | undefined {
    this.#entries ??= this.#read();
    const entries = this.#entries;
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (entries[middle]!.start <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const found = entries[low - 1];
    return found !== undefined && address < found.end ? found : undefined;
  }

  #read(): readonly FrameEntry[] {
    const section = this.#sections.get(this.#name);
    const reader = new SectionReader(section);
    const entries: FrameEntry[] = [];
    while (!reader.isAtEnd) {
      const end = this.#problems.guard(() => this.#readOne(reader, entries), undefined);
      if (end === undefined) {
        break;
      }
      reader.position = end;
    }
    return entries.filter(({ start, end }) => start < end).sort((a, b) => a.start - b.start);
  }

  /** Answers where the next entry starts; `undefined` after the last. */
  #readOne(reader: SectionReader, entries: FrameEntry[]): number | undefined {
    const start = reader.position;
    const { length, offsetSize } = reader.initialLength();
    const end = reader.position + length;
    if (end > reader.end) {
      throw reader.error(`has a frame entry of ${length} bytes, more than there are`, start);
    }
    if (length === 0) {
      // In .eh_frame, the end; elsewhere, padding.
      return this.#name === '.eh_frame' ? undefined : end;
    }
    this.#problems.guard(() => {
      const own = new SectionReader(reader.section, reader.position, end);
      const idPosition = own.position;
      const id = own.offset(offsetSize);
      const common = this.#commonOf(id, idPosition, offsetSize);
      if (common !== undefined) {
        entries.push(this.#entry(own, common));
      }
    }, undefined);
    return end;
  }

  /** `undefined` for an entry that is itself a CIE. */
  #commonOf(id: number, position: number, offsetSize: 4 | 8): CommonEntry | undefined {
    if (this.#name === '.eh_frame') {
      return id === 0 ? undefined : this.#commonAt(position - id);
    }
    const isCommon = id === (offsetSize === 4 ? DEBUG_FRAME_CIE : DEBUG_FRAME_CIE_64);
    return isCommon ? undefined : this.#commonAt(id);
  }

  #commonAt(offset: number): CommonEntry {
    let common = this.#common.get(offset);
    if (common === undefined) {
      common = this.#readCommon(offset);
      this.#common.set(offset, common);
    }
    return common;
  }

  #readCommon(offset: number): CommonEntry {
    const outer = new SectionReader(this.#sections.get(this.#name), Math.max(0, offset));
    const { length, offsetSize } = outer.initialLength();
    const reader = new SectionReader(outer.section, outer.position, outer.position + length);
    reader.skip(offsetSize);
    const version = reader.u8();
    const augmentation = reader.text();
    if (version >= 4) {
      reader.skip(2);
    }
    if (augmentation === 'eh') {
      // What gcc 2 wrote there: a pointer to its own tables.
      reader.skip(4);
    }
    const codeAlignment = reader.uleb();
    const dataAlignment = reader.sleb();
    const returnRegister = version === 1 ? reader.u8() : reader.uleb();
    const hasAugmentationLength = augmentation.startsWith('z');
    const extra = this.#augmentation(reader, augmentation);
    return {
      codeAlignment,
      dataAlignment,
      returnRegister,
      hasAugmentationLength,
      ...extra,
      instructions: reader,
    };
  }

  #augmentation(
    reader: SectionReader,
    augmentation: string,
  ): Pick<CommonEntry, 'isSignalFrame' | 'pointerEncoding'> {
    const isSignalFrame = augmentation.includes('S');
    if (!augmentation.startsWith('z')) {
      return { isSignalFrame, pointerEncoding: EH_PE.absptr };
    }
    const length = reader.uleb();
    const data = new SectionReader(reader.section, reader.position, reader.position + length);
    reader.skip(length);
    let pointerEncoding: number = EH_PE.absptr;
    for (const letter of augmentation.slice(1)) {
      if (letter === 'R') {
        pointerEncoding = data.u8();
      } else if (letter === 'L') {
        data.skip(1);
      } else if (letter === 'P') {
        this.#pointer(data, data.u8());
      }
    }
    return { isSignalFrame, pointerEncoding };
  }

  #entry(reader: SectionReader, common: CommonEntry): FrameEntry {
    const encoding = common.pointerEncoding;
    const start = this.#pointer(reader, encoding);
    // A length is written like an address, but from nowhere.
    const length = this.#pointer(reader, encoding & 0x0f);
    if (common.hasAugmentationLength) {
      const size = reader.uleb();
      reader.skip(size);
    }
    return { start, end: start + length, common, instructions: reader };
  }

  #pointer(reader: SectionReader, encoding: number): number {
    const { position } = reader;
    if (encoding === EH_PE.omit) {
      return 0;
    }
    const value = encodedNumber(reader, encoding & 0x0f);
    const isRelative = (encoding & 0x70) === EH_PE.pcrel;
    return (value + (isRelative ? this.#sections.addressOf(this.#name) + position : 0)) >>> 0;
  }
}

function encodedNumber(reader: SectionReader, format: number): number {
  switch (format) {
    case EH_PE.absptr:
    case EH_PE.udata4:
    case EH_PE.sdata4:
      return reader.u32();
    case EH_PE.uleb128:
      return reader.uleb();
    case EH_PE.sleb128:
      return reader.sleb();
    case EH_PE.udata2:
      return reader.u16();
    case EH_PE.sdata2:
      return (reader.u16() << 16) >> 16;
    case EH_PE.udata8:
    case EH_PE.sdata8:
      return reader.u64();
    default:
      throw reader.error(
        `has a pointer written in way 0x${format.toString(16)}, which is not known`,
      );
  }
}
