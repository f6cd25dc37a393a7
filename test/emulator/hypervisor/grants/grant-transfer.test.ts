/** Page flips, copies between domains, versions of the table, and lists with events in between. */

import { beforeEach, describe, expect, test } from 'vitest';
import {
  GNTCOPY,
  GNTMAP,
  GNTST,
  GNTTAB_CACHE,
  GNTTABOP,
  GTF,
  GTF_TRANSFER,
  GTF_TYPE,
  gnttab_cache_flush,
  gnttab_copy,
  gnttab_get_status_frames,
  gnttab_map_grant_ref,
  gnttab_query_size,
  gnttab_set_version,
  gnttab_setup_table,
  gnttab_swap_grant_ref,
  gnttab_transfer,
} from '../../../../emulator/abi/grant-table.ts';
import { DOMID, HYPERVISOR, multicall_entry, vcpu_info } from '../../../../emulator/abi/xen.ts';
import { releaseGrants } from '../../../../emulator/hypervisor/grants/grant-map.ts';
import { relinquish } from '../../../../emulator/hypervisor/memory/base-pointer.ts';
import { updateVaMapping } from '../../../../emulator/hypervisor/memory/page-table-update.ts';
import type { Xen } from '../../../../emulator/hypervisor/xen.ts';
import {
  aGuest,
  aXen,
  CODE,
  discrepancies,
  type Guest,
  type GuestPage,
} from '../../../support/granting-machine.ts';

const REF = 9;
const DONE = GTF_TYPE.accept_transfer | GTF_TRANSFER.committed | GTF_TRANSFER.completed;

let xen: Xen;
let giver: Guest;

beforeEach(() => {
  xen = aXen();
  giver = aGuest(xen);
});

function clear({ domain, vcpu }: Guest, linear: number): void {
  const scope = { domain, frameOwner: domain.id, preservesAccessed: false };
  updateVaMapping(xen.pages, scope, vcpu.baseFrame, linear, { low: 0, high: 0 });
}

/** A page that nothing but its owner holds, with a mark on it. */
function loosePage(owner: Guest, n: number): GuestPage {
  const page = owner.page(n);
  owner.write(page.linear, Uint8Array.of(0x77, n));
  clear(owner, page.linear);
  return page;
}

/** The guest gives a page up, so that it may get another. */
function makeRoom(owner: Guest, n: number): GuestPage {
  const page = owner.page(n);
  clear(owner, page.linear);
  if (owner.domain.isTranslated) {
    xen.frames.withdraw(page.machineFrame, owner.id);
  } else {
    xen.frames.release(page.machineFrame);
  }
  return page;
}

function transfer(from: Guest, to: number, mfn: number, ref = REF): number {
  const answer = from.grantOp('transfer', gnttab_transfer, { mfn, domid: to, ref });
  expect(answer.result).toBe(0);
  return answer.fields.status;
}

