/**
 * Entries of page tables in both i386 formats: what their bits mean, and how they lie in RAM.
 *
 * An entry is two words, low and high; in the two-level format the high word is always 0. Hot enough
 * (validation reads a thousand entries a page) to be passed as two numbers, never as an object.
 */

import { HYPERVISOR_VIRT_START } from '../../abi/arch-x86-32.ts';
import type { Ram } from '../../memory/ram.ts';

export type TableFormat = 'two-level' | 'pae';

/** Bits of an entry's low word (SDM 3A §4.3, §4.4). */
export const ENTRY = {
  present: 1,
  writable: 2,
  user: 4,
  writeThrough: 8,
  cacheDisable: 0x10,
  accessed: 0x20,
  dirty: 0x40,
  /** PSE in a directory, PAT in a table. */
  large: 0x80,
  global: 0x100,
  /** Free for the operating system. */
  available: 0xe00,
} as const;

/** Bit 63 of a PAE entry, as a bit of its high word. */
export const NO_EXECUTE = 0x8000_0000;

/** Where the parts of a table format lie. */
export interface TableShape {
  /** Bytes of an entry. */
  readonly entrySize: 4 | 8;
  /** Entries of a page of any level. */
  readonly entries: 512 | 1024;
  /** Level of the page that CR3 names. */
  readonly rootLevel: 2 | 3;
  /** Bits of a linear address below a level-2 index. */
  readonly directoryShift: 21 | 22;
  /** First level-2 index of the hypervisor's part, in the last level-2 page. */
  readonly firstXenSlot: number;
  /** HYPERVISOR_VIRT_START of the public arch-x86_32.h. */
  readonly hypervisorStart: number;
}

export const TABLE_SHAPES: Readonly<Record<TableFormat, TableShape>> = {
  'two-level': {
    entrySize: 4,
    entries: 1024,
    rootLevel: 2,
    directoryShift: 22,
    firstXenSlot: 1008,
    hypervisorStart: HYPERVISOR_VIRT_START.nonPae,
  },
  pae: {
    entrySize: 8,
    entries: 512,
    rootLevel: 3,
    directoryShift: 21,
    firstXenSlot: 428,
    hypervisorStart: HYPERVISOR_VIRT_START.pae,
  },
};

/** Entries of a PAE root that the processor reads; the other 508 lie idle. */
export const POINTER_ENTRIES = 4;

/** The frame that an entry names. @param highMask bits of the high word that belong to the frame */
export const frameOf = (low: number, high: number, highMask: number): number =>
  ((high & highMask) >>> 0) * 0x10_0000 + (low >>> 12);

export const isPresent = (low: number): boolean => (low & ENTRY.present) !== 0;

/** The high word of the entry at a physical address. */
export const readHigh = (ram: Ram, shape: TableShape, address: number): number =>
  shape.entrySize === 8 ? ram.read32(address + 4) : 0;

export function writeEntry(
  ram: Ram,
  shape: TableShape,
  address: number,
  low: number,
  high: number,
): void {
  ram.write32(address, low >>> 0);
  if (shape.entrySize === 8) {
    ram.write32(address + 4, high >>> 0);
  }
}
