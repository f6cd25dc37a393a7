/** Frames come and go with their references, and the table guests read says whose they are. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dropBase,
  newBase,
  relinquish,
} from '../../../../emulator/hypervisor/memory/base-pointer.ts';
import {
  dropGdt,
  ldtFrame,
  setGdt,
  setLdt,
  updateDescriptor,
} from '../../../../emulator/hypervisor/memory/descriptor-tables.ts';
import { FRAME_TYPE } from '../../../../emulator/hypervisor/memory/frame-types.ts';
import {
  createGrantMapping,
  destroyGrantMapping,
} from '../../../../emulator/hypervisor/memory/grant-mapping.ts';
import { TABLE_SHAPES } from '../../../../emulator/hypervisor/memory/page-table-entry.ts';
import {
  grantEntry,
  updateEntry,
  updateMachPhys,
  updateVaMapping,
} from '../../../../emulator/hypervisor/memory/page-table-update.ts';
import { NO_FRAME } from '../../../../emulator/hypervisor/memory/paged-domain.ts';
import { emulateStore } from '../../../../emulator/hypervisor/memory/refused-store.ts';
import { PagedMachine, type TestDomain, XEN } from '../../../support/paged-machine.ts';

const PAGE = 4096;

describe('a frame', () => {
  test('that its owner gave up lives on while it is mapped', () => {
    const machine = new PagedMachine();
    const guest = machine.addDomain(1, 'xen-4.17 PAE', 100);
    const mfn = guest.frames[7] ?? 0;
    expect(machine.frames.release(mfn)).toBe(true);
    expect(machine.frames.release(mfn)).toBe(false);
    expect([machine.frames.pagesOf(1), machine.frames.m2p(mfn)]).toEqual([100, 7]);
    expect(machine.map(guest, 7 * PAGE, 0)).toBe(0);
    expect([machine.frames.pagesOf(1), machine.frames.m2p(mfn)]).toEqual([99, 0xffff_ffff]);
    expect(machine.frames.allocate(1)).toBe(mfn);
    expect(machine.discrepancies()).toEqual([]);
  });

  test('can be stolen from its owner only when nothing else refers to it', () => {
    const machine = new PagedMachine();
    const guest = machine.addDomain(1, 'xen-4.17 PAE', 100);
    const mfn = guest.frames[7] ?? 0;
    expect(machine.frames.steal(mfn, 1)).toBe(false);
    expect(machine.map(guest, 7 * PAGE, 0)).toBe(0);
    expect(machine.frames.steal(mfn, 1)).toBe(true);
    machine.frames.assign(mfn, 2);
    expect([machine.frames.pagesOf(1), machine.frames.pagesOf(2)]).toEqual([99, 1]);
  });

  test('that a translated guest gave back cannot be stolen from it as well', () => {
    const machine = new PagedMachine();
    const first = machine.frames.allocateRun(3, 8) ?? 0;
    expect(machine.frames.withdraw(first, 3)).toBe(true);
    expect(machine.frames.steal(first, 3)).toBe(false);
    expect(machine.frames.pagesOf(3)).toBe(7);
    expect(machine.frames.reinstate(first, 3)).toBe(true);
    expect(machine.frames.pagesOf(3)).toBe(8);
  });

  test('that a translated guest transferred leaves a place that it can fill again', () => {
    const machine = new PagedMachine();
    const first = machine.frames.allocateRun(3, 8) ?? 0;
    expect(machine.frames.steal(first, 3)).toBe(true);
    expect([machine.frames.reinstate(first, 3), machine.frames.reinstate(first, 3)]).toEqual([
      true,
      false,
    ]);
    expect(machine.frames.pagesOf(3)).toBe(8);
  });

  test('never has the number that the guest knows it by', () => {
    const machine = new PagedMachine();
    const frames = machine.frames.allocateMany(1, 900) ?? [];
    expect([...frames].some((mfn, pfn) => mfn === pfn)).toBe(false);
    expect(new Set(frames).size).toBe(900);
  });

  test('shared by Xen can be mapped, and be nothing but data', () => {
    const machine = new PagedMachine();
    const guest = machine.addDomain(1, 'xen-4.17 PAE', 100);
    const shared = machine.frames.allocateShared(1, true) ?? 0;
    const readable = machine.frames.allocateShared(1, false) ?? 0;
    expect(machine.map(guest, PAGE, shared * PAGE + 0x63)).toBe(0);
    expect(machine.map(guest, 2 * PAGE, readable * PAGE + 0x63)).toBe(-16);
    expect(machine.map(guest, 2 * PAGE, readable * PAGE + 0x61)).toBe(0);
    expect(machine.types.pin(readable, 1, 1)).toBe(-22);
    expect(machine.frames.pagesOf(1)).toBe(100);
    expect(machine.discrepancies()).toEqual([]);
  });
});

test('a captured state is the state that is restored', () => {
  const machine = new PagedMachine();
  const guest = machine.addDomain(1, 'xen-4.17 PAE', 100);
  const image = machine.frames.capture();
  expect(machine.map(guest, 7 * PAGE, 0)).toBe(0);
  machine.frames.release(guest.frames[7] ?? 0);
  expect(machine.frames.capture()).not.toEqual(image);
  machine.frames.restore(structuredClone(image));
  expect(machine.frames.capture()).toEqual(image);
});

test.each(Object.keys(XEN) as (keyof typeof XEN)[])(
  'a domain of %s that ends gives all back, zeroed',
  (xen) => {
    const machine = new PagedMachine();
    const free = machine.frames.freePages();
    const guest = machine.addDomain(1, xen, 300);
    machine.ram.write32((guest.frames[3] ?? 0) * PAGE, 0x5ec7e7);
    relinquish(machine.types, guest);
    expect(machine.frames.freePages()).toBe(free);
    expect(machine.ram.read32((guest.frames[3] ?? 0) * PAGE)).toBe(0);
    expect(machine.discrepancies()).toEqual([]);
  },
);

test('Xen 3.0 ends a domain that asks for a root that is none', () => {
  const machine = new PagedMachine();
  const guest = machine.addDomain(1, 'xen-3.0 two-level', 100);
  expect(newBase(machine.types, guest, guest.vcpus[0], guest.frames[4] ?? 0)).toBe(-22);
  expect(guest.crashes).toHaveLength(1);
  expect(guest.vcpus[0].baseFrame).toBe(NO_FRAME);
  expect(machine.discrepancies()).toEqual([]);
});

test('a granted frame is mapped and unmapped where the grant says', () => {
  const machine = new PagedMachine();
  const guest = machine.addDomain(1, 'xen-4.17 PAE', 100);
  const owner = machine.addDomain(2, 'xen-4.17 PAE', 100);
  const mfn = owner.frames[9] ?? 0;
  const mapping = { isWritable: true, isForUser: false, available: 0 };
  const base = guest.vcpus[0].baseFrame;
  const target = { kind: 'linear', linear: 5 * PAGE } as const;
  expect(machine.types.getPageAndType(mfn, owner.id, FRAME_TYPE.writable)).toBe(0);
  const entry = grantEntry(guest, mfn, mapping);
  expect(createGrantMapping(machine.types, guest, base, target, entry)).toBe(true);
  const l1 = guest.frames[guest.firstTable + 5] ?? 0;
  expect(machine.entry(guest, l1, 5)).toBe(
    `80000000${(mfn * PAGE + 0x63).toString(16).padStart(8, '0')}`,
  );
  expect(machine.discrepancies()).toHaveLength(1);
  expect(machine.discrepancies({ isGranted: () => true })).toEqual([]);
  const granted = { frame: mfn, isWritable: true };
  const destroy = () => destroyGrantMapping(machine.types, guest, base, target, granted);
  expect([destroy(), destroy()]).toEqual([true, false]);
  machine.types.putPageAndType(mfn);
  expect(machine.discrepancies()).toEqual([]);
});

/** A random act of a guest that knows where its tables are and lies now and then. */
interface Act {
  readonly kind: number;
  readonly domain: number;
  /** Which page of the domain is acted on, and which named. */
  readonly page: number;
  readonly target: number;
  readonly index: number;
  readonly flags: number;
  readonly high: number;
}

