/** The root that a vcpu runs on, and the end of a domain's hold on its frames. */

import { ERRNO } from '../../abi/errno.ts';
import { dropGdt } from './descriptor-tables.ts';
import { FRAME_BIT, type FRAME_TYPE } from './frame-types.ts';
import { TABLE_SHAPES } from './page-table-entry.ts';
import { machineFrameOf } from './page-table-update.ts';
import { type PageTypes, TABLE_TYPE } from './page-types.ts';
import { NO_FRAME, type PagedDomain, type PagedVcpu } from './paged-domain.ts';

/**
 * Makes a frame the root of a vcpu's page tables: CR3 as the guest knows it. 0 or a negative errno.
 * Xen of 2006 ends the domain when the new root is bad even after the old one was given up. Xen:
 * new_guest_cr3().
 *
 * @param frame machine frame, or the guest's own in a translated domain
 */
export function newBase(
  types: PageTypes,
  domain: PagedDomain,
  vcpu: PagedVcpu,
  frame: number,
): number {
  const mfn = machineFrameOf(domain, frame);
  if (mfn !== vcpu.baseFrame) {
    const answer = takeRoot(types, domain, vcpu, mfn);
    if (answer !== 0) {
      return answer;
    }
    const old = vcpu.baseFrame;
    vcpu.baseFrame = mfn;
    putRoot(types, domain, old);
  }
  types.dropLdt(vcpu);
  types.tlb.flushAll();
  return 0;
}

/** Leaves a vcpu without page tables. */
export function dropBase(types: PageTypes, domain: PagedDomain, vcpu: PagedVcpu): void {
  const old = vcpu.baseFrame;
  vcpu.baseFrame = NO_FRAME;
  putRoot(types, domain, old);
  types.tlb.flushAll();
}

/**
 * Gives up all that a domain holds, because it ends. Frames that other domains map live on until they
 * are unmapped; all are zeroed before anybody else gets them. Xen: domain_relinquish_resources().
 */
export function relinquish(types: PageTypes, domain: PagedDomain): void {
  const { frames } = types;
  for (const vcpu of domain.vcpus) {
    types.dropLdt(vcpu);
    dropGdt(types, vcpu);
    dropBase(types, domain, vcpu);
  }
  const own: number[] = [];
  for (let mfn = 0; mfn < frames.count; mfn++) {
    if (frames.owner[mfn] === domain.id) {
      own.push(mfn);
    }
  }
  for (const mfn of own) {
    types.unpin(mfn, domain.id);
  }
  for (const mfn of own) {
    if (frames.owner[mfn] === domain.id) {
      frames.bits[mfn] = (frames.bits[mfn] ?? 0) | FRAME_BIT.scrubbed;
      frames.release(mfn);
    }
  }
}

function takeRoot(types: PageTypes, domain: PagedDomain, vcpu: PagedVcpu, mfn: number): number {
  const answer = getRoot(types, domain, mfn);
  if (answer === 0 || !domain.rules.badBaseIsFatal) {
    return answer;
  }
  dropBase(types, domain, vcpu);
  const second = getRoot(types, domain, mfn);
  if (second !== 0) {
    const name = mfn === NO_FRAME ? 'a frame that it does not have' : `frame 0x${mfn.toString(16)}`;
    domain.crash(`The domain has no page tables left: ${name} cannot be the root of any.`);
  }
  return second;
}

function getRoot(types: PageTypes, domain: PagedDomain, mfn: number): number {
  if (domain.model === 'translated') {
    return types.frames.getPage(mfn, domain.id) ? 0 : -ERRNO.EINVAL;
  }
  return types.getPageAndType(mfn, domain.id, rootType(domain));
}

function putRoot(types: PageTypes, domain: PagedDomain, mfn: number): void {
  if (mfn === NO_FRAME) {
    return;
  }
  if (domain.model === 'translated') {
    types.frames.putPage(mfn);
  } else {
    types.putPageAndType(mfn);
  }
}

const rootType = (domain: PagedDomain): typeof FRAME_TYPE.l2 | typeof FRAME_TYPE.l3 =>
  TABLE_TYPE[TABLE_SHAPES[domain.format].rootLevel];
