/**
 * Mapping granted frames and unmapping them, for guests and for the back-ends of domain 0.
 *
 * A mapping counts against the entry twice over: its pins keep the guest from revoking it, and its
 * references keep the frame and forbid that it becomes a page table. References of a host mapping
 * belong to the page-table entry; those of a device mapping to the handle.
 * Xen: `map_grant_ref()`, `unmap_common()` of `common/grant_table.c`.
 */

import { GNTMAP, GNTMAP_guest_avail_mask, GNTST } from '../../abi/grant-table.ts';
import type { Domain } from '../domains/domain.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import { FRAME_TYPE } from '../memory/frame-types.ts';
import {
  createGrantMapping,
  destroyGrantMapping,
  type MappingTarget,
} from '../memory/grant-mapping.ts';
import { grantEntry } from '../memory/page-table-update.ts';
import type { Xen } from '../xen.ts';
import { type Pin, pinGrant, unpinGrant } from './grant-pin.ts';
import type { Mapping } from './grant-table.ts';

const PAGE = 4096;
const FIRST_AVAILABLE_BIT = 16;

/** What is to be mapped, and how (GNTMAP_*). */
export interface MapRequest {
  readonly granter: Domain;
  readonly reference: number;
  readonly flags: number;
}

/** A mapping that was made: its handle and what it maps. */
export interface Mapped {
  readonly handle: number;
  readonly frame: number;
}

/**
 * Maps a grant. Answers a GNTST_* status when it cannot be.
 *
 * @param mapHost makes the host mapping of a machine frame; false: it cannot be made
 */
export function mapGrant(
  xen: Xen,
  mapper: Domain,
  { granter, reference, flags }: MapRequest,
  mapHost: (frame: number) => boolean,
): Mapped | number {
  const isReadonly = (flags & GNTMAP.readonly) !== 0;
  const pins = pinsOf(flags);
  const none: Mapping = { domain: granter.id, reference, flags, frame: 0 };
  const handle = mapper.grants.addMapping(none);
  if (handle === undefined) {
    return granter.profile.allowsSelfGrants ? GNTST.no_space : GNTST.no_device_space;
  }
  const use = { domain: mapper.id, pins, isReadonly, purpose: 'map' } as const;
  const grant = pinGrant(xen, granter, reference, use);
  if (typeof grant === 'number') {
    mapper.grants.removeMapping(handle);
    return grant;
  }
  const { frame } = grant;
  const taken = takeFrame(xen, granter, frame, pins.length, isReadonly);
  if (taken === pins.length && ((flags & GNTMAP.host_map) === 0 || mapHost(frame))) {
    const mapping = { ...none, frame };
    mapper.grants.changeMapping(handle, mapping);
    tell(xen, mapper, 'mapped', mapping);
    return { handle, frame };
  }
  giveFrame(xen, frame, taken, isReadonly);
  unpinGrant(xen, granter, reference, use);
  mapper.grants.removeMapping(handle);
  return GNTST.general_error;
}

function tell(
  { probes }: Xen,
  { id }: Domain,
  action: 'mapped' | 'unmapped',
  { domain: granter, reference, frame }: Mapping,
): void {
  if (probes.wants.grant && reference !== undefined) {
    probes.emit({ kind: 'grant', domain: id, vcpu: 0, action, granter, reference, frame });
  }
}

/** The counts that a mapping with these flags adds to. */
export function pinsOf(flags: number): Pin[] {
  const isReadonly = (flags & GNTMAP.readonly) !== 0;
  const pins: Pin[] = [];
  if (flags & GNTMAP.device_map) {
    pins.push(isReadonly ? 'deviceRead' : 'deviceWrite');
  }
  if (flags & GNTMAP.host_map) {
    pins.push(isReadonly ? 'hostRead' : 'hostWrite');
  }
  return pins;
}

/** Takes references to a frame, with its type when it will be written. Answers how many it got. */
function takeFrame(
  xen: Xen,
  { id }: Domain,
  frame: number,
  count: number,
  isReadonly: boolean,
): number {
  for (let taken = 0; taken < count; taken++) {
    const isTaken = isReadonly
      ? xen.frames.getPage(frame, id)
      : xen.pages.getPageAndType(frame, id, FRAME_TYPE.writable) === 0;
    if (!isTaken) {
      return taken;
    }
  }
  return count;
}

function giveFrame(xen: Xen, frame: number, count: number, isReadonly: boolean): void {
  for (let given = 0; given < count; given++) {
    if (isReadonly) {
      xen.frames.putPage(frame);
    } else {
      xen.pages.putPageAndType(frame);
    }
  }
}

/** Where a guest wants a host mapping; undefined for what is no address of a 32-bit guest. */
function targetOf(flags: number, address: bigint): MappingTarget | undefined {
  if (flags & GNTMAP.contains_pte) {
    return { kind: 'entry', address: Number(address) };
  }
  return address > 0xffff_ffffn ? undefined : { kind: 'linear', linear: Number(address) };
}

