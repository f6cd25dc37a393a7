/** Descriptor tables that a translated guest writes as it likes give it nothing of ring 0. */

import { beforeEach, expect, test } from 'vitest';
import { HYPERVISOR } from '../../../emulator/abi/xen.ts';
import { type Descriptor, isPresent } from '../../../emulator/cpu/descriptor.ts';
import { findGuestDescriptor } from '../../../emulator/hypervisor/selectors.ts';
import type { Xen } from '../../../emulator/hypervisor/xen.ts';
import { aGuest, aXen, type Guest } from '../../support/granting-machine.ts';

let xen: Xen;
let guest: Guest;

const LIST = 5;
const ENTRIES = 512;

beforeEach(() => {
  xen = aXen();
  guest = aGuest(xen, { profile: 'xen-3.0', model: 'translated', format: 'two-level' });
});

/** Has the guest write a descriptor into its table behind the hypervisor's back. */
function seen(low: number, high: number): Descriptor | undefined {
  const table = guest.page(0);
  const list = guest.page(LIST).linear;
  guest.write(list, new Uint8Array(Uint32Array.of(table.frame).buffer));
  expect(guest.call(HYPERVISOR.set_gdt, list, ENTRIES)).toBe(0);
  guest.write(table.linear + 8, new Uint8Array(Uint32Array.of(low, high).buffer));
  return findGuestDescriptor(xen.cpu, 8 | 1);
}

test.each([
  ['code of ring 0', 0x0000_ffff, 0x00cf_9a00],
  ['data of ring 0', 0x0000_ffff, 0x00cf_9200],
  ['an interrupt gate', 0x0008_0000, 0x0010_ee00],
  ['a task state segment', 0x0000_0067, 0x0000_e900],
  ['a local descriptor table', 0x0000_ffff, 0x0000_e200],
])('%s is not present', (_what, low, high) => {
  const descriptor = seen(low, high);
  expect(descriptor).toMatchObject({ low, high: high & ~0x8000 });
  expect(descriptor === undefined || isPresent(descriptor)).toBe(false);
  // The guest's own memory stays as the guest wrote it.
  expect(new Uint32Array(guest.read(guest.page(0).linear + 8, 8).slice().buffer)[1]).toBe(high);
});

test.each([
  ['code of ring 1', 0x0000_ffff, 0x00cf_ba00],
  ['data of ring 3', 0x0000_ffff, 0x00cf_f200],
])('%s is what it is', (_what, low, high) => {
  expect(seen(low, high)).toMatchObject({ low, high });
});

test('the table of a direct guest is checked when it is written, and seen as it stands', () => {
  xen = aXen();
  guest = aGuest(xen);
  guest.enter();
  xen.ram.write32(xen.tables.zeroFrame * 4096 + 12, 0x00cf_9a00);
  expect(findGuestDescriptor(xen.cpu, 8 | 1)).toMatchObject({ high: 0x00cf_9a00 });
});
