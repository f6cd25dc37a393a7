/**
 * How domain builders of different times lay out a domain: the differences, as data.
 *
 * The builders are Xen's own of 9 May 2006 (`tools/libxc/xc_linux_build.c`) and of Xen 4.17
 * (`tools/libs/guest/xg_dom_x86.c`). Unlike the one of 2006, which assumed that a kernel lies at
 * 0xc0000000, both of ours give any PAE kernel a level 2 table for the fourth gigabyte.
 */

import { START_INFO_SIZE_3_0, start_info } from '../abi/xen.ts';

/** Bits of a page-table entry that builders set (SDM 3A, chapter 4). */
export const PTE = { PRESENT: 1, WRITABLE: 2, USER: 4, ACCESSED: 0x20, DIRTY: 0x40 } as const;

/** Of level 1 entries, in both builders. Page tables lose `WRITABLE` in direct mode. */
export const LEVEL_1_FLAGS = PTE.PRESENT | PTE.WRITABLE | PTE.ACCESSED;

/** Of level 2 entries, in both builders. */
export const LEVEL_2_FLAGS = PTE.PRESENT | PTE.WRITABLE | PTE.ACCESSED | PTE.DIRTY | PTE.USER;

export const BUILDER_NAMES = ['xen-3.0', 'xen-4.17'] as const;

export type BuilderName = (typeof BUILDER_NAMES)[number];

export interface Builder {
  /** Bytes of `start_info`: later builders know two more fields. */
  readonly startInfoSize: number;

  /** Of entries in a PAE top-level table: a 64-bit Xen keeps them in an ordinary table. */
  readonly level3Flags: number;

  /**
   * Which gigabytes below the fourth have a PAE level 2 table: those that are mapped, or all from
   * the first mapped one on.
   */
  readonly level2Tables: 'mapped' | 'from base';

  /** Whether a kernel may ask for its ramdisk outside of the initial mapping. */
  readonly leavesRamdiskUnmapped: boolean;

  /** Whether the console's and xenstore's pages are granted to their backends. */
  readonly reservesGrants: boolean;
}

export const builders: Readonly<Record<BuilderName, Builder>> = {
  'xen-3.0': {
    startInfoSize: START_INFO_SIZE_3_0,
    level3Flags: PTE.PRESENT,
    level2Tables: 'mapped',
    leavesRamdiskUnmapped: false,
    reservesGrants: false,
  },
  'xen-4.17': {
    startInfoSize: start_info.size,
    level3Flags: LEVEL_2_FLAGS,
    level2Tables: 'from base',
    leavesRamdiskUnmapped: true,
    reservesGrants: true,
  },
};
