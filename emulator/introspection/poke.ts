/** Writing into a machine’s memory from outside, as a debugger does. */

import { DOMID } from '../abi/xen.ts';
import { FRAME_TYPE_NAME } from '../hypervisor/memory/frame-types.ts';
import type { Xen } from '../hypervisor/xen.ts';

const PAGE = 4096;

/**
 * Why bytes at a machine address must not be written, in a sentence; `undefined` if they may be. A live
 * page table or descriptor page is what the hypervisor has counted: changed behind its back, its books
 * would no longer add up.
 */
export function refusalToPoke(
  { ram, frames }: Xen,
  address: number,
  length: number,
): string | undefined {
  if (address < 0 || address + length > ram.size) {
    return `There is no RAM at machine address 0x${address.toString(16)}.`;
  }
  for (let frame = Math.floor(address / PAGE); frame * PAGE < address + length; frame++) {
    const name = `Machine frame 0x${frame.toString(16)}`;
    const owner = frames.owner[frame];
    if (owner === DOMID.XEN || owner === DOMID.IO) {
      return `${name} is the hypervisor’s own.`;
    }
    const type = frames.typeOf(frame);
    if (frames.isLive(frame, type) && FRAME_TYPE_NAME[type] !== FRAME_TYPE_NAME[7]) {
      return `${name} is a live ${FRAME_TYPE_NAME[type]}: only a hypercall may change it.`;
    }
  }
  return undefined;
}

/** Writes bytes that `refusalToPoke` has nothing against. */
export function poke({ ram }: Xen, address: number, bytes: Uint8Array): void {
  ram.load(address, bytes);
}
