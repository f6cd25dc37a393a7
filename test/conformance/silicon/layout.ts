/**
 * Where on our machine everything is that a case can see of the host's: pages, descriptor tables
 * and the privileges of interrupt gates.
 *
 * Paging is PAE with NX, as on any x86-64 kernel, so that page faults carry the bit of a fetch.
 * The kernel's own structures lie at linear addresses that no case touches.
 */

import { ldtSelector, TEST_LDT } from './segments.ts';
import { CODE_BASE, DATA_BASE, type LdtEntry, PAGE_BYTES, READ_ONLY_BASE } from './wire.ts';

export const RAM_BYTES = 0x2_0000;

/** Physical addresses. */
export const PHYSICAL = {
  gdt: 0x0000,
  ldt: 0x0800,
  idt: 0x1000,
  pointers: 0x2000,
  code: 0x1_0000,
  data: 0x1_2000,
  readOnly: 0x1_4000,
} as const;

/** Linear address of physical address 0, for the supervisor. */
const KERNEL_BASE = 0xe000_0000;
export const GDT_BASE = KERNEL_BASE + PHYSICAL.gdt;
export const LDT_BASE = KERNEL_BASE + PHYSICAL.ldt;
export const IDT_BASE = KERNEL_BASE + PHYSICAL.idt;

/**
 * The GDT of Linux (arch/x86/include/asm/segment.h) by index: kernel code and data, user code and
 * data, thread-local storage of hostcpu's C library, and the CPU number as a segment's limit. TSS
 * and LDT are null here: selectors of them mean something else in IA-32e mode, and no case may
 * use them.
 */
const GDT: Readonly<Record<number, readonly [number, number]>> = {
  1: [0xffff, 0x00cf_9b00],
  2: [0xffff, 0x00af_9b00],
  3: [0xffff, 0x00cf_9300],
  4: [0xffff, 0x00cf_fb00],
  5: [0xffff, 0x00cf_f300],
  6: [0xffff, 0x00af_fb00],
  12: [0xffff, 0x00df_f300],
  15: [0, 0x0040_f500],
};
export const GDT_LIMIT = 16 * 8 - 1;
export const LDT_LIMIT = TEST_LDT.length * 8 - 1;

/** Vectors that Linux lets user code raise by `int`, `int3` and `into`. */
export const USER_VECTORS: readonly number[] = [3, 4, 0x80];

/** The two words of a descriptor as modify_ldt(2) makes it: DPL 3, accessed. */
function descriptorWords(entry: LdtEntry): readonly [number, number] {
  const { base, limit } = entry;
  const isCode = entry.contents === 'code' || entry.contents === 'conforming';
  const isSpecial = entry.contents === 'expand-down' || entry.contents === 'conforming';
  // Bit 9 is "writable" of data, "readable" of code.
  const type =
    0x1100 | (isCode ? 0x800 : 0) | (isSpecial ? 0x400 : 0) | (entry.isRestricted ? 0 : 0x200);
  const low = ((base << 16) | (limit & 0xffff)) >>> 0;
  const high =
    (base & 0xff00_0000) |
    ((base >>> 16) & 0xff) |
    (limit & 0xf_0000) |
    type |
    0x6000 |
    (entry.isPresent ? 0x8000 : 0) |
    (entry.is32Bit ? 0x40_0000 : 0) |
    (entry.isLimitInPages ? 0x80_0000 : 0);
  return [low, high >>> 0];
}

/** The words of the descriptor that a selector names; undefined for a null selector. */
export function wordsOf(selector: number): readonly [number, number] | undefined {
  if (selector < 4) {
    return undefined;
  }
  const entry = TEST_LDT.find((candidate) => ldtSelector(candidate.entry) === (selector | 3));
  return entry === undefined ? GDT[selector >>> 3] : descriptorWords(entry);
}

/** The base in a descriptor's words; 0 without one. */
export function baseOf(words: readonly [number, number] | undefined): number {
  const [low, high] = words ?? [0, 0];
  return ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
}

const PRESENT = 1;
const WRITABLE = 2;
const USER = 4;
/** Accessed and dirty: no case may depend on which came before it. */
const USED = 0x60;
const NO_EXECUTE = 0x8000_0000;

/** Everything that RAM holds when the machine begins, as words by physical address. */
export function initialRam(): ReadonlyMap<number, number> {
  const ram = new Map<number, number>();
  const pair = (address: number, low: number, high: number): void => {
    ram.set(address, low >>> 0);
    ram.set(address + 4, high >>> 0);
  };
  for (const [index, [low, high]] of Object.entries(GDT)) {
    pair(PHYSICAL.gdt + 8 * Number(index), low, high);
  }
  for (const entry of TEST_LDT) {
    pair(PHYSICAL.ldt + 8 * entry.entry, ...descriptorWords(entry));
  }
  for (let vector = 0; vector < 256; vector++) {
    const privilege = USER_VECTORS.includes(vector) ? 0x6000 : 0;
    pair(PHYSICAL.idt + 8 * vector, 0x0008_0000, 0x8e00 | privilege);
  }
  let free = PHYSICAL.pointers + PAGE_BYTES;
  const map = (linear: number, physical: number, pages: number, low: number, high: number) => {
    const directory = tableAt(PHYSICAL.pointers + 8 * (linear >>> 30), PRESENT);
    const table = tableAt(
      directory + 8 * ((linear >>> 21) & 511),
      PRESENT | WRITABLE | USER | USED,
    );
    for (let page = 0; page < pages; page++) {
      const index = ((linear >>> 12) & 511) + page;
      pair(table + 8 * index, (physical + page * PAGE_BYTES) | low | PRESENT | USED, high);
    }
  };
  const tableAt = (entry: number, rights: number): number => {
    const known = ram.get(entry);
    if (known !== undefined) {
      return known & ~0xfff;
    }
    const table = free;
    free += PAGE_BYTES;
    pair(entry, table | rights, 0);
    return table;
  };
  map(CODE_BASE, PHYSICAL.code, 2, WRITABLE | USER, 0);
  map(DATA_BASE, PHYSICAL.data, 2, WRITABLE | USER, NO_EXECUTE);
  map(READ_ONLY_BASE, PHYSICAL.readOnly, 1, USER, NO_EXECUTE);
  map(KERNEL_BASE, 0, 2, WRITABLE, NO_EXECUTE);
  return ram;
}
