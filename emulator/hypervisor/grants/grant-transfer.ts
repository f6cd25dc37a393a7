/**
 * Giving a page to another domain that waits for one: page flipping.
 *
 * The receiver offers an entry with the number under which it wants the page. Xen marks the entry
 * as committed, moves the page, writes into the entry which frame came and marks it as completed.
 * The giver loses the page in any case, even when nobody takes it.
 * Xen: `gnttab_transfer()` of `common/grant_table.c`.
 *
 * Unlike Xen, a translated domain has its frames in one run, so the page that it gives or gets is
 * moved by its contents, and the place of a page that it gave away waits for the next.
 */

import { GNTST, GTF_TRANSFER, GTF_TYPE } from '../../abi/grant-table.ts';
import { DOMID } from '../../abi/xen.ts';
import type { Domain } from '../domains/domain.ts';
import type { Xen } from '../xen.ts';

const PAGE = 4096;

/**
 * Moves a page from one domain to another. Answers a GNTST_* status.
 *
 * @param frame as the giver numbers its frames
 * @param receiverId the domain that waits for it at `reference`
 */
export function transferPage(
  xen: Xen,
  giver: Domain,
  frame: number,
  receiverId: number,
  reference: number,
): number {
  const page = giver.machineFrame(frame);
  if (page === undefined || !takePage(xen, giver, page)) {
    return GNTST.bad_page;
  }
  const receiver = xen.domains.get(receiverId);
  const status =
    receiver === undefined ? GNTST.bad_domain : give(xen, giver, page, receiver, reference);
  if (!giver.isTranslated && xen.frames.owner[page] === DOMID.XEN) {
    xen.frames.discard(page);
  }
  return status;
}

/** Takes a page from its owner if nothing else refers to it. */
function takePage({ frames }: Xen, giver: Domain, page: number): boolean {
  if (!giver.isTranslated) {
    return frames.steal(page, giver.id);
  }
  const isLoose = frames.references[page] === 1 && !isXens(giver, page);
  return isLoose && frames.withdraw(page, giver.id);
}

/** Frames of a translated domain that the hypervisor handed out to it. */
function isXens(domain: Domain, page: number): boolean {
  const { grants, fields } = domain;
  return (
    page === fields.sharedInfo || grants.frames.includes(page) || grants.statusFrames.includes(page)
  );
}

/** Hands over a page that belongs to nobody at the moment. */
function give(xen: Xen, giver: Domain, page: number, receiver: Domain, reference: number): number {
  const { grants } = receiver;
  if (!hasRoom(xen, receiver)) {
    return GNTST.general_error;
  }
  const entry = grants.entry(xen.ram, reference);
  const isWaiting = entry?.flags === GTF_TYPE.accept_transfer && entry.domid === giver.id;
  if (entry === undefined || !isWaiting) {
    return GNTST.general_error;
  }
  setFlags(xen, receiver, reference, GTF_TRANSFER.committed);
  const received = giver.isTranslated
    ? moveContents(xen, page, receiver, entry.frame)
    : moveFrame(xen, page, receiver, entry.frame);
  if (received !== undefined) {
    grants.setFrame(xen.ram, reference, receiver.guestFrame(received));
  }
  setFlags(xen, receiver, reference, GTF_TRANSFER.completed);
  return received === undefined ? GNTST.general_error : GNTST.okay;
}

/** A page can come only to a domain that has less than it may have. */
function hasRoom({ frames }: Xen, { id, identity, isTranslated, frameCount }: Domain): boolean {
  return frames.pagesOf(id) < (isTranslated ? frameCount : identity.maxPages);
}

function setFlags({ ram }: Xen, { grants }: Domain, reference: number, bits: number): void {
  const address = grants.entryAddress(reference) as number;
  ram.write32(address, (ram.read32(address) | bits) >>> 0);
}

/** Answers the machine frame that the receiver got, or undefined: there is no such place. */
function moveFrame(xen: Xen, page: number, receiver: Domain, place: number): number | undefined {
  if (receiver.isTranslated) {
    return moveContents(xen, page, receiver, place);
  }
  xen.frames.assign(page, receiver.id);
  xen.frames.setM2p(page, place);
  return page;
}

function moveContents(xen: Xen, page: number, receiver: Domain, place: number): number | undefined {
  const target = receiver.isTranslated
    ? receiver.machineFrame(place)
    : xen.frames.allocate(receiver.id);
  if (target === undefined || (receiver.isTranslated && isXens(receiver, target))) {
    return undefined;
  }
  if (receiver.isTranslated) {
    xen.frames.reinstate(target, receiver.id);
  }
  xen.ram.load(target * PAGE, xen.ram.bytes(page * PAGE, PAGE));
  if (!receiver.isTranslated) {
    xen.frames.setM2p(target, place);
  }
  return target;
}
