/**
 * Debug registers of a guest: they are the processor's own, but may not watch the hypervisor's
 * part of the address space. Xen: `set_debugreg`.
 */

import { ERRNO } from '../../abi/errno.ts';
import type { Caller } from '../hypercall.ts';

const DR6_ONES = 0xffff_0ff0;
const DR6_ZERO = 0x1000;
const DR7_ONE = 0x400;
/** Bits 15, 14, 12 and 11 are always clear. */
const DR7_ZEROS = 0xd800;
const GENERAL_DETECT = 0x2000;
const ENABLES = 0xff;
const IO = 2;

/** Answers 0 or an errno. */
export function setDebugRegister(caller: Caller, number: number, value: number): number {
  const { cpu } = caller.xen;
  const { state } = cpu;
  switch (number) {
    case 0:
    case 1:
    case 2:
    case 3:
      if (value >= caller.domain.fields.virtStart && caller.domain.profile.guardsDebugAddresses) {
        return -ERRNO.EPERM;
      }
      state[`dr${number}`] = value;
      break;
    case 4:
    case 6:
      state.dr6 = ((value & ~DR6_ZERO) | DR6_ONES) >>> 0;
      break;
    case 5:
    case 7: {
      const next = ((value & ~DR7_ZEROS) | DR7_ONE) >>> 0;
      if (next & GENERAL_DETECT || (next & ENABLES && watchesPorts(next))) {
        return -ERRNO.EPERM;
      }
      state.dr7 = next;
      break;
    }
    default:
      return caller.domain.profile.unknownOperation === 'EINVAL' ? -ERRNO.EINVAL : -ERRNO.ENODEV;
  }
  cpu.debug.refresh();
  cpu.refreshBreakpoints();
  return 0;
}

/** Breakpoints on ports need CR4.DE, which a guest of this profile does not have set. */
const watchesPorts = (dr7: number): boolean =>
  [0, 1, 2, 3].some((i) => ((dr7 >>> (16 + 4 * i)) & 3) === IO);

/** The value, or undefined: there is no such register. */
export function debugRegister(caller: Caller, number: number): number | undefined {
  const { state } = caller.xen.cpu;
  switch (number) {
    case 0:
    case 1:
    case 2:
    case 3:
      return state[`dr${number}`];
    case 4:
    case 6:
      return state.dr6;
    case 5:
    case 7:
      return state.dr7;
    default:
      return undefined;
  }
}
