/**
 * Changing the form of a grant table's entries: 8 bytes each, or 16 with their use kept apart.
 *
 * The entries of the toolstack at the start are carried over; all others must be unused and are
 * lost. Xen: `gnttab_set_version()` of `common/grant_table.c`.
 */

import { ERRNO } from '../../abi/errno.ts';
import { GNTTAB_NR_RESERVED_ENTRIES, GTF, GTF_TYPE, GTF_type_mask } from '../../abi/grant-table.ts';
import type { Domain } from '../domains/domain.ts';
import type { Xen } from '../xen.ts';
import type { EntryFields } from './grant-table.ts';

const IN_USE = GTF.reading | GTF.writing;

/** Answers 0 or a negative errno. */
export function setGrantVersion(xen: Xen, domain: Domain, version: number): number {
  const { grants } = domain;
  if (version !== 1 && version !== 2) {
    return -ERRNO.EINVAL;
  }
  if (version === grants.version) {
    return 0;
  }
  if ([...grants.active.keys()].some((reference) => reference >= GNTTAB_NR_RESERVED_ENTRIES)) {
    return -ERRNO.EBUSY;
  }
  const kept = reservedEntries(xen, domain);
  if (version === 1 && kept.some((entry) => !isRepresentable(entry))) {
    return -ERRNO.ERANGE;
  }
  const answer = version === 2 ? addStatusFrames(xen, domain) : removeStatusFrames(xen, domain);
  if (answer !== 0) {
    return answer;
  }
  grants.version = version;
  for (const frame of [...grants.frames, ...grants.statusFrames]) {
    xen.frames.scrub(frame);
  }
  for (const [reference, entry] of kept.entries()) {
    writeEntry(xen, domain, reference, entry);
  }
  return 0;
}

/** The first entries, with their use in the flags as version 1 has it. */
function reservedEntries({ ram }: Xen, { grants }: Domain): EntryFields[] {
  return Array.from({ length: GNTTAB_NR_RESERVED_ENTRIES }, (_, reference) => {
    const entry = grants.entry(ram, reference) ?? NO_ENTRY;
    const isKept = grants.version === 1 || typeOf(entry) !== GTF_TYPE.accept_transfer;
    return isKept ? { ...entry, flags: entry.flags | grants.use(ram, reference) } : NO_ENTRY;
  });
}

const NO_ENTRY: EntryFields = { flags: 0, domid: 0, frame: 0, start: 0, length: 0 };

const typeOf = ({ flags }: EntryFields): number => flags & GTF_type_mask;

/** Whether an entry of version 2 has a place in version 1. */
function isRepresentable(entry: EntryFields): boolean {
  const type = typeOf(entry);
  const isNarrow = type !== GTF_TYPE.permit_access || entry.frame < 2 ** 32;
  return type !== GTF_TYPE.transitive && isNarrow;
}

function writeEntry(xen: Xen, { grants }: Domain, reference: number, entry: EntryFields): void {
  const { flags, domid, frame } = entry;
  if (grants.version === 1) {
    const isEmpty = typeOf(entry) === GTF_TYPE.invalid;
    grants.setEntry(xen, reference, isEmpty ? 0 : flags, isEmpty ? 0 : domid, isEmpty ? 0 : frame);
  } else {
    const address = grants.entryAddress(reference) as number;
    xen.ram.write32(address, ((domid << 16) | (flags & ~IN_USE)) >>> 0);
    grants.setFrame(xen.ram, reference, frame);
    grants.mark(xen.ram, reference, flags & IN_USE);
  }
}

function addStatusFrames(xen: Xen, domain: Domain): number {
  const { grants } = domain;
  return grants.growStatus(xen, domain, grants.frames.length) ? 0 : -ERRNO.ENOMEM;
}

/** A frame that the guest still maps stays. A translated domain's wait for the next change. */
function removeStatusFrames({ frames }: Xen, { grants, isTranslated }: Domain): number {
  if (isTranslated) {
    return 0;
  }
  if (grants.statusFrames.some((frame) => (frames.references[frame] ?? 0) > 1)) {
    return -ERRNO.EBUSY;
  }
  for (const frame of grants.statusFrames) {
    frames.release(frame);
  }
  grants.statusFrames = [];
  return 0;
}
