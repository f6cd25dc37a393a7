/** `HYPERVISOR_vm_assist`: what the hypervisor does for this domain beyond the usual. */

import { ERRNO } from '../../abi/errno.ts';
import { HYPERVISOR, VMASST_CMD } from '../../abi/xen.ts';
import type { Hypercall } from '../hypercall.ts';

export const vmAssist: Hypercall = {
  number: HYPERVISOR.vm_assist,
  name: 'vm_assist',
  parameters: ['cmd', 'type'],
  run({ domain }, command, type) {
    const { fields, profile } = domain;
    if (command !== VMASST_CMD.enable && command !== VMASST_CMD.disable) {
      return -ERRNO.ENOSYS;
    }
    if (type > profile.highestAssist) {
      return -ERRNO.EINVAL;
    }
    const bit = 1 << type;
    fields.assists = command === VMASST_CMD.enable ? fields.assists | bit : fields.assists & ~bit;
    return 0;
  },
};
