/** Descriptors come out as real Xen 4.17 was recorded to write them, and as Xen of 2006 truncates them. */

import { beforeEach, describe, expect, test } from 'vitest';
import {
  ldtFrame,
  setGdt,
  setLdt,
  updateDescriptor,
} from '../../../../emulator/hypervisor/memory/descriptor-tables.ts';
import { checkDescriptor } from '../../../../emulator/hypervisor/memory/descriptors.ts';
import { segmentBounds } from '../../../../emulator/hypervisor/memory/domain-tables.ts';
import { PagedMachine, type TestDomain } from '../../../support/paged-machine.ts';

const PAGE = 4096;
const TABLE_PFN = 0x30;

let machine: PagedMachine;
let guest: TestDomain;

beforeEach(() => {
  machine = new PagedMachine();
  guest = machine.addDomain(1, 'xen-4.17 PAE', 100);
});

const frame = (pfn: number): number => guest.frames[pfn] ?? 0;
const remap = (pfn: number, flags: number): number =>
  machine.map(guest, pfn * PAGE, frame(pfn) * PAGE + flags);
const update = (address: number, low: number, high: number): number =>
  updateDescriptor(machine.types, guest, address, { low, high });
const set = (frames: number[], entries: number): number =>
  setGdt(machine.types, guest, guest.vcpus[0], frames, entries);

describe('a descriptor of Xen 4.17', () => {
  test.each([
    [0x0000_ffff, 0x00cf_9a00, 0x0000_ffff, 0x00cf_ba00],
    [0x0000_ffff, 0x00cf_ba00, 0x0000_ffff, 0x00cf_ba00],
    [0x0000_ffff, 0x00cf_fa00, 0x0000_ffff, 0x00cf_fa00],
    [0x0000_ffff, 0x00cf_9200, 0x0000_ffff, 0x00cf_b200],
    [0x0000_ffff, 0x00cf_f200, 0x0000_ffff, 0x00cf_f200],
    [0x0000_0000, 0x0000_0000, 0x0000_0000, 0x0000_0000],
    [0x0000_ffff, 0x00cf_1200, 0x0000_ffff, 0x00cf_1200],
    [0x0008_0000, 0x0000_ec00, 0x000b_0000, 0x0000_8c00],
    [0xe019_0000, 0x0010_ec00, 0xe01b_0000, 0x0010_8c00],
    [0xe019_0000, 0x0010_8c00, 0xe019_0000, 0x0010_8c00],
    [0x0000_ffff, 0x00cf_9e00, 0x0000_ffff, 0x00cf_be00],
    [0x1234_ffff, 0x56cf_f278, 0x1234_ffff, 0x56cf_f278],
    [0x0000_ffff, 0x00c0_fa00, 0x0000_ffff, 0x00c0_fa00],
    [0x0000_ffff, 0x00cf_f600, 0x0000_ffff, 0x00cf_f600],
    [0x0000_ffff, 0x00cf_d200, 0x0000_ffff, 0x00cf_d200],
    // Ends in the hypervisor’s part: reaches to the end of memory.
    [0x0000_67ff, 0x00cf_fa00, 0x0000_ffff, 0x00cf_fa00],
  ])('%s %s is written', (low, high, storedLow, storedHigh) => {
    expect(update(frame(TABLE_PFN) * PAGE + 72, low, high)).toBe(0);
    expect(machine.ram.read32(frame(TABLE_PFN) * PAGE + 72)).toBe(storedLow);
    expect(machine.ram.read32(frame(TABLE_PFN) * PAGE + 76)).toBe(storedHigh);
  });

  test.each([
    ['64-bit code', 0x0000_ffff, 0x00af_9a00],
    ['64-bit code for user mode', 0x0000_ffff, 0x00af_fa00],
    ['64-bit and 32-bit at once', 0x0000_ffff, 0x00ef_ba00],
    ['a task state segment', 0x0000_ffff, 0x0000_8900],
    ['an LDT', 0x0000_ffff, 0x0000_8200],
    ['an interrupt gate', 0xe019_0000, 0x0010_ee00],
    ['a gate to the hypervisor’s code', 0xe008_0000, 0x0000_ec00],
  ])('of %s is refused', (_what, low, high) => {
    expect(update(frame(TABLE_PFN) * PAGE, low, high)).toBe(-22);
  });

  test.each([
    ['misaligned', () => frame(TABLE_PFN) * PAGE + 4, -22],
    ['in a page table', () => frame(guest.firstTable + 5) * PAGE, -22],
    ['in a frame of nobody', () => 0, -22],
    ['in a page of data', () => frame(TABLE_PFN) * PAGE, 0],
  ])('%s', (_where, address, answer) => {
    expect(update(address(), 0xffff, 0x00cf_fa00)).toBe(answer);
  });
});

