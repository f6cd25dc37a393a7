/** Bits 52 to 62 of a PAE entry are the guest's own under 64-bit Xen, and reserved without it. */

import { beforeEach, describe, expect, test } from 'vitest';
import { HYPERVISOR, UVMF } from '../../../emulator/abi/xen.ts';
import type { Xen } from '../../../emulator/hypervisor/xen.ts';
import { aGuest, aXen, type Guest, type GuestPlan } from '../../support/granting-machine.ts';

const PAGE = 4096;

let xen: Xen;
let guest: Guest;

function start(plan: GuestPlan): void {
  xen = aXen();
  guest = aGuest(xen, plan);
}

/** Maps the first free page anew, with bits in the high word of its entry. */
function map(high: number): number {
  const { linear, frame } = guest.page(0);
  const low = frame * PAGE + 0x67;
  return guest.call(HYPERVISOR.update_va_mapping, linear, low, high | 0, UVMF.INVLPG);
}

const firstByte = (): number => guest.read(guest.page(0).linear, 1)[0] ?? -1;

describe('under Xen 4.17', () => {
  beforeEach(() => start({ profile: 'xen-4.17', format: 'pae' }));

  test.each(Array.from({ length: 11 }, (_, i) => 52 + i))('bit %i is ignored', (bit) => {
    guest.write(guest.page(0).linear, Uint8Array.of(0x5a));
    expect(map(2 ** (bit - 32))).toBe(0);
    expect(firstByte()).toBe(0x5a);
    expect(guest.wordsOf(guest.page(0).linear).high).toBe(2 ** (bit - 32));
  });

  test('they are ignored in an entry that only an unchecked write could hold, others not', () => {
    const { linear } = guest.page(0);
    const place = guest.placeOf(linear);
    guest.enter();
    xen.ram.write32(place + 4, 0x7ff0_0000);
    xen.flushAll();
    expect(guest.enter().memory.read32(linear)).toBe(0);
    xen.ram.write32(place + 4, 0x0008_0000);
    xen.flushAll();
    expect(guest.enter().memory.read32(linear)).toBeUndefined();
  });
});

describe('under Xen of 2006', () => {
  beforeEach(() => start({ profile: 'xen-3.0', format: 'pae' }));

  test.each([52, 62])('bit %i is refused by the call, and reserved for the processor', (bit) => {
    expect(map(2 ** (bit - 32))).toBe(-22);
    const { linear } = guest.page(0);
    xen.ram.write32(guest.placeOf(linear) + 4, 2 ** (bit - 32));
    xen.flushAll();
    expect(guest.enter().memory.read32(linear)).toBeUndefined();
  });
});
