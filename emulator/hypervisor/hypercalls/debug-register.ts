/** `HYPERVISOR_set_debugreg` and `HYPERVISOR_get_debugreg`. */

import { ERRNO } from '../../abi/errno.ts';
import { HYPERVISOR } from '../../abi/xen.ts';
import type { Hypercall } from '../hypercall.ts';
import { debugRegister, setDebugRegister } from '../traps/debug-registers.ts';

export const setDebugreg: Hypercall = {
  number: HYPERVISOR.set_debugreg,
  name: 'set_debugreg',
  parameters: ['reg', 'value'],
  run: (caller, number, value) => setDebugRegister(caller, number, value),
};

export const getDebugreg: Hypercall = {
  number: HYPERVISOR.get_debugreg,
  name: 'get_debugreg',
  parameters: ['reg'],
  run(caller, number) {
    const missing = caller.domain.profile.guardsDebugRegisters ? ERRNO.EINVAL : ERRNO.ENODEV;
    return debugRegister(caller, number) ?? -missing;
  },
};
