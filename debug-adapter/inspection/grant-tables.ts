/** The grant table of a domain: its entries, who uses them, and what it uses of others. */

import {
  GNTMAP,
  GNTTAB_RESERVED,
  GTF,
  GTF_TRANSFER,
  GTF_TYPE,
  GTF_type_mask,
  grant_entry_v2,
} from '../../emulator/abi/grant-table.ts';
import { flagNames, nameOf } from '../../emulator/abi/names.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { EntryFields } from '../../emulator/hypervisor/grants/grant-table.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import type {
  GrantData,
  GrantMappingData,
  GrantMappingsData,
  GrantTableData,
  GrantUseData,
} from './data/grants.ts';
import type { RowsWanted } from './data/rows.ts';
import { pseudoPhysicalFrame } from './frame-reader.ts';
import { rowsOf } from './row-selection.ts';

/** @see usedOnly leaves out entries that grant nothing and that nobody uses */
export function grantTable(
  xen: Xen,
  domain: Domain,
  { usedOnly = false, ...wanted }: RowsWanted & { readonly usedOnly?: boolean } = {},
): GrantTableData {
  const { grants, profile } = domain;
  const entries = Math.floor(grants.entryCount);
  const references = Array.from({ length: entries }, (_, reference) => reference);
  const listed = usedOnly
    ? references.filter((reference) => isInUse(xen, domain, reference))
    : references;
  return {
    domain: domain.id,
    version: grants.version,
    frames: [...grants.frames],
    maxFrames: profile.maxGrantFrames,
    statusFrames: [...grants.statusFrames],
    entries,
    ...rowsOf(listed, wanted, (reference) => grantData(xen, domain, reference)),
  };
}

const isInUse = ({ ram }: Xen, { grants }: Domain, reference: number): boolean =>
  ((grants.entry(ram, reference)?.flags ?? 0) & GTF_type_mask) !== GTF_TYPE.invalid ||
  grants.active.has(reference);

/** One entry; one beyond the table reads as if all of it were 0. */
export function grantData(xen: Xen, domain: Domain, reference: number): GrantData {
  const { grants } = domain;
  const entry = grants.entry(xen.ram, reference) ?? EMPTY;
  const type = entry.flags & GTF_type_mask;
  const flags =
    entry.flags | (type === GTF_TYPE.accept_transfer ? 0 : grants.use(xen.ram, reference));
  return {
    reference,
    type: typeName(type),
    flags,
    flagNames: namesOf(type, flags),
    grantee: entry.domid,
    ...framesOf(xen, domain, reference, entry),
    part:
      grants.version === 2 && flags & GTF.sub_page
        ? { start: entry.start, length: entry.length }
        : undefined,
    transfer: type === GTF_TYPE.accept_transfer ? transferState(flags) : undefined,
    use: useOf(domain, reference),
    reserved: nameOf(GNTTAB_RESERVED, reference)?.toLowerCase(),
  };
}

const EMPTY: EntryFields = { flags: 0, domid: 0, frame: 0, start: 0, length: 0 };

function typeName(type: number): GrantData['type'] {
  switch (type) {
    case GTF_TYPE.permit_access:
      return 'permit access';
    case GTF_TYPE.accept_transfer:
      return 'accept transfer';
    case GTF_TYPE.transitive:
      return 'transitive';
    default:
      return 'invalid';
  }
}

function namesOf(type: number, flags: number): readonly string[] {
  const rest = flags & ~GTF_type_mask;
  const name = nameOf(GTF_TYPE, type);
  const names = flagNames(type === GTF_TYPE.accept_transfer ? GTF_TRANSFER : GTF, rest);
  return type === GTF_TYPE.invalid || name === undefined ? names : [name, ...names];
}

function framesOf(
  xen: Xen,
  domain: Domain,
  reference: number,
  { flags, frame }: EntryFields,
): Pick<GrantData, 'frame' | 'machineFrame' | 'pseudoPhysicalFrame' | 'transitive'> {
  const type = flags & GTF_type_mask;
  if (type === GTF_TYPE.invalid) {
    return {};
  }
  if (type === GTF_TYPE.transitive) {
    return domain.grants.version === 2 ? { transitive: transitiveOf(xen, domain, reference) } : {};
  }
  const machineFrame = domain.machineFrame(frame);
  const isOwn = machineFrame !== undefined && xen.frames.owner[machineFrame] === domain.id;
  return isOwn
    ? { frame, machineFrame, pseudoPhysicalFrame: pseudoPhysicalFrame(xen, machineFrame) }
    : { frame };
}

function transitiveOf(
  { ram }: Xen,
  { grants }: Domain,
  reference: number,
): GrantData['transitive'] {
  const address = grants.entryAddress(reference);
  if (address === undefined) {
    return undefined;
  }
  const bytes = ram.bytes(address, grant_entry_v2.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { trans_domid: domain, gref } = grant_entry_v2.at(view).transitive;
  return { domain, reference: gref };
}

function transferState(flags: number): GrantData['transfer'] {
  if (flags & GTF_TRANSFER.completed) {
    return 'completed';
  }
  return flags & GTF_TRANSFER.committed ? 'committed' : 'waiting';
}

function useOf({ grants }: Domain, reference: number): GrantUseData | undefined {
  const active = grants.active.get(reference);
  return active && { domain: active.domain, machineFrame: active.frame, ...active.pins };
}

/** What a domain has mapped of others, by ascending handles. */
export function grantMappings(domain: Domain, wanted: RowsWanted = {}): GrantMappingsData {
  const rows = rowsOf(
    [...domain.grants.mappings()],
    wanted,
    ([handle, { domain: granter, reference, flags, frame }]): GrantMappingData => ({
      handle,
      granter,
      reference,
      flagNames: flagNames(GNTMAP, flags),
      machineFrame: frame,
    }),
  );
  return { domain: domain.id, ...rows };
}
