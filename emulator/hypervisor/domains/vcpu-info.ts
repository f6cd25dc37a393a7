/** Where a virtual processor's vcpu_info lies: in shared_info, or where the guest put it. */

import { ERRNO } from '../../abi/errno.ts';
import { vcpu_info } from '../../abi/xen.ts';
import { FRAME_TYPE } from '../memory/frame-types.ts';
import type { Xen } from '../xen.ts';
import type { Vcpu } from './vcpu.ts';

const PAGE = 4096;

/** In shared_info, by number; there is room for 32. */
export const placeInSharedInfo = (vcpu: Vcpu): number =>
  vcpu.domain.fields.sharedInfo * PAGE + vcpu.id * vcpu_info.size;

/**
 * Moves it into a page of the guest, once. Content goes with it. Xen: `map_vcpu_info`.
 *
 * @param frame as the guest numbers its frames
 */
export function placeVcpuInfo(xen: Xen, vcpu: Vcpu, frame: number, offset: number): number {
  const { domain } = vcpu;
  if (offset > PAGE - vcpu_info.size || offset & 3) {
    return -ERRNO.ENXIO;
  }
  if (vcpu.isInfoPlaced) {
    return -ERRNO.EINVAL;
  }
  const mfn = domain.machineFrame(frame);
  if (mfn === undefined || xen.pages.getPageAndType(mfn, domain.id, FRAME_TYPE.writable) !== 0) {
    return -ERRNO.EINVAL;
  }
  const address = mfn * PAGE + offset;
  xen.ram.load(address, xen.ram.bytes(vcpu.info, vcpu_info.size).slice());
  vcpu.info = address;
  vcpu.isInfoPlaced = true;
  return 0;
}
