/**
 * From linear to physical address by the guest's own page tables.
 *
 * | format    | levels                                   | entry | large page        |
 * |-----------|------------------------------------------|-------|-------------------|
 * | two-level | directory (31:22), table (21:12)         | 4     | 4 MB if CR4.PSE   |
 * | PAE       | pointers (31:30), directory (29:21), table (20:12) | 8 | 2 MB           |
 *
 * The four PAE pointers are loaded with CR3, not walked (SDM 3A §4.4.1). Accessed and dirty bits
 * are set only when the access is allowed. SDM 3A chapter 4.
 */

import { PAGE_SIZE } from './linear-memory.ts';
import type { Ram } from './ram.ts';
import { TRANSLATION } from './tlb.ts';

/** Bits of page-table entries (SDM 3A tables 4-4 to 4-11). */
const PTE = {
  present: 1,
  writable: 2,
  user: 4,
  accessed: 0x20,
  dirty: 0x40,
  large: 0x80,
  global: 0x100,
} as const;

/** Bits of a page fault's error code (SDM 3A §4.7). */
const PAGE_FAULT = { present: 1, write: 2, user: 4, reserved: 8, fetch: 16 } as const;

/** How the page tables are to be read: a digest of CR0, CR4 and IA32_EFER. */
export interface PagingMode {
  paging: boolean;
  pae: boolean;
  /** CR4.PSE: 4 MB pages in the two-level format. */
  largePages: boolean;
  /** IA32_EFER.NXE, with PAE. */
  noExecute: boolean;
  /** CR0.WP */
  writeProtect: boolean;
  /** CR4.PGE */
  globalPages: boolean;
  /** Physical address of the page directory (two-level). */
  root: number;
  /** The four page-directory-pointer entries' low words (PAE). */
  pointers: Uint32Array;
  /**
   * Frame numbers in the tables count from here: below `frameCount` they are so many frames above
   * `firstFrame`, others are as good as not present. A bare machine counts from 0 without an end.
   */
  firstFrame: number;
  frameCount: number;
  /** Bits of a PAE entry's high word that are ignored, not reserved, as in a 64-bit address space. */
  ignoredHigh: number;
}
export type Access = 'read' | 'write' | 'fetch';

/** Physical addresses have 36 bits: MAXPHYADDR as CPUID reports it. */
export const PHYSICAL_BITS = 36;
/** One more than the largest frame number that an entry can hold. */
export const ALL_FRAMES = 1 << (PHYSICAL_BITS - 12);
const RESERVED_HIGH = 0x7fff_ffff & ~((1 << (PHYSICAL_BITS - 32)) - 1);
const NO_EXECUTE = 0x8000_0000;
/** Bits 21:13 of a 4 MB page: 20:13 are address bits 39:32 (PSE-36), of which 4 are used here. */
const RESERVED_4M = 0x003e_0000 & ~0;
const RESERVED_2M = 0x001f_e000;

/** Answers a translation (see `TRANSLATION`), or minus the error code minus one. */
export function walk(
  ram: Ram,
  mode: PagingMode,
  linear: number,
  access: Access,
  isUser: boolean,
  changesNothing = false,
): number {
  return mode.pae
    ? walkPae(ram, mode, linear, access, isUser, changesNothing)
    : walkTwoLevel(ram, mode, linear, access, isUser, changesNothing);
}

/** An error code as `walk` answers it. */
const refusal = (code: number): number => -1 - code;

/** Undoes `refusal`. */
export const errorCodeOf = (answer: number): number => -1 - answer;

function reason(mode: PagingMode, access: Access, isUser: boolean): number {
  const fetch = access === 'fetch' && mode.noExecute ? PAGE_FAULT.fetch : 0;
  return (access === 'write' ? PAGE_FAULT.write : 0) | (isUser ? PAGE_FAULT.user : 0) | fetch;
}

function walkTwoLevel(
  ram: Ram,
  mode: PagingMode,
  linear: number,
  access: Access,
  isUser: boolean,
  changesNothing: boolean,
): number {
  const why = reason(mode, access, isUser);
  const directoryAddress = mode.root + ((linear >>> 20) & 0xffc);
  const directory = ram.read32(directoryAddress);
  if (!(directory & PTE.present)) {
    return refusal(why);
  }
  if (directory & PTE.large && mode.largePages) {
    if (directory & RESERVED_4M) {
      return refusal(why | PAGE_FAULT.present | PAGE_FAULT.reserved);
    }
    const high = (directory >>> 13) & 0xf;
    const frame = high * 0x10_0000 + (directory >>> 22) * 0x400 + ((linear >>> 12) & 0x3ff);
    return finish(ram, mode, access, isUser, changesNothing, {
      rights: directory,
      noExecute: false,
      leaf: directory,
      leafAddress: directoryAddress,
      frame,
      isLarge: true,
    });
  }
  const table = directory >>> 12;
  if (table >= mode.frameCount) {
    return refusal(why);
  }
  const leafAddress = (table + mode.firstFrame) * PAGE_SIZE + ((linear >>> 10) & 0xffc);
  const leaf = ram.read32(leafAddress);
  if (!(leaf & PTE.present)) {
    return refusal(why);
  }
  return finish(ram, mode, access, isUser, changesNothing, {
    rights: directory & leaf,
    noExecute: false,
    leaf,
    leafAddress,
    frame: leaf >>> 12,
    isLarge: false,
    upper: directory,
    upperAddress: directoryAddress,
  });
}