describe('a descriptor of Xen 3.0', () => {
  const bounds = () => segmentBounds(machine.addDomain(2, 'xen-3.0 PAE', 20));

  test.each([
    [
      'a flat segment ends where the hypervisor’s part does',
      0xffff,
      0x00cf_9a00,
      0x67ff,
      0x00cf_ba00,
    ],
    ['a short one is left', 0xffff, 0x0040_fa00, 0xffff, 0x0040_fa00],
    ['a gate gets a selector for ring 1', 0x0008_0000, 0x0000_ec00, 0x0009_0000, 0x0000_ec00],
  ])('%s', (_what, low, high, storedLow, storedHigh) => {
    expect(checkDescriptor(low, high, bounds())).toEqual({ low: storedLow, high: storedHigh });
  });

  test('is refused with a base in the hypervisor’s part or an end that cannot be cut off', () => {
    expect(checkDescriptor(0xffff, 0xf7cf_fa00, bounds())).toBeUndefined();
    expect(checkDescriptor(0xf000_ffff, 0xf64f_fa7f, bounds())).toBeUndefined();
  });
});

describe('a GDT', () => {
  test('is refused while any of its pages is mapped writable', () => {
    expect(set([frame(TABLE_PFN)], 512)).toBe(-22);
    expect(remap(TABLE_PFN, 0x61)).toBe(0);
    expect(set([frame(TABLE_PFN), 0], 513)).toBe(-22);
    expect(set([frame(TABLE_PFN)], 7169)).toBe(-22);
    expect(machine.discrepancies()).toEqual([]);
    expect(set([frame(TABLE_PFN)], 512)).toBe(0);
    expect(remap(TABLE_PFN, 0x63)).toBe(-16);
    expect(machine.discrepancies()).toEqual([]);
  });

  test('is given up for another', () => {
    expect(remap(TABLE_PFN, 0x61)).toBe(0);
    expect(set([frame(TABLE_PFN)], 16)).toBe(0);
    expect(set([], 0)).toBe(0);
    expect(remap(TABLE_PFN, 0x63)).toBe(0);
  });

  test('has its descriptors raised to ring 1 in memory', () => {
    machine.ram.write32(frame(TABLE_PFN) * PAGE + 4092, 0x00cf_9a00);
    expect(remap(TABLE_PFN, 0x61)).toBe(0);
    expect(set([frame(TABLE_PFN)], 1)).toBe(0);
    expect(machine.ram.read32(frame(TABLE_PFN) * PAGE + 4092)).toBe(0x00cf_ba00);
  });

  test('is refused for one bad descriptor', () => {
    machine.ram.write32(frame(TABLE_PFN) * PAGE + 4092, 0x0000_8900);
    expect(remap(TABLE_PFN, 0x61)).toBe(0);
    expect(set([frame(TABLE_PFN)], 1)).toBe(-22);
    expect(remap(TABLE_PFN, 0x63)).toBe(0);
  });
});

describe('an LDT', () => {
  const vcpu = () => guest.vcpus[0];
  const setTo = (linear: number, entries: number) =>
    setLdt(machine.types, guest, vcpu(), linear, entries);

  test('is accepted at a page boundary, with up to 8192 descriptors', () => {
    expect(setTo(TABLE_PFN * PAGE + 8, 1)).toBe(-22);
    expect(setTo(TABLE_PFN * PAGE, 8193)).toBe(-22);
    expect(setTo(0x7777, 0)).toBe(0);
  });

  test('has pages only once they are mapped read-only', () => {
    expect(setTo(TABLE_PFN * PAGE, 16)).toBe(0);
    expect(ldtFrame(machine.types, guest, vcpu(), 0)).toBeUndefined();
    expect(remap(TABLE_PFN, 0x61)).toBe(0);
    expect(ldtFrame(machine.types, guest, vcpu(), 0)).toBe(frame(TABLE_PFN));
    expect(remap(TABLE_PFN, 0x63)).toBe(-16);
    expect(machine.discrepancies()).toEqual([]);
    expect(setTo(0, 0)).toBe(0);
    expect(remap(TABLE_PFN, 0x63)).toBe(0);
  });
});
