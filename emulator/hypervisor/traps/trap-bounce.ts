/**
 * Exceptions and software interrupts on their way into a guest's handler: the entry of its trap
 * table decides where to, and whether upcalls are masked. Xen: `pv_inject_event()`.
 */

import { TI_IF } from '../../abi/arch-x86-32.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import type { Xen } from '../xen.ts';
import { enterGuest, TRAP_BOUNCE } from './bounce.ts';

/** An exception that the guest gets instead of what it wanted. */
export interface Refusal {
  readonly vector: number;
  readonly errorCode: number;
  /** Of a page fault: what CR2 is to be. */
  readonly address?: number;
}

/** Enters the guest's handler for a vector. */
export function bounce(
  xen: Xen,
  vcpu: Vcpu,
  vector: number,
  errorCode: number | undefined,
  flags: number,
): void {
  const { traps } = vcpu;
  const eip = traps.addresses[vector] as number;
  if (xen.probes.wants.trap) {
    const { id } = vcpu.domain;
    const { state } = xen.cpu;
    const at = { eip: state.eip, cr2: vcpu.cr2 };
    xen.probes.emit({ kind: 'trap', domain: id, vcpu: vcpu.id, vector, errorCode, ...at });
  }
  if (eip === 0) {
    const code = errorCode === undefined ? '' : `, error code ${errorCode.toString(16)},`;
    const at = xen.cpu.state.eip.toString(16).padStart(8, '0');
    xen.crash(vcpu.domain, `exception ${vector}${code} at ${at} has no handler.`);
    return;
  }
  const masks = ((traps.flags[vector] ?? 0) & TI_IF) !== 0;
  const cs = traps.selectors[vector] as number;
  enterGuest(xen, vcpu, TRAP_BOUNCE, cs, eip, masks, flags, errorCode);
}

/** Gives the guest an exception that it did not raise itself. */
export function refuse(xen: Xen, vcpu: Vcpu, refusal: Refusal, flags: number): void {
  const { vector, errorCode, address } = refusal;
  if (address === undefined) {
    bounce(xen, vcpu, vector, errorCode, flags);
    return;
  }
  vcpu.cr2 = address;
  xen.setSharedCr2(vcpu, address);
  const user = xen.cpu.state.cpl === 1 ? 0 : USER_FAULT;
  bounce(xen, vcpu, vector, errorCode | user, flags);
}
/** Bit of a page fault's error code. */
const USER_FAULT = 4;
