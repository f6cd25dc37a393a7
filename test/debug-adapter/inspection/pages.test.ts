/** Page tables as data: against the processor's own translation, and against the books of frames. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressMap } from '../../../debug-adapter/inspection/address-map.ts';
import { walkAddress } from '../../../debug-adapter/inspection/address-walk.ts';
import type { MapRange } from '../../../debug-adapter/inspection/data/pages.ts';
import { whoMaps } from '../../../debug-adapter/inspection/frame-mappings.ts';
import { FrameReader } from '../../../debug-adapter/inspection/frame-reader.ts';
import { tableEntries } from '../../../debug-adapter/inspection/table-entries.ts';
import { FRAME_TYPE } from '../../../emulator/hypervisor/memory/frame-types.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { GuestPart } from '../../guests/run.ts';
import { domainOf, machineOf, runFor, vcpuOf } from './machines.ts';

const PAGE = 4096;
const guests: readonly GuestPart[] = [
  { guest: 'mmu', variant: 'direct' },
  { guest: 'mmu', variant: 'two-level' },
  { guest: 'mmu', variant: 'low' },
  { guest: 'translated', variant: 'translated' },
  { guest: 'translated', variant: 'translated-pae' },
];

/** All ranges, however many parts they come in. */
function allRanges(machine: Machine, count = 4096): MapRange[] {
  const ranges: MapRange[] = [];
  for (;;) {
    const part = addressMap(machine.xen, vcpuOf(machine), { first: ranges.length, count });
    ranges.push(...part.rows);
    if (ranges.length >= part.total) {
      return ranges;
    }
  }
}

const anAddress = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.integer({ min: 0xc000_0000, max: 0xc080_0000 }),
  fc.integer({ min: 0, max: 0x80_0000 }),
  fc.integer({ min: 0xf500_0000, max: 0xf700_0000 }),
);

describe.each(guests.map((part) => ({ name: `${part.guest}/${part.variant}`, part })))(
  '$name',
  ({ part }) => {
    const machine = machineOf(part);
    runFor(machine, 150_000);
    const { xen } = machine;
    const vcpu = vcpuOf(machine);

    test('a walk leads where the processor finds the byte', () => {
      fc.assert(
        fc.property(anAddress, (address) => {
          const { outcome, levels } = walkAddress(machine, vcpu, address, { isUser: false });
          const found = outcome.kind === 'mapped' ? outcome.machineAddress : undefined;
          expect(found).toBe(xen.cpu.access.physicalOf(address));
          expect(levels.every(({ bits }, i) => bits.P || i === levels.length - 1)).toBe(true);
        }),
        { seed: 1, numRuns: 500 },
      );
    });

    test('the map covers each address once, in order', () => {
      const ranges = allRanges(machine);
      expect(ranges[0]?.start).toBe(0);
      expect(ranges.at(-1)?.end).toBe(0xffff_ffff);
      for (const [i, range] of ranges.slice(1).entries()) {
        expect(range.start).toBe((ranges[i]?.end ?? 0) + 1);
      }
      expect(ranges.filter(({ pages }) => pages > 0).length).toBeGreaterThan(1);
    });

    test('the map says of each address what a walk says', () => {
      const ranges = allRanges(machine);
      fc.assert(
        fc.property(anAddress, (address) => {
          const range = ranges.find(({ start, end }) => address >= start && address <= end);
          const { outcome } = walkAddress(machine, vcpu, address, { isUser: false });
          expect(range?.pageSize).toBe(outcome.kind === 'mapped' ? outcome.pageSize : 0);
          if (outcome.kind === 'mapped' && range?.kind !== 'hypervisor') {
            expect(range).toMatchObject({
              kind: outcome.isUser ? 'user' : 'kernel',
              isWritable: outcome.isWritable,
              isExecutable: outcome.isExecutable,
            });
          }
          if (outcome.kind === 'mapped' && range?.isContiguous) {
            const offset = address - range.start;
            expect(outcome.machineAddress).toBe((range.machineStart ?? 0) + offset);
          }
        }),
        { seed: 2, numRuns: 400 },
      );
    });

    test('the map is the same in parts of any length', () => {
      expect(allRanges(machine, 3)).toEqual(allRanges(machine));
    });

    test('who maps a frame is every address that leads to it', () => {
      const expected = new Map<number, number[]>();
      for (let linear = 0xc000_0000; linear < 0xc080_0000; linear += PAGE) {
        const frame = Math.floor((xen.cpu.access.physicalOf(linear) ?? -1) / PAGE);
        expected.set(frame, [...(expected.get(frame) ?? []), linear]);
      }
      expected.delete(-1);
      const frames = [...expected.keys()];
      for (const frame of frames.filter((_, i) => i % 37 === 0)) {
        const found = whoMaps(machine, frame)
          .rows.filter(({ root, address }) => root === vcpu.baseFrame && address >= 0xc000_0000)
          .filter(({ address }) => address < 0xc080_0000)
          .map(({ address }) => address);
        expect(found).toEqual(expected.get(frame));
      }
    });
  },
);

