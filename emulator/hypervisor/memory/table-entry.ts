/** Entries of a guest's page tables as two words, where they are, and who changes them. */

import type { EntryMask } from './memory-rules.ts';
import { ENTRY, isPresent, readHigh, TABLE_SHAPES, writeEntry } from './page-table-entry.ts';
import type { PageTypes } from './page-types.ts';
import type { PagedDomain } from './paged-domain.ts';

/** A 64-bit value, or an entry of a page table. */
export interface EntryWords {
  readonly low: number;
  readonly high: number;
}

/** Who an update is for. */
export interface UpdateScope {
  /** Whose page tables. */
  readonly domain: PagedDomain;
  /** Number of the domain whose frames level-1 entries may name. */
  readonly frameOwner: number;
  /** Whether accessed and dirty bits of the old entry are kept. */
  readonly preservesAccessed: boolean;
}

/** Where an entry of a level-1 table is. */
export interface EntryPlace {
  /** The table's frame. */
  readonly table: number;
  /** Physical address of the entry. */
  readonly address: number;
}

/** The entry at a place; its high word is 0 in two-level tables. */
export function read(types: PageTypes, domain: PagedDomain, place: EntryPlace): EntryWords {
  const { ram } = types.frames;
  const low = ram.read32(place.address);
  return { low, high: readHigh(ram, TABLE_SHAPES[domain.format], place.address) };
}

/** Writes an entry, unchecked. */
export function write(
  types: PageTypes,
  domain: PagedDomain,
  place: EntryPlace,
  entry: EntryWords,
): void {
  const { ram } = types.frames;
  writeEntry(ram, TABLE_SHAPES[domain.format], place.address, entry.low, entry.high);
}

/** An entry with the accessed and dirty bits that the old one has. */
export const withAccessed = (entry: EntryWords, old: EntryWords): EntryWords => ({
  low: entry.low | (old.low & (ENTRY.accessed | ENTRY.dirty)),
  high: entry.high,
});

/** Whether two entries name the same frame and agree in the flags of the mask. */
export function isSimilar(
  a: EntryWords,
  b: EntryWords,
  mask: EntryMask,
  frameHighMask: number,
): boolean {
  const low = (a.low ^ b.low) & (0xffff_f000 | mask.low);
  const high = (a.high ^ b.high) & (frameHighMask | mask.high);
  return low === 0 && high === 0 && isPresent(a.low);
}
