/**
 * What this processor says of itself: family 6, as Intel made it before 64 bits,
 * with the vector instructions that came later.
 *
 * A feature is declared here once, and CPUID tells it; that its instructions exist is a test.
 * SDM 2A, CPUID; caches are those of a Pentium M.
 */

import { PHYSICAL_BITS } from '../memory/page-walk.ts';
import type { CpuidLeaf } from './environment.ts';

/** Family 6, model 13, stepping 8; EDX after reset has it too. */
export const SIGNATURE = 0x6d8;

/** Bits of leaf 1, EDX. */
const FEATURES = {
  fpu: 0,
  debugExtensions: 2,
  pageSizeExtensions: 3,
  timeStampCounter: 4,
  modelSpecificRegisters: 5,
  physicalAddressExtension: 6,
  cmpxchg8b: 8,
  sysenter: 11,
  pageGlobal: 13,
  cmov: 15,
  pageAttributeTable: 16,
  pageSizeExtension36: 17,
  clflush: 19,
  mmx: 23,
  fxsave: 24,
  sse: 25,
  sse2: 26,
} as const;

/** Bits of leaf 1, ECX. */
const NEWER_FEATURES = { sse3: 0, ssse3: 9, sse41: 19, sse42: 20, popcnt: 23 } as const;

/** Bits of leaf 7, EBX: an unmasked exception alone records FDP, and FCS and FDS are always 0. */
const X87_POINTERS = { operandOnlyOfExceptions: 6, noSelectors: 13 } as const;

/** Bits of leaf 0x80000001, EDX. */
const EXTENDED_FEATURES = { noExecute: 20 } as const;

const VENDOR = 'GenuineIntel';
const BRAND = 'Ringside i386 processor';

const NOTHING: CpuidLeaf = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
const HIGHEST = 7;
const HIGHEST_EXTENDED = 0x8000_0008;
/** In units of 8 bytes, bits 15:8 of leaf 1, EBX. */
const CLFLUSH_LINE = 8;
const LINEAR_BITS = 32;

const bitsOf = (features: Readonly<Record<string, number>>): number =>
  Object.values(features).reduce((bits, bit) => (bits | (1 << bit)) >>> 0, 0);

/** Four characters of a text as a register holds them. */
function characters(text: string, at: number): number {
  const code = (i: number): number => text.charCodeAt(at + i) || 0;
  return (code(0) | (code(1) << 8) | (code(2) << 16) | (code(3) << 24)) >>> 0;
}

function brand(at: number): CpuidLeaf {
  return {
    eax: characters(BRAND, at),
    ebx: characters(BRAND, at + 4),
    ecx: characters(BRAND, at + 8),
    edx: characters(BRAND, at + 12),
  };
}

/** A cache of 8 ways and lines of 64 bytes, as leaf 4 describes it. */
function cache(type: 'data' | 'instructions' | 'both', level: number, size: number): CpuidLeaf {
  const types = { data: 1, instructions: 2, both: 3 };
  const isSelfInitializing = 1 << 8;
  const [ways, line] = [8, 64];
  return {
    eax: types[type] | (level << 5) | isSelfInitializing,
    ebx: ((ways - 1) << 22) | (line - 1),
    ecx: size / (ways * line) - 1,
    edx: 0,
  };
}

const KB = 1024;
const CACHES: readonly CpuidLeaf[] = [
  cache('data', 1, 32 * KB),
  cache('instructions', 1, 32 * KB),
  cache('both', 2, 2048 * KB),
];

const LEAVES: ReadonlyMap<number, CpuidLeaf> = new Map([
  [
    0,
    {
      eax: HIGHEST,
      ebx: characters(VENDOR, 0),
      edx: characters(VENDOR, 4),
      ecx: characters(VENDOR, 8),
    },
  ],
  [
    1,
    { eax: SIGNATURE, ebx: CLFLUSH_LINE << 8, ecx: bitsOf(NEWER_FEATURES), edx: bitsOf(FEATURES) },
  ],
  // TLBs and caches by descriptor: 2C and 30 are the first level's, 7D the second's.
  [2, { eax: 0x02b3_b001, ebx: 0xf0, ecx: 0, edx: 0x2c04_307d }],
  [7, { ...NOTHING, ebx: bitsOf(X87_POINTERS) }],
  [0x8000_0000, { ...NOTHING, eax: HIGHEST_EXTENDED }],
  [0x8000_0001, { ...NOTHING, edx: bitsOf(EXTENDED_FEATURES) }],
  [0x8000_0002, brand(0)],
  [0x8000_0003, brand(16)],
  [0x8000_0004, brand(32)],
  [0x8000_0006, { ...NOTHING, ecx: 0x0800_6040 }],
  [0x8000_0008, { ...NOTHING, eax: (LINEAR_BITS << 8) | PHYSICAL_BITS }],
]);

/** The processor's own answer; beyond the highest leaf it is that of the highest basic one. */
export function cpuid(leaf: number, subleaf: number): CpuidLeaf {
  const isExtended = leaf >= 0x8000_0000;
  if (leaf > (isExtended ? HIGHEST_EXTENDED : HIGHEST)) {
    return cpuid(HIGHEST, subleaf);
  }
  if (leaf === 7 && subleaf > 0) {
    return NOTHING;
  }
  return leaf === 4 ? (CACHES[subleaf] ?? NOTHING) : (LEAVES.get(leaf) ?? NOTHING);
}
