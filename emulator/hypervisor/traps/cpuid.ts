/**
 * CPUID as a guest sees it: the processor's own answer without what a paravirtual guest cannot
 * use, and the leaves of the hypervisor.
 *
 * On the real thing plain `cpuid` shows the machine and only the forced-emulation prefix shows
 * this; here both show it, as on processors that let a hypervisor catch CPUID.
 */

import { cpuid as processorCpuid } from '../../cpu/cpuid.ts';
import type { CpuidLeaf } from '../../cpu/environment.ts';
import { TSC_KHZ, TSC_SCALE } from '../clock.ts';
import type { Domain } from '../domains/domain.ts';

/** Bits of leaf 1, EDX, that name what page tables or ring 1 do not offer a guest. */
const HIDDEN = {
  virtual8086: 1 << 1,
  pageSizeExtensions: 1 << 3,
  sysenter: 1 << 11,
  mtrr: 1 << 12,
  pageGlobal: 1 << 13,
  pageSizeExtension36: 1 << 17,
} as const;
const HIDDEN_EDX = Object.values(HIDDEN).reduce((bits, bit) => bits | bit, 0);
/** Leaf 1, ECX: there is a hypervisor. */
const HYPERVISOR_PRESENT = 0x8000_0000;

const EXTENDED = 0x8000_0000;
const BASE = 0x4000_0000;
const SIGNATURE = { ebx: 0x566e_6558, ecx: 0x6558_4d4d, edx: 0x4d4d_566e } as const;
const NOTHING: CpuidLeaf = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
/** Leaf 3: the time-stamp counter is the same on all processors and needs no emulation. */
const TSC_RELIABLE = 5;
/** Leaf 5: bits of the widest machine frame number that a guest will see. */
const FRAME_BITS = 0x1f;

export function guestCpuid(domain: Domain, leaf: number, subleaf: number): CpuidLeaf {
  if (leaf >= BASE && leaf < BASE + 0x1_0000) {
    return hypervisorLeaf(domain, leaf - BASE, subleaf);
  }
  const isExtended = leaf >= EXTENDED;
  const highest = processorCpuid(isExtended ? EXTENDED : 0, 0).eax;
  if (leaf > highest) {
    // Unlike the processor, which shows its highest basic leaf there.
    return NOTHING;
  }
  const own = processorCpuid(leaf, subleaf);
  if (leaf !== 1) {
    return own;
  }
  const { profile } = domain;
  const present = profile.hasHypervisorLeaves ? HYPERVISOR_PRESENT : 0;
  return { ...own, ecx: (own.ecx | present) >>> 0, edx: (own.edx & ~HIDDEN_EDX) >>> 0 };
}

function hypervisorLeaf({ profile }: Domain, leaf: number, subleaf: number): CpuidLeaf {
  if (!profile.hasHypervisorLeaves) {
    return NOTHING;
  }
  switch (leaf) {
    case 0:
      return { eax: BASE + 5, ...SIGNATURE };
    case 1:
      return { ...NOTHING, eax: profile.version };
    case 2:
      // One page of hypercalls, the MSR that asks for it, and that A and D bits can be kept.
      return { eax: 1, ebx: BASE, ecx: 1, edx: 0 };
    case 3:
      return timeLeaf(subleaf);
    case 5:
      return { ...NOTHING, ebx: FRAME_BITS };
    default:
      return NOTHING;
  }
}

function timeLeaf(subleaf: number): CpuidLeaf {
  switch (subleaf) {
    case 0:
      return { eax: TSC_RELIABLE, ebx: 0, ecx: TSC_KHZ, edx: 1 };
    case 1:
      return { ...NOTHING, ecx: TSC_SCALE.multiplier, edx: TSC_SCALE.shift };
    case 2:
      return { ...NOTHING, eax: TSC_KHZ };
    default:
      return NOTHING;
  }
}
