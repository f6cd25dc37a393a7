/**
 * An LDT that has one of each kind of user segment, for cases with segment overrides.
 *
 * modify_ldt(2) makes DPL 3 code and data only; every entry is born accessed. A
 * conforming segment must be not present, so there is none here.
 */

import {
  CODE_BASE,
  DATA_BASE,
  type LdtEntry,
  PAGE_BYTES,
  type Segments,
  USER_CODE_SELECTOR,
  USER_DATA_SELECTOR,
} from './wire.ts';

/** What the host gives a case that asks for no segments: flat, with FS and GS null. */
export const FLAT: Segments = {
  es: USER_DATA_SELECTOR,
  cs: USER_CODE_SELECTOR,
  ss: USER_DATA_SELECTOR,
  ds: USER_DATA_SELECTOR,
  fs: 0,
  gs: 0,
};

const ORDINARY = {
  is32Bit: true,
  isRestricted: false,
  isLimitInPages: false,
  isPresent: true,
} as const;

/** Bases lie inside the case's pages so that base + offset can meet a limit or a page end first. */
export const TEST_LDT = [
  {
    ...ORDINARY,
    does: 'data of one page',
    entry: 0,
    contents: 'data',
    base: DATA_BASE,
    limit: 0xfff,
  },
  {
    ...ORDINARY,
    does: 'data with an odd base and an odd limit',
    entry: 1,
    contents: 'data',
    base: DATA_BASE + 0x123,
    limit: 0x7fe,
  },
  {
    ...ORDINARY,
    does: 'data that cannot be written',
    entry: 2,
    contents: 'data',
    base: DATA_BASE,
    limit: 0xfff,
    isRestricted: true,
  },
  {
    ...ORDINARY,
    does: 'data with its limit in pages',
    entry: 3,
    contents: 'data',
    base: DATA_BASE - PAGE_BYTES,
    limit: 2,
    isLimitInPages: true,
  },
  {
    ...ORDINARY,
    does: 'expand-down data above 0xFFF',
    entry: 4,
    contents: 'expand-down',
    base: DATA_BASE,
    limit: 0xfff,
  },
  {
    ...ORDINARY,
    does: '16-bit expand-down data above 0xFFF, up to 0xFFFF',
    entry: 5,
    contents: 'expand-down',
    base: DATA_BASE,
    limit: 0xfff,
    is32Bit: false,
  },
  {
    ...ORDINARY,
    does: 'a 16-bit stack',
    entry: 6,
    contents: 'data',
    base: DATA_BASE,
    limit: 0x1fff,
    is32Bit: false,
  },
  {
    ...ORDINARY,
    does: 'data that is not present',
    entry: 7,
    contents: 'data',
    base: DATA_BASE,
    limit: 0xfff,
    isPresent: false,
  },
  {
    ...ORDINARY,
    does: 'code that can be read',
    entry: 8,
    contents: 'code',
    base: CODE_BASE,
    limit: 0x1fff,
  },
  {
    ...ORDINARY,
    does: 'code that cannot be read',
    entry: 9,
    contents: 'code',
    base: CODE_BASE,
    limit: 0x1fff,
    isRestricted: true,
  },
  {
    ...ORDINARY,
    does: '16-bit code',
    entry: 10,
    contents: 'code',
    base: CODE_BASE,
    limit: 0x1fff,
    is32Bit: false,
  },
  {
    ...ORDINARY,
    does: 'code that ends in the middle of a page',
    entry: 11,
    contents: 'code',
    base: CODE_BASE,
    limit: 0x80f,
  },
] as const satisfies readonly (LdtEntry & { readonly does: string })[];

/** The selector of an entry of {@link TEST_LDT}, RPL 3. */
export function ldtSelector(entry: number): number {
  const TABLE_INDICATOR = 4;
  const RPL = 3;
  return entry * 8 + TABLE_INDICATOR + RPL;
}
