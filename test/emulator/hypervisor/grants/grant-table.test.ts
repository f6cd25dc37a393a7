/** Grants answer as real Xen 4.17 was recorded to, and as its source says where nobody recorded. */

import { beforeEach, describe, expect, test } from 'vitest';
import {
  GNTCOPY,
  GNTMAP,
  GNTST,
  GNTTABOP,
  GTF,
  GTF_TYPE,
  gnttab_copy,
  gnttab_get_version,
  gnttab_map_grant_ref,
  gnttab_query_size,
  gnttab_set_version,
  gnttab_setup_table,
  gnttab_unmap_and_replace,
  gnttab_unmap_grant_ref,
} from '../../../../emulator/abi/grant-table.ts';
import { DOMID, HYPERVISOR } from '../../../../emulator/abi/xen.ts';
import { updateVaMapping } from '../../../../emulator/hypervisor/memory/page-table-update.ts';
import type { Xen } from '../../../../emulator/hypervisor/xen.ts';
import {
  aGuest,
  aXen,
  discrepancies,
  type Guest,
  type GuestPage,
} from '../../../support/granting-machine.ts';

const REF = 9;
const OFFERED = GTF_TYPE.permit_access;

let xen: Xen;
let guest: Guest;
let other: Guest;
/** Pages of `guest`: one that is granted, and the place where it maps grants. */
let granted: GuestPage;
let place: GuestPage;

beforeEach(() => {
  xen = aXen();
  guest = aGuest(xen);
  other = aGuest(xen, { id: 2 });
  granted = guest.page(0);
  place = guest.page(1);
});

const hex = (value: number): string => value.toString(16).padStart(16, '0');

/** Maps what `granter` offers at `REF` into the page tables of `mapper`. */
function map(mapper: Guest, granter: Guest, more: object = {}) {
  const fields = {
    host_addr: BigInt(mapper.page(1).linear),
    flags: GNTMAP.host_map,
    ref: REF,
    dom: granter.id,
    ...more,
  };
  const answer = mapper.grantOp('map_grant_ref', gnttab_map_grant_ref, fields);
  expect(answer.result).toBe(0);
  return answer.fields;
}

function unmap(mapper: Guest, handle: number, more: object = {}): number {
  const fields = { host_addr: BigInt(mapper.page(1).linear), handle, ...more };
  const answer = mapper.grantOp('unmap_grant_ref', gnttab_unmap_grant_ref, fields);
  expect(answer.result).toBe(0);
  return answer.fields.status;
}

/** Drops a mapping of the guest's by ordinary means. */
function clear(owner: Guest, linear: number): void {
  const scope = { domain: owner.domain, frameOwner: owner.id, preservesAccessed: false };
  const nothing = { low: 0, high: 0 };
  updateVaMapping(xen.pages, scope, owner.vcpu.baseFrame, linear, nothing);
}

