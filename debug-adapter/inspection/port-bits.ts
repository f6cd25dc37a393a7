/** The bits by which a guest and the hypervisor speak of events: shared_info and vcpu_info, read only. */

import { shared_info, vcpu_info } from '../../emulator/abi/xen.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';

const PAGE = 4096;
export const PORTS_A_WORD = 32;

type Bitmap = 'evtchn_pending' | 'evtchn_mask';

/** A word of one of the two bitmaps of ports. */
export const bitmapWord = (xen: Xen, { fields }: Domain, bitmap: Bitmap, word: number): number =>
  xen.ram.read32(fields.sharedInfo * PAGE + shared_info.offsets[bitmap] + 4 * word);

export const hasPortBit = (xen: Xen, domain: Domain, bitmap: Bitmap, port: number): boolean =>
  ((bitmapWord(xen, domain, bitmap, port >>> 5) >>> (port & 31)) & 1) !== 0;

export const selectorOf = (xen: Xen, { info }: Vcpu): number =>
  xen.ram.read32(info + vcpu_info.offsets.evtchn_pending_sel);

export const upcallPendingOf = (xen: Xen, { info }: Vcpu): number =>
  xen.ram.read8(info + vcpu_info.offsets.evtchn_upcall_pending);

export const upcallMaskOf = (xen: Xen, { info }: Vcpu): number =>
  xen.ram.read8(info + vcpu_info.offsets.evtchn_upcall_mask);

/** The virtual processor that a port notifies; a number that there is not means the first. */
export const notifiedBy = (domain: Domain, port: number): Vcpu | undefined =>
  domain.vcpus[domain.events.vcpuOf(port)] ?? domain.vcpus[0];
