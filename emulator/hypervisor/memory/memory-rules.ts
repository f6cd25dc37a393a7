/**
 * What a version of Xen allows in page tables and descriptors, as data.
 *
 * Two sets: 32-bit Xen of May 2006 (`xen/arch/x86/mm.c`, `include/asm-x86/page.h`), in both table
 * formats, and Xen 4.17 for 32-bit guests (`xen/arch/x86/mm.c`, `pv/mm.h`, `pv/descriptor-tables.c`).
 */

import { ENTRY, NO_EXECUTE } from './page-table-entry.ts';

/** Bits of the two words of an entry. */
export interface EntryMask {
  readonly low: number;
  readonly high: number;
}

export interface MemoryRules {
  /** Bits of a PAE entry's high word that belong to the frame number. */
  readonly frameHighMask: number;
  /** Bits that a present entry of each level must not have. */
  readonly disallowed: Readonly<Record<1 | 2 | 3, EntryMask>>;
  /** Flags whose change makes a level-1 entry be checked anew, besides its frame. */
  readonly checkedL1: EntryMask;
  /** The same for levels 2 and 3. */
  readonly checkedDirectory: EntryMask;
  /** Whether errors are told apart; the elder Xen answers EINVAL for all of them. */
  readonly refinesErrors: boolean;
  /** Whether a level-2 page of PAE may be used as a level-1 page, read-only. */
  readonly linearPaeDirectories: boolean;
  /** Whether a level-2 page of PAE is bound to the one slot of roots that it was first used in. */
  readonly bindsDirectoriesToSlots: boolean;
  /** Flags that Xen sets in a validated root entry of PAE, and takes out when the root is given up. */
  readonly pointerAdded: number;
  readonly pointerRemoved: number;
  /** Whether the 508 entries of a PAE root that no processor reads are cleared. */
  readonly clearsIdlePointers: boolean;
  /** Flags of the directory entries that map the machine-to-physical table. */
  readonly m2pFlags: number;
  /** Commands that mmu_update knows: the first two, or all of `MMU`. */
  readonly updateCommands: 2 | 4;
  /** Levels whose pages a guest may pin; to pin others succeeds and does nothing. */
  readonly pinnable: 'every-level' | 'first-and-root';
  /** Whether GDT and LDT pages are of two types that exclude each other. */
  readonly separatesLdt: boolean;
  /** What becomes of segments that reach into the hypervisor's part. */
  readonly segments: 'truncated' | 'widened';
  /** Whether a new base pointer that is refused is retried without the old one, and then fatal. */
  readonly badBaseIsFatal: boolean;
  /** Flags of every mapping of a grant. */
  readonly grantFlags: EntryMask;
}

const FLAGS = 0xfff;
const BASIC =
  ENTRY.present | ENTRY.writable | ENTRY.user | ENTRY.accessed | ENTRY.dirty | ENTRY.available;

/** Xen 4.17: bits 52 to 62 are free for the guest in all but root entries. */
export const RULES_4_17: MemoryRules = {
  frameHighMask: 0xf_ffff,
  disallowed: {
    1: { low: FLAGS & ~(BASIC | ENTRY.global), high: 0 },
    2: { low: FLAGS & ~BASIC, high: 0 },
    3: { low: 0x198, high: 0xfff0_0000 },
  },
  checkedL1: {
    low: ENTRY.present | ENTRY.writable | ENTRY.writeThrough | ENTRY.cacheDisable | ENTRY.large,
    high: 0,
  },
  checkedDirectory: {
    low: ENTRY.present | ENTRY.writable | ENTRY.writeThrough | ENTRY.cacheDisable | ENTRY.large,
    high: 0,
  },
  refinesErrors: true,
  linearPaeDirectories: true,
  bindsDirectoriesToSlots: false,
  pointerAdded: ENTRY.user | ENTRY.writable,
  pointerRemoved: ENTRY.user | ENTRY.writable | ENTRY.accessed,
  clearsIdlePointers: true,
  m2pFlags: ENTRY.present | ENTRY.accessed | ENTRY.large,
  updateCommands: 4,
  pinnable: 'every-level',
  separatesLdt: false,
  segments: 'widened',
  badBaseIsFatal: false,
  grantFlags: { low: ENTRY.present | ENTRY.accessed | ENTRY.dirty, high: NO_EXECUTE },
};

/** 32-bit Xen of May 2006. Linear use of a PAE root is refused: only 4 of its entries are checked. */
export const RULES_3_0: MemoryRules = {
  frameHighMask: 0xfff,
  disallowed: {
    1: { low: 0x180, high: 0x7fff_f000 },
    2: { low: 0x180, high: 0x7fff_f000 },
    3: { low: 0x1e6, high: 0xffff_f000 },
  },
  checkedL1: { low: ENTRY.present | ENTRY.writable, high: 0 },
  checkedDirectory: { low: ENTRY.present, high: 0 },
  refinesErrors: false,
  linearPaeDirectories: false,
  bindsDirectoriesToSlots: true,
  pointerAdded: 0,
  pointerRemoved: 0,
  clearsIdlePointers: false,
  m2pFlags: ENTRY.present | ENTRY.accessed | ENTRY.dirty | ENTRY.large,
  updateCommands: 2,
  pinnable: 'first-and-root',
  separatesLdt: true,
  segments: 'truncated',
  badBaseIsFatal: true,
  grantFlags: { low: ENTRY.present | ENTRY.accessed | ENTRY.dirty, high: 0 },
};
