/** Registers of any virtual processor, whether the processor has them or they were put away. */

import { STATE, type WordName } from '../../emulator/cpu/state.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';

/** Index of the first word of a context among those of the state. */
const FIRST = STATE.eax >>> 2;

/** A word of its state, as numbered by `STATE`; undefined while it has no registers. */
export function registerOf(xen: Xen, vcpu: Vcpu, name: WordName): number | undefined {
  const index = STATE[name] >>> 2;
  if (xen.scheduler.loaded === vcpu) {
    return xen.cpu.state.words[index];
  }
  return vcpu.context?.words[index - FIRST];
}
