/** `HYPERVISOR_nmi_op`: the handler of non-maskable interrupts. */

import { ERRNO } from '../../abi/errno.ts';
import { XENNMI, xennmi_callback } from '../../abi/nmi.ts';
import { HYPERVISOR } from '../../abi/xen.ts';
import type { Hypercall } from '../hypercall.ts';
import { setNmiHandler } from './callbacks.ts';

export const nmiOp: Hypercall = {
  number: HYPERVISOR.nmi_op,
  name: 'nmi_op',
  parameters: ['cmd', 'arg'],
  commands: XENNMI,
  run({ vcpu, memory, domain }, command, argument) {
    switch (command) {
      case XENNMI.register_callback: {
        const bytes = memory.copyIn(argument, xennmi_callback.size);
        if (bytes === undefined) {
          return -ERRNO.EFAULT;
        }
        if (!domain.profile.hasFastCalls) {
          // Xen of 2006 lets only domain 0 have NMIs.
          return -ERRNO.EINVAL;
        }
        setNmiHandler(vcpu, xennmi_callback.at(bytes).handler_address);
        return 0;
      }
      case XENNMI.unregister_callback:
        setNmiHandler(vcpu, 0);
        return 0;
      default:
        return -ERRNO.ENOSYS;
    }
  },
};
