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
import { type Operation, runStages } from '../stage.ts';
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

/** What the stages of taking an entry into use work on. */
interface GrantPin {
  readonly xen: Xen;
  readonly granter: Domain;
  readonly reference: number;
  readonly use: GrantUse;
  /** As it is in use already. */
  before: ActiveGrant | undefined;
  entry: EntryFields | undefined;
  /** The active grant, or a GNTST_* status. */
  answer: ActiveGrant | number;
  readonly domain: number;
  readonly vcpu: number;
}

const GRANT_PIN: Operation<GrantPin> = {
  name: 'grant use',
  facts: ({ granter, reference, use, entry, answer }) => ({
    granter: granter.id,
    reference,
    user: use.domain,
    purpose: `${use.purpose}${use.isReadonly ? ', read only' : ''}`,
    ...(entry === undefined ? {} : { flags: entry.flags, domid: entry.domid, frame: entry.frame }),
    answer: typeof answer === 'number' ? answer : 'in use',
  }),
  stages: [
    {
      name: 'find the entry',
      rule: 'The reference must lie within the table of the granting domain.',
      run(pin) {
        const { granter, reference } = pin;
        if (reference >= granter.grants.entryCount) {
          pin.answer = GNTST.bad_gntref;
          return 'done';
        }
        pin.before = granter.grants.active.get(reference);
        return 'next';
      },
    },
    {
      name: 'join those who use it',
      rule: 'One domain may use an entry several times; what it has been allowed already needs no second look.',
      run(pin) {
        const { before, use } = pin;
        if (before === undefined) {
          return 'next';
        }
        if (!mayJoin(before, use)) {
          return 'done';
        }
        if (!use.isReadonly && !isWritten(before)) {
          return 'next';
        }
        addPins(before, use.pins);
        pin.answer = before;
        return 'done';
      },
    },
    {
      name: 'check the permission',
      rule: 'The entry must permit access to this domain, and writing if it is to be written.',
      run(pin) {
        const { xen, granter, reference, before, use } = pin;
        const entry = granter.grants.entry(xen.ram, reference) as EntryFields;
        pin.entry = entry;
        if (isPermitted(entry, before, use)) {
          return 'next';
        }
        noteTransitive(xen, granter, entry);
        return 'done';
      },
    },
    {
      name: 'set reading and writing',
      rule: 'The granting guest sees the use in its entry, and cannot revoke it from now on.',
      run({ xen, granter, reference, use }) {
        const bits = use.isReadonly ? GTF.reading : GTF.reading | GTF.writing;
        granter.grants.mark(xen.ram, reference, bits);
        return 'next';
      },
    },
    {
      name: 'find the frame',
      rule: 'The frame must be the granting domain’s own; otherwise the bits are taken back.',
      run(pin) {
        const { xen, granter, reference, use, before } = pin;
        const entry = pin.entry as EntryFields;
        const grant = before ?? newGrant(xen, granter, entry, use);
        const isSame = use.purpose === 'map' || grant?.frame === granter.machineFrame(entry.frame);
        if (grant === undefined || !isSame) {
          reduceStatus(xen, granter, reference, use.isReadonly);
          pin.answer = grant === undefined ? GNTST.bad_page : GNTST.general_error;
          return 'done';
        }
        pin.answer = grant;
        granter.grants.active.set(reference, grant);
        addPins(grant, use.pins);
        return 'next';
      },
    },
  ],
};

/** Pins an entry. Answers the active grant, or why not: a GNTST_* status. */
export function pinGrant(
  xen: Xen,
  granter: Domain,
  reference: number,
  use: GrantUse,
): ActiveGrant | number {
  const pin: GrantPin = {
    xen,
    granter,
    reference,
    use,
    before: undefined,
    entry: undefined,
    answer: GNTST.general_error,
    domain: granter.id,
    vcpu: 0,
  };
  runStages(GRANT_PIN, pin, xen.probes);
  return pin.answer;
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
