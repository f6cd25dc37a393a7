/**
 * `HYPERVISOR_set_trap_table`: handlers for exceptions and `int n`, by vector.
 *
 * Only vectors in the list change. A null pointer clears the whole table.
 */

import { trap_info } from '../../abi/arch-x86-32.ts';
import { ERRNO } from '../../abi/errno.ts';
import { HYPERVISOR } from '../../abi/xen.ts';
import type { Caller, Hypercall } from '../hypercall.ts';
import { fixedUp } from '../selectors.ts';

/** A list without an end is one of our own limit: each vector once, and its terminator. */
const LONGEST = 257;

export const setTrapTable: Hypercall = {
  number: HYPERVISOR.set_trap_table,
  name: 'set_trap_table',
  parameters: ['table'],
  run({ vcpu, memory, xen }: Caller, table) {
    const { selectors, addresses, flags } = vcpu.traps;
    if (table === 0) {
      selectors.fill(0);
      addresses.fill(0);
      flags.fill(0);
      return 0;
    }
    for (let i = 0; ; i++) {
      const bytes = memory.copyIn(table + i * trap_info.size, trap_info.size);
      if (bytes === undefined) {
        return -ERRNO.EFAULT;
      }
      const { vector, flags: options, cs, address } = trap_info.at(bytes);
      if (address === 0) {
        return 0;
      }
      if (i >= LONGEST) {
        // Xen would go on as a continuation for as long as the list does; so long a list never ends.
        xen.journal.record('refusal', vcpu.domain.id, 'A trap table has no end.');
        return -ERRNO.EINVAL;
      }
      selectors[vector] = fixedUp(cs);
      addresses[vector] = address;
      flags[vector] = options;
    }
  },
};
