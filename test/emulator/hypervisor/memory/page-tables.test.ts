/** Page tables answer as real Xen 4.17 was recorded to: the same errors, the same entries. */

import { beforeEach, describe, expect, test } from 'vitest';
import { newBase } from '../../../../emulator/hypervisor/memory/base-pointer.ts';
import {
  updateEntry,
  updateMachPhys,
} from '../../../../emulator/hypervisor/memory/page-table-update.ts';
import { emulateStore } from '../../../../emulator/hypervisor/memory/refused-store.ts';
import { PagedMachine, type TestDomain } from '../../../support/paged-machine.ts';

const PAGE = 4096;
const PFN = 0x20;
const LINEAR = PFN * PAGE;

let machine: PagedMachine;
let guest: TestDomain;
let other: TestDomain;

/** The tables of `guest`, by their place among its frames. */
let table: { root: number; l2: readonly number[]; l1: number };

const frame = (pfn: number): number => guest.frames[pfn] ?? 0;

beforeEach(() => {
  machine = new PagedMachine();
  guest = machine.addDomain(1, 'xen-4.17 PAE', 300);
  other = machine.addDomain(2, 'xen-4.17 PAE', 20);
  const first = guest.firstTable;
  table = {
    root: frame(first),
    l2: [1, 2, 3, 4].map((n) => frame(first + n)),
    l1: frame(first + 5),
  };
});

const map = (flags: number, high = 0): number =>
  machine.map(guest, LINEAR, frame(PFN) * PAGE + flags, high);
/** The entry under test, without its frame. */
const flagsOf = (): string => {
  const entry = machine.entry(guest, table.l1, PFN);
  return `${entry.slice(0, 8)} ${entry.slice(-3)}`;
};

describe('level-1 entries', () => {
  test.each([
    [0x001, 0],
    [0x021, 0],
    [0x061, 0],
    [0x063, 0],
    [0x067, 0],
    [0x163, 0],
    [0x263, 0],
    [0x463, 0],
    [0x863, 0],
    [0xe63, 0],
    [0x063, 0x8000_0000],
    [0x063, 0x0010_0000],
    [0x063, 0x4000_0000],
  ])('with flags %s and high word %s are accepted as they are', (flags, high) => {
    expect(map(flags, high)).toBe(0);
    const digits = high.toString(16).padStart(8, '0');
    expect(flagsOf()).toBe(`${digits} ${flags.toString(16).padStart(3, '0')}`);
  });

  test.each([
    ['write-through and cache-disable', 0x7b, 0, -22],
    ['PAT', 0xe3, 0, -22],
    ['an address bit beyond RAM', 0x63, 0x4000, -1],
  ])('with %s are refused', (_what, flags, high, errno) => {
    expect(map(flags, high)).toBe(errno);
    expect(flagsOf()).toBe('00000000 063');
  });

  test.each([
    ['frame 0', 0, -1],
    ['frame 0xb8', 0xb8, -1],
    ['a frame beyond RAM', 0xf_ee00, -1],
    ['the machine-to-physical table', 0x400, -16],
  ])('of %s are refused', (_what, mfn, errno) => {
    expect(machine.map(guest, LINEAR, mfn * PAGE + 0x63)).toBe(errno);
  });

  test('of another domain’s frame are refused', () => {
    expect(machine.map(guest, LINEAR, (other.frames[3] ?? 0) * PAGE + 0x63)).toBe(-16);
    expect(machine.map(guest, LINEAR, (other.frames[3] ?? 0) * PAGE + 0x61)).toBe(-16);
  });

  test('that are not present may be anything', () => {
    expect(machine.map(guest, LINEAR, 0xbeef_ff00, 0xdead)).toBe(0);
    expect(machine.entry(guest, table.l1, PFN)).toBe('0000deadbeefff00');
  });

  test('of a page table are refused when writable', () => {
    expect(machine.map(guest, LINEAR, table.l1 * PAGE + 0x63)).toBe(-16);
    expect(machine.map(guest, LINEAR, table.l1 * PAGE + 0x61)).toBe(0);
  });

  test.each([0xf580_0000, 0xff00_0000, 0xc000_0000])(
    'cannot be found for linear address %s, which no level-1 table maps',
    (linear) => {
      expect(machine.map(guest, linear, 0)).toBe(-22);
    },
  );

  test('keep accessed and dirty bits when asked to', () => {
    const update = { domain: guest, frameOwner: guest.id, preservesAccessed: true };
    const address = table.l1 * PAGE + PFN * 8;
    const entry = { low: frame(PFN) * PAGE + 0x03, high: 0 };
    expect(updateEntry(machine.types, update, address, entry)).toBe(0);
    expect(flagsOf()).toBe('00000000 063');
  });
});

describe('a page that is no table', () => {
  test('may be written by an update, and takes any word', () => {
    expect(machine.update(guest, frame(PFN), 0, 0x1234_5678, 0x9abc_def0)).toBe(0);
    expect(machine.entry(guest, frame(PFN), 0)).toBe('9abcdef012345678');
  });

  test('of another domain may not', () => {
    expect(machine.update(guest, other.frames[3] ?? 0, 0, 1)).toBe(-22);
  });
});

