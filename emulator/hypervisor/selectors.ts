/** Selectors as guests hand them over, and the descriptors behind them. */

import type { Descriptor } from '../cpu/descriptor.ts';
import type { Processor } from '../cpu/processor.ts';

/** A selector for a guest’s code or stack: no inner ring than 1 (Xen: fixup_guest_*_selector). */
export const fixedUp = (selector: number): number =>
  (selector & 3) === 0 ? selector | 1 : selector;

/** The descriptor of a selector by the running guest’s tables; a faulting table has none. */
export function findGuestDescriptor(cpu: Processor, selector: number): Descriptor | undefined {
  const { state, systemSpace } = cpu;
  const isLocal = (selector & 4) !== 0;
  const offset = selector & 0xfff8;
  const limit = isLocal ? state.ldtLimit : state.gdtLimit;
  const isPresentTable = !isLocal || state.ldtRights !== 0;
  if ((!isLocal && offset === 0) || !isPresentTable || offset + 7 > limit) {
    return undefined;
  }
  const address = (isLocal ? state.ldtBase : state.gdtBase) + offset;
  const low = systemSpace?.word(address);
  const high = systemSpace?.word(address + 4);
  return low === undefined || high === undefined ? undefined : { low, high, address };
}
