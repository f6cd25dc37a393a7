/** How a domain's Xen sees its page tables: what is the guest's, and what it says of the rest. */

import { MACH2PHYS_VIRT_END } from '../../abi/arch-x86-32.ts';
import { ERRNO } from '../../abi/errno.ts';
import type { SegmentBounds } from './descriptors.ts';
import type { EntryMask, MemoryRules } from './memory-rules.ts';
import { TABLE_SHAPES } from './page-table-entry.ts';
import type { PagedDomain } from './paged-domain.ts';

/** The slot of a PAE root whose level-2 page holds the hypervisor's part. */
export const XEN_SLOT = 3;

/** An error as the domain's Xen names it. */
export const refusal = (rules: MemoryRules, errno: number): number =>
  rules.refinesErrors ? -errno : -ERRNO.EINVAL;

/** How many entries of a level-2 page are the guest's. */
export function guestDirectoryEntries(domain: PagedDomain, slot: number): number {
  const { entries, firstXenSlot } = TABLE_SHAPES[domain.format];
  return domain.format === 'two-level' || slot === XEN_SLOT ? firstXenSlot : entries;
}

export function segmentBounds({ format, rules }: PagedDomain): SegmentBounds {
  return {
    segments: rules.segments,
    hypervisorStart: TABLE_SHAPES[format].hypervisorStart,
    segmentEnd: format === 'pae' ? MACH2PHYS_VIRT_END.pae : MACH2PHYS_VIRT_END.nonPae,
  };
}

export const hasAny = (low: number, high: number, mask: EntryMask): boolean =>
  (low & mask.low) !== 0 || (high & mask.high) !== 0;
