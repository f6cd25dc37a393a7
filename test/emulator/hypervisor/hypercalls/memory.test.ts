/** Calls about memory answer as real Xen was recorded to, and leave the books in order. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { XENMEM } from '../../../../emulator/abi/memory.ts';
import { DOMID, HYPERVISOR, MMUEXT } from '../../../../emulator/abi/xen.ts';
import { frameMistakes } from '../../../../emulator/hypervisor/frame-check.ts';
import { ARGUMENTS, DirectGuest, SPARE } from '../../../support/direct-guest.ts';

const PAGE = 4096;
const { SELF } = DOMID;
/** Where the number of requests done is to be stored. */
const DONE = ARGUMENTS + 0xff0;

let guest: DirectGuest;

beforeEach(() => {
  guest = new DirectGuest();
});

afterEach(() => {
  expect(frameMistakes(guest.xen)).toEqual([]);
});

const mmuUpdate = (
  requests: readonly (readonly [number, number, number?])[],
  foreign: number = SELF,
) => {
  guest.words(
    ARGUMENTS,
    requests.flatMap(([pointer, low, high = 0]) => [pointer, 0, low, high]),
  );
  return guest.call(HYPERVISOR.mmu_update, ARGUMENTS, requests.length, DONE, foreign);
};

const mmuext = (command: number, first = 0, second = 0, foreign: number = SELF) => {
  guest.words(ARGUMENTS, [command, first, second]);
  return guest.call(HYPERVISOR.mmuext_op, ARGUMENTS, 1, DONE, foreign);
};

const mapSpare = (flags: number): number =>
  guest.call(HYPERVISOR.update_va_mapping, SPARE, guest.mfn(SPARE) * PAGE + flags, 0, 0);

describe('mmu_update', () => {
  test('stops at the first request that fails, and says how many it did', () => {
    const { address } = guest.entryPlace(SPARE);
    const own = guest.mfn(SPARE) * PAGE;
    const requests = [
      [address, own + 0x23],
      [address, 0x63],
      [address, own + 0x63],
    ] as const;
    expect([mmuUpdate(requests), guest.word(DONE)]).toEqual([-1, 1]);
    expect(guest.entry(SPARE).slice(-3)).toBe('023');
  });

  test.each([
    ['I/O', 0x7ff1, -16],
    ['Xen', 0x7ff2, -1],
    ['nobody', 500, -3],
    ['itself by number', 1, -3],
    ['domain 0', 0, -1],
  ])('that names %s as the owner of frames', (_who, foreign, answer) => {
    const { address } = guest.entryPlace(SPARE);
    expect(mmuUpdate([[address, guest.mfn(SPARE + PAGE) * PAGE + 0x63]], foreign)).toBe(answer);
  });

  test('knows four commands', () => {
    const { address } = guest.entryPlace(SPARE);
    expect(mmuUpdate([[address + 4, 0]])).toBe(-38);
    expect(mmuUpdate([[guest.mfn(SPARE) * PAGE + 1, 0x110]])).toBe(0);
    expect(guest.xen.frames.m2p(guest.mfn(SPARE))).toBe(0x110);
  });

  /** 600 requests, each to write its own number to a page of data. */
  const longList = (): number => {
    const list = SPARE + PAGE;
    for (let i = 0; i < 600; i++) {
      guest.words(list + 16 * i, [guest.mfn(SPARE) * PAGE + 8 * (i % 512), 0, i, 0]);
    }
    return list;
  };

  /** Makes a call, and again as long as it asks for it; the answer, and what `DONE` was after each. */
  const callToTheEnd = (number: number, ...registers: number[]): number[] => {
    const { xen } = guest;
    let answer = guest.call(number, ...registers);
    const seen = [guest.word(DONE)];
    for (let calls = 0; xen.keepsRegisters && calls < 10; calls++) {
      xen.keepsRegisters = false;
      const { eax, ebx, ecx, edx, esi } = xen.cpu.state;
      answer = guest.call(eax, ebx, ecx, edx, esi);
      seen.push(guest.word(DONE));
    }
    return [answer, ...seen];
  };

  test('goes on by the guest’s own calls when the list is long', () => {
    const call = [HYPERVISOR.mmu_update, longList(), 600, DONE, SELF] as const;
    expect(callToTheEnd(...call)).toEqual([0, 256, 512, 600]);
    expect(guest.word(SPARE + 8 * (599 % 512))).toBe(599);
  });

  test('goes on the same way within a list of calls', () => {
    const entry = (number: number, ...args: number[]) => [
      number,
      0xdead,
      ...[0, 1, 2, 3, 4, 5].map((i) => args[i] ?? 0),
    ];
    guest.words(ARGUMENTS, [
      ...entry(HYPERVISOR.mmu_update, longList(), 600, DONE, SELF),
      ...entry(HYPERVISOR.xen_version, 0),
    ]);
    expect(callToTheEnd(HYPERVISOR.multicall, ARGUMENTS, 2)).toEqual([0, 256, 512, 600]);
    expect([guest.word(ARGUMENTS + 4), guest.word(ARGUMENTS + 36)]).toEqual([0, 0x4_0011]);
    expect(guest.word(SPARE + 8 * (599 % 512))).toBe(599);
  });

  test('faults on a list that it cannot read', () => {
    expect(guest.call(HYPERVISOR.mmu_update, 0x40_0000, 1, 0, SELF)).toBe(-14);
    expect(guest.call(HYPERVISOR.mmu_update, 0xf580_0000, 1, 0, SELF)).toBe(-14);
  });
});

