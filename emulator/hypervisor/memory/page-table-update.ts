/**
 * Updates of page-table entries: by hypercall, by a store that the processor refused, and on behalf of
 * grants. Each checks the new entry, takes what it needs, writes it and gives back what the old one
 * held. Xen: mod_l*_entry() of x86/mm.c, pv/ro-page-fault.c, pv/grant_table.c.
 *
 * In a translated domain page tables are plain memory: entries hold the guest's own frame numbers
 * and an update is a store.
 */

import { ERRNO } from '../../abi/errno.ts';
import { guestDirectoryEntries, hasAny, refusal, XEN_SLOT } from './domain-tables.ts';
import { FRAME_TYPE } from './frame-types.ts';
import type { EntryMask } from './memory-rules.ts';
import {
  ENTRY,
  frameOf,
  isPresent,
  NO_EXECUTE,
  readHigh,
  TABLE_SHAPES,
  writeEntry,
} from './page-table-entry.ts';
import type { PageTypes } from './page-types.ts';
import { NO_FRAME, type PagedDomain } from './paged-domain.ts';

const PAGE = 4096;

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

/**
 * One MMU_NORMAL_PT_UPDATE or MMU_PT_UPDATE_PRESERVE_AD: changes the word at a machine address,
 * as what the frame is used for allows. 0 or a negative errno.
 *
 * @param address without the command in its low bits
 */
export function updateEntry(
  types: PageTypes,
  scope: UpdateScope,
  address: number,
  entry: EntryWords,
): number {
  const { frames } = types;
  const { domain } = scope;
  const mfn = machineFrameOf(domain, Math.floor(address / PAGE));
  if (!frames.getPage(mfn, domain.id)) {
    return -ERRNO.EINVAL;
  }
  const place = { table: mfn, address: mfn * PAGE + (address % PAGE) };
  const answer = updateWord(types, scope, place, entry);
  frames.putPage(mfn);
  return answer;
}

function updateWord(
  types: PageTypes,
  scope: UpdateScope,
  place: EntryPlace,
  entry: EntryWords,
): number {
  const { frames } = types;
  const type = frames.typeOf(place.table);
  if (type !== FRAME_TYPE.writable && frames.isLive(place.table, type)) {
    switch (type) {
      case FRAME_TYPE.l1:
        return updateL1(types, scope, place, entry);
      case FRAME_TYPE.l2:
        return scope.frameOwner === scope.domain.id
          ? updateL2(types, scope, place, entry)
          : -ERRNO.EINVAL;
      case FRAME_TYPE.l3:
        return scope.frameOwner === scope.domain.id
          ? updateL3(types, scope, place, entry)
          : -ERRNO.EINVAL;
      case FRAME_TYPE.none:
      case FRAME_TYPE.segdesc:
      case FRAME_TYPE.ldt:
        return -ERRNO.EINVAL;
    }
  }
  if (types.getType(place.table, FRAME_TYPE.writable) !== 0) {
    return -ERRNO.EINVAL;
  }
  write(types, scope.domain, place, entry);
  types.putType(place.table);
  return 0;
}

/** Changes an entry of a live level-1 table. */
function updateL1(
  types: PageTypes,
  scope: UpdateScope,
  place: EntryPlace,
  entry: EntryWords,
): number {
  const { domain } = scope;
  const { rules } = domain;
  const old = read(types, domain, place);
  const next = scope.preservesAccessed ? withAccessed(entry, old) : entry;
  if (isPresent(entry.low)) {
    if (hasAny(entry.low, entry.high, rules.disallowed[1])) {
      return -ERRNO.EINVAL;
    }
    if (isSimilar(old, entry, rules.checkedL1, rules.frameHighMask)) {
      write(types, domain, place, next);
      return 0;
    }
    const answer = types.getFromL1(entry.low, entry.high, domain, scope.frameOwner);
    if (answer !== 0) {
      return answer;
    }
  }
  write(types, domain, place, next);
  types.putFromL1(old.low, old.high, domain);
  return 0;
}

/** Changes an entry of a live level-2 table. */
function updateL2(
  types: PageTypes,
  scope: UpdateScope,
  place: EntryPlace,
  entry: EntryWords,
): number {
  const { domain } = scope;
  const index = (place.address % PAGE) / TABLE_SHAPES[domain.format].entrySize;
  if (index >= guestDirectoryEntries(domain, types.frames.slot[place.table] ?? 0)) {
    return refusal(domain.rules, ERRNO.EPERM);
  }
  return updateDirectory(types, scope, place, entry, 2, index);
}

/** Changes an entry of a live PAE root. The slot with the hypervisor's part never changes. */
function updateL3(
  types: PageTypes,
  scope: UpdateScope,
  place: EntryPlace,
  entry: EntryWords,
): number {
  const index = (place.address % PAGE) / 8;
  if (index >= XEN_SLOT) {
    return -ERRNO.EINVAL;
  }
  const added = isPresent(entry.low) ? scope.domain.rules.pointerAdded : 0;
  const adjusted = { low: entry.low | added, high: entry.high };
  return updateDirectory(types, scope, place, adjusted, 3, index);
}

function updateDirectory(
  types: PageTypes,
  scope: UpdateScope,
  place: EntryPlace,
  entry: EntryWords,
  level: 2 | 3,
  index: number,
): number {
  const { domain } = scope;
  const { rules } = domain;
  const old = read(types, domain, place);
  const next = scope.preservesAccessed ? withAccessed(entry, old) : entry;
  const isKept =
    isPresent(entry.low) && isSimilar(old, entry, rules.checkedDirectory, rules.frameHighMask);
  if (isPresent(entry.low) && hasAny(entry.low, entry.high, rules.disallowed[level])) {
    return -ERRNO.EINVAL;
  }
  if (isPresent(entry.low) && !isKept) {
    const answer = types.getFromDirectory(level, entry.low, entry.high, domain, place.table, index);
    if (answer !== 0) {
      return answer;
    }
  }
  write(types, domain, place, next);
  if (!isKept) {
    types.putFromDirectory(old.low, old.high, domain, place.table);
  }
  types.tlb.flushAll();
  return 0;
}

