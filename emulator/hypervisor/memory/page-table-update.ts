/**
 * Updates of page-table entries: by hypercall, by a store that the processor refused, and on behalf of
 * grants. Each checks the new entry, takes what it needs, writes it and gives back what the old one
 * held. Xen: mod_l*_entry() of x86/mm.c, pv/ro-page-fault.c, pv/grant_table.c.
 *
 * In a translated domain page tables are plain memory: entries hold the guest's own frame numbers
 * and an update is a store.
 */

import { ERRNO } from '../../abi/errno.ts';
import { updateMapping, updateWord } from './entry-update.ts';
import { FRAME_TYPE } from './frame-types.ts';
import { ENTRY, frameOf, isPresent, NO_EXECUTE, TABLE_SHAPES } from './page-table-entry.ts';
import type { PageTypes } from './page-types.ts';
import { NO_FRAME, type PagedDomain } from './paged-domain.ts';
import { type EntryPlace, type EntryWords, read, type UpdateScope, write } from './table-entry.ts';

const PAGE = 4096;

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
  return updateMapping(types, scope, place, entry);
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