describe('mmuext_op', () => {
  test.each([
    ['pins what need not be pinned', MMUEXT.PIN_L4_TABLE, 0],
    ['flushes', MMUEXT.TLB_FLUSH_LOCAL, 0],
    ['has no second base pointer', MMUEXT.NEW_USER_BASEPTR, -22],
    ['refuses a bad base pointer', MMUEXT.NEW_BASEPTR, -22],
    ['unpins nothing that is not pinned', MMUEXT.UNPIN_TABLE, -22],
    ['clears a page', MMUEXT.CLEAR_PAGE, 0],
    ['has no large pages', MMUEXT.MARK_SUPER, -95],
    ['keeps caches to itself', MMUEXT.FLUSH_CACHE, -13],
    ['knows no other operation', 99, -38],
  ])('%s', (_what, command, answer) => {
    expect(mmuext(command, guest.mfn(SPARE))).toBe(answer);
    expect(guest.word(DONE)).toBe(answer === 0 ? 1 : 0);
  });

  test('is not for others, but a call for nothing may name anybody', () => {
    expect(mmuext(MMUEXT.TLB_FLUSH_LOCAL, 0, 0, 0)).toBe(-1);
    expect(guest.call(HYPERVISOR.mmuext_op, 0, 0, 0, 0)).toBe(0);
  });

  test('copies a page', () => {
    guest.words(SPARE, [0x1234_5678]);
    expect(mmuext(MMUEXT.COPY_PAGE, guest.mfn(SPARE + PAGE), guest.mfn(SPARE))).toBe(0);
    expect(guest.word(SPARE + PAGE)).toBe(0x1234_5678);
  });

  test('sets the LDT, of which a selector can then be loaded', () => {
    guest.words(SPARE + 8, [0x0000_ffff, 0x00cf_f200]);
    expect(mapSpare(0x61)).toBe(0);
    expect(mmuext(MMUEXT.SET_LDT, SPARE, 16)).toBe(0);
    // mov $0xf,%eax; mov %eax,%fs
    guest.execute([0xb8, 0x0f, 0, 0, 0, 0x8e, 0xe0], 2);
    expect(guest.xen.cpu.state.fsSelector).toBe(0xf);
    expect(mapSpare(0x63)).toBe(-16);
    expect(mmuext(MMUEXT.SET_LDT, 0, 0)).toBe(0);
    expect(mapSpare(0x63)).toBe(0);
  });
});

describe('update_va_mapping', () => {
  test('flushes where it is told to, and faults on a bad bitmap', () => {
    const entry = guest.mfn(SPARE) * PAGE + 0x63;
    const call = (flags: number) =>
      guest.call(HYPERVISOR.update_va_mapping, SPARE, entry, 0, flags);
    guest.words(ARGUMENTS, [1]);
    expect([call(1), call(2), call(5), call(6), call(ARGUMENTS + 1)]).toEqual([0, 0, 0, 0, 0]);
    expect(call(0x80_0000 + 1)).toBe(-14);
  });
});

