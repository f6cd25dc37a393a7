/**
 * Copying between granted frames and one's own, without mapping anything.
 *
 * Xen: `gnttab_copy()` of `common/grant_table.c`.
 */

import { GNTST } from '../../abi/grant-table.ts';
import { DOMID } from '../../abi/xen.ts';
import type { Domain } from '../domains/domain.ts';
import { FRAME_TYPE } from '../memory/frame-types.ts';
import type { Xen } from '../xen.ts';
import { pinGrant, unpinGrant } from './grant-pin.ts';

const PAGE = 4096;

/** One side of a copy. */
export interface CopySide {
  readonly domid: number;
  readonly isGrant: boolean;
  /** A grant reference, or a frame number of the caller's own. */
  readonly number: number;
  readonly offset: number;
}

/** A frame held for the time of a copy, and the part of it that may be used. */
interface HeldFrame {
  readonly frame: number;
  readonly start: number;
  readonly length: number;
  release(): void;
}

/** Copies bytes inside one page of each side. Answers a GNTST_* status. */
export function copyGranted(
  xen: Xen,
  caller: Domain,
  source: CopySide,
  target: CopySide,
  length: number,
): number {
  const giver = domainOf(xen, caller, source);
  if (typeof giver === 'number') {
    return giver;
  }
  const taker = domainOf(xen, caller, target);
  if (typeof taker === 'number') {
    return taker;
  }
  const from = hold(xen, caller, giver, source, true);
  if (typeof from === 'number') {
    return from;
  }
  const to = hold(xen, caller, taker, target, false);
  const status =
    typeof to === 'number' ? to : copyHeld(xen, from, source.offset, to, target.offset, length);
  if (typeof to !== 'number') {
    to.release();
  }
  from.release();
  return status;
}

/** Whose frames a side names: by number one names only one's own, and must say `DOMID_SELF`. */
function domainOf(xen: Xen, caller: Domain, { domid, isGrant }: CopySide): Domain | number {
  if (!isGrant && domid !== DOMID.SELF) {
    return GNTST.permission_denied;
  }
  return (domid === DOMID.SELF ? caller : xen.domains.get(domid)) ?? GNTST.bad_domain;
}

function hold(
  xen: Xen,
  caller: Domain,
  owner: Domain,
  side: CopySide,
  isReadonly: boolean,
): HeldFrame | number {
  if (!side.isGrant) {
    const frame = owner.machineFrame(side.number);
    if (frame === undefined || !xen.frames.getPage(frame, owner.id)) {
      return GNTST.bad_page;
    }
    const part = { frame, start: 0, length: PAGE };
    return withType(xen, part, isReadonly, () => {});
  }
  const pins = [isReadonly ? 'hostRead' : 'hostWrite'] as const;
  const use = { domain: caller.id, pins, isReadonly, purpose: 'copy' } as const;
  const grant = pinGrant(xen, owner, side.number, use);
  if (typeof grant === 'number') {
    return grant;
  }
  const unpin = () => unpinGrant(xen, owner, side.number, use);
  if (!xen.frames.getPage(grant.frame, owner.id)) {
    unpin();
    return GNTST.bad_domain;
  }
  return withType(xen, grant, isReadonly, unpin);
}

/** Completes the hold on a frame that a reference was taken of: what is written has the type. */
function withType(
  xen: Xen,
  { frame, start, length }: Omit<HeldFrame, 'release'>,
  isReadonly: boolean,
  unpin: () => void,
): HeldFrame | number {
  if (!isReadonly && xen.pages.getType(frame, FRAME_TYPE.writable) !== 0) {
    xen.frames.putPage(frame);
    unpin();
    return GNTST.general_error;
  }
  const release = () => {
    if (!isReadonly) {
      xen.pages.putType(frame);
    }
    xen.frames.putPage(frame);
    unpin();
  };
  return { frame, start, length, release };
}

function copyHeld(
  { ram }: Xen,
  from: HeldFrame,
  fromOffset: number,
  to: HeldFrame,
  toOffset: number,
  length: number,
): number {
  if (fromOffset + length > PAGE || toOffset + length > PAGE) {
    return GNTST.bad_copy_arg;
  }
  if (!isInside(from, fromOffset, length) || !isInside(to, toOffset, length)) {
    return GNTST.general_error;
  }
  const bytes = ram.bytes(from.frame * PAGE + fromOffset, length).slice();
  ram.load(to.frame * PAGE + toOffset, bytes);
  return GNTST.okay;
}

const isInside = (part: HeldFrame, offset: number, length: number): boolean =>
  offset >= part.start && offset + length <= part.start + part.length;