/** Puts a granted frame into the page tables of the guest that calls. */
export function mapHost(
  xen: Xen,
  { domain, baseFrame }: Vcpu,
  flags: number,
  address: bigint,
  frame: number,
): boolean {
  const target = targetOf(flags, address);
  const entry = grantEntry(domain, frame, {
    isWritable: (flags & GNTMAP.readonly) === 0,
    isForUser: (flags & GNTMAP.application_map) !== 0,
    available: (flags & GNTMAP_guest_avail_mask) >>> FIRST_AVAILABLE_BIT,
  });
  if (target === undefined || !createGrantMapping(xen.pages, domain, baseFrame, target, entry)) {
    return false;
  }
  // Xen leaves this to the guest, but entering a 64-bit Xen and leaving it flushes in any case.
  if (target.kind === 'linear') {
    xen.pages.tlb.flushPage(target.linear);
  } else {
    xen.pages.tlb.flushAll();
  }
  return true;
}

/** What is to be unmapped: 0 leaves the mapping of that kind as it is. */
export interface UnmapRequest {
  readonly handle: number;
  readonly hostAddress: bigint;
  readonly deviceAddress: bigint;
  /** A linear address whose mapping moves to where the grant was mapped; 0: none. */
  readonly replacement: bigint;
}

/** Unmaps a guest's mapping. Answers a GNTST_* status. */
export function unmapGrant(xen: Xen, vcpu: Vcpu, request: UnmapRequest): number {
  const { domain } = vcpu;
  const { handle, hostAddress, deviceAddress } = request;
  const mapping = domain.grants.mapping(handle);
  if (mapping?.reference === undefined) {
    return GNTST.bad_handle;
  }
  const { flags, frame } = mapping;
  const isHost = hostAddress !== 0n && (flags & GNTMAP.host_map) !== 0;
  const isDevice = deviceAddress !== 0n && (flags & GNTMAP.device_map) !== 0;
  if (isDevice && deviceAddress !== BigInt(frame) * BigInt(PAGE)) {
    return GNTST.bad_dev_addr;
  }
  if (isHost && !unmapHost(xen, vcpu, mapping, request)) {
    return GNTST.general_error;
  }
  const ended = (isHost ? GNTMAP.host_map : 0) | (isDevice ? GNTMAP.device_map : 0);
  endMapping(xen, domain, handle, ended, ended);
  return GNTST.okay;
}

function unmapHost(
  xen: Xen,
  { domain, baseFrame }: Vcpu,
  { flags, frame }: Mapping,
  { hostAddress, replacement }: UnmapRequest,
): boolean {
  const target = targetOf(flags, hostAddress);
  if (target === undefined || replacement > 0xffff_ffffn) {
    return false;
  }
  const granted = { frame, isWritable: (flags & GNTMAP.readonly) === 0 };
  const moved = replacement === 0n ? undefined : Number(replacement);
  return destroyGrantMapping(xen.pages, domain, baseFrame, target, granted, moved);
}

/**
 * Ends parts of a mapping, and with the last of them frees its handle.
 *
 * @param ended GNTMAP.host_map and GNTMAP.device_map
 * @param held the parts whose references come back; those of a host mapping may have gone with the
 *   page table
 */
export function endMapping(
  xen: Xen,
  mapper: Domain,
  handle: number,
  ended: number,
  held: number,
): void {
  const mapping = mapper.grants.mapping(handle) as Mapping;
  const { domain, reference, flags, frame } = mapping;
  const kind = flags & GNTMAP.readonly;
  giveFrame(xen, frame, pinsOf(held).length, kind !== 0);
  if (reference !== undefined && ended !== 0) {
    const use = { pins: pinsOf(ended | kind), isReadonly: kind !== 0 };
    unpinGrant(xen, xen.domains.get(domain), reference, use);
  }
  const rest = flags & ~ended;
  if (rest & (GNTMAP.host_map | GNTMAP.device_map)) {
    mapper.grants.changeMapping(handle, { ...mapping, flags: rest });
  } else {
    mapper.grants.removeMapping(handle);
    tell(xen, mapper, 'unmapped', mapping);
  }
}

/**
 * Unmaps what a domain that ends had mapped, and drops its table, so that nobody maps more of it.
 * What others have mapped stays theirs until they unmap it; its own page tables give back what
 * they hold when they go. Xen: gnttab_release_mappings().
 */
export function releaseGrants(xen: Xen, domain: Domain): void {
  const { grants } = domain;
  for (const [handle, { flags }] of [...grants.mappings()]) {
    const parts = flags & (GNTMAP.host_map | GNTMAP.device_map);
    endMapping(xen, domain, handle, parts, parts & GNTMAP.device_map);
  }
  if (!domain.isTranslated) {
    for (const frame of [...grants.frames, ...grants.statusFrames]) {
      xen.frames.release(frame);
    }
  }
  grants.frames = [];
  grants.statusFrames = [];
}