describe('set_gdt', () => {
  test('takes pages that nobody can write', () => {
    guest.words(ARGUMENTS, [guest.mfn(SPARE)]);
    const set = (entries: number) => guest.call(HYPERVISOR.set_gdt, ARGUMENTS, entries);
    expect(set(16)).toBe(-22);
    expect(mapSpare(0x61)).toBe(0);
    expect([set(7169), set(16), set(513)]).toEqual([-22, 0, -22]);
    expect(guest.call(HYPERVISOR.set_gdt, 0x40_0000, 16)).toBe(-14);
    expect(guest.vcpu.gdtFrames).toEqual([guest.mfn(SPARE)]);
  });
});

describe('memory_op', () => {
  const reserve = (operation: number, frames: number[], order = 0, domid: number = SELF) => {
    guest.words(ARGUMENTS + 0x100, frames);
    guest.words(ARGUMENTS, [ARGUMENTS + 0x100, frames.length, order, 0, domid]);
    return guest.call(HYPERVISOR.memory_op, operation, ARGUMENTS);
  };
  const ask = (operation: number, domid: number = SELF) => {
    guest.words(ARGUMENTS, [domid]);
    return guest.call(HYPERVISOR.memory_op, operation, ARGUMENTS);
  };

  test('takes a page back when its last mapping goes, and gives it out again', () => {
    const mfn = guest.mfn(SPARE);
    const pages = ask(XENMEM.current_reservation);
    expect(reserve(XENMEM.decrease_reservation, [mfn])).toBe(1);
    expect(guest.xen.frames.m2p(mfn)).toBe(SPARE / PAGE);
    expect(ask(XENMEM.current_reservation)).toBe(pages);
    expect(guest.call(HYPERVISOR.update_va_mapping, SPARE, 0, 0, 0)).toBe(0);
    expect(ask(XENMEM.current_reservation)).toBe(pages - 1);
    expect(reserve(XENMEM.populate_physmap, [SPARE / PAGE])).toBe(1);
    const fresh = guest.word(ARGUMENTS + 0x100);
    expect(guest.xen.frames.m2p(fresh)).toBe(SPARE / PAGE);
    const entry = fresh * PAGE + 0x63;
    expect(guest.call(HYPERVISOR.update_va_mapping, SPARE, entry, 0, 0)).toBe(0);
  });

  test('gives new memory up to the limit', () => {
    const first = ask(XENMEM.maximum_reservation) - ask(XENMEM.current_reservation);
    expect(first).toBe(256);
    expect(reserve(XENMEM.increase_reservation, [0])).toBe(1);
    const mfn = guest.word(ARGUMENTS + 0x100);
    expect(guest.xen.frames.m2p(mfn)).toBe(0xffff_ffff);
    expect(reserve(XENMEM.populate_physmap, [0x300], 9)).toBe(0);
    expect(reserve(XENMEM.populate_physmap, [0x2000], 4)).toBe(1);
    expect(ask(XENMEM.current_reservation)).toBe(4096 + 1 + 16);
  });

  test.each([
    ['a frame of nobody', XENMEM.decrease_reservation, [0], 0, SELF],
    ['a domain that is not', XENMEM.decrease_reservation, [0], 0, 555],
    ['an extent beyond measure', XENMEM.populate_physmap, [0], 20, SELF],
  ])('does nothing for %s', (_what, operation, frames, order, domid) => {
    expect(reserve(operation, [...frames], order, domid)).toBe(0);
  });

  test('does not give away what Xen shares with the guest', () => {
    const { sharedInfo } = guest.domain.fields;
    expect(reserve(XENMEM.decrease_reservation, [sharedInfo])).toBe(1);
    expect(guest.xen.frames.owner[sharedInfo]).toBe(1);
  });

  test('exchanges a page for another of the same number', () => {
    const mfn = guest.mfn(SPARE);
    const exchange = () => {
      guest.words(ARGUMENTS + 0x100, [mfn, SPARE / PAGE]);
      guest.words(ARGUMENTS, [ARGUMENTS + 0x100, 1, 0, 0, SELF]);
      guest.words(ARGUMENTS + 20, [ARGUMENTS + 0x104, 1, 0, 0, SELF, 0]);
      return [
        guest.call(HYPERVISOR.memory_op, XENMEM.exchange, ARGUMENTS),
        guest.word(ARGUMENTS + 40),
      ];
    };
    expect(exchange()).toEqual([-22, 0]);
    expect(guest.call(HYPERVISOR.update_va_mapping, SPARE, 0, 0, 0)).toBe(0);
    expect(exchange()).toEqual([0, 1]);
    const fresh = guest.word(ARGUMENTS + 0x104);
    expect([fresh === mfn, guest.xen.frames.m2p(fresh)]).toEqual([false, SPARE / PAGE]);
    expect(guest.xen.frames.m2p(mfn)).toBe(0xffff_ffff);
  });

  test.each([
    ['maximum_ram_page', XENMEM.maximum_ram_page, 8192],
    ['machine_memory_map', XENMEM.machine_memory_map, -1],
    ['remove_from_physmap', XENMEM.remove_from_physmap, -13],
    ['add_to_physmap', XENMEM.add_to_physmap, -13],
    ['maximum_gpfn', XENMEM.maximum_gpfn, 0],
    ['operation 63', 63, -38],
  ])('answers %s', (_name, operation, answer) => {
    expect(ask(operation)).toBe(answer);
  });

  test('tells where the table from machine to physical frames is', () => {
    expect(guest.call(HYPERVISOR.memory_op, XENMEM.machphys_mapping, ARGUMENTS)).toBe(0);
    const words = [0, 4, 8].map((at) => guest.word(ARGUMENTS + at));
    expect(words).toEqual([0xf580_0000, 0xffe0_0000, 0x297_ffff]);
    guest.words(ARGUMENTS, [4, ARGUMENTS + 0x100, 0]);
    expect(guest.call(HYPERVISOR.memory_op, XENMEM.machphys_mfn_list, ARGUMENTS)).toBe(0);
    expect([guest.word(ARGUMENTS + 8), guest.word(ARGUMENTS + 0x100)]).toEqual([1, 0x400]);
  });

  test('answers the memory map of the toolstack', () => {
    guest.words(ARGUMENTS, [64, ARGUMENTS + 0x100]);
    expect(guest.call(HYPERVISOR.memory_op, XENMEM.memory_map, ARGUMENTS)).toBe(0);
    expect(guest.word(ARGUMENTS)).toBe(1);
    const map = [0, 4, 8, 12, 16].map((at) => guest.word(ARGUMENTS + 0x100 + at));
    expect(map).toEqual([0, 0, 4096 * PAGE, 0, 1]);
  });
});

