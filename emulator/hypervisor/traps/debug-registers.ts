/**
 * Debug registers of a guest: they are the processor's own, but may not watch the hypervisor's
 * part of the address space. Xen: `set_debugreg`.
 */

import { ERRNO } from '../../abi/errno.ts';
import { CR4 } from '../../cpu/system/control-registers.ts';
import type { Caller } from '../hypercall.ts';

const DR6_ONES = 0xffff_0ff0;
const DR6_ZERO = 0x1000;
const DR7_ONE = 0x400;
/** Bits 15, 14, 12 and 11 are always clear. */
const DR7_ZEROS = 0xd800;
const GENERAL_DETECT = 0x2000;
const ENABLES = 0xff;
/** Of a breakpoint's kind: accesses to ports. Of its length: eight bytes, once undefined. */
const IO = 2;

/** Answers 0 or an errno. -ENODEV: there is no such register. */
export function setDebugRegister(caller: Caller, number: number, value: number): number {
  const { xen, domain } = caller;
  const { state, debug } = xen.cpu;
  const isOf2006 = domain.profile.guardsDebugRegisters;
  const alias = isAlias(number) ? number + 2 : number;
  if (alias !== number && (isOf2006 || hasExtensions(caller))) {
    return isOf2006 ? -ERRNO.EINVAL : -ERRNO.ENODEV;
  }
  switch (alias) {
    case 0:
    case 1:
    case 2:
    case 3:
      if (isOf2006 && value >= domain.fields.virtStart) {
        return -ERRNO.EPERM;
      }
      state[`dr${alias}`] = value;
      break;
    case 6:
      state.dr6 = ((value & ~DR6_ZERO) | DR6_ONES) >>> 0;
      break;
    case 7: {
      const next = ((value & ~DR7_ZEROS) | DR7_ONE) >>> 0;
      if (!mayControl(caller, next)) {
        return -ERRNO.EPERM;
      }
      state.dr7 = next;
      break;
    }
    default:
      return isOf2006 ? -ERRNO.EINVAL : -ERRNO.ENODEV;
  }
  debug.refresh();
  xen.cpu.refreshBreakpoints();
  return 0;
}

/** 4 and 5 stand for 6 and 7, unless CR4.DE is set. */
const isAlias = (number: number): boolean => number === 4 || number === 5;

const hasExtensions = ({ vcpu }: Caller): boolean => (vcpu.cr4 & CR4.debugExtensions) !== 0;

/** Xen of 2006 refuses kinds and lengths even of breakpoints that are off. */
function mayControl(caller: Caller, dr7: number): boolean {
  if (dr7 & GENERAL_DETECT) {
    return false;
  }
  if (caller.domain.profile.guardsDebugRegisters) {
    return ![0, 1, 2, 3, 4, 5, 6, 7].some((i) => ((dr7 >>> (16 + 2 * i)) & 3) === IO);
  }
  return !(dr7 & ENABLES) || !watchesPorts(dr7) || hasExtensions(caller);
}

const watchesPorts = (dr7: number): boolean =>
  [0, 1, 2, 3].some((i) => ((dr7 >>> (16 + 4 * i)) & 3) === IO);

/** The value, or undefined: there is no such register. */
export function debugRegister(caller: Caller, number: number): number | undefined {
  const { state } = caller.xen.cpu;
  const isOf2006 = caller.domain.profile.guardsDebugRegisters;
  if (isAlias(number) && (isOf2006 || hasExtensions(caller))) {
    return isOf2006 ? 0 : undefined;
  }
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
      return isOf2006 && state.dr7 === DR7_ONE ? 0 : state.dr7;
    default:
      return undefined;
  }
}