describe('pinning', () => {
  test('is refused while the page is mapped writable', () => {
    expect(machine.types.pin(frame(PFN), guest.id, 1)).toBe(-22);
  });

  test('works once, for one level, and forbids writable mappings', () => {
    expect(map(0x61)).toBe(0);
    expect(machine.types.pin(frame(PFN), guest.id, 1)).toBe(0);
    expect(machine.types.pin(frame(PFN), guest.id, 1)).toBe(-22);
    expect(machine.types.pin(frame(PFN), guest.id, 2)).toBe(-22);
    expect(map(0x63)).toBe(-16);
    expect(machine.types.unpin(frame(PFN), guest.id)).toBe(0);
    expect(machine.types.unpin(frame(PFN), guest.id)).toBe(-22);
    expect(map(0x63)).toBe(0);
  });

  test('is undone for the root while it is in use, and done again', () => {
    expect(machine.types.unpin(table.root, guest.id)).toBe(0);
    expect(machine.types.pin(table.root, guest.id, 3)).toBe(0);
  });
});

describe('level-2 entries', () => {
  const l1 = PFN;
  const data = PFN + 1;

  beforeEach(() => {
    expect(machine.map(guest, l1 * PAGE, frame(l1) * PAGE + 0x61)).toBe(0);
    expect(machine.types.pin(frame(l1), guest.id, 1)).toBe(0);
  });

  const update = (index: number, low: number, high = 0): number =>
    machine.update(guest, table.l2[1] ?? 0, index, low, high);

  test('of a pinned level-1 table are accepted as they are', () => {
    expect(machine.update(guest, frame(l1), 2, frame(data) * PAGE + 0x63)).toBe(0);
    expect(update(0, frame(l1) * PAGE + 0x67)).toBe(0);
    expect(update(1, frame(l1) * PAGE + 0x65)).toBe(0);
    expect(update(1, frame(l1) * PAGE + 0x67, 0x8000_0000)).toBe(0);
    expect(machine.entry(guest, table.l2[1] ?? 0, 1).slice(0, 8)).toBe('80000000');
    expect(machine.map(guest, 0x4000_2000, 0)).toBe(0);
  });

  test('of a page that is mapped writable, or of a large page, are refused', () => {
    expect(update(1, frame(data) * PAGE + 0x67)).toBe(-22);
    expect(update(1, 0xe7)).toBe(-22);
  });

  test('of the hypervisor cannot be changed, and map what they did', () => {
    const last = table.l2[3] ?? 0;
    expect(machine.update(guest, last, 428, 0)).toBe(-1);
    expect(machine.update(guest, last, 511, 0)).toBe(-1);
    expect(machine.update(guest, last, 427, 0)).toBe(0);
    expect(machine.entry(guest, last, 428)).toBe('00000000004000a1');
  });

  test('keep a table in its type after it was unpinned', () => {
    expect(update(0, frame(l1) * PAGE + 0x67)).toBe(0);
    expect(machine.types.unpin(frame(l1), guest.id)).toBe(0);
    expect(map(0x63)).toBe(-16);
    expect(update(0, 0)).toBe(0);
    expect(map(0x63)).toBe(0);
  });

  test('may name their own table, or another of their level, read-only', () => {
    const [first = 0, second = 0] = table.l2;
    expect(update(4, second * PAGE + 0x65)).toBe(0);
    expect(update(5, second * PAGE + 0x67)).toBe(-22);
    expect(update(6, first * PAGE + 0x65)).toBe(0);
    expect(machine.update(guest, first, 6, second * PAGE + 0x65)).toBe(-22);
    expect(machine.discrepancies()).toEqual([]);
  });
});

describe('root entries', () => {
  const pointer = (slot: number, low: number): number =>
    machine.update(guest, table.root, slot, low);

  test('may be rewritten and cleared, but not the hypervisor’s', () => {
    const [, second = 0] = table.l2;
    expect(pointer(1, second * PAGE + 0x67)).toBe(0);
    expect(pointer(4, 0)).toBe(-22);
    expect(pointer(4, second * PAGE + 0x67)).toBe(-22);
    expect(pointer(3, second * PAGE + 0x67)).toBe(-22);
    expect(pointer(2, 0)).toBe(0);
    expect(pointer(1, (table.l2[3] ?? 0) * PAGE + 0x67)).toBe(-22);
    expect(machine.entry(guest, table.root, 2)).toBe('0000000000000000');
  });

  test('become user-accessible and writable', () => {
    expect(map(0x61)).toBe(0);
    expect(machine.types.pin(frame(PFN), guest.id, 2)).toBe(0);
    expect(pointer(2, frame(PFN) * PAGE + 1)).toBe(0);
    expect(machine.entry(guest, table.root, 2).slice(-3)).toBe('007');
    expect(machine.types.unpin(frame(PFN), guest.id)).toBe(0);
    expect(machine.types.unpin(frame(PFN), guest.id)).toBe(-22);
  });

  test('cannot share the directory with the hypervisor’s part between roots', () => {
    expect(map(0x61)).toBe(0);
    machine.ram.write32(frame(PFN) * PAGE + 3 * 8, (table.l2[3] ?? 0) * PAGE + 1);
    expect(machine.types.pin(frame(PFN), guest.id, 3)).toBe(-22);
    expect(machine.discrepancies()).toEqual([]);
  });
});

