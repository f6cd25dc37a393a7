/** `HYPERVISOR_fpu_taskswitch`: sets or clears the guest's CR0.TS, which makes x87 and SSE raise #NM. */

import { HYPERVISOR } from '../../abi/xen.ts';
import { CR0 } from '../../cpu/system/control-registers.ts';
import type { Hypercall } from '../hypercall.ts';

export const fpuTaskswitch: Hypercall = {
  number: HYPERVISOR.fpu_taskswitch,
  name: 'fpu_taskswitch',
  parameters: ['set'],
  run({ xen: { cpu } }, set) {
    const without = cpu.state.cr0 & ~CR0.taskSwitched;
    cpu.state.cr0 = (set === 0 ? without : without | CR0.taskSwitched) >>> 0;
    return 0;
  },
};
