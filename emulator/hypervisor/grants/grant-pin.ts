/**
 * Taking an entry of a grant table into use, and letting it go: what both sides agree on.
 *
 * The granting guest sees in the entry whether it is being read or written, and may revoke it
 * only by a compare-and-exchange that fails while it is. So the bits are set before the frame is
 * looked at, and cleared when the last use has ended. Xen: `_set_status_v1()` and its like,
 * `reduce_status_for_pin()` of `common/grant_table.c`.
 */

import { GNTST, GTF, GTF_TYPE, GTF_type_mask } from '../../abi/grant-table.ts';
import type { Domain } from '../domains/domain.ts';
import type { Xen } from '../xen.ts';
import type { ActiveGrant, EntryFields, Pins } from './grant-table.ts';

/** A count reaches this and not more. */
const MOST_PINS = 128;

export type Pin = keyof Pins;

export interface GrantUse {
  /** Number of the domain that wants to use the grant. */
  readonly domain: number;
  /** One for each way in which it will be used. */
  readonly pins: readonly Pin[];
  readonly isReadonly: boolean;
  /** A part of a frame can be copied but not mapped. */
  readonly purpose: 'map' | 'copy';
}

const isWritten = ({ pins }: ActiveGrant): boolean => pins.hostWrite > 0 || pins.deviceWrite > 0;

export const isPinned = ({ pins }: ActiveGrant): boolean =>
  pins.hostRead + pins.hostWrite + pins.deviceRead + pins.deviceWrite > 0;

/** Pins an entry. Answers the active grant, or why not: a GNTST_* status. */
export function pinGrant(
  xen: Xen,
  granter: Domain,
  reference: number,
  use: GrantUse,
): ActiveGrant | number {
  const { grants } = granter;
  if (reference >= grants.entryCount) {
    return GNTST.bad_gntref;
  }
  const before = grants.active.get(reference);
  if (before !== undefined && !mayJoin(before, use)) {
    return GNTST.general_error;
  }
  if (before !== undefined && (use.isReadonly || isWritten(before))) {
    addPins(before, use.pins);
    return before;
  }
  const entry = grants.entry(xen.ram, reference) as EntryFields;
  if (!isPermitted(entry, before, use)) {
    noteTransitive(xen, granter, entry);
    return GNTST.general_error;
  }
  grants.mark(xen.ram, reference, use.isReadonly ? GTF.reading : GTF.reading | GTF.writing);
  const grant = before === undefined ? newGrant(xen, granter, entry, use) : before;
  const isSame = use.purpose === 'map' || grant?.frame === granter.machineFrame(entry.frame);
  if (grant === undefined || !isSame) {
    reduceStatus(xen, granter, reference, use.isReadonly);
    return grant === undefined ? GNTST.bad_page : GNTST.general_error;
  }
  grants.active.set(reference, grant);
  addPins(grant, use.pins);
  return grant;
}

/**
 * Whether an entry in use may be used once more. Xen also asks here whether the entry is of a part of
 * a page; but these are in use only while something is copied, and nothing is mapped meanwhile.
 */
function mayJoin(active: ActiveGrant, { domain, pins }: GrantUse): boolean {
  return active.domain === domain && pins.every((pin) => active.pins[pin] < MOST_PINS);
}

/** An entry that is in use already was checked when that began, but for its being read-only. */
function isPermitted(
  { flags, domid }: EntryFields,
  before: ActiveGrant | undefined,
  { domain, isReadonly, purpose }: GrantUse,
): boolean {
  const mask = purpose === 'map' ? GTF_type_mask | GTF.sub_page : GTF_type_mask;
  const isOffered = (flags & mask) === GTF_TYPE.permit_access && domid === domain;
  return (before !== undefined || isOffered) && (isReadonly || (flags & GTF.readonly) === 0);
}

/** Xen would copy through such an entry to a third domain. */
function noteTransitive({ journal }: Xen, { id, grants }: Domain, { flags }: EntryFields): void {
  if (grants.version === 2 && (flags & GTF_type_mask) === GTF_TYPE.transitive) {
    journal.record('unimplemented', id, 'Transitive grants are refused to whoever uses them.');
  }
}

function newGrant(
  { frames }: Xen,
  granter: Domain,
  entry: EntryFields,
  { domain }: GrantUse,
): ActiveGrant | undefined {
  const frame = granter.machineFrame(entry.frame);
  if (frame === undefined || !frames.getPage(frame, granter.id)) {
    return undefined;
  }
  frames.putPage(frame);
  const { start, length } = entry;
  const pins = { hostRead: 0, hostWrite: 0, deviceRead: 0, deviceWrite: 0 };
  return { domain, frame, start, length, pins };
}

function addPins(grant: ActiveGrant, pins: readonly Pin[]): void {
  for (const pin of pins) {
    grant.pins[pin]++;
  }
}

/** Ends uses of an entry; one whose domain has dropped its table is left alone. */
export function unpinGrant(
  xen: Xen,
  granter: Domain | undefined,
  reference: number,
  { pins, isReadonly }: Pick<GrantUse, 'pins' | 'isReadonly'>,
): void {
  const grant = granter?.grants.active.get(reference);
  if (granter === undefined || grant === undefined) {
    return;
  }
  for (const pin of pins) {
    grant.pins[pin]--;
  }
  reduceStatus(xen, granter, reference, isReadonly);
}

/** The guest sees no more use than there is. */
function reduceStatus(xen: Xen, granter: Domain, reference: number, isReadonly: boolean): void {
  const { grants } = granter;
  const grant = grants.active.get(reference);
  const isUsed = grant !== undefined && isPinned(grant);
  const isStillWritten = grant !== undefined && isWritten(grant);
  const ended = (isUsed ? 0 : GTF.reading) | (isReadonly || isStillWritten ? 0 : GTF.writing);
  grants.unmark(xen.ram, reference, ended);
  if (!isUsed) {
    grants.active.delete(reference);
  }
}
