/** A guest that stores to its page tables has it done for it, checked, or gets its page fault. */

import { beforeEach, describe, expect, test } from 'vitest';
import { HYPERVISOR, VMASST_CMD, VMASST_TYPE } from '../../../../emulator/abi/xen.ts';
import { frameMistakes } from '../../../../emulator/hypervisor/frame-check.ts';
import { ARGUMENTS, CODE, DirectGuest, SPARE } from '../../../support/direct-guest.ts';

const PAGE = 4096;
const HANDLER = CODE + 0x800;

let guest: DirectGuest;
/** Linear address of the entry of `SPARE`. */
let entry: number;

const bytesOf = (word: number): number[] => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff);
const eip = (): number => guest.xen.cpu.state.eip;
const flags = (): string => guest.entry(SPARE).slice(-3);

const setAssist = (isOn: boolean): void => {
  const command = isOn ? VMASST_CMD.enable : VMASST_CMD.disable;
  expect(guest.call(HYPERVISOR.vm_assist, command, VMASST_TYPE.writable_pagetables)).toBe(0);
};

beforeEach(() => {
  guest = new DirectGuest();
  entry = guest.entryPlace(SPARE).linear;
  guest.words(ARGUMENTS, [14 | (0 << 8) | (0xe019 << 16), HANDLER, 0, 0]);
  expect(guest.call(HYPERVISOR.set_trap_table, ARGUMENTS)).toBe(0);
  setAssist(true);
});

const mfn = () => guest.mfn(SPARE);

describe('with writable page tables', () => {
  test('mov of a word changes the entry', () => {
    const low = mfn() * PAGE + 0x61;
    guest.execute([0xc7, 0x05, ...bytesOf(entry), ...bytesOf(low)], 1);
    expect([flags(), eip()]).toEqual(['061', CODE + 10]);
  });

  test('and, btr, xchg and a byte are read, changed and checked', () => {
    guest.execute([0x83, 0x25, ...bytesOf(entry), 0xfd], 1);
    expect(flags()).toBe('021');
    guest.execute([0x0f, 0xba, 0x35, ...bytesOf(entry), 5], 1);
    expect(flags()).toBe('001');
    guest.execute([0xc6, 0x05, ...bytesOf(entry), 0x63], 1);
    expect(flags()).toBe('063');
    guest.xen.cpu.state.eax = 0;
    const old = mfn() * PAGE + 0x63;
    guest.execute([0x87, 0x05, ...bytesOf(entry)], 1);
    expect([guest.entry(SPARE), guest.xen.cpu.state.eax]).toEqual(['0000000000000000', old]);
  });

  test('cmpxchg8b exchanges the whole entry', () => {
    const { state } = guest.xen.cpu;
    Object.assign(state, { eax: mfn() * PAGE + 0x23, edx: 0, ebx: 0, ecx: 0x8000_0000 });
    guest.execute([0x0f, 0xc7, 0x0d, ...bytesOf(entry)], 1);
    expect(guest.entry(SPARE)).toBe('8000000000000000');
  });

  test('a repeated store changes entry after entry', () => {
    const { state } = guest.xen.cpu;
    Object.assign(state, { eax: 0, edi: entry, ecx: 4 });
    guest.execute([0xf3, 0xab], 4);
    expect([guest.entry(SPARE), guest.entry(SPARE + PAGE)]).toEqual(Array(2).fill('0'.repeat(16)));
    expect([state.ecx, state.edi]).toEqual([0, entry + 16]);
  });

  test('an entry that may not be is refused: nothing changes, and the guest faults', () => {
    const { state } = guest.xen.cpu;
    const table = Math.floor(guest.entryPlace(SPARE).address / PAGE);
    state.eax = table * PAGE + 0x63;
    guest.execute([0x87, 0x05, ...bytesOf(entry)], 1);
    expect([eip(), guest.vcpu.cr2, state.eax]).toEqual([HANDLER, entry, table * PAGE + 0x63]);
    expect([flags(), guest.word(state.esp), guest.word(state.esp + 4)]).toEqual(['023', 3, CODE]);
  });

  test('a store to a table of another level faults', () => {
    const [root] = guest.plan.pageTables;
    guest.execute([0xc6, 0x05, ...bytesOf((root?.pfn ?? 0) * PAGE), 0], 1);
    expect(eip()).toBe(HANDLER);
  });

  test('a stack in a page table is a stack of entries', () => {
    const { state } = guest.xen.cpu;
    state.esp = entry + 4;
    guest.execute([0x6a, 0x00], 1);
    expect([guest.entry(SPARE), state.esp, eip()]).toEqual(['0'.repeat(16), entry, CODE + 2]);
  });
});

test('without writable page tables every store faults', () => {
  setAssist(false);
  guest.execute([0xc7, 0x05, ...bytesOf(entry), 0, 0, 0, 0], 1);
  expect([eip(), flags()]).toEqual([HANDLER, '023']);
});

test('whatever was stored, the books are in order', () => {
  for (const byte of [0x00, 0x01, 0x21, 0x61, 0x63, 0x67, 0xe7, 0xff]) {
    guest.execute([0xc6, 0x05, ...bytesOf(entry), byte], 1);
    expect(frameMistakes(guest.xen)).toEqual([]);
  }
});
