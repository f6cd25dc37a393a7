/** Entries of page tables, decoded: their bits by the manual's letters, and the frames they name. */

import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import { guestDirectoryEntries } from '../../emulator/hypervisor/memory/domain-tables.ts';
import {
  ENTRY,
  frameOf,
  isPresent,
  NO_EXECUTE,
  POINTER_ENTRIES,
  readHigh,
  TABLE_SHAPES,
} from '../../emulator/hypervisor/memory/page-table-entry.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { EntryBits, TableData, TableEntryData, TableLevel } from './data/pages.ts';
import type { RowsWanted } from './data/rows.ts';
import { FrameReader, pseudoPhysicalFrame } from './frame-reader.ts';
import { rowsOf } from './row-selection.ts';

const PAGE = 4096;

export interface TableWanted {
  /** Machine frame of the table. */
  readonly frame: number;
  readonly level: TableLevel;
  /** First linear address that the table translates, if it is known. */
  readonly linear?: number;
  /** Leaves out entries that are not present. */
  readonly presentOnly?: boolean;
}

/** The entries of any frame, read as a table of a domain's format, whether it is one or not. */
export function tableEntries(
  machine: Machine,
  domain: Domain,
  { frame, level, linear, presentOnly = false, ...wanted }: TableWanted & RowsWanted,
): TableData {
  const reader = new FrameReader(machine);
  const table = reader.of(frame);
  const decoder = new EntryDecoder(machine, domain, reader);
  const start = level === decoder.rootLevel ? 0 : linear;
  const indices = Array.from({ length: table.isRam ? decoder.entries(level) : 0 }, (_, i) => i);
  const listed = presentOnly ? indices.filter((i) => decoder.isPresent(frame, i)) : indices;
  return {
    level,
    table,
    ...rowsOf(listed, wanted, (index) => decoder.decode(frame, level, index, start)),
  };
}

/** Decodes entries of the tables of one domain, at one moment. */
export class EntryDecoder {
  readonly #machine: Machine;
  readonly #domain: Domain;
  readonly #reader: FrameReader;

  constructor(machine: Machine, domain: Domain, reader: FrameReader) {
    this.#machine = machine;
    this.#domain = domain;
    this.#reader = reader;
  }

  get #shape() {
    return TABLE_SHAPES[this.#domain.format];
  }

  get rootLevel(): TableLevel {
    return this.#shape.rootLevel;
  }

  /** How many entries of a table the processor reads. */
  entries(level: TableLevel): number {
    return level === 3 ? POINTER_ENTRIES : this.#shape.entries;
  }

  isPresent(table: number, index: number): boolean {
    return isPresent(this.#machine.xen.ram.read32(this.#address(table, index)));
  }

  #address(table: number, index: number): number {
    return table * PAGE + index * this.#shape.entrySize;
  }

  /** @param start first linear address that the table translates */
  decode(table: number, level: TableLevel, index: number, start?: number): TableEntryData {
    const { ram } = this.#machine.xen;
    const address = this.#address(table, index);
    const low = ram.read32(address);
    const high = readHigh(ram, this.#shape, address);
    const bits = bitsOf(low, high);
    const isLarge = level === 2 && bits.PS_PAT;
    return {
      level,
      name: this.#nameOf(level),
      table,
      index,
      address,
      linear: start === undefined ? undefined : start + index * this.#span(level),
      value: this.#digits(low, high),
      bits,
      bitNames: bitNames(bits, level),
      ...(bits.P ? this.#target(low, high) : {}),
      isXen: this.#isXen(table, level, index),
      isLarge,
    };
  }

  #target(
    low: number,
    high: number,
  ): Pick<TableEntryData, 'frame' | 'machineFrame' | 'pseudoPhysicalFrame' | 'target'> {
    const frame = frameOf(low, high, this.#domain.rules.frameHighMask);
    const machineFrame = this.#domain.machineFrame(frame);
    if (machineFrame === undefined) {
      return { frame };
    }
    return {
      frame,
      machineFrame,
      pseudoPhysicalFrame: pseudoPhysicalFrame(this.#machine.xen, machineFrame),
      target: this.#reader.of(machineFrame),
    };
  }

  #nameOf(level: TableLevel): TableEntryData['name'] {
    if (level === 1) {
      return 'pte';
    }
    return level === this.rootLevel ? 'pgd' : 'pmd';
  }

  /** Bytes that an entry of a level translates. */
  #span(level: TableLevel): number {
    switch (level) {
      case 1:
        return PAGE;
      case 2:
        return 2 ** this.#shape.directoryShift;
      case 3:
        return 2 ** 30;
    }
  }

  #digits(low: number, high: number): string {
    const digits = (word: number): string => word.toString(16).padStart(8, '0');
    return this.#shape.entrySize === 8 ? `0x${digits(high)}${digits(low)}` : `0x${digits(low)}`;
  }

  /** Of a direct domain the hypervisor keeps the last entries of some level-2 tables for itself. */
  #isXen(table: number, level: TableLevel, index: number): boolean {
    const { frames } = this.#machine.xen;
    return (
      level === 2 &&
      !this.#domain.isTranslated &&
      index >= guestDirectoryEntries(this.#domain, frames.slot[table] ?? 0)
    );
  }
}

function bitsOf(low: number, high: number): EntryBits {
  const has = (bit: number): boolean => (low & bit) !== 0;
  return {
    P: has(ENTRY.present),
    RW: has(ENTRY.writable),
    US: has(ENTRY.user),
    PWT: has(ENTRY.writeThrough),
    PCD: has(ENTRY.cacheDisable),
    A: has(ENTRY.accessed),
    D: has(ENTRY.dirty),
    PS_PAT: has(ENTRY.large),
    G: has(ENTRY.global),
    NX: (high & NO_EXECUTE) !== 0,
    available: (low & ENTRY.available) >>> 9,
  };
}

function bitNames({ PS_PAT, available, ...bits }: EntryBits, level: TableLevel): readonly string[] {
  const names = Object.keys(bits).filter((name) => bits[name as keyof typeof bits]);
  const seventh = level === 1 ? 'PAT' : 'PS';
  return [...names, ...(PS_PAT ? [seventh] : []), ...(available === 0 ? [] : [`AVL=${available}`])];
}
