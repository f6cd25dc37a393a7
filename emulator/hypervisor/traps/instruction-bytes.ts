/**
 * The instruction that a guest was stopped at, for what the hypervisor executes in its place.
 */

import { EFLAGS } from '../../cpu/flags.ts';
import { EXIT } from '../../cpu/state.ts';
import type { Xen } from '../xen.ts';

/** Bytes of the longest instruction. */
export const LONGEST = 15;
/** What `fetchCode` has fetched. */
export const CODE = new Uint8Array(LONGEST);

/** The bytes at CS:EIP as far as they are mapped; answers how many there are. */
export function fetchCode(xen: Xen): number {
  const { access, state, memory } = xen.cpu;
  const linear = (state.eip + state.csBase) >>> 0;
  const isUser = state.cpl === 3;
  const host = access.hostForRead(linear, 1, isUser);
  const inPage = 4096 - (linear & 0xfff);
  if (host === 0) {
    state.exit = EXIT.none;
    return 0;
  }
  const first = Math.min(LONGEST, inPage);
  CODE.set(memory.u8.subarray(host, host + first));
  if (first === LONGEST) {
    return LONGEST;
  }
  const next = access.hostForRead((linear + first) >>> 0, 1, isUser);
  if (next === 0) {
    state.exit = EXIT.none;
    return first;
  }
  CODE.set(memory.u8.subarray(next, next + LONGEST - first), first);
  return LONGEST;
}

/** The instruction is done: EIP goes behind it. */
export function retire({ cpu }: Xen, length: number): void {
  const { state } = cpu;
  state.eip = (state.eip + length) >>> 0;
  state.systemFlags = (state.systemFlags & ~EFLAGS.resume) >>> 0;
  if (state.systemFlags & EFLAGS.trap) {
    state.pendingTraps |= SINGLE_STEP;
  }
}

/** DR6.BS */
const SINGLE_STEP = 0x4000;
