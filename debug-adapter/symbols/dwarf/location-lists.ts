/**
 * Location lists: where a variable is, by the address of the instruction.
 *
 * Source: DWARF 5, 2.6.2 and 7.7.3; the older lists, DWARF 4, 2.6.2.
 */

import type { Die } from './die.ts';
import { AT, LLE } from './numbers.ts';
import { baseAddress } from './ranges.ts';
import { SectionReader } from './section-reader.ts';
import type { Unit } from './units.ts';

const BASE_SELECTION = 0xffff_ffff;

/**
 * The expression that holds at an address, from an attribute that has one for all addresses or a
 * list. `undefined` where the list says nothing, or the entry has no such attribute.
 */
export function expressionAt(die: Die, attribute: number, pc: number): Uint8Array | undefined {
  const value = die.value(attribute);
  if (value?.kind === 'block') {
    return value.bytes;
  }
  const { unit } = die;
  if (value?.kind === 'list index') {
    return fromNewList(unit, listOffset(unit, value.value), pc);
  }
  const offset = die.sectionOffset(attribute);
  if (offset === undefined) {
    return undefined;
  }
  return unit.version >= 5 ? fromNewList(unit, offset, pc) : fromOldList(unit, offset, pc);
}

function listOffset(unit: Unit, index: number): number {
  const base = unit.root.sectionOffset(AT.loclists_base) ?? 0;
  const table = new SectionReader(unit.sections.get('.debug_loclists'), base);
  table.skip(index * unit.offsetSize);
  return base + table.offset(unit.offsetSize);
}

function fromOldList(unit: Unit, offset: number, pc: number): Uint8Array | undefined {
  const reader = new SectionReader(unit.sections.get('.debug_loc'), offset);
  let base = baseAddress(unit);
  for (;;) {
    const start = reader.u32();
    const end = reader.u32();
    if (start === 0 && end === 0) {
      return undefined;
    }
    if (start === BASE_SELECTION) {
      base = end;
      continue;
    }
    const expression = reader.take(reader.u16());
    if (pc >= base + start && pc < base + end) {
      return expression;
    }
  }
}

/** The addresses of one entry of a list; `undefined` for one that has no expression. */
interface Bounds {
  readonly start: number;
  readonly end: number;
}

function fromNewList(unit: Unit, offset: number, pc: number): Uint8Array | undefined {
  const reader = new SectionReader(unit.sections.get('.debug_loclists'), offset);
  let base = baseAddress(unit);
  let otherwise: Uint8Array | undefined;
  for (;;) {
    const kind = reader.u8();
    switch (kind) {
      case LLE.end_of_list:
        return otherwise;
      case LLE.base_addressx:
        base = unit.indexedAddress(reader.uleb());
        break;
      case LLE.base_address:
        base = reader.u32();
        break;
      case LLE.view_pair:
        reader.skipLeb();
        reader.skipLeb();
        break;
      case LLE.default_location:
        otherwise = reader.take(reader.uleb());
        break;
      default: {
        const { start, end } = boundsOf(reader, kind, unit, base);
        const expression = reader.take(reader.uleb());
        if (pc >= start && pc < end) {
          return expression;
        }
      }
    }
  }
}

function boundsOf(reader: SectionReader, kind: number, unit: Unit, base: number): Bounds {
  const lengthFrom = (start: number): Bounds => ({ start, end: start + reader.uleb() });
  switch (kind) {
    case LLE.startx_endx: {
      const start = unit.indexedAddress(reader.uleb());
      return { start, end: unit.indexedAddress(reader.uleb()) };
    }
    case LLE.startx_length:
      return lengthFrom(unit.indexedAddress(reader.uleb()));
    case LLE.offset_pair: {
      const start = base + reader.uleb();
      return { start, end: base + reader.uleb() };
    }
    case LLE.start_end:
      return { start: reader.u32(), end: reader.u32() };
    case LLE.start_length:
      return lengthFrom(reader.u32());
    default:
      throw reader.error(`has a location of kind ${kind}, which is not known`);
  }
}
