/**
 * `XENMEM_exchange`: pages for others that are adjacent, or that lie below an address. Xen:
 * `common/memory.c`, `memory_exchange`.
 */

import { ERRNO } from '../../abi/errno.ts';
import type { View } from '../../abi/layout.ts';
import type { xen_memory_exchange } from '../../abi/memory.ts';
import { HYPERVISOR } from '../../abi/xen.ts';
import { checkTarget } from '../domains/foreign-domain.ts';
import { type Caller, continueLater, isLong } from '../hypercall.ts';
import { addressBits, allocateFrames, isAllowedOrder } from './memory-reservation.ts';

/** Input extents that are exchanged in one go. */
const IN_ONE_GO = 512;

type Exchange = View<typeof xen_memory_exchange>;

/** The pages that are exchanged at once: one extent of the larger order. */
interface Chunk {
  /** Of the lists, how many entries each chunk takes. */
  readonly inputs: number;
  readonly outputs: number;
}

/** Exchanges chunk by chunk; `nr_exchanged` says how many input extents are through. */
export function exchange(caller: Caller, request: Exchange): number {
  const answer = checkExchange(caller, request);
  if (answer !== 0) {
    return answer;
  }
  const { extent_order: inOrder, nr_extents: count } = request.in;
  const outOrder = request.out.extent_order;
  const chunk: Chunk = {
    inputs: 2 ** Math.max(0, outOrder - inOrder),
    outputs: 2 ** Math.max(0, inOrder - outOrder),
  };
  const pages = chunk.inputs * 2 ** inOrder;
  const first = request.nr_exchanged;
  for (let at = first; at + chunk.inputs <= count; at += chunk.inputs) {
    if (at - first >= IN_ONE_GO || (at > first && isLong(caller, pages))) {
      // The same call again: it goes on where the count says.
      return continueLater(caller, HYPERVISOR.memory_op, {});
    }
    const failure = exchangeChunk(caller, request, chunk, at);
    request.nr_exchanged = failure === 0 ? at + chunk.inputs : at;
    if (failure !== 0) {
      return failure;
    }
  }
  request.nr_exchanged = count;
  return 0;
}

function checkExchange(caller: Caller, request: Exchange): number {
  const { memory } = caller;
  const { in: input, out: output, nr_exchanged: done } = request;
  const pages = input.nr_extents * 2 ** input.extent_order;
  const step = 2 ** Math.max(0, output.extent_order - input.extent_order);
  const isBad =
    done > input.nr_extents ||
    done % step !== 0 ||
    input.domid !== output.domid ||
    pages > 0xffff_ffff ||
    pages !== output.nr_extents * 2 ** output.extent_order;
  if (!isAllowedOrder(input.extent_order) || !isAllowedOrder(output.extent_order)) {
    return -ERRNO.EPERM;
  }
  if (isBad) {
    return -ERRNO.EINVAL;
  }
  const areReadable =
    memory.isBelowHole(input.extent_start, 4 * input.nr_extents) &&
    memory.isBelowHole(output.extent_start, 4 * output.nr_extents);
  return areReadable ? checkTarget(caller, input.domid) : -ERRNO.EFAULT;
}

function exchangeChunk(caller: Caller, request: Exchange, chunk: Chunk, at: number): number {
  const { xen, domain } = caller;
  const stolen: number[] = [];
  const giveBack = (errno: number) => {
    for (const mfn of stolen) {
      xen.frames.assign(mfn, domain.id);
    }
    return -errno;
  };
  const failure = stealInputs(caller, request, chunk, at, stolen);
  if (failure !== 0) {
    return giveBack(failure);
  }
  const { extent_order: order, mem_flags: flags } = request.out;
  const got: number[] = [];
  for (let j = 0; j < chunk.outputs; j++) {
    const mfn = allocateFrames(caller, order, addressBits(flags));
    if (mfn === undefined) {
      for (const frame of got.flatMap((first) => run(first, order))) {
        xen.frames.release(frame);
      }
      return giveBack(ERRNO.ENOMEM);
    }
    got.push(mfn);
  }
  for (const mfn of stolen) {
    xen.frames.discard(mfn);
  }
  const first = (at / chunk.inputs) * chunk.outputs;
  return announce(caller, request, got, first);
}

/** Takes the pages of a chunk from the guest. Answers an errno, positive. */
function stealInputs(
  { xen, domain, memory }: Caller,
  request: Exchange,
  chunk: Chunk,
  at: number,
  stolen: number[],
): number {
  for (let j = 0; j < chunk.inputs; j++) {
    const frame = memory.read32(request.in.extent_start + 4 * (at + j));
    if (frame === undefined) {
      return ERRNO.EFAULT;
    }
    for (const mfn of run(frame, request.in.extent_order)) {
      if (!xen.frames.steal(mfn, domain.id)) {
        return ERRNO.EINVAL;
      }
      stolen.push(mfn);
    }
  }
  return 0;
}

/** Gives new pages the guest's numbers, and tells it their frames. */
function announce(caller: Caller, request: Exchange, got: number[], first: number): number {
  const { xen, memory } = caller;
  const { extent_start: list, extent_order: order } = request.out;
  let answer = 0;
  for (const [j, mfn] of got.entries()) {
    const place = list + 4 * (first + j);
    const pfn = memory.read32(place);
    if (pfn === undefined) {
      answer = -ERRNO.EFAULT;
      continue;
    }
    for (let k = 0; k < 2 ** order; k++) {
      xen.frames.setM2p(mfn + k, pfn + k);
    }
    if (!memory.write32(place, mfn)) {
      answer = -ERRNO.EFAULT;
    }
  }
  return answer;
}

const run = (first: number, order: number): number[] =>
  Array.from({ length: 2 ** order }, (_, k) => first + k);