describe('a transfer between direct domains', () => {
  let taker: Guest;

  beforeEach(() => {
    taker = aGuest(xen, { id: 2 });
    taker.offer(REF, GTF_TYPE.accept_transfer, giver.id, 0x123);
  });

  test('gives the frame, its number, and the receiver’s name for it', () => {
    makeRoom(taker, 0);
    const page = loosePage(giver, 0);
    const pages = [xen.frames.pagesOf(1), xen.frames.pagesOf(2)];
    expect(transfer(giver, taker.id, page.frame)).toBe(GNTST.okay);
    expect([taker.flagsOf(REF), taker.frameOf(REF)]).toEqual([DONE, page.frame]);
    expect(xen.frames.owner[page.frame]).toBe(taker.id);
    expect(xen.frames.m2p(page.frame)).toBe(0x123);
    expect(xen.ram.read8(page.frame * 4096)).toBe(0x77);
    expect([xen.frames.pagesOf(1), xen.frames.pagesOf(2)]).toEqual([
      (pages[0] ?? 0) - 1,
      (pages[1] ?? 0) + 1,
    ]);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('of a page that is still mapped is refused, and the giver keeps it', () => {
    makeRoom(taker, 0);
    expect(transfer(giver, taker.id, giver.page(0).frame)).toBe(GNTST.bad_page);
    expect(taker.flagsOf(REF)).toBe(GTF_TYPE.accept_transfer);
    expect(xen.frames.owner[giver.page(0).frame]).toBe(giver.id);
  });

  test.each([
    ['a frame that is no RAM', 0xff_ffff],
    ['a frame of the hypervisor’s', 0x400],
  ])('of %s is refused', (_what, frame) => {
    expect(transfer(giver, taker.id, frame)).toBe(GNTST.bad_page);
  });

  test('to a domain without room loses the page', () => {
    const page = loosePage(giver, 0);
    expect(transfer(giver, taker.id, page.frame)).toBe(GNTST.general_error);
    expect(taker.flagsOf(REF)).toBe(GTF_TYPE.accept_transfer);
    expect(xen.frames.references[page.frame]).toBe(0);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('to a domain that there is not, or to an entry that does not wait, loses the page too', () => {
    makeRoom(taker, 0);
    makeRoom(taker, 1);
    expect(transfer(giver, 999, loosePage(giver, 0).frame)).toBe(GNTST.bad_domain);
    expect(transfer(giver, taker.id, loosePage(giver, 1).frame, REF + 1)).toBe(-1);
    expect(transfer(giver, taker.id, loosePage(giver, 2).frame, 9_999_999)).toBe(-1);
    expect(transfer(giver, taker.id, loosePage(giver, 3).frame)).toBe(GNTST.okay);
    expect(transfer(giver, taker.id, loosePage(giver, 4).frame)).toBe(-1);
    expect(discrepancies(xen)).toEqual([]);
  });
});

describe('a transfer to a translated domain of 2006', () => {
  let taker: Guest;
  let hole: GuestPage;

  beforeEach(() => {
    taker = aGuest(xen, { id: 2, profile: 'xen-3.0', model: 'translated' });
    hole = taker.page(0);
    taker.offer(REF, GTF_TYPE.accept_transfer, giver.id, hole.frame);
  });

  test('brings the contents to the frame number that the entry names', () => {
    makeRoom(taker, 0);
    const page = loosePage(giver, 3);
    expect(transfer(giver, taker.id, page.frame)).toBe(GNTST.okay);
    expect([taker.flagsOf(REF), taker.frameOf(REF)]).toEqual([DONE, hole.frame]);
    const target = hole.machineFrame * 4096;
    expect([xen.ram.read8(target), xen.ram.read8(target + 1)]).toEqual([0x77, 3]);
    expect(xen.frames.owner[hole.machineFrame]).toBe(taker.id);
    expect(xen.frames.references[page.frame]).toBe(0);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('that has given nothing away is refused', () => {
    expect(transfer(giver, taker.id, loosePage(giver, 0).frame)).toBe(GNTST.general_error);
    expect(taker.flagsOf(REF)).toBe(GTF_TYPE.accept_transfer);
  });

  test('cannot go beyond its memory, nor over its grant table', () => {
    makeRoom(taker, 0);
    taker.offer(REF, GTF_TYPE.accept_transfer, giver.id, 0x7fff_ffff);
    expect(transfer(giver, taker.id, loosePage(giver, 0).frame)).toBe(GNTST.general_error);
    const table = taker.domain.guestFrame(taker.domain.grants.frames[0] ?? 0);
    taker.offer(REF, GTF_TYPE.accept_transfer, giver.id, table);
    expect(transfer(giver, taker.id, loosePage(giver, 1).frame)).toBe(GNTST.general_error);
    expect(taker.flagsOf(0)).toBe(0);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('can be given on to a direct domain, by a guest of 2006', () => {
    makeRoom(giver, 5);
    giver.offer(REF, GTF_TYPE.accept_transfer, taker.id, 0x44);
    const page = taker.page(2);
    taker.write(page.linear, Uint8Array.of(0x99));
    expect(transfer(taker, giver.id, page.frame)).toBe(GNTST.okay);
    const got = giver.frameOf(REF);
    expect(xen.ram.read8(got * 4096)).toBe(0x99);
    expect(xen.frames.m2p(got)).toBe(0x44);
    expect(discrepancies(xen)).toEqual([]);
  });
});

describe('Xen of 2006', () => {
  test('knows five operations, and tables of four frames', () => {
    const era = aGuest(xen, { id: 3, profile: 'xen-3.0', format: 'two-level' });
    const setup = (dom: number, nr_frames: number) =>
      era.grantOp('setup_table', gnttab_setup_table, { dom, nr_frames, frame_list: CODE }).fields
        .status;
    expect(era.call(HYPERVISOR.grant_table_op, GNTTABOP.copy, CODE, 0)).toBe(-38);
    expect(era.call(HYPERVISOR.grant_table_op, GNTTABOP.query_size, CODE, 1)).toBe(-38);
    expect(era.call(HYPERVISOR.grant_table_op, GNTTABOP.map_grant_ref, CODE, 513)).toBe(-22);
    expect([setup(DOMID.SELF, 5), setup(DOMID.SELF, 4), setup(3, 4)]).toEqual([-1, 0, -8]);
  });

  test('maps nothing of a domain’s own, and writes no bit 63', () => {
    const era = aGuest(xen, { id: 3, profile: 'xen-3.0' });
    const place = era.page(1);
    const fields = { host_addr: BigInt(place.linear), flags: GNTMAP.host_map, ref: REF };
    const map = (dom: number) =>
      era.grantOp('map_grant_ref', gnttab_map_grant_ref, { ...fields, dom }).fields.status;
    era.offer(REF, GTF_TYPE.permit_access, era.id, era.page(0).frame);
    expect(map(era.id)).toBe(GNTST.bad_domain);
    const page = giver.page(0);
    giver.offer(REF, GTF_TYPE.permit_access, era.id, page.frame);
    expect(map(giver.id)).toBe(GNTST.okay);
    expect(era.wordsOf(place.linear)).toEqual({ low: page.frame * 4096 + 0x63, high: 0 });
    expect(discrepancies(xen)).toEqual([]);
  });
});

describe('a copy', () => {
  let other: Guest;

  beforeEach(() => {
    other = aGuest(xen, { id: 2 });
    giver.offer(REF, GTF_TYPE.permit_access, other.id, giver.page(0).frame);
  });

  const copy = (more: object) => {
    const self = { u: { gmfn: other.page(3).frame }, domid: DOMID.SELF, offset: 0 };
    const grant = { u: { ref: REF }, domid: giver.id, offset: 0 };
    const fields = { source: self, dest: grant, flags: GNTCOPY.dest_gref, len: 4, ...more };
    return other.grantOp('copy', gnttab_copy, fields).fields.status;
  };
  const own = { u: { gmfn: 0 }, domid: DOMID.SELF, offset: 0 };

  test('into another domain’s page', () => {
    other.write(other.page(3).linear, Uint8Array.of(1, 2, 3, 4));
    expect(copy({})).toBe(GNTST.okay);
    expect(giver.read(giver.page(0).linear, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(giver.flagsOf(REF)).toBe(GTF_TYPE.permit_access);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('is refused where the caller has no right', () => {
    giver.offer(REF + 1, GTF_TYPE.permit_access | GTF.readonly, other.id, giver.page(0).frame);
    giver.offer(REF + 2, GTF_TYPE.transitive, other.id, giver.page(0).frame);
    const to = (ref: number, domid = giver.id) => ({ dest: { u: { ref }, domid, offset: 0 } });
    expect(copy(to(REF + 1))).toBe(GNTST.general_error);
    expect(copy(to(REF + 2))).toBe(GNTST.general_error);
    expect(copy(to(99_999))).toBe(GNTST.bad_gntref);
    expect(copy(to(REF, 999))).toBe(GNTST.bad_domain);
    expect(copy({ source: { ...own, domid: giver.id } })).toBe(GNTST.permission_denied);
    expect(copy({ source: { ...own, domid: other.id } })).toBe(GNTST.permission_denied);
    expect(copy({ source: { ...own, u: { gmfn: giver.page(0).frame } } })).toBe(GNTST.bad_page);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('goes to the frame that is mapped, or nowhere if the entry names another by now', () => {
    const fields = { flags: GNTMAP.device_map | GNTMAP.readonly, ref: REF, dom: giver.id };
    other.grantOp('map_grant_ref', gnttab_map_grant_ref, fields);
    expect(copy({})).toBe(GNTST.okay);
    const inUse = GTF_TYPE.permit_access | GTF.reading;
    expect(giver.flagsOf(REF)).toBe(inUse);
    giver.offer(REF, inUse, other.id, giver.page(1).frame);
    expect(copy({})).toBe(GNTST.general_error);
    expect(giver.flagsOf(REF)).toBe(inUse);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('never writes a page table', () => {
    giver.offer(REF, GTF_TYPE.permit_access, other.id, giver.vcpu.baseFrame);
    expect(copy({})).toBe(GNTST.general_error);
    expect(giver.flagsOf(REF)).toBe(GTF_TYPE.permit_access);
    const target = { ...own, u: { gmfn: other.vcpu.baseFrame } };
    expect(copy({ dest: target, flags: 0 })).toBe(GNTST.general_error);
    expect(discrepancies(xen)).toEqual([]);
  });
});

describe('version 2', () => {
  const set = (version: number) => giver.grantOp('set_version', gnttab_set_version, { version });

  test('keeps the use of an entry apart from the entry', () => {
    // As the entry of the console is while its ring is mapped.
    const inUse = GTF_TYPE.permit_access | GTF.reading | GTF.writing;
    giver.offer(0, inUse, 0, giver.built.consoleFrame);
    expect(set(2).result).toBe(0);
    const other = aGuest(xen, { id: 2 });
    const list = giver.page(5).linear;
    const ask = (nr_frames: number) =>
      giver.grantOp('get_status_frames', gnttab_get_status_frames, {
        nr_frames,
        dom: DOMID.SELF,
        frame_list: list,
      }).fields.status;
    expect([ask(2), ask(1)]).toEqual([GNTST.general_error, GNTST.okay]);
    const statuses = new Uint32Array(giver.read(list, 4).slice().buffer)[0] as number;
    expect(giver.domain.grants.statusFrames).toEqual([statuses]);
    expect(xen.ram.read8(statuses * 4096)).toBe(0x18);

    const entry = giver.domain.grants.entryAddress(REF) as number;
    expect(entry % 4096).toBe(16 * REF);
    xen.ram.write32(entry + 8, giver.page(0).frame);
    xen.ram.write32(entry, (other.id << 16) | GTF_TYPE.permit_access);
    const fields = { flags: GNTMAP.device_map, ref: REF, dom: giver.id };
    const map = () => other.grantOp('map_grant_ref', gnttab_map_grant_ref, fields).fields.status;
    expect(map()).toBe(GNTST.okay);
    expect(xen.ram.read32(entry) & 0xffff).toBe(GTF_TYPE.permit_access);
    expect(xen.ram.read8(statuses * 4096 + 2 * REF)).toBe(GTF.reading | GTF.writing);
    expect(set(1).result).toBe(-16);
    releaseGrants(xen, other.domain);
    expect(xen.ram.read8(statuses * 4096 + 2 * REF)).toBe(0);
    expect(set(1).result).toBe(0);
    expect(ask(1)).toBe(GNTST.general_error);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('can grant a part of a page, which may be copied and not mapped', () => {
    const other = aGuest(xen, { id: 2 });
    set(2);
    const entry = giver.domain.grants.entryAddress(REF) as number;
    xen.ram.write32(entry + 8, giver.page(0).frame);
    xen.ram.write32(entry + 4, (16 << 16) | 32);
    xen.ram.write32(entry, (other.id << 16) | GTF_TYPE.permit_access | GTF.sub_page);
    const copy = (offset: number) =>
      other.grantOp('copy', gnttab_copy, {
        source: { u: { ref: REF }, domid: giver.id, offset },
        dest: { u: { gmfn: other.page(0).frame }, domid: DOMID.SELF, offset: 0 },
        len: 8,
        flags: GNTCOPY.source_gref,
      }).fields.status;
    expect([copy(32), copy(40), copy(41), copy(31)]).toEqual([0, 0, -1, -1]);
    const fields = { flags: GNTMAP.device_map, ref: REF, dom: giver.id };
    const mapped = other.grantOp('map_grant_ref', gnttab_map_grant_ref, fields);
    expect(mapped.fields.status).toBe(GNTST.general_error);
  });

  test('3 is none, and a transitive entry of the toolstack’s cannot go back', () => {
    expect([set(3).result, set(3).fields.version]).toEqual([-22, 1]);
    set(2);
    xen.ram.write32(giver.domain.grants.entryAddress(3) as number, GTF_TYPE.transitive);
    expect([set(1).result, set(1).fields.version]).toEqual([-34, 2]);
  });
});

test('swap_grant_ref exchanges two entries that nobody uses', () => {
  const swap = (ref_a: number, ref_b: number) =>
    giver.grantOp('swap_grant_ref', gnttab_swap_grant_ref, { ref_a, ref_b }).fields.status;
  giver.offer(REF, GTF_TYPE.permit_access, giver.id, giver.page(0).frame);
  expect(swap(REF, 20)).toBe(GNTST.okay);
  expect([giver.flagsOf(REF), giver.flagsOf(20)]).toEqual([0, GTF_TYPE.permit_access]);
  expect(giver.frameOf(20)).toBe(giver.page(0).frame);
  const fields = { flags: GNTMAP.device_map, ref: 20, dom: giver.id };
  giver.grantOp('map_grant_ref', gnttab_map_grant_ref, fields);
  expect([swap(REF, 20), swap(20, 20), swap(20, 512)]).toEqual([-12, 0, -3]);
});

test('cache_flush is for pages of one’s own and mapped ones', () => {
  const other = aGuest(xen, { id: 2 });
  const flush = (frame: number, op: number, more = {}) => {
    const a = { dev_bus_addr: BigInt(frame) * 4096n };
    return giver.grantOp('cache_flush', gnttab_cache_flush, { a, length: 64, op, ...more }).result;
  };
  const page = other.page(0);
  const both = GNTTAB_CACHE.CLEAN | GNTTAB_CACHE.INVAL;
  expect(flush(giver.page(0).frame, both)).toBe(0);
  expect(flush(giver.page(0).frame, GNTTAB_CACHE.INVAL)).toBe(-95);
  expect(flush(giver.page(0).frame, both, { offset: 4090 })).toBe(-22);
  expect([flush(0xff_ffff, both), flush(0x400, both), flush(page.frame, both)]).toEqual([
    -22, -1, -22,
  ]);
  other.offer(REF, GTF_TYPE.permit_access, giver.id, page.frame);
  const fields = { flags: GNTMAP.device_map, ref: REF, dom: other.id };
  giver.grantOp('map_grant_ref', gnttab_map_grant_ref, fields);
  expect(flush(page.frame, both)).toBe(0);
});

test('dump_table is for nobody', () => {
  expect(giver.call(HYPERVISOR.grant_table_op, GNTTABOP.dump_table, CODE, 1)).toBe(-38);
});

describe('a list of entries', () => {
  const entries = (count: number) => {
    const bytes = new DataView(new ArrayBuffer(gnttab_query_size.size + count * 12));
    for (let i = 0; i < count; i++) {
      const entry = gnttab_swap_grant_ref.at(bytes, 12 * i);
      entry.ref_a = REF;
      entry.ref_b = REF;
      entry.status = 77;
    }
    giver.write(CODE, new Uint8Array(bytes.buffer));
  };
  const statuses = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      new DataView(giver.read(CODE + 12 * i + 8, 2).buffer).getInt16(0, true),
    );

  test('is done in one go while nothing happens', () => {
    entries(4);
    giver.interrupt(HYPERVISOR.grant_table_op, GNTTABOP.swap_grant_ref, CODE, 4);
    expect(xen.cpu.state.eax).toBe(0);
    expect(statuses(4)).toEqual([0, 0, 0, 0]);
  });

  test('stops behind an entry when an event is to be delivered, and the guest makes the rest', () => {
    entries(4);
    const { vcpu } = giver;
    vcpu.eventCallback = { cs: 0xe019, eip: CODE, masks: true };
    xen.ram.write8(vcpu.info + vcpu_info.offsets.evtchn_upcall_mask, 0);
    xen.ram.write8(vcpu.info + vcpu_info.offsets.evtchn_upcall_pending, 1);
    giver.interrupt(HYPERVISOR.grant_table_op, GNTTABOP.swap_grant_ref, CODE, 4);
    expect(statuses(4)).toEqual([0, 77, 77, 77]);
    const { eax, ebx, ecx, edx } = xen.cpu.state;
    const { swap_grant_ref: command } = GNTTABOP;
    expect([eax, ebx, ecx, edx]).toEqual([HYPERVISOR.grant_table_op, command, CODE + 12, 3]);
  });

  test('within a list of calls stops there too: the rest becomes the entry of the list', () => {
    entries(4);
    const { vcpu } = giver;
    vcpu.eventCallback = { cs: 0xe019, eip: CODE, masks: true };
    const list = giver.page(4).linear;
    const bytes = new DataView(new ArrayBuffer(multicall_entry.size));
    const entry = multicall_entry.at(bytes);
    const { swap_grant_ref: command } = GNTTABOP;
    entry.op = HYPERVISOR.grant_table_op;
    [command, CODE, 4].forEach((value, i) => {
      entry.args.set(i, value);
    });
    giver.write(list, new Uint8Array(bytes.buffer));
    xen.ram.write8(vcpu.info + vcpu_info.offsets.evtchn_upcall_mask, 0);
    xen.ram.write8(vcpu.info + vcpu_info.offsets.evtchn_upcall_pending, 1);
    giver.interrupt(HYPERVISOR.multicall, list, 1);
    expect(statuses(4)).toEqual([0, 77, 77, 77]);
    const rest = multicall_entry.at(new DataView(giver.read(list, multicall_entry.size).buffer));
    expect([...rest.args].slice(0, 3)).toEqual([command, CODE + 12, 3]);
    expect([xen.cpu.state.eax, xen.cpu.state.ebx, xen.cpu.state.ecx]).toEqual([13, list, 1]);
  });

  test('too long for one go is made in parts', () => {
    entries(600);
    giver.interrupt(HYPERVISOR.grant_table_op, GNTTABOP.swap_grant_ref, CODE, 600);
    expect([xen.cpu.state.ecx, xen.cpu.state.edx]).toEqual([CODE + 512 * 12, 88]);
    giver.call(HYPERVISOR.grant_table_op, GNTTABOP.swap_grant_ref, CODE + 512 * 12, 88);
    expect(statuses(600).every((status) => status === 0)).toBe(true);
  });
});

describe('a domain that ends', () => {
  test('lets go of what it had mapped, and its own pages live on where they are mapped', () => {
    const other = aGuest(xen, { id: 2 });
    const flags = GNTMAP.host_map | GNTMAP.device_map;
    const map = (mapper: Guest, from: Guest) =>
      mapper.grantOp('map_grant_ref', gnttab_map_grant_ref, {
        host_addr: BigInt(mapper.page(1).linear),
        flags,
        ref: REF,
        dom: from.id,
      }).fields.status;
    const [mine, theirs] = [giver.page(0), other.page(0)];
    giver.offer(REF, GTF_TYPE.permit_access, other.id, mine.frame);
    other.offer(REF, GTF_TYPE.permit_access, giver.id, theirs.frame);
    expect([map(other, giver), map(giver, other)]).toEqual([0, 0]);
    giver.enter();
    releaseGrants(xen, other.domain);
    relinquish(xen.pages, other.domain);
    expect(giver.flagsOf(REF)).toBe(GTF_TYPE.permit_access);
    expect(xen.frames.references[mine.frame]).toBe(2);
    expect(xen.frames.owner[theirs.frame]).toBe(other.id);
    expect(xen.frames.pagesOf(other.id)).toBe(1);
    expect(discrepancies(xen)).toEqual([]);
    expect(map(giver, other)).toBe(GNTST.bad_gntref);
    releaseGrants(xen, giver.domain);
    relinquish(xen.pages, giver.domain);
    expect([xen.frames.pagesOf(1), xen.frames.pagesOf(2)]).toEqual([0, 0]);
    expect(discrepancies(xen)).toEqual([]);
  });

  test('is remembered with its mappings, its pins and its table', () => {
    giver.offer(REF, GTF_TYPE.permit_access, giver.id, giver.page(0).frame);
    const fields = { flags: GNTMAP.device_map, ref: REF, dom: giver.id };
    giver.grantOp('map_grant_ref', gnttab_map_grant_ref, fields);
    const { grants } = giver.domain;
    const image = grants.capture();
    giver.grantOp('map_grant_ref', gnttab_map_grant_ref, fields);
    expect(grants.capture()).not.toEqual(image);
    grants.restore(image);
    expect(grants.capture()).toEqual(image);
    expect(grants.active.get(REF)?.pins.deviceWrite).toBe(1);
    const again = giver.grantOp('map_grant_ref', gnttab_map_grant_ref, fields);
    expect(again.fields.handle).toBe(1);
  });
});
