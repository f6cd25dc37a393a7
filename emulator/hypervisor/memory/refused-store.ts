/**
 * Stores of a guest to its level-1 tables, which are mapped read-only, as updates of entries ("writable
 * page tables"). Xen: pv/ro-page-fault.c.
 */

import { FRAME_TYPE } from './frame-types.ts';
import { ENTRY, frameOf, isPresent, TABLE_SHAPES } from './page-table-entry.ts';
import { findL1Entry } from './page-table-update.ts';
import type { PageTypes } from './page-types.ts';
import type { PagedDomain } from './paged-domain.ts';
import { type EntryPlace, type EntryWords, read, write } from './table-entry.ts';

const PAGE = 4096;

/** What a store to a page that is mapped read-only became. */
export type StoreOutcome =
  /** The entry was checked and written. */
  | 'done'
  /** A compare and exchange met another value, and wrote nothing. */
  | 'mismatch'
  /** No page table, or an entry that may not be: the guest gets its page fault. */
  | 'unhandled';

/** A store that the processor refused because the page is mapped read-only. */
export interface RefusedStore {
  readonly linear: number;
  readonly bytes: number;
  readonly value: EntryWords;
  /** Of a compare and exchange: what must be there. */
  readonly expected?: EntryWords;
}

/**
 * The frame of a live level-1 table of the domain's that is mapped read-only at a linear address, if
 * there is one: stores to it can be carried out.
 */
export function readOnlyTableAt(
  types: PageTypes,
  domain: PagedDomain,
  baseFrame: number,
  linear: number,
): number | undefined {
  const { frames } = types;
  const mapping = findL1Entry(types, domain, baseFrame, linear);
  if (mapping === undefined || domain.model === 'translated') {
    return undefined;
  }
  const leaf = read(types, domain, mapping);
  const table = frameOf(leaf.low, leaf.high, domain.rules.frameHighMask);
  const isReadOnly = (leaf.low & (ENTRY.present | ENTRY.writable)) === ENTRY.present;
  return isReadOnly && frames.owner[table] === domain.id && frames.isLive(table, FRAME_TYPE.l1)
    ? table
    : undefined;
}

/**
 * Carries out a store to a live level-1 table through its read-only mapping, as the update of an entry
 * ("writable page tables"). Stores to anything else are not for us.
 */
export function emulateStore(
  types: PageTypes,
  domain: PagedDomain,
  baseFrame: number,
  store: RefusedStore,
): StoreOutcome {
  const { linear, bytes } = store;
  const shape = TABLE_SHAPES[domain.format];
  const table = readOnlyTableAt(types, domain, baseFrame, linear);
  if (table === undefined || !isNatural(linear, bytes) || bytes > shape.entrySize) {
    return 'unhandled';
  }
  const inPage = linear % PAGE;
  const place = { table, address: table * PAGE + inPage - (inPage % shape.entrySize) };
  const old = read(types, domain, place);
  const shift = inPage % shape.entrySize;
  if (store.expected !== undefined && !isSame(old, insert(old, store.expected, shift, bytes))) {
    return 'mismatch';
  }
  const entry = insert(old, store.value, shift, bytes);
  return storeEntry(types, domain, place, old, entry, isUpperHalf(store, shift))
    ? 'done'
    : 'unhandled';
}

/** A plain store of the upper word of a PAE entry. */
const isUpperHalf = (store: RefusedStore, shift: number): boolean =>
  store.bytes === 4 && shift === 4 && store.expected === undefined;

function storeEntry(
  types: PageTypes,
  domain: PagedDomain,
  place: EntryPlace,
  old: EntryWords,
  entry: EntryWords,
  isUpper: boolean,
): boolean {
  let next = entry;
  if (isPresent(entry.low)) {
    const answer = types.getFromL1(entry.low, entry.high, domain, domain.id);
    if (answer !== 0 && !isUpper) {
      return false;
    }
    if (answer !== 0) {
      // The guest writes the two words in the wrong order: the lower one will follow.
      next = { low: entry.low & ~ENTRY.present, high: entry.high };
    }
  }
  write(types, domain, place, next);
  types.putFromL1(old.low, old.high, domain);
  return true;
}

/** The old bytes with some of them replaced. @param shift in bytes from the least significant one */
function insert(old: EntryWords, value: EntryWords, shift: number, bytes: number): EntryWords {
  if (bytes === 8) {
    return value;
  }
  if (bytes === 4) {
    return shift === 4 ? { low: old.low, high: value.low } : { low: value.low, high: old.high };
  }
  const bits = (shift % 4) * 8;
  const mask = (bytes === 1 ? 0xff : 0xffff) << bits;
  const merge = (word: number) => ((word & ~mask) | ((value.low << bits) & mask)) >>> 0;
  return shift >= 4
    ? { low: old.low, high: merge(old.high) }
    : { low: merge(old.low), high: old.high };
}

const isSame = (a: EntryWords, b: EntryWords): boolean =>
  (a.low ^ b.low) === 0 && (a.high ^ b.high) === 0;

/** Whether a store has one of the sizes that are stored at once, and is aligned to it. */
const isNatural = (linear: number, bytes: number): boolean =>
  bytes > 0 && (bytes & (bytes - 1)) === 0 && linear % bytes === 0;
