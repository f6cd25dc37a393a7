/** Flushing translations as guests ask for it: here, everywhere, or on some of their processors. */

import type { Caller } from './hypercall.ts';

/**
 * Whether a bitmap of virtual processors names the running one; the others find their translations
 * fresh when they run. Undefined: a fault.
 */
export function namesRunningVcpu(
  { domain, vcpu, memory }: Caller,
  bitmap: number,
): boolean | undefined {
  let names = false;
  for (let first = 0; first < domain.vcpus.length; first += 32) {
    const bits = memory.read32(bitmap + first / 8);
    if (bits === undefined) {
      return undefined;
    }
    names =
      names || (vcpu.id - first < 32 && vcpu.id >= first && ((bits >>> (vcpu.id % 32)) & 1) !== 0);
  }
  return names;
}

/** @param linear one page only; undefined: everything */
export function flushTranslations({ xen }: Caller, linear?: number): void {
  if (linear === undefined) {
    xen.flushAll();
  } else {
    xen.pages.tlb.flushPage(linear);
  }
}
