/**
 * Calls that carry out a list of requests: how far they got, and that they never take too long.
 *
 * Xen interrupts such calls when something is pending; here it is a fixed number of requests after
 * which the guest makes the rest of the call itself, so that no list can hold the machine up.
 */

import { ERRNO } from '../abi/errno.ts';
import { MMU_UPDATE_PREEMPTED } from '../abi/xen.ts';
import { type Caller, continueLater, isLong } from './hypercall.ts';

export interface RequestList {
  /** Number of the hypercall. */
  readonly hypercall: number;
  readonly address: number;
  /** Bytes of a request. */
  readonly size: number;
  /** How many requests are carried out in one go, by how long one can take. */
  readonly inOneGo: number;
  /** As the guest passed it: how many, and whether some have been done before. */
  readonly count: number;
  /** Where the number of requests done is stored; 0: nowhere. */
  readonly done: number;
  readonly foreign: number;
}

/**
 * Carries requests out until one fails. The answer is its errno, or 0.
 *
 * @param check what has to be checked before the first request, 0 or an errno
 * @param perform carries out the request at an address; 0 or an errno
 */
export function carryOutRequests(
  caller: Caller,
  list: RequestList,
  check: () => number,
  perform: (address: number) => number,
): number {
  const { memory, domain } = caller;
  const isContinued = (list.count & MMU_UPDATE_PREEMPTED) !== 0;
  const count = (list.count & ~MMU_UPDATE_PREEMPTED) >>> 0;
  const before = isContinued && list.done !== 0 ? (memory.read32(list.done) ?? 0) : 0;
  const isReadable = memory.isBelowHole(list.address, count * list.size);
  const checked = isReadable || !domain.rules.refinesErrors ? check() : -ERRNO.EFAULT;
  let answer = checked === 0 && !isReadable ? -ERRNO.EFAULT : checked;
  let i = 0;
  const end = Math.min(count, list.inOneGo);
  for (; answer === 0 && i < end; i++) {
    if (i > 0 && isLong(caller, 1)) {
      break;
    }
    answer = perform(list.address + i * list.size);
    if (answer !== 0) {
      break;
    }
  }
  if (checked === 0 && list.done !== 0) {
    memory.write32(list.done, before + i);
  }
  return answer === 0 && i < count
    ? continueLater(caller, list.hypercall, {
        ebx: list.address + i * list.size,
        ecx: ((count - i) | MMU_UPDATE_PREEMPTED) >>> 0,
        edx: list.done,
        esi: list.foreign,
      })
    : answer;
}
