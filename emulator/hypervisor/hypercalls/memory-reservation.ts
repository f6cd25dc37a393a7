/**
 * The three memory operations that change how much memory a domain has: increase_reservation,
 * decrease_reservation and populate_physmap. They answer how many extents they did, and a guest sees
 * failure only as too few. Xen: `common/memory.c`.
 */

import { ERRNO } from '../../abi/errno.ts';
import type { View } from '../../abi/layout.ts';
import { XENMEM, xen_memory_reservation } from '../../abi/memory.ts';
import { HYPERVISOR } from '../../abi/xen.ts';
import { checkTarget } from '../domains/foreign-domain.ts';
import { type Caller, continueLater, isLong } from '../hypercall.ts';
import { FRAME_BIT } from '../memory/frame-types.ts';
import { machineFrameOf } from '../memory/page-table-update.ts';

const PAGE_BITS = 12;
/** Largest extent of an unprivileged domain, as a power of two of pages (CONFIG_DOMU_MAX_ORDER). */
const MOST_ORDER = 9;
const ADDRESS_BITS = 0xff;
/** Extents that are done in one go. */
const IN_ONE_GO = 256;

/** How the command word of `memory_op` is divided between operation and first extent. */
export const commandBits = ({ domain }: Caller): number => (domain.rules.refinesErrors ? 6 : 4);

type Reservation = View<typeof xen_memory_reservation>;
/** Does one extent; false when it cannot. */
type Extent = (caller: Caller, reservation: Reservation, index: number) => boolean;

const EXTENTS: Readonly<Record<number, Extent>> = {
  [XENMEM.increase_reservation]: increase,
  [XENMEM.decrease_reservation]: decrease,
  [XENMEM.populate_physmap]: populate,
};

/** Carries out the operation from an extent on. */
export function changeReservation(
  caller: Caller,
  operation: number,
  start: number,
  address: number,
): number {
  const { memory, domain } = caller;
  const bytes = memory.copyIn(address, xen_memory_reservation.size);
  if (bytes === undefined) {
    return domain.rules.refinesErrors ? start : -ERRNO.EFAULT;
  }
  const reservation = xen_memory_reservation.at(bytes);
  const refused = check(caller, reservation, start);
  if (refused !== undefined) {
    return refused;
  }
  const extent = EXTENTS[operation];
  const { nr_extents: count, extent_order: order } = reservation;
  let end = Math.min(count, start + IN_ONE_GO);
  const work = 2 ** Math.min(order, MOST_ORDER);
  let i = start;
  while (i < end && extent?.(caller, reservation, i) === true) {
    i++;
    if (isLong(caller, work)) {
      end = i;
    }
  }
  return i === end && i < count
    ? continueLater(caller, HYPERVISOR.memory_op, {
        ebx: (operation | (i << commandBits(caller))) >>> 0,
        ecx: address,
      })
    : i;
}

/** The answer when nothing can be done at all. */
function check(caller: Caller, reservation: Reservation, start: number): number | undefined {
  const { domain, memory, xen } = caller;
  const {
    nr_extents: count,
    extent_start: list,
    extent_order: order,
    mem_flags: flags,
  } = reservation;
  const isLater = domain.rules.refinesErrors;
  const answer = (errno: number) => (isLater ? start : -errno);
  const target = checkTarget(caller, reservation.domid);
  const bits = flags & ADDRESS_BITS;
  const isNarrow = bits !== 0 && bits < Math.ceil(Math.log2(xen.frames.count)) + PAGE_BITS;
  if (count > 0xffff_ffff >>> commandBits(caller) || (isLater ? start >= count : start > count)) {
    return answer(ERRNO.EINVAL);
  }
  if (isNarrow && bits <= (isLater ? PAGE_BITS : 30)) {
    return answer(ERRNO.ENOMEM);
  }
  if (target !== 0) {
    return answer(-target);
  }
  const isReadable = list === 0 || memory.isBelowHole(list, 4 * count);
  const isTooLarge = order > (isLater ? MOST_ORDER : 0);
  return isReadable && !isTooLarge ? undefined : start;
}

/** New memory, of which the guest learns the frame; it gives it a number of its own itself. */
function increase(caller: Caller, reservation: Reservation, index: number): boolean {
  const { domain, xen } = caller;
  if (domain.isTranslated) {
    xen.journal.record(
      'unimplemented',
      domain.id,
      'increase_reservation gives a translated domain no memory: populate_physmap does.',
    );
    return false;
  }
  const mfn = allocate(caller, reservation);
  const { extent_start: list } = reservation;
  return mfn !== undefined && (list === 0 || caller.memory.write32(list + 4 * index, mfn));
}

/** New memory for frame numbers that the guest has free. */
function populate(caller: Caller, reservation: Reservation, index: number): boolean {
  const { domain, xen, memory } = caller;
  const { extent_start: list, extent_order: order } = reservation;
  const pfn = memory.read32(list + 4 * index);
  if (pfn === undefined) {
    return false;
  }
  if (domain.isTranslated) {
    return order === 0 && xen.frames.reinstate(machineFrameOf(domain, pfn), domain.id);
  }
  const mfn = allocate(caller, reservation);
  if (mfn === undefined) {
    return false;
  }
  for (let k = 0; k < 2 ** order; k++) {
    xen.frames.setM2p(mfn + k, pfn + k);
  }
  return memory.write32(list + 4 * index, mfn);
}

/** Memory given back; what is mapped goes with its last mapping. */
function decrease(caller: Caller, reservation: Reservation, index: number): boolean {
  const { extent_start: list, extent_order: order } = reservation;
  const frame = caller.memory.read32(list + 4 * index);
  if (frame === undefined) {
    return false;
  }
  for (let k = 0; k < 2 ** order; k++) {
    if (!removePage(caller, frame + k)) {
      return false;
    }
  }
  return true;
}

function removePage({ domain, xen }: Caller, frame: number): boolean {
  const { frames, pages } = xen;
  const mfn = machineFrameOf(domain, frame);
  if (domain.isTranslated) {
    return frames.withdraw(mfn, domain.id);
  }
  if (!frames.getPage(mfn, domain.id)) {
    return false;
  }
  if (!domain.rules.refinesErrors && frames.has(mfn, FRAME_BIT.pinned)) {
    pages.unpin(mfn, domain.id);
  }
  // What Xen shares with the guest stays Xen's, whatever the guest says.
  if (!frames.has(mfn, FRAME_BIT.xenHeap)) {
    frames.release(mfn);
  }
  frames.putPage(mfn);
  return true;
}

function allocate(caller: Caller, reservation: Reservation): number | undefined {
  const { domain, xen } = caller;
  const { extent_order: order, mem_flags: flags } = reservation;
  const bits = flags & ADDRESS_BITS;
  if (xen.frames.pagesOf(domain.id) + 2 ** order > domain.identity.maxPages) {
    return undefined;
  }
  return allocateFrames(caller, order, bits);
}

/** @param bits how many bits an address may have; 0: any */
export function allocateFrames(
  { domain, xen }: Caller,
  order: number,
  bits: number,
): number | undefined {
  return order === 0 && bits === 0
    ? xen.frames.allocate(domain.id)
    : xen.frames.allocateContiguous(
        domain.id,
        order,
        bits === 0 ? undefined : 2 ** (bits - PAGE_BITS),
      );
}

/** Whether a reservation is for an extent that the caller may have at all. */
export const isAllowedOrder = (order: number): boolean => order <= MOST_ORDER;

/** How many bits an address may have, as flags of a reservation say. */
export const addressBits = (flags: number): number => flags & ADDRESS_BITS;