describe('Xen 3.0', () => {
  beforeEach(() => {
    guest = new DirectGuest('xen-3.0');
  });

  test('names one error for all that page tables may not be', () => {
    const { address } = guest.entryPlace(SPARE);
    expect(mmuUpdate([[address, 0x63]])).toBe(-22);
    expect(mmuUpdate([[address, other() * PAGE + 0x163]])).toBe(-22);
    expect(mmuUpdate([[address + 2, 0]])).toBe(-22);
    expect(mmuUpdate([[address, 0]], 0)).toBe(-3);
    expect(mmuext(99)).toBe(-22);
  });

  /** A frame that may be mapped. */
  const other = (): number => guest.mfn(SPARE + PAGE);

  test('pins tables of the first level and roots, and lets be what is between', () => {
    expect(mmuext(MMUEXT.PIN_L2_TABLE, other())).toBe(0);
    expect(mmuext(MMUEXT.PIN_L1_TABLE, other())).toBe(-22);
    expect(mapSpare(0x61)).toBe(0);
    expect(mmuext(MMUEXT.PIN_L1_TABLE, guest.mfn(SPARE))).toBe(0);
  });

  test('has no calls of later years', () => {
    expect(mmuext(MMUEXT.CLEAR_PAGE, other())).toBe(-22);
    expect(guest.call(HYPERVISOR.memory_op, XENMEM.memory_map, ARGUMENTS)).toBe(-38);
    expect(guest.call(HYPERVISOR.update_va_mapping_otherdomain, SPARE, 0, 0, 0, SELF)).toBe(-1);
  });
});