describe.each(guests.filter(({ guest }) => guest === 'mmu'))('$guest/$variant', (part) => {
  const machine = machineOf(part);
  runFor(machine, 150_000);
  const { frames } = machine.xen;
  const domain = domainOf(machine);

  test('the writable entries of all tables are what the type counts say', () => {
    const counted = new Map<number, number>();
    for (let mfn = 0; mfn < frames.count; mfn++) {
      if (frames.isLive(mfn, FRAME_TYPE.l1)) {
        const { rows } = tableEntries(machine, domain, { frame: mfn, level: 1, count: 4096 });
        for (const { bits, machineFrame = -1 } of rows.filter(({ bits: { P, RW } }) => P && RW)) {
          expect(bits.P).toBe(true);
          counted.set(machineFrame, (counted.get(machineFrame) ?? 0) + 1);
        }
      }
    }
    const reader = new FrameReader(machine);
    const plain = [...counted.keys()].filter((mfn) => {
      const { isXenHeap, purpose } = reader.of(mfn);
      return !(isXenHeap || purpose?.includes('ring'));
    });
    expect(plain.length).toBeGreaterThan(100);
    for (const mfn of plain) {
      expect(reader.of(mfn)).toMatchObject({
        type: 'writable page',
        typeCount: counted.get(mfn),
        owner: { kind: 'domain', domain: 1 },
      });
    }
  });

  test('a root table is pinned, typed and known to be one', () => {
    const root = vcpuOf(machine).baseFrame;
    const data = new FrameReader(machine).of(root);
    const level = part.variant === 'two-level' ? 2 : 3;
    expect(data).toMatchObject({ type: `level-${level} table`, purpose: 'root page table' });
    expect(data.pseudoPhysicalFrame).toBe(frames.m2p(root));
  });

  test('entries present are as many as the memory of the table has', () => {
    const root = vcpuOf(machine).baseFrame;
    const level = part.variant === 'two-level' ? 2 : 3;
    const wanted = { frame: root, level, presentOnly: true, count: 4096 } as const;
    const { rows, total } = tableEntries(machine, domain, wanted);
    const size = level === 2 ? 4 : 8;
    const all = Array.from({ length: level === 2 ? 1024 : 4 }, (_, i) =>
      machine.xen.ram.read32(root * PAGE + i * size),
    );
    expect(total).toBe(all.filter((word) => word & 1).length);
    expect(rows.map(({ index }) => all[index])).toEqual(
      rows.map(({ value }) => Number(BigInt(value) & 0xffff_ffffn)),
    );
  });
});

test('a fault says why, and at which level', () => {
  const machine = machineOf({ guest: 'mmu', variant: 'direct' });
  runFor(machine, 150_000);
  const vcpu = vcpuOf(machine);
  const reasonOf = (address: number, how: Parameters<typeof walkAddress>[3]) => {
    const { outcome } = walkAddress(machine, vcpu, address, how);
    return outcome.kind === 'fault' ? [outcome.errorBits.join(' '), outcome.reason] : [];
  };
  expect(reasonOf(0x8000_0000, { access: 'read', isUser: false })).toEqual([
    '',
    expect.stringMatching(/^Not mapped: the pgd \(entry 2 of frame 0x\w+\) is not present\.$/),
  ]);
  const tables = allRanges(machine).find(
    ({ kind, isWritable }) => kind === 'kernel' && !isWritable,
  );
  const readOnly =
    tables?.start ??
    allRanges(machine).find(({ isWritable, pages }) => pages && !isWritable)?.start ??
    0;
  expect(reasonOf(readOnly, { access: 'write', isUser: false })).toEqual([
    'P W/R',
    expect.stringContaining('does not allow writing'),
  ]);
  expect(reasonOf(0xf580_0000, { access: 'read', isUser: true })).toEqual([
    'P U/S',
    expect.stringMatching(/the pmd .* allows the kernel alone/),
  ]);
});

/** Gives a translated guest 64 MB of mappings from 1 GB on, no two neighbours with equal rights. */
function mapMuch(machine: Machine): void {
  const { ram } = machine.xen;
  const { firstFrame, format } = domainOf(machine);
  const root = vcpuOf(machine).baseFrame;
  const isPae = format === 'pae';
  const [size, entries] = isPae ? [8, 512] : [4, 1024];
  const tables = 16_384 / entries;
  const at = (frame: number) => (firstFrame + frame) * PAGE;
  const directory = isPae ? at(599) : root * PAGE + 256 * 4;
  if (isPae) {
    machine.xen.cpu.access.mode.pointers[1] = at(599) + 1;
  }
  for (let table = 0; table < tables; table++) {
    ram.write32(directory + table * size, (600 + table) * PAGE + 7);
    for (let i = 0; i < entries; i++) {
      ram.write32(at(600 + table) + i * size, (i % 500) * PAGE + (i % 2 ? 7 : 5));
    }
  }
}

test.each(['translated', 'translated-pae'] as const)(
  '64 MB of pages of 4 KiB, %s, are mapped out within 300 ms',
  (variant) => {
    const machine = machineOf({ guest: 'translated', variant });
    runFor(machine, 1000);
    const vcpu = vcpuOf(machine);
    const wanted = { start: 0x4000_0000, end: 0x43ff_ffff, count: 4096 };
    mapMuch(machine);
    const start = performance.now();
    const { mappedPages, rows, total } = addressMap(machine.xen, vcpu, wanted);
    const took = performance.now() - start;
    expect([mappedPages, total, rows.length]).toEqual([16_384, 16_384, 4096]);
    expect(took).toBeLessThan(300);
  },
);
