/**
 * The page tables that a domain starts with.
 *
 * They map one region of virtual addresses, which holds the tables themselves; so how many there
 * are and how far the region reaches depend on each other.
 */

import { type Builder, LEVEL_1_FLAGS, LEVEL_2_FLAGS, PTE } from './builders.ts';

export const TABLE_FORMATS = ['two-level', 'pae'] as const;

/** Entries of 4 bytes in two levels, or of 8 in three. */
export type TableFormat = (typeof TABLE_FORMATS)[number];

/** An entry's target is a pseudo-physical page: who writes it puts the machine frame there. */
export interface TableEntry {
  readonly index: number;
  readonly pfn: number;
  readonly flags: number;
}

export interface PageTable {
  readonly pfn: number;

  /** 1 maps pages; the highest is the one that CR3 points to. */
  readonly level: 1 | 2 | 3;

  /** In ascending order of index; the others are 0. */
  readonly entries: readonly TableEntry[];
}

/** How many tables of each level a region needs. */
export interface TableCount {
  readonly level1: number;
  readonly level2: number;
  readonly total: number;
}

const PAGE_SIZE = 4096;
const GIGABYTE = 0x4000_0000;

/** Which part of the address space a table of level 1 maps, by format. */
const level1Reach: Readonly<Record<TableFormat, number>> = {
  'two-level': 0x40_0000,
  pae: 0x20_0000,
};

/** Xen's own entries are in the last quarter of the address space. */
const LAST_SLOT = 3;

export interface TableStyle {
  readonly format: TableFormat;
  readonly builder: Builder;
}

/** A region of virtual addresses from `start` to before `end`, both multiples of the page size. */
export interface MappedRegion {
  readonly start: number;
  readonly end: number;
}

/** The tables for a region, however it is filled. */
export function countTables(region: MappedRegion, style: TableStyle): TableCount {
  const reach = level1Reach[style.format];
  const level1 = Math.ceil(region.end / reach) - Math.floor(region.start / reach);
  const level2 = style.format === 'pae' ? slotsOf(region, style.builder).length : 0;
  return { level1, level2, total: 1 + level2 + level1 };
}

/**
 * The tables with what is in them, top level first, then level 2, then level 1.
 *
 * Pseudo-physical pages follow the region from 0 on; the tables lie from `firstTable` on.
 */
export function initialTables(
  region: MappedRegion,
  style: TableStyle,
  firstTable: number,
  areTablesReadOnly: boolean,
): PageTable[] {
  const { format, builder } = style;
  const { level2, total } = countTables(region, style);
  const firstLevel1 = firstTable + 1 + level2;
  const isTable = (pfn: number) => pfn >= firstTable && pfn < firstTable + total;
  const flagsOf = (pfn: number) =>
    areTablesReadOnly && isTable(pfn) ? LEVEL_1_FLAGS & ~PTE.WRITABLE : LEVEL_1_FLAGS;
  const level1 = level1Tables(region, level1Reach[format], firstLevel1, flagsOf);
  const directory = level1.map(({ start, pfn }) => ({
    slot: Math.floor(start / GIGABYTE),
    entry: { index: (start % GIGABYTE) / level1Reach.pae, pfn, flags: LEVEL_2_FLAGS },
  }));
  const leaves: PageTable[] = level1.map(({ pfn, entries }) => ({ pfn, level: 1, entries }));
  if (format === 'two-level') {
    const entries = level1.map(({ start, pfn }) => ({
      index: start / level1Reach['two-level'],
      pfn,
      flags: LEVEL_2_FLAGS,
    }));
    return [{ pfn: firstTable, level: 2, entries }, ...leaves];
  }
  const slots = slotsOf(region, builder);
  const middle: PageTable[] = slots.map((slot, index) => ({
    pfn: firstTable + 1 + index,
    level: 2,
    entries: directory.filter((place) => place.slot === slot).map(({ entry }) => entry),
  }));
  const top = slots.map((slot, index) => ({
    index: slot,
    pfn: firstTable + 1 + index,
    flags: builder.level3Flags,
  }));
  return [{ pfn: firstTable, level: 3, entries: top }, ...middle, ...leaves];
}

/** The gigabytes that have a PAE level 2 table. */
function slotsOf({ start, end }: MappedRegion, builder: Builder): number[] {
  const first = Math.floor(start / GIGABYTE);
  const last = Math.floor((end - 1) / GIGABYTE);
  return [0, 1, 2, LAST_SLOT].filter(
    (slot) =>
      slot === LAST_SLOT ||
      (slot >= first && (slot <= last || builder.level2Tables === 'from base')),
  );
}

/** Level 1 tables with the address from which on each maps. */
function level1Tables(
  { start, end }: MappedRegion,
  reach: number,
  firstTable: number,
  flagsOf: (pfn: number) => number,
) {
  const base = Math.floor(start / reach) * reach;
  const count = Math.ceil((end - base) / reach);
  return Array.from({ length: count }, (_, table) => {
    const from = base + table * reach;
    const first = Math.max(from, start);
    const last = Math.min(from + reach, end);
    const entries = Array.from({ length: (last - first) / PAGE_SIZE }, (__, page) => {
      const pfn = (first - start) / PAGE_SIZE + page;
      return { index: (first - from) / PAGE_SIZE + page, pfn, flags: flagsOf(pfn) };
    });
    return { start: from, pfn: firstTable + table, entries };
  });
}