const oddFlags = fc.constantFrom(0, 1, 0x21, 0x61, 0x63, 0x65, 0x67, 0x67, 0x63, 0xe7, 0x7b, 0x163);
const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.nat(20),
  domain: fc.nat(1),
  page: fc.oneof(fc.nat(19), fc.nat(59)),
  target: fc.oneof(fc.nat(19), fc.nat(70)),
  index: fc.oneof(fc.nat(3), fc.nat(1023), fc.constantFrom(427, 428, 511, 1007, 1008)),
  flags: oddFlags,
  high: fc.oneof(
    { weight: 20, arbitrary: fc.constant(0) },
    fc.constantFrom(0x8000_0000, 1, 0x4000),
  ),
});

const PAGES = 60;

/** Frames by number, with some that are not the domain's behind its own. */
function pick(machine: PagedMachine, domain: TestDomain, page: number): number {
  // The last pages are the tables, which are what guests mostly act on.
  const own = domain.frames[PAGES - 1 - page];
  const stranger = machine.domains.find(({ id }) => id !== domain.id);
  return own ?? stranger?.frames[page % PAGES] ?? page;
}

function perform(machine: PagedMachine, held: number[], given: Act): void {
  const { types } = machine;
  const domain = machine.domains[given.domain];
  if (domain === undefined) {
    return;
  }
  const [vcpu] = domain.vcpus;
  const scope = { domain, frameOwner: domain.id, preservesAccessed: given.index % 2 === 1 };
  const mfn = pick(machine, domain, given.page);
  const target = pick(machine, domain, given.target);
  const entry = { low: (target * PAGE + given.flags) >>> 0, high: given.high };
  const { entrySize, entries } = TABLE_SHAPES[domain.format];
  const linear = ((PAGES - 1 - given.page) * PAGE + given.index * entrySize) >>> 0;
  const address = mfn * PAGE + (given.index % entries) * entrySize;
  switch (given.kind) {
    case 0:
    case 1:
    case 2:
    case 3:
      updateEntry(types, scope, address, entry);
      break;
    case 4:
    case 5:
    case 6:
      updateVaMapping(types, scope, vcpu.baseFrame, linear, entry);
      break;
    case 7:
    case 8:
      types.pin(mfn, domain.id, ((given.index % 3) + 1) as 1 | 2 | 3);
      break;
    case 9:
      types.unpin(mfn, domain.id);
      break;
    case 10:
      if (given.index % 5 === 0) {
        dropBase(types, domain, vcpu);
      }
      newBase(types, domain, vcpu, target);
      break;
    case 11:
      setGdt(types, domain, vcpu, [mfn, target], given.index);
      break;
    case 12:
      setLdt(types, domain, vcpu, linear - (linear % PAGE), given.index);
      ldtFrame(types, domain, vcpu, 0);
      break;
    case 13:
      updateDescriptor(types, domain, address, { low: entry.low, high: 0x00cf_9a00 });
      break;
    case 14:
      emulateStore(types, domain, vcpu.baseFrame, {
        linear: linear + (given.index % 8),
        bytes: 2 ** (given.index % 4),
        value: entry,
      });
      break;
    case 15:
      updateMachPhys(types, domain.id, mfn, given.index);
      dropGdt(types, vcpu);
      break;
    case 16:
      if (given.page > 40 && machine.frames.owner[mfn] === domain.id) {
        machine.frames.release(mfn);
      }
      break;
    case 17:
    case 18:
    case 19:
      makeTable(machine, domain, given);
      break;
    default:
      grant(machine, domain, held, mfn, linear, given);
  }
}

