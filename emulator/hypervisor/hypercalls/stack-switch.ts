/** `HYPERVISOR_stack_switch`: the ring-1 stack on which user mode is interrupted. */

import { HYPERVISOR } from '../../abi/xen.ts';
import type { Hypercall } from '../hypercall.ts';
import { fixedUp } from '../selectors.ts';

export const stackSwitch: Hypercall = {
  number: HYPERVISOR.stack_switch,
  name: 'stack_switch',
  parameters: ['ss', 'esp'],
  run({ vcpu, xen }, ss, esp) {
    vcpu.kernelSs = fixedUp(ss & 0xffff);
    vcpu.kernelEsp = esp;
    xen.tables.setKernelStack(vcpu);
    return 0;
  },
};
