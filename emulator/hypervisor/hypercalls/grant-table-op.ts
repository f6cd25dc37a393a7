/**
 * `HYPERVISOR_grant_table_op`: lists of operations on grants, each with a status of its own.
 *
 * The call itself fails only for pointers that lead nowhere and for operations that there are not.
 * Between two entries an event that became deliverable is delivered, and the guest makes the rest
 * of the call itself. Xen: `common/grant_table.c`, `common/compat/grant_table.c`.
 */

import { ERRNO } from '../../abi/errno.ts';
import {
  GNTCOPY,
  GNTMAP,
  GNTST,
  GNTTAB_CACHE,
  GNTTABOP,
  gnttab_cache_flush,
  gnttab_copy,
  gnttab_get_status_frames,
  gnttab_get_version,
  gnttab_map_grant_ref,
  gnttab_query_size,
  gnttab_set_version,
  gnttab_setup_table,
  gnttab_swap_grant_ref,
  gnttab_transfer,
  gnttab_unmap_and_replace,
  gnttab_unmap_grant_ref,
} from '../../abi/grant-table.ts';
import type { View } from '../../abi/layout.ts';
import { nameOf } from '../../abi/names.ts';
import { DOMID, HYPERVISOR } from '../../abi/xen.ts';
import type { Domain } from '../domains/domain.ts';
import { needsDelivery } from '../events/event-delivery.ts';
import { copyGranted } from '../grants/grant-copy.ts';
import { mapGrant, mapHost, pinsOf, unmapGrant } from '../grants/grant-map.ts';
import { isPinned } from '../grants/grant-pin.ts';
import { transferPage } from '../grants/grant-transfer.ts';
import { setGrantVersion } from '../grants/grant-version.ts';
import {
  type Caller,
  continueLater,
  type Hypercall,
  isLong,
  type Suboperation,
  type Suboperations,
  suboperation,
} from '../hypercall.ts';

const PAGE = 4096;
/** The lower bits of the command; those above are Xen's own, for calls that it continues. */
const COMMAND_MASK = 0xfff;
/** Entries that are done at a time, whether an event comes or not. */
const BATCH = 512;
/** What an entry costs, in entries of lists of requests: it may copy a page. */
const WORK_OF_ENTRY = 4;

// ---- lists of entries: each has a status

function map({ xen, vcpu, domain }: Caller, args: View<typeof gnttab_map_grant_ref>): number {
  const { flags, host_addr: address } = args;
  args.status = GNTST.okay;
  const granter = xen.domains.get(args.dom);
  if (pinsOf(flags).length === 0) {
    args.status = GNTST.bad_gntref;
  } else if (granter === undefined || (granter === domain && !domain.profile.allowsSelfGrants)) {
    args.status = GNTST.bad_domain;
  } else if (domain.isTranslated && flags & GNTMAP.host_map) {
    const text = 'A grant cannot be mapped into the page tables of a translated domain.';
    xen.journal.record('unimplemented', domain.id, text);
    args.status = GNTST.general_error;
  } else {
    const request = { granter, reference: args.ref, flags };
    const mapped = mapGrant(xen, domain, request, (frame) =>
      mapHost(xen, vcpu, flags, address, frame),
    );
    if (typeof mapped === 'number') {
      args.status = mapped;
    } else {
      args.handle = mapped.handle;
      args.dev_bus_addr = BigInt(mapped.frame) * BigInt(PAGE);
    }
  }
  return 0;
}

function unmap({ xen, vcpu }: Caller, args: View<typeof gnttab_unmap_grant_ref>): number {
  args.status = unmapGrant(xen, vcpu, {
    handle: args.handle,
    hostAddress: args.host_addr,
    deviceAddress: args.dev_bus_addr,
    replacement: 0n,
  });
  return 0;
}

function replace({ xen, vcpu }: Caller, args: View<typeof gnttab_unmap_and_replace>): number {
  args.status = unmapGrant(xen, vcpu, {
    handle: args.handle,
    hostAddress: args.host_addr,
    deviceAddress: 0n,
    replacement: args.new_addr,
  });
  return 0;
}

function transfer({ xen, domain }: Caller, args: View<typeof gnttab_transfer>): number {
  args.status = transferPage(xen, domain, args.mfn, args.domid, args.ref);
  return 0;
}

function copy({ xen, domain }: Caller, args: View<typeof gnttab_copy>): number {
  const { source, dest, flags, len } = args;
  const sideOf = ({ u, domid, offset }: typeof source, isGrant: boolean) => {
    return { domid, isGrant, number: u.ref, offset };
  };
  args.status = copyGranted(
    xen,
    domain,
    sideOf(source, (flags & GNTCOPY.source_gref) !== 0),
    sideOf(dest, (flags & GNTCOPY.dest_gref) !== 0),
    len,
  );
  return 0;
}