describe('the base pointer', () => {
  test('may be set to itself, not to a table of another level', () => {
    expect(newBase(machine.types, guest, guest.vcpus[0], table.root)).toBe(0);
    expect(newBase(machine.types, guest, guest.vcpus[0], table.l2[0] ?? 0)).toBe(-22);
    expect(guest.vcpus[0].baseFrame).toBe(table.root);
  });
});

describe('the machine-to-physical table', () => {
  test('says what the owner of a frame sets', () => {
    expect(updateMachPhys(machine.types, guest.id, frame(PFN), 0x110)).toBe(0);
    expect(machine.frames.m2p(frame(PFN))).toBe(0x110);
    expect(updateMachPhys(machine.types, guest.id, other.frames[0] ?? 0, 0)).toBe(-22);
  });

  test('says nothing of frames that nobody has', () => {
    expect(machine.frames.m2p(0)).toBe(0xffff_ffff);
    expect(machine.frames.m2p(machine.frames.count)).toBe(0xffff_ffff);
  });
});

describe('a store to a page table through its read-only mapping', () => {
  const l1Linear = () => (guest.firstTable + 5) * PAGE + PFN * 8;
  const store = (bytes: number, value: { low: number; high: number }, offset = 0) =>
    emulateStore(machine.types, guest, guest.vcpus[0].baseFrame, {
      linear: l1Linear() + offset,
      bytes,
      value,
    });

  test('of a whole entry is an update', () => {
    expect(store(8, { low: frame(PFN) * PAGE + 0x61, high: 0 })).toBe('done');
    expect(flagsOf()).toBe('00000000 061');
    expect(store(8, { low: table.l1 * PAGE + 0x63, high: 0 })).toBe('unhandled');
    expect(machine.discrepancies()).toEqual([]);
  });

  test('of one byte changes that byte', () => {
    expect(store(1, { low: 0x61, high: 0 })).toBe('done');
    expect(flagsOf()).toBe('00000000 061');
    expect(store(2, { low: 0x8000, high: 0 }, 6)).toBe('done');
    expect(flagsOf()).toBe('80000000 061');
  });

  test('of a bad upper half alone makes the entry not present', () => {
    expect(store(4, { low: 0x7000, high: 0 }, 4)).toBe('done');
    expect(flagsOf()).toBe('00007000 062');
    expect(machine.discrepancies()).toEqual([]);
  });

  test('that is not aligned, or hits no page table, is not carried out', () => {
    expect(store(4, { low: 0, high: 0 }, 2)).toBe('unhandled');
    const data = { linear: LINEAR, bytes: 4, value: { low: 0, high: 0 } };
    expect(emulateStore(machine.types, guest, guest.vcpus[0].baseFrame, data)).toBe('unhandled');
  });

  test('by compare and exchange needs the expected value', () => {
    const expected = { low: frame(PFN) * PAGE + 0x63, high: 0 };
    const exchange = (wanted: { low: number; high: number }) =>
      emulateStore(machine.types, guest, guest.vcpus[0].baseFrame, {
        linear: l1Linear(),
        bytes: 8,
        value: { low: 0, high: 0 },
        expected: wanted,
      });
    expect(exchange({ low: 0, high: 0 })).toBe('mismatch');
    expect(flagsOf()).toBe('00000000 063');
    expect(exchange(expected)).toBe('done');
    expect(machine.entry(guest, table.l1, PFN)).toBe('0000000000000000');
  });
});

describe('a translated domain', () => {
  const first = 0x900;
  let translated: TestDomain;

  beforeEach(() => {
    translated = {
      ...machine.addDomain(3, 'xen-3.0 two-level', 4),
      model: 'translated',
      firstFrame: first,
      frameCount: 16,
    };
    // Frame 1 is the root, frame 2 the one table, all by the guest's own numbers.
    machine.ram.write32((first + 1) * PAGE, 2 * PAGE + 0x67);
    translated.vcpus[0].baseFrame = first + 1;
  });

  test('has its entries written as they are, wherever they lead', () => {
    expect(machine.map(translated, 5 * PAGE, 0xffff_f0e7)).toBe(0);
    expect(machine.ram.read32((first + 2) * PAGE + 5 * 4)).toBe(0xffff_f0e7);
    expect(machine.map(translated, 0x40_0000, 0x67)).toBe(-22);
  });

  test('cannot reach beyond its memory through its tables', () => {
    machine.ram.write32((first + 1) * PAGE, 16 * PAGE + 0x67);
    expect(machine.map(translated, 5 * PAGE, 0x67)).toBe(-22);
    expect(machine.update(translated, 16, 0, 0x67)).toBe(-22);
  });
});

test('the tables that a builder makes leave the books in order', () => {
  expect(machine.discrepancies()).toEqual([]);
});