describe('as recorded', () => {
  test('the table of a new domain has one frame, with the two rings of the toolstack', () => {
    const { result, fields } = guest.grantOp('query_size', gnttab_query_size, { dom: DOMID.SELF });
    expect([result, fields.nr_frames, fields.max_nr_frames, fields.status]).toEqual([0, 1, 64, 0]);
    expect([guest.flagsOf(0), guest.flagsOf(1), guest.flagsOf(2)]).toEqual([1, 1, 0]);
    expect(guest.frameOf(0)).toBe(guest.built.consoleFrame);
    expect(guest.frameOf(1)).toBe(guest.built.storeFrame);
  });

  test('setup_table makes it longer and tells its frames, which no M2P entry knows', () => {
    const list = guest.page(5).linear;
    const fields = { dom: DOMID.SELF, nr_frames: 4, frame_list: list };
    const answer = guest.grantOp('setup_table', gnttab_setup_table, fields);
    expect([answer.result, answer.fields.status]).toEqual([0, 0]);
    const frames = [...new Uint32Array(guest.read(list, 16).slice().buffer)];
    expect(frames).toEqual(guest.domain.grants.frames);
    expect(frames.map((frame) => xen.frames.m2p(frame))).toEqual(frames.map(() => 0xffff_ffff));
  });

  test('no table to set up is no error, and the struct is not even looked at', () => {
    const count = (operation: number, n: number) =>
      guest.call(HYPERVISOR.grant_table_op, operation, 0xffff_fff0, n);
    const { setup_table, get_status_frames, query_size } = GNTTABOP;
    expect([setup_table, get_status_frames, query_size].map((op) => count(op, 0))).toEqual([
      0, 0, -22,
    ]);
    expect([setup_table, get_status_frames].map((op) => count(op, 2))).toEqual([-22, -22]);
  });

  test('the version goes to 2 and back', () => {
    const set = (version: number) => {
      const { result, fields } = guest.grantOp('set_version', gnttab_set_version, { version });
      return [result, fields.version];
    };
    const get = () =>
      guest.grantOp('get_version', gnttab_get_version, { dom: DOMID.SELF }).fields.version;
    expect(get()).toBe(1);
    expect(set(2)).toEqual([0, 2]);
    expect(get()).toBe(2);
    expect(set(1)).toEqual([0, 1]);
    expect([guest.flagsOf(0), guest.frameOf(0)]).toEqual([1, guest.built.consoleFrame]);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('operation 99 does not exist, and the user is told', () => {
    expect(guest.call(HYPERVISOR.grant_table_op, 99, 0, 0)).toBe(-38);
    expect(xen.journal.entries.at(-1)?.text).toContain('grant_table_op 99');
  });

  test('the whole of the self-mapping session', () => {
    const byte = 0x5a;
    expect(guest.read(place.linear, 1)).toEqual(Uint8Array.of(0));
    guest.write(granted.linear, Uint8Array.of(byte));
    guest.offer(REF, OFFERED, guest.id, granted.frame);
    const first = map(guest, guest);
    expect([first.status, first.handle]).toEqual([0, 0]);
    expect(first.dev_bus_addr).toBe(BigInt(granted.frame) * 4096n);
    expect(guest.flagsOf(REF)).toBe(0x19);
    expect(guest.read(place.linear, 1)).toEqual(Uint8Array.of(byte));
    const frameBits = (granted.frame * 4096).toString(16).padStart(8, '0').slice(0, 5);
    expect(guest.entryOf(place.linear)).toBe(`80000000${frameBits}063`);

    clear(guest, place.linear);
    expect(guest.entryOf(place.linear)).toBe(hex(0));
    expect(unmap(guest, 0)).toBe(-1);
    expect(guest.flagsOf(REF)).toBe(0x19);
    expect(unmap(guest, 0)).toBe(-1);

    expect(map(guest, guest, { ref: REF + 1 }).status).toBe(-1);
    expect(map(guest, guest, { ref: 100_000 }).status).toBe(-3);
    expect(map(guest, guest, { dom: 999 }).status).toBe(-2);
    expect(map(guest, guest, { flags: 0 }).status).toBe(-3);

    // The mapping that was lost still writes, so the guest cannot take that right back.
    guest.offer(REF, OFFERED | GTF.readonly, guest.id, granted.frame);
    expect(map(guest, guest).status).toBe(0);
    const reader = map(guest, guest, { flags: GNTMAP.host_map | GNTMAP.readonly });
    expect(reader.status).toBe(0);
    expect(guest.entryOf(place.linear)).toBe(`80000000${frameBits}061`);
    expect(guest.flagsOf(REF)).toBe(5);
    expect(unmap(guest, reader.handle)).toBe(0);

    const entry = BigInt(guest.placeOf(place.linear));
    const flags = GNTMAP.host_map | GNTMAP.contains_pte;
    const byEntry = map(guest, guest, { host_addr: entry, flags });
    expect(byEntry.status).toBe(0);
    expect(guest.entryOf(place.linear)).toBe(`80000000${frameBits}063`);
    expect(unmap(guest, byEntry.handle, { host_addr: entry })).toBe(0);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('a copy from a grant works, and one that leaves its page does not', () => {
    guest.write(granted.linear, Uint8Array.of(0x5a));
    guest.offer(REF, OFFERED | GTF.readonly, guest.id, granted.frame);
    const target = guest.page(6);
    const fields = {
      source: { u: { ref: REF }, domid: DOMID.SELF, offset: 0 },
      dest: { u: { gmfn: target.frame }, domid: DOMID.SELF, offset: 8 },
      len: 4,
      flags: GNTCOPY.source_gref,
    };
    const copied = guest.grantOp('copy', gnttab_copy, fields);
    expect([copied.result, copied.fields.status]).toEqual([0, 0]);
    expect(guest.read(target.linear + 8, 1)).toEqual(Uint8Array.of(0x5a));
    expect(guest.grantOp('copy', gnttab_copy, { ...fields, len: 4096 }).fields.status).toBe(-10);
    expect(guest.flagsOf(REF)).toBe(OFFERED | GTF.readonly);
    expect(discrepancies(xen)).toEqual([]);
  });
});

describe('mapping', () => {
  beforeEach(() => guest.offer(REF, OFFERED, other.id, granted.frame));

  test('lets the other domain write the page, and shows in the entry until it ends', () => {
    const { handle, status } = map(other, guest);
    expect(status).toBe(GNTST.okay);
    expect(guest.flagsOf(REF)).toBe(OFFERED | GTF.reading | GTF.writing);
    other.write(other.page(1).linear, Uint8Array.of(7));
    expect(guest.read(granted.linear, 1)).toEqual(Uint8Array.of(7));
    expect(discrepancies(xen)).toEqual([]);
    expect(unmap(other, handle)).toBe(GNTST.okay);
    expect(guest.flagsOf(REF)).toBe(OFFERED);
    expect(unmap(other, handle)).toBe(GNTST.bad_handle);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('read-only sets the reading bit alone', () => {
    const { handle } = map(other, guest, { flags: GNTMAP.host_map | GNTMAP.readonly });
    expect(guest.flagsOf(REF)).toBe(OFFERED | GTF.reading);
    expect(unmap(other, handle)).toBe(GNTST.okay);
    expect(guest.flagsOf(REF)).toBe(OFFERED);
  });

  test('several times shares the bits: each goes with its last user', () => {
    const readonly = GNTMAP.host_map | GNTMAP.readonly;
    const at = (n: number) => ({ host_addr: BigInt(other.page(n).linear) });
    const reader = map(other, guest, { ...at(1), flags: readonly });
    const writer = map(other, guest, at(2));
    expect([reader.handle, writer.handle]).toEqual([0, 1]);
    expect(guest.flagsOf(REF)).toBe(OFFERED | GTF.reading | GTF.writing);
    expect(unmap(other, writer.handle, at(2))).toBe(0);
    expect(guest.flagsOf(REF)).toBe(OFFERED | GTF.reading);
    expect(unmap(other, reader.handle, at(1))).toBe(0);
    expect(guest.flagsOf(REF)).toBe(OFFERED);
  });

  test('takes the lowest free handle', () => {
    const at = (n: number) => ({ host_addr: BigInt(other.page(n).linear) });
    const handles = [1, 2, 3].map((n) => map(other, guest, at(n)).handle);
    expect(handles).toEqual([0, 1, 2]);
    expect(unmap(other, 1, at(2))).toBe(0);
    expect(map(other, guest, at(4)).handle).toBe(1);
  });

  test('goes on with the frame that the entry named at first', () => {
    map(other, guest);
    guest.offer(REF, guest.flagsOf(REF), other.id, guest.page(3).frame);
    const again = map(other, guest, { host_addr: BigInt(other.page(2).linear) });
    expect(again.dev_bus_addr).toBe(BigInt(granted.frame) * 4096n);
  });

  test.each([
    ['an entry for another domain', OFFERED, 7, GNTST.general_error],
    ['an entry that permits nothing', GTF_TYPE.invalid, 2, GNTST.general_error],
    ['an entry that accepts a page', GTF_TYPE.accept_transfer, 2, GNTST.general_error],
    ['a read-only entry for writing', OFFERED | GTF.readonly, 2, GNTST.general_error],
    ['a part of a page', OFFERED | GTF.sub_page, 2, GNTST.general_error],
  ])('of %s is refused', (_what, flags, domid, status) => {
    guest.offer(REF, flags, domid, granted.frame);
    expect(map(other, guest).status).toBe(status);
    expect(guest.flagsOf(REF)).toBe(flags);
    expect([...other.domain.grants.mappings()]).toEqual([]);
  });

  test.each([
    ['no RAM', 0xff_ffff],
    ['the hypervisor’s', 0x400],
  ])('of a frame that is %s is refused, and leaves no bits', (_what, frame) => {
    guest.offer(REF, OFFERED, other.id, frame);
    expect(map(other, guest).status).toBe(GNTST.bad_page);
    expect(guest.flagsOf(REF)).toBe(OFFERED);
  });

  test('of a frame of the mapper’s own, offered by somebody else, is refused', () => {
    guest.offer(REF, OFFERED, other.id, other.page(3).frame);
    expect(map(other, guest).status).toBe(GNTST.bad_page);
  });

  test('of a page table is refused for writing and allowed for reading', () => {
    guest.offer(REF, OFFERED, other.id, guest.vcpu.baseFrame);
    expect(map(other, guest).status).toBe(GNTST.general_error);
    expect(guest.flagsOf(REF)).toBe(OFFERED);
    const flags = GNTMAP.host_map | GNTMAP.readonly;
    expect(map(other, guest, { flags }).status).toBe(GNTST.okay);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('where there is no page table is refused, and leaves nothing behind', () => {
    const nowhere = map(other, guest, { host_addr: 0xf000_0000n });
    const beyond = map(other, guest, { host_addr: 0x1_0000_0000n });
    const odd = { flags: GNTMAP.host_map | GNTMAP.contains_pte, host_addr: 0xffff_ffff_ffff_fff8n };
    expect([nowhere.status, beyond.status, map(other, guest, odd).status]).toEqual([-1, -1, -1]);
    expect(guest.flagsOf(REF)).toBe(OFFERED);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('carries the guest’s own bits and the right of user mode into the entry', () => {
    const flags = GNTMAP.host_map | GNTMAP.application_map | 0x5_0000;
    map(other, guest, { flags });
    expect(other.wordsOf(other.page(1).linear).low & 0xfff).toBe(0xa67);
  });

  test('for a device holds the frame without a page-table entry', () => {
    const before = other.entryOf(other.page(1).linear);
    const { handle, dev_bus_addr } = map(other, guest, { flags: GNTMAP.device_map });
    expect(other.entryOf(other.page(1).linear)).toBe(before);
    expect(discrepancies(xen)).toEqual([]);
    expect(unmap(other, handle, { dev_bus_addr: 4096n })).toBe(GNTST.bad_dev_addr);
    expect(unmap(other, handle, { dev_bus_addr })).toBe(GNTST.okay);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('both ways ends when both ways are unmapped', () => {
    const flags = GNTMAP.device_map | GNTMAP.host_map;
    const { handle, dev_bus_addr } = map(other, guest, { flags });
    expect(unmap(other, handle)).toBe(0);
    expect(guest.flagsOf(REF)).toBe(OFFERED | GTF.reading | GTF.writing);
    expect(discrepancies(xen)).toEqual([]);
    expect(unmap(other, handle, { host_addr: 0n, dev_bus_addr })).toBe(0);
    expect(guest.flagsOf(REF)).toBe(OFFERED);
    expect(unmap(other, handle)).toBe(GNTST.bad_handle);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('counts up to 128 and no further', () => {
    const flags = GNTMAP.device_map;
    const statuses = Array.from({ length: 129 }, () => map(other, guest, { flags }).status);
    expect(statuses.slice(0, 128).every((status) => status === 0)).toBe(true);
    expect(statuses[128]).toBe(GNTST.general_error);
  });
});

describe('unmap_and_replace', () => {
  test('moves another mapping to the place of the grant', () => {
    guest.offer(REF, OFFERED, other.id, granted.frame);
    const { handle } = map(other, guest);
    const spare = other.page(2);
    const fields = {
      host_addr: BigInt(other.page(1).linear),
      new_addr: BigInt(spare.linear),
      handle,
    };
    const answer = other.grantOp('unmap_and_replace', gnttab_unmap_and_replace, fields);
    expect([answer.result, answer.fields.status]).toEqual([0, 0]);
    expect(other.wordsOf(other.page(1).linear).low >>> 12).toBe(spare.frame);
    expect(other.wordsOf(spare.linear).low).toBe(0);
    expect(guest.flagsOf(REF)).toBe(OFFERED);
    expect(discrepancies(xen)).toEqual([]);
  });
});

describe('setup_table', () => {
  const setup = (dom: number, nr_frames: number) => {
    const fields = { dom, nr_frames, frame_list: guest.page(5).linear };
    return guest.grantOp('setup_table', gnttab_setup_table, fields).fields.status;
  };

  test('refuses more frames than there can be, and tables of others', () => {
    expect(setup(DOMID.SELF, 65)).toBe(GNTST.general_error);
    expect(setup(guest.id, 64)).toBe(GNTST.okay);
    expect(setup(other.id, 1)).toBe(GNTST.permission_denied);
    expect(setup(999, 1)).toBe(GNTST.bad_domain);
  });

  test('wants one struct, at an address that there is', () => {
    expect(guest.call(HYPERVISOR.grant_table_op, 2, 0x10_0000, 2)).toBe(-22);
    expect(guest.call(HYPERVISOR.grant_table_op, 2, 0xf800_0000, 1)).toBe(-14);
    expect(guest.call(HYPERVISOR.grant_table_op, 0, 0x3000_0000, 1)).toBe(-14);
    expect(guest.call(HYPERVISOR.grant_table_op, 0, 0x10_0000, 0xffff_ffff)).toBe(-22);
  });
});