/** Exchanges two entries that nobody uses. */
function swap({ xen, domain }: Caller, args: View<typeof gnttab_swap_grant_ref>): number {
  const { grants } = domain;
  const { ref_a: a, ref_b: b } = args;
  const isBusy = [a, b].some((reference) => {
    const active = grants.active.get(reference);
    return active !== undefined && isPinned(active);
  });
  if (a >= grants.entryCount || b >= grants.entryCount) {
    args.status = GNTST.bad_gntref;
  } else if (isBusy && a !== b) {
    args.status = GNTST.eagain;
  } else {
    grants.swap(xen.ram, a, b);
    args.status = GNTST.okay;
  }
  return 0;
}

/** The machine's memory is coherent: there is nothing to flush in a range that may be flushed. */
function flush({ xen, domain }: Caller, args: View<typeof gnttab_cache_flush>): number {
  const { offset, length, op } = args;
  const known = GNTTAB_CACHE.CLEAN | GNTTAB_CACHE.INVAL;
  if (offset >= PAGE || offset + length > PAGE || (op & ~known) !== 0) {
    return -ERRNO.EINVAL;
  }
  if (length === 0 || op === 0) {
    return 0;
  }
  const frame = Number(args.a.dev_bus_addr / BigInt(PAGE));
  if (!xen.frames.isValid(frame)) {
    return -ERRNO.EINVAL;
  }
  const owner = xen.domains.get(xen.frames.owner[frame] ?? DOMID.INVALID);
  if (owner === undefined || xen.frames.references[frame] === 0) {
    return -ERRNO.EPERM;
  }
  const isMapped = [...owner.grants.active.values()].some(
    (active) => active.domain === domain.id && active.frame === frame,
  );
  if (owner !== domain && !isMapped) {
    return -ERRNO.EINVAL;
  }
  // Xen has no way to drop what a cache holds without writing it back.
  return op === GNTTAB_CACHE.INVAL ? -ERRNO.EOPNOTSUPP : 0;
}

/** By number, the operations that take lists. */
const lists: Suboperations = new Map([
  suboperation(GNTTABOP, GNTTABOP.map_grant_ref, gnttab_map_grant_ref, map),
  suboperation(GNTTABOP, GNTTABOP.unmap_grant_ref, gnttab_unmap_grant_ref, unmap),
  suboperation(GNTTABOP, GNTTABOP.transfer, gnttab_transfer, transfer),
  suboperation(GNTTABOP, GNTTABOP.copy, gnttab_copy, copy),
  suboperation(GNTTABOP, GNTTABOP.unmap_and_replace, gnttab_unmap_and_replace, replace),
  suboperation(GNTTABOP, GNTTABOP.swap_grant_ref, gnttab_swap_grant_ref, swap),
  suboperation(GNTTABOP, GNTTABOP.cache_flush, gnttab_cache_flush, flush),
]);

function runList(
  caller: Caller,
  operation: Suboperation,
  command: number,
  list: number,
  count: number,
): number {
  const { xen, vcpu, memory } = caller;
  const { layout } = operation;
  if (!memory.isBelowHole(list, count * layout.size)) {
    return -ERRNO.EFAULT;
  }
  for (let i = 0; i < count; i++) {
    const address = list + i * layout.size;
    const isPaused = i > 0 && (i === BATCH || needsDelivery(xen, vcpu));
    if (isPaused || (i > 0 && isLong(caller, WORK_OF_ENTRY))) {
      const rest = { ebx: command, ecx: address, edx: count - i };
      return continueLater(caller, HYPERVISOR.grant_table_op, rest);
    }
    const bytes = memory.copyIn(address, layout.size);
    if (bytes === undefined) {
      return -ERRNO.EFAULT;
    }
    const result = operation.run(caller, layout.at(bytes));
    if (result < 0) {
      return result;
    }
    if (layout.answers && !memory.write(address, bytes)) {
      return -ERRNO.EFAULT;
    }
  }
  return 0;
}

// ---- operations on a table as a whole

/** The table that a call is about: the caller's own, or the status that another's is answered with. */
function tableOwner({ xen, domain }: Caller, id: number): Domain | number {
  if (id === DOMID.SELF || (id === domain.id && domain.profile.allowsSelfGrants)) {
    return domain;
  }
  const isKnown = xen.domains.has(id) || !domain.profile.allowsSelfGrants;
  return isKnown ? GNTST.permission_denied : GNTST.bad_domain;
}

/** Makes the caller's table so many frames long at least, and tells their numbers. */
function setupTable(caller: Caller, args: View<typeof gnttab_setup_table>): number {
  const { xen, domain, memory } = caller;
  const { nr_frames: count, frame_list: list } = args;
  if (!memory.isBelowHole(list, 4 * count)) {
    return -ERRNO.EFAULT;
  }
  const owner = tableOwner(caller, args.dom);
  if (typeof owner === 'number') {
    args.status = owner;
    return 0;
  }
  if (count > domain.profile.maxGrantFrames || !owner.grants.grow(xen, owner, count)) {
    args.status = GNTST.general_error;
    return 0;
  }
  args.status = GNTST.okay;
  for (const [i, frame] of owner.grants.frames.slice(0, count).entries()) {
    if (!memory.write32(list + 4 * i, owner.guestFrame(frame))) {
      args.status = GNTST.bad_virt_addr;
    }
  }
  return 0;
}