function walkPae(
  ram: Ram,
  mode: PagingMode,
  linear: number,
  access: Access,
  isUser: boolean,
  changesNothing: boolean,
): number {
  const why = reason(mode, access, isUser);
  const pointer = mode.pointers[linear >>> 30] ?? 0;
  if (!(pointer & PTE.present)) {
    return refusal(why);
  }
  const reserved = mode.noExecute ? RESERVED_HIGH : RESERVED_HIGH | NO_EXECUTE;
  const reservedHigh = reserved & ~mode.ignoredHigh;
  const broken = refusal(why | PAGE_FAULT.present | PAGE_FAULT.reserved);
  const directoryAddress = ((pointer & ~0xfff) >>> 0) + ((linear >>> 18) & 0xff8);
  const directory = ram.read32(directoryAddress);
  const directoryHigh = ram.read32(directoryAddress + 4);
  if (!(directory & PTE.present)) {
    return refusal(why);
  }
  if (directoryHigh & reservedHigh) {
    return broken;
  }
  if (directory & PTE.large) {
    if (directory & RESERVED_2M) {
      return broken;
    }
    const base = (directoryHigh & 0xf) * 0x10_0000 + (directory >>> 21) * 0x200;
    return finish(ram, mode, access, isUser, changesNothing, {
      rights: directory,
      noExecute: (directoryHigh & NO_EXECUTE) !== 0,
      leaf: directory,
      leafAddress: directoryAddress,
      frame: base + ((linear >>> 12) & 0x1ff),
      isLarge: true,
    });
  }
  const table = (directoryHigh & 0xf) * 0x10_0000 + (directory >>> 12);
  if (table >= mode.frameCount) {
    return refusal(why);
  }
  // Page tables above 4 GB are never RAM here: reading them gives ones, hence a reserved bit.
  const leafAddress = (table + mode.firstFrame) * PAGE_SIZE + ((linear >>> 9) & 0xff8);
  const leaf = ram.read32(leafAddress);
  const leafHigh = ram.read32(leafAddress + 4);
  if (!(leaf & PTE.present)) {
    return refusal(why);
  }
  if (leafHigh & reservedHigh) {
    return broken;
  }
  return finish(ram, mode, access, isUser, changesNothing, {
    rights: directory & leaf,
    noExecute: ((directoryHigh | leafHigh) & NO_EXECUTE) !== 0,
    leaf,
    leafAddress,
    frame: (leafHigh & 0xf) * 0x10_0000 + (leaf >>> 12),
    isLarge: false,
    upper: directory,
    upperAddress: directoryAddress,
  });
}

interface Found {
  /** R/W and U/S of all levels together. */
  rights: number;
  noExecute: boolean;
  leaf: number;
  leafAddress: number;
  frame: number;
  isLarge: boolean;
  upper?: number;
  upperAddress?: number;
}

/** Checks the rights, sets accessed and dirty, and makes the translation. */
function finish(
  ram: Ram,
  mode: PagingMode,
  access: Access,
  isUser: boolean,
  changesNothing: boolean,
  found: Found,
): number {
  if (isRefused(mode, access, isUser, found)) {
    return refusal(reason(mode, access, isUser) | PAGE_FAULT.present);
  }
  if (found.frame >= mode.frameCount) {
    return refusal(reason(mode, access, isUser));
  }
  const { rights, leaf } = found;
  const isDirty = access === 'write' || (leaf & PTE.dirty) !== 0;
  if (!changesNothing) {
    mark(ram, found, isDirty);
  }
  return (
    (((found.frame + mode.firstFrame) << 8) |
      TRANSLATION.present |
      (rights & (PTE.writable | PTE.user)) |
      (isDirty ? TRANSLATION.dirty : 0) |
      (leaf & PTE.global && mode.globalPages ? TRANSLATION.global : 0) |
      (found.noExecute ? TRANSLATION.noExecute : 0) |
      (found.isLarge ? TRANSLATION.large : 0)) >>>
    0
  );
}

function isRefused(mode: PagingMode, access: Access, isUser: boolean, found: Found): boolean {
  const { rights, noExecute } = found;
  return (
    (isUser && !(rights & PTE.user)) ||
    (access === 'write' && !(rights & PTE.writable) && (isUser || mode.writeProtect)) ||
    (access === 'fetch' && noExecute)
  );
}

/** Sets accessed bits on the way and, for a write, the dirty bit. */
function mark(ram: Ram, found: Found, isDirty: boolean): void {
  const { leaf, leafAddress, upper, upperAddress } = found;
  if (upperAddress !== undefined && upper !== undefined && !(upper & PTE.accessed)) {
    ram.write32(upperAddress, upper | PTE.accessed);
  }
  const marked = leaf | PTE.accessed | (isDirty ? PTE.dirty : 0);
  if (marked !== leaf) {
    ram.write32(leafAddress, marked);
  }
}
