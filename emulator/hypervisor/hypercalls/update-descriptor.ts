/** `HYPERVISOR_update_descriptor`: one descriptor at a machine address, as it may stand in a table. */

import { HYPERVISOR } from '../../abi/xen.ts';
import type { Hypercall } from '../hypercall.ts';
import { updateDescriptor as updateWords } from '../memory/descriptor-tables.ts';

export const updateDescriptor: Hypercall = {
  number: HYPERVISOR.update_descriptor,
  name: 'update_descriptor',
  parameters: ['ma_lo', 'ma_hi', 'desc_lo', 'desc_hi'],
  run: ({ xen, domain }, addressLow, addressHigh, low, high) =>
    updateWords(xen.pages, domain, addressHigh * 2 ** 32 + addressLow, { low, high }),
};