/**
 * Finds the level-1 entry that maps a linear address. In a direct domain only live level-1 tables of
 * its own count, so what linear page tables show of higher levels does not. Xen: map_guest_l1e().
 *
 * @param baseFrame machine frame of the root
 */
export function findL1Entry(
  types: PageTypes,
  domain: PagedDomain,
  baseFrame: number,
  linear: number,
): EntryPlace | undefined {
  const shape = TABLE_SHAPES[domain.format];
  if (baseFrame === NO_FRAME || linear >= shape.hypervisorStart) {
    return undefined;
  }
  const directory =
    domain.format === 'pae'
      ? nextTable(types, domain, {
          table: baseFrame,
          address: baseFrame * PAGE + (linear >>> 30) * 8,
        })
      : baseFrame;
  if (directory === NO_FRAME) {
    return undefined;
  }
  const index = (linear >>> shape.directoryShift) % shape.entries;
  const address = directory * PAGE + index * shape.entrySize;
  const table = nextTable(types, domain, { table: directory, address });
  const isFit =
    domain.model === 'translated' ||
    (types.frames.owner[table] === domain.id && types.frames.isLive(table, FRAME_TYPE.l1));
  const slot = (linear >>> 12) % shape.entries;
  return table !== NO_FRAME && isFit
    ? { table, address: table * PAGE + slot * shape.entrySize }
    : undefined;
}

/** The machine frame of the table that an entry of a higher level names, if it names one. */
function nextTable(types: PageTypes, domain: PagedDomain, place: EntryPlace): number {
  const { low, high } = read(types, domain, place);
  if (!isPresent(low) || low & ENTRY.large) {
    return NO_FRAME;
  }
  const mfn = machineFrameOf(domain, frameOf(low, high, domain.rules.frameHighMask));
  return types.frames.isValid(mfn) ? mfn : NO_FRAME;
}

/**
 * Rewrites the level-1 entry that maps a linear address. 0 or a negative errno; the caller flushes
 * what the guest asked to have flushed. Xen: __do_update_va_mapping().
 */
export function updateVaMapping(
  types: PageTypes,
  scope: UpdateScope,
  baseFrame: number,
  linear: number,
  entry: EntryWords,
): number {
  const { domain } = scope;
  const place = findL1Entry(types, domain, baseFrame, linear);
  if (place === undefined) {
    return -ERRNO.EINVAL;
  }
  if (domain.model === 'translated') {
    write(types, domain, place, entry);
    return 0;
  }
  return updateL1(types, scope, place, entry);
}

/** Sets what guests read of a frame that a domain owns. Xen: MMU_MACHPHYS_UPDATE. */
export function updateMachPhys(types: PageTypes, owner: number, mfn: number, pfn: number): number {
  if (!types.frames.getPage(mfn, owner)) {
    return -ERRNO.EINVAL;
  }
  types.frames.setM2p(mfn, pfn);
  types.frames.putPage(mfn);
  return 0;
}

/** The machine frame of a frame number that a domain uses; `NO_FRAME` where it has none. */
export function machineFrameOf(domain: PagedDomain, frame: number): number {
  if (domain.model === 'direct') {
    return frame;
  }
  return frame < domain.frameCount ? domain.firstFrame + frame : NO_FRAME;
}

export function read(types: PageTypes, domain: PagedDomain, place: EntryPlace): EntryWords {
  const { ram } = types.frames;
  const low = ram.read32(place.address);
  return { low, high: readHigh(ram, TABLE_SHAPES[domain.format], place.address) };
}

export function write(
  types: PageTypes,
  domain: PagedDomain,
  place: EntryPlace,
  entry: EntryWords,
): void {
  const { ram } = types.frames;
  writeEntry(ram, TABLE_SHAPES[domain.format], place.address, entry.low, entry.high);
}

const withAccessed = (entry: EntryWords, old: EntryWords): EntryWords => ({
  low: entry.low | (old.low & (ENTRY.accessed | ENTRY.dirty)),
  high: entry.high,
});

/** Whether two entries name the same frame and agree in the flags of the mask. */
function isSimilar(a: EntryWords, b: EntryWords, mask: EntryMask, frameHighMask: number): boolean {
  const low = (a.low ^ b.low) & (0xffff_f000 | mask.low);
  const high = (a.high ^ b.high) & (frameHighMask | mask.high);
  return low === 0 && high === 0 && isPresent(a.low);
}

/** The entry of a grant's mapping (GNTMAP_* of grant_table.h, `flags`). */
export function grantEntry(domain: PagedDomain, frame: number, flags: GrantMapping): EntryWords {
  const { grantFlags } = domain.rules;
  const low =
    frame * PAGE +
    (grantFlags.low |
      (flags.isWritable ? ENTRY.writable : 0) |
      (flags.isForUser ? ENTRY.user : 0) |
      ((flags.available << 9) & ENTRY.available));
  const high = domain.format === 'pae' ? grantFlags.high & NO_EXECUTE : 0;
  return { low: low >>> 0, high: high >>> 0 };
}

export interface GrantMapping {
  readonly isWritable: boolean;
  /** Whether user mode may use it. */
  readonly isForUser: boolean;
  /** Three bits for the guest's own use. */
  readonly available: number;
}
