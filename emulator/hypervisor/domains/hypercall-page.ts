/**
 * The page through which guests call: a stub of 32 bytes for each hypercall number.
 *
 *     mov $number,%eax; int $0x82; ret
 *
 * The stub of iret is jumped to, not called: it pushes EAX, which the call pops, and has no ret.
 */

import { HYPERCALL_VECTOR } from '../../abi/arch-x86-32.ts';
import { HYPERVISOR } from '../../abi/xen.ts';

const SLOT = 32;
const PAGE = 4096;
const INT3 = 0xcc;

export function hypercallPage(): Uint8Array {
  const page = new Uint8Array(PAGE).fill(INT3);
  for (let number = 0; number < PAGE / SLOT; number++) {
    const call = [0xb8, number, 0, 0, 0, 0xcd, HYPERCALL_VECTOR];
    const stub = number === HYPERVISOR.iret ? [0x50, ...call] : [...call, 0xc3];
    page.set(stub, number * SLOT);
  }
  return page;
}
