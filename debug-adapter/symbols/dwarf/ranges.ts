/**
 * Which addresses an entry is about: two attributes, or a list in a section of its own.
 *
 * Source: DWARF 5, 2.17 and 7.25; the older lists, DWARF 4, 2.17.3.
 */

import type { Die } from './die.ts';
import { AT, RLE } from './numbers.ts';
import { SectionReader } from './section-reader.ts';
import type { Unit } from './units.ts';

export interface AddressRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** Of an old list: the next entries count from another base. */
const BASE_SELECTION = 0xffff_ffff;

/** The addresses of an entry, in the order of the file; none for what has no code. */
export function rangesOf(die: Die): AddressRange[] {
  const list = die.value(AT.ranges);
  if (list !== undefined) {
    return listedRanges(die, list.kind === 'list index' ? list.value : undefined);
  }
  const start = die.address(AT.low_pc);
  const end = start === undefined ? undefined : highAddress(die, start);
  return start === undefined || end === undefined ? [] : keepProper([{ start, end }]);
}

/** `DW_AT_high_pc` is an address, or from DWARF 4 on the number of bytes. */
function highAddress(die: Die, start: number): number | undefined {
  const value = die.value(AT.high_pc);
  switch (value?.kind) {
    case 'address':
      return value.value;
    case 'constant':
      return start + Number(value.value);
    default:
      return undefined;
  }
}

export const contains = (ranges: readonly AddressRange[], address: number): boolean =>
  ranges.some(({ start, end }) => address >= start && address < end);

/** What is empty or runs backwards is left out: linkers leave such of code that they drop. */
function keepProper(ranges: readonly AddressRange[]): AddressRange[] {
  return ranges.filter(({ start, end }) => start < end && end <= 2 ** 32);
}

function listedRanges(die: Die, index: number | undefined): AddressRange[] {
  const { unit } = die;
  if (unit.version >= 5) {
    const offset = index === undefined ? die.sectionOffset(AT.ranges) : listOffset(unit, index);
    return offset === undefined ? [] : keepProper(newRanges(unit, offset));
  }
  const offset = die.sectionOffset(AT.ranges);
  return offset === undefined ? [] : keepProper(oldRanges(unit, offset));
}

/** Where a list is that a form names by its number. */
function listOffset(unit: Unit, index: number): number {
  const base = unit.root.sectionOffset(AT.rnglists_base) ?? 0;
  const table = new SectionReader(unit.sections.get('.debug_rnglists'), base);
  table.skip(index * unit.offsetSize);
  return base + table.offset(unit.offsetSize);
}

/** What the lists of a unit count from unless they say otherwise. */
export const baseAddress = (unit: Unit): number => unit.root.address(AT.low_pc) ?? 0;

function oldRanges(unit: Unit, offset: number): AddressRange[] {
  const reader = new SectionReader(unit.sections.get('.debug_ranges'), offset);
  const ranges: AddressRange[] = [];
  let base = baseAddress(unit);
  for (;;) {
    const start = reader.u32();
    const end = reader.u32();
    if (start === 0 && end === 0) {
      return ranges;
    }
    if (start === BASE_SELECTION) {
      base = end;
    } else {
      ranges.push({ start: base + start, end: base + end });
    }
  }
}

function newRanges(unit: Unit, offset: number): AddressRange[] {
  const reader = new SectionReader(unit.sections.get('.debug_rnglists'), offset);
  const ranges: AddressRange[] = [];
  const length = (start: number): AddressRange => ({ start, end: start + reader.uleb() });
  let base = baseAddress(unit);
  for (;;) {
    const kind = reader.u8();
    switch (kind) {
      case RLE.end_of_list:
        return ranges;
      case RLE.base_addressx:
        base = unit.indexedAddress(reader.uleb());
        break;
      case RLE.startx_endx: {
        const start = unit.indexedAddress(reader.uleb());
        ranges.push({ start, end: unit.indexedAddress(reader.uleb()) });
        break;
      }
      case RLE.startx_length:
        ranges.push(length(unit.indexedAddress(reader.uleb())));
        break;
      case RLE.offset_pair: {
        const start = base + reader.uleb();
        ranges.push({ start, end: base + reader.uleb() });
        break;
      }
      case RLE.base_address:
        base = reader.u32();
        break;
      case RLE.start_end:
        ranges.push({ start: reader.u32(), end: reader.u32() });
        break;
      case RLE.start_length:
        ranges.push(length(reader.u32()));
        break;
      default:
        throw reader.error(`has a range of kind ${kind}, which is not known`);
    }
  }
}
