/**
 * Model-specific registers as a guest may read and write them.
 *
 * There are few: a guest that asks for others learns that they do not exist. Values are those
 * that real Xen gave a guest on an Intel processor. Xen: `arch/x86/msr.c`, `pv/emul-priv-op.c`.
 */

import type { Domain } from '../domains/domain.ts';
import type { Xen } from '../xen.ts';

const EFER_NXE = 0x800n;
/** Write-back, write-through, uncached-, uncached, write-combining, write-protected, uncached twice. */
const PAT = 0x0000_0501_0007_0406n;
/** Local APIC enabled, on the boot processor. */
const APIC_BASE = 0xfee0_0900n;

const MSR = { timeStampCounter: 0x10, apicBase: 0x1b, pat: 0x277, efer: 0xc000_0080 } as const;

/** Where fully virtualised guests ask for their hypercall page. */
const HYPERCALL_PAGE = 0x4000_0000;

/** Constant registers: microcode revision, platform info, misc enable, perf capabilities, TSC_AUX. */
const CONSTANT: ReadonlyMap<number, bigint> = new Map([
  [MSR.apicBase, APIC_BASE],
  [0x8b, 0n],
  [0xce, 0n],
  [0x140, 0n],
  [0x1a0, 0x0080_1801n],
  [MSR.pat, PAT],
  [0x345, 0n],
  [HYPERCALL_PAGE, 0n],
  [MSR.efer, EFER_NXE],
  [0xc000_0103, 0n],
]);

/** Undefined: #GP(0). */
export function readGuestMsr(xen: Xen, domain: Domain, index: number): bigint | undefined {
  if (index === MSR.timeStampCounter) {
    return BigInt(xen.clock.now);
  }
  const constant = CONSTANT.get(index);
  if (constant !== undefined) {
    return constant;
  }
  if (domain.profile.unknownMsr === 'ignore') {
    xen.journal.record(
      'refusal',
      domain.id,
      `MSR ${index.toString(16)} is not there; it reads as 0.`,
    );
    return 0n;
  }
  return undefined;
}

/** False: #GP(0). */
export function writeGuestMsr(xen: Xen, domain: Domain, index: number, value: bigint): boolean {
  if (index === MSR.timeStampCounter) {
    return false;
  }
  const constant = CONSTANT.get(index);
  if (domain.profile.unknownMsr === 'ignore') {
    const text = `A write of ${value.toString(16)} to MSR ${index.toString(16)} was ignored.`;
    xen.journal.record('refusal', domain.id, text);
    return true;
  }
  // Writing what a register has already is no harm, and guests do so.
  return constant !== undefined && constant === value && index === MSR.efer;
}
