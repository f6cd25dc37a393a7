/** No list of requests is so long that the machine is held up: the guest makes the rest of it itself. */

import { expect, test } from 'vitest';
import { CONSOLEIO, HYPERVISOR, MMUEXT } from '../../../../emulator/abi/xen.ts';
import { FRAME_TYPE } from '../../../../emulator/hypervisor/memory/frame-types.ts';
import { CODE, DirectGuest } from '../../../support/direct-guest.ts';

const PAGE = 4096;
/** Beyond the code, and far below the end of the initial mapping at 4 MB. */
const LIST = 0x31_0000;
const INT_0X82 = [0xcd, 0x82];
/** Entries that the list has room for. */
const ENTRIES = 0x6000;

/** Makes a call as the guest does, again and again, until it is through. Answers how often. */
function callToTheEnd(guest: DirectGuest, number: number, registers: readonly number[]): number {
  const { state } = guest.xen.cpu;
  const [ebx = 0, ecx = 0, edx = 0, esi = 0] = registers;
  guest.put(CODE, INT_0X82);
  Object.assign(state, { eax: number, ebx, ecx, edx, esi, eip: CODE });
  for (let times = 1; ; times++) {
    guest.xen.intercept({ vector: 0x82, errorCode: undefined, kind: 'software', eip: CODE + 2 });
    if (state.eip !== CODE) {
      return times;
    }
  }
}

test('a multicall of very many calls', () => {
  const guest = new DirectGuest();
  for (let i = 0; i < ENTRIES; i++) {
    guest.words(LIST + 32 * i, [HYPERVISOR.xen_version, 0xdead, 0, 0, 0, 0, 0, 0]);
  }
  const times = callToTheEnd(guest, HYPERVISOR.multicall, [LIST, ENTRIES]);
  expect(times).toBeGreaterThan(1);
  expect(guest.xen.cpu.state.eax).toBe(0);
  const results = [0, 1, ENTRIES / 2, ENTRIES - 1].map((i) => guest.word(LIST + 32 * i + 4));
  expect(results).toEqual(results.map(() => 0x4_0011));
});

test('a multicall of calls that have long lists themselves', () => {
  const guest = new DirectGuest();
  const requests = LIST + 0x1000;
  for (let i = 0; i < 8192; i++) {
    guest.words(requests + 12 * i, [MMUEXT.INVLPG_LOCAL, 0, 0]);
  }
  for (let i = 0; i < 100; i++) {
    const args = [requests, 8192, 0, 0x7ff0, 0, 0];
    guest.words(LIST + 32 * i, [HYPERVISOR.mmuext_op, 0xdead, ...args]);
  }
  const times = callToTheEnd(guest, HYPERVISOR.multicall, [LIST, 100]);
  expect(times).toBeGreaterThan(100);
  expect([guest.word(LIST + 4), guest.word(LIST + 32 * 99 + 4)]).toEqual([0, 0]);
});

test('output for the hypervisor’s console, of which every byte comes once', () => {
  const guest = new DirectGuest();
  const length = 0xc_0000 - 7;
  let bytes = 0;
  guest.xen.emergencyConsole = (_domain, chunk) => {
    bytes += chunk.length;
  };
  const several = Array.from({ length: 4 }, () => [
    ...[HYPERVISOR.console_io, 0xdead, CONSOLEIO.write, length, LIST, 0, 0, 0],
  ]);
  guest.words(LIST, several.flat());
  expect(callToTheEnd(guest, HYPERVISOR.multicall, [LIST, 4])).toBeGreaterThan(1);
  expect(bytes).toBe(4 * length);
});

test('pins of a table with a table at each of its entries', () => {
  const guest = new DirectGuest();
  const { xen, domain } = guest;
  const spare = [...xen.frames.owner.keys()].filter(
    (mfn) => xen.frames.owner[mfn] === domain.id && xen.frames.references[mfn] === 1,
  );
  const [directory = 0, ...tables] = spare.filter(
    (mfn) => xen.frames.typeOf(mfn) === FRAME_TYPE.none,
  );
  for (const mfn of tables.slice(0, 512)) {
    xen.frames.scrub(mfn);
  }
  for (let i = 0; i < 512; i++) {
    xen.ram.write32(directory * PAGE + 8 * i, (tables[i] ?? 0) * PAGE + 0x63);
    xen.ram.write32(directory * PAGE + 8 * i + 4, 0);
  }
  const requests = [MMUEXT.PIN_L2_TABLE, MMUEXT.UNPIN_TABLE].map((cmd) => [cmd, directory, 0]);
  guest.words(LIST, Array.from({ length: 15 }, () => requests.flat()).flat());
  const done = LIST + 0x1000;
  const times = callToTheEnd(guest, HYPERVISOR.mmuext_op, [LIST, 30, done, 0x7ff0]);
  expect(times).toBeGreaterThan(5);
  expect([xen.cpu.state.eax, guest.word(done)]).toEqual([0, 30]);
});