/** Fills a page of data with a few entries, makes it read-only and asks for it to be a table. */
function makeTable(machine: PagedMachine, domain: TestDomain, given: Act): void {
  const { types, frames } = machine;
  const pfn = given.page % 40;
  const mfn = domain.frames[pfn] ?? 0;
  if (frames.owner[mfn] !== domain.id || !frames.isLive(mfn, FRAME_TYPE.writable)) {
    return;
  }
  const { entrySize } = TABLE_SHAPES[domain.format];
  for (let entry = 0; entry < 4; entry++) {
    // Often one that fits: the page itself or a neighbour, as a table or as data.
    const named = pick(
      machine,
      domain,
      entry === given.index % 8 ? given.target : 59 - pfn - entry,
    );
    const flags = entry === given.index % 5 ? given.flags : given.index % 2 ? 0x61 : 0x01;
    machine.ram.write32(mfn * PAGE + entry * entrySize, named * PAGE + flags);
  }
  machine.map(domain, pfn * PAGE, mfn * PAGE + 0x61);
  types.pin(mfn, domain.id, ((given.index % 3) + 1) as 1 | 2 | 3);
}

/** Maps a frame of whoever owns it, or unmaps it. */
function grant(
  machine: PagedMachine,
  domain: TestDomain,
  held: number[],
  mfn: number,
  linear: number,
  given: Act,
): void {
  const { types } = machine;
  const base = domain.vcpus[0].baseFrame;
  const target = { kind: 'linear', linear } as const;
  const granted = { frame: mfn, isWritable: true };
  if (given.index % 2 === 1 && held.includes(mfn)) {
    if (destroyGrantMapping(types, domain, base, target, granted)) {
      types.putPageAndType(mfn);
    }
  } else if (types.getPageAndType(mfn, machine.frames.owner[mfn] ?? 0, FRAME_TYPE.writable) === 0) {
    held.push(mfn);
    const mapping = { isWritable: true, isForUser: false, available: 0 };
    if (!createGrantMapping(types, domain, base, target, grantEntry(domain, mfn, mapping))) {
      types.putPageAndType(mfn);
    }
  }
}

test.each(Object.keys(XEN) as (keyof typeof XEN)[])(
  'whatever guests of %s ask for, the books stay in order',
  (xen) => {
    const seen = new Set<number>();
    fc.assert(
      fc.property(fc.array(act, { minLength: 40, maxLength: 120 }), (acts) => {
        const machine = new PagedMachine(8 * 2 ** 20);
        machine.addDomain(1, xen, PAGES);
        machine.addDomain(2, xen, PAGES);
        const held: number[] = [];
        for (const given of acts) {
          perform(machine, held, given);
        }
        for (const mfn of machine.frames.type) {
          seen.add(mfn);
        }
        const isGranted = (_mapper: unknown, mfn: number) => held.includes(mfn);
        expect(machine.discrepancies({ isGranted })).toEqual([]);
        for (const domain of machine.domains) {
          relinquish(machine.types, domain);
        }
        expect(machine.discrepancies({ isGranted })).toEqual([]);
        expect([machine.frames.pagesOf(1), machine.frames.pagesOf(2)]).toEqual([0, 0]);
      }),
      { numRuns: 25 },
    );
    expect(seen.size).toBeGreaterThan(3);
  },
  30_000,
);