function querySize(caller: Caller, args: View<typeof gnttab_query_size>): number {
  const owner = tableOwner(caller, args.dom);
  if (typeof owner === 'number') {
    args.status = owner;
    return 0;
  }
  args.nr_frames = owner.grants.frames.length;
  args.max_nr_frames = owner.profile.maxGrantFrames;
  args.status = GNTST.okay;
  return 0;
}

/** Chooses the form of the entries; the form that is in force comes back, changed or not. */
function setVersion({ xen, domain }: Caller, args: View<typeof gnttab_set_version>): number {
  const answer = setGrantVersion(xen, domain, args.version);
  args.version = domain.grants.version;
  return answer;
}

function getVersion(caller: Caller, args: View<typeof gnttab_get_version>): number {
  const owner = tableOwner(caller, args.dom);
  if (typeof owner === 'number') {
    return owner === GNTST.bad_domain ? -ERRNO.ESRCH : -ERRNO.EPERM;
  }
  args.version = owner.grants.version;
  return 0;
}

function statusFrames(caller: Caller, args: View<typeof gnttab_get_status_frames>): number {
  const { memory } = caller;
  const { nr_frames: count, frame_list: list } = args;
  if (!memory.isBelowHole(list, 8 * count)) {
    return -ERRNO.EFAULT;
  }
  const owner = tableOwner(caller, args.dom);
  if (typeof owner === 'number') {
    args.status = owner;
    return 0;
  }
  const frames = owner.grants.version === 2 ? owner.grants.statusFrames : [];
  args.status = count > frames.length ? GNTST.general_error : GNTST.okay;
  const numbers = args.status === GNTST.okay ? frames.slice(0, count) : [];
  for (const [i, frame] of numbers.entries()) {
    const low = memory.write32(list + 8 * i, owner.guestFrame(frame));
    if (!low || !memory.write32(list + 8 * i + 4, 0)) {
      args.status = GNTST.bad_virt_addr;
    }
  }
  return 0;
}

/** By number, the operations that take one struct. */
const single: Suboperations = new Map([
  suboperation(GNTTABOP, GNTTABOP.setup_table, gnttab_setup_table, setupTable),
  suboperation(GNTTABOP, GNTTABOP.query_size, gnttab_query_size, querySize),
  suboperation(GNTTABOP, GNTTABOP.set_version, gnttab_set_version, setVersion),
  suboperation(GNTTABOP, GNTTABOP.get_status_frames, gnttab_get_status_frames, statusFrames),
  suboperation(GNTTABOP, GNTTABOP.get_version, gnttab_get_version, getVersion),
]);

/** These do not look at how many entries they are said to have. */
const UNCOUNTED: readonly number[] = [GNTTABOP.set_version, GNTTABOP.get_version];
/** None of these is no error to a 64-bit Xen, which translates them for 32-bit guests in a loop. */
const TRANSLATED: readonly number[] = [GNTTABOP.setup_table, GNTTABOP.get_status_frames];

function runSingle(
  caller: Caller,
  operation: Suboperation,
  command: number,
  argument: number,
  count: number,
): number {
  if (count === 0 && TRANSLATED.includes(command) && caller.domain.profile.translatesCalls) {
    return 0;
  }
  if (count !== 1 && !UNCOUNTED.includes(command)) {
    return -ERRNO.EINVAL;
  }
  const { layout } = operation;
  const bytes = caller.memory.copyIn(argument, layout.size);
  if (bytes === undefined) {
    return -ERRNO.EFAULT;
  }
  const result = operation.run(caller, layout.at(bytes));
  return caller.memory.write(argument, bytes) ? result : -ERRNO.EFAULT;
}

/** Unlike others, this call answers -ENOSYS in every version. */
function missing({ xen, domain }: Caller, command: number): number {
  const name = nameOf(GNTTABOP, command) ?? String(command);
  const text = `grant_table_op ${name} does not exist in ${domain.profile.name}.`;
  xen.journal.record('unimplemented', domain.id, text);
  return -ERRNO.ENOSYS;
}

export const grantTableOp: Hypercall = {
  number: HYPERVISOR.grant_table_op,
  name: 'grant_table_op',
  parameters: ['cmd', 'uop', 'count'],
  operations: new Map([...lists, ...single]),
  commands: GNTTABOP,
  run(caller, command, argument, count) {
    const { profile } = caller.domain;
    const isMarked = command > COMMAND_MASK;
    if (count > profile.mostGrantEntries || isMarked) {
      return isMarked && !profile.allowsSelfGrants ? missing(caller, command) : -ERRNO.EINVAL;
    }
    if (command > profile.highestGrantOperation) {
      return missing(caller, command);
    }
    const list = lists.get(command);
    if (list !== undefined) {
      return runList(caller, list, command, argument, count);
    }
    const operation = single.get(command);
    return operation === undefined
      ? missing(caller, command)
      : runSingle(caller, operation, command, argument, count);
  },
};
