/**
 * `HYPERVISOR_multicall`: calls from a list, in order; each entry gets its result.
 *
 * An event that becomes deliverable in between is delivered then: the rest of the list is made by
 * a call that the guest repeats (Xen: `common/multicall.c`).
 */

import { ERRNO } from '../../abi/errno.ts';
import { HYPERVISOR, multicall_entry } from '../../abi/xen.ts';
import { needsDelivery } from '../events/event-delivery.ts';
import {
  type Caller,
  type CallRegisters,
  continueLater,
  type Hypercall,
  isLong,
} from '../hypercall.ts';

const { size, offsets } = multicall_entry;
/** What a call costs beside the lists that it has. */
const WORK_OF_ENTRY = 16;

export const multicall: Hypercall = {
  number: HYPERVISOR.multicall,
  name: 'multicall',
  parameters: ['call_list', 'nr_calls'],
  run(caller, list, count) {
    const { xen, vcpu, memory } = caller;
    if (xen.isInMulticall) {
      return -ERRNO.EINVAL;
    }
    if (!memory.isBelowHole(list, count * size)) {
      return -ERRNO.EFAULT;
    }
    for (let i = 0; i < count; i++) {
      if (i > 0 && (needsDelivery(xen, vcpu) || isLong(caller, WORK_OF_ENTRY))) {
        return continueLater(caller, HYPERVISOR.multicall, {
          ebx: (list + i * size) >>> 0,
          ecx: count - i,
        });
      }
      const verdict = callEntry(caller, (list + i * size) >>> 0);
      if (verdict === 'again') {
        return continueLater(caller, HYPERVISOR.multicall, {
          ebx: (list + i * size) >>> 0,
          ecx: count - i,
        });
      }
      if (verdict !== 'next') {
        return verdict;
      }
    }
    return 0;
  },
};

/** Hot: guests that change page tables make most of their calls from here. */
function callEntry(caller: Caller, address: number): 'next' | 'again' | number {
  const { xen, memory, vcpu } = caller;
  const bytes = memory.copyIn(address, size);
  if (bytes === undefined) {
    return -ERRNO.EFAULT;
  }
  const word = (offset: number) => bytes.getUint32(offset, true);
  const { op, args } = offsets;
  xen.isInMulticall = true;
  const result = xen.carryOut(
    caller,
    word(op),
    word(args),
    word(args + 4),
    word(args + 8),
    word(args + 12),
    word(args + 16),
  );
  xen.isInMulticall = false;
  const rest = xen.restOfEntry;
  if (rest !== undefined) {
    xen.restOfEntry = undefined;
    return keepRest(caller, address, rest) ? 'again' : -ERRNO.EFAULT;
  }
  if (xen.keepsRegisters) {
    // The call has left this context: what comes behind an iret is not made.
    return 0;
  }
  if (!memory.write32(address + offsets.result, result >>> 0)) {
    return -ERRNO.EFAULT;
  }
  return vcpu.isRunnable ? 'next' : 0;
}

const ARGUMENTS = ['ebx', 'ecx', 'edx', 'esi', 'edi'] as const;

/** What is left of a long call becomes its entry. False: a fault. */
function keepRest({ memory }: Caller, address: number, rest: CallRegisters): boolean {
  return ARGUMENTS.every((register, i) => {
    const value = rest[register];
    return value === undefined || memory.write32(address + offsets.args + 4 * i, value);
  });
}
