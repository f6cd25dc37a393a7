/**
 * Mappings of granted frames in a direct domain's page tables. Xen: pv/grant_table.c.
 *
 * References to a granted frame are the caller's: it takes a reference, and for a writable mapping the
 * type, before it makes the mapping, and gives them back after it destroyed it. In between they
 * belong to the entry, so a guest that clears the entry by ordinary means gives them back itself.
 */

import { FRAME_TYPE } from './frame-types.ts';
import { ENTRY, frameOf, isPresent, TABLE_SHAPES } from './page-table-entry.ts';
import { findL1Entry } from './page-table-update.ts';
import type { PageTypes } from './page-types.ts';
import type { PagedDomain } from './paged-domain.ts';
import { type EntryPlace, type EntryWords, read, write } from './table-entry.ts';

const PAGE = 4096;

/** Where a domain wants a granted frame: at a linear address, or in an entry at a machine address. */
export type MappingTarget =
  | { readonly kind: 'linear'; readonly linear: number }
  | { readonly kind: 'entry'; readonly address: number };

/**
 * Writes the entry, and gives back what the old one held, of which no translation is left. False
 * where there is no such entry.
 */
export function createGrantMapping(
  types: PageTypes,
  domain: PagedDomain,
  baseFrame: number,
  target: MappingTarget,
  entry: EntryWords,
): boolean {
  const place = placeOf(types, domain, baseFrame, target);
  if (place === undefined) {
    return false;
  }
  const old = read(types, domain, place);
  write(types, domain, place, entry);
  types.putFromL1(old.low, old.high, domain);
  if (isPresent(old.low)) {
    forget(types, target);
  }
  return true;
}

/**
 * Real Xen leaves this to the guest, but its way back to one reloads CR3, so that no guest ever sees
 * the old translation after such a call.
 */
function forget({ tlb }: PageTypes, target: MappingTarget): void {
  if (target.kind === 'linear') {
    tlb.flushPage(target.linear);
  } else {
    tlb.flushAll();
  }
}

/**
 * Clears the entry, if it still maps the frame with these rights; or, for unmap_and_replace, moves the
 * entry of another linear address there, which then maps nothing. True: the caller has the references
 * back. False: nothing of the grant changed.
 *
 * @param replacement linear address of the entry to move
 */
export function destroyGrantMapping(
  types: PageTypes,
  domain: PagedDomain,
  baseFrame: number,
  target: MappingTarget,
  granted: { readonly frame: number; readonly isWritable: boolean },
  replacement?: number,
): boolean {
  const isBadReplacement = replacement !== undefined && target.kind === 'entry';
  const place = placeOf(types, domain, baseFrame, target);
  if (place === undefined || isBadReplacement) {
    return false;
  }
  const source =
    replacement === undefined ? undefined : findL1Entry(types, domain, baseFrame, replacement);
  if (replacement !== undefined && source === undefined) {
    return false;
  }
  const moved = source === undefined ? { low: 0, high: 0 } : read(types, domain, source);
  if (source !== undefined) {
    write(types, domain, source, { low: 0, high: 0 });
  }
  types.tlb.flushAll();
  const old = read(types, domain, place);
  const isMapped =
    frameOf(old.low, old.high, domain.rules.frameHighMask) === granted.frame &&
    (old.low & ENTRY.present) !== 0 &&
    ((old.low & ENTRY.writable) !== 0) === granted.isWritable;
  if (!isMapped) {
    types.putFromL1(moved.low, moved.high, domain);
    return false;
  }
  write(types, domain, place, moved);
  return true;
}

function placeOf(
  types: PageTypes,
  domain: PagedDomain,
  baseFrame: number,
  target: MappingTarget,
): EntryPlace | undefined {
  if (target.kind === 'linear') {
    return findL1Entry(types, domain, baseFrame, target.linear);
  }
  const { frames } = types;
  const table = Math.floor(target.address / PAGE);
  const isAligned = target.address % TABLE_SHAPES[domain.format].entrySize === 0;
  return isAligned &&
    frames.isValid(table) &&
    frames.owner[table] === domain.id &&
    frames.isLive(table, FRAME_TYPE.l1)
    ? { table, address: target.address }
    : undefined;
}
