/** `HYPERVISOR_set_gdt`: the pages of the guest's descriptors, whose contents are checked. */

import { FIRST_RESERVED_GDT_ENTRY } from '../../abi/arch-x86-32.ts';
import { ERRNO } from '../../abi/errno.ts';
import { HYPERVISOR } from '../../abi/xen.ts';
import type { Hypercall } from '../hypercall.ts';
import { gdtPages, setGdt as setTable } from '../memory/descriptor-tables.ts';

export const setGdt: Hypercall = {
  number: HYPERVISOR.set_gdt,
  name: 'set_gdt',
  parameters: ['frame_list', 'entries'],
  run({ xen, domain, vcpu, memory }, list, entries) {
    if (entries > FIRST_RESERVED_GDT_ENTRY) {
      return -ERRNO.EINVAL;
    }
    const frames: number[] = [];
    for (let i = 0; i < gdtPages(entries); i++) {
      const frame = memory.read32(list + 4 * i);
      if (frame === undefined) {
        return -ERRNO.EFAULT;
      }
      frames.push(frame);
    }
    return setTable(xen.pages, domain, vcpu, frames, entries);
  },
};
