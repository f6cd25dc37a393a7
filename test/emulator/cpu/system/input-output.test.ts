import { expect, test } from 'vitest';

import {
  aProtectedMachine,
  DATA,
  DPL,
  PRESENT,
  SLOT,
  segment,
  TSS,
} from '../../../support/protected-machine.ts';

const IOPL = (level: number): number => level << 12;
const IN_DX = [0xec];
const IN_DX_WORD = [0x66, 0xed];
const REP_INSB = [0xf3, 0x6c];
const BITMAP = TSS + 0x68;
/** The last port that the task's bitmap covers, which ends with a byte of ones. */
const LAST = 8 * (0x88 - 0x68) - 1;

test('a port is open to those whose CPL is not above IOPL', () => {
  const machine = aProtectedMachine({ ring: 3, code: IN_DX, flags: IOPL(3) });
  machine.state.edx = 0x80;
  machine.setWord(BITMAP + 16, 0xffff_ffff);
  machine.steps(1);
  expect(machine.state.eax & 0xff).toBe(0x5a);
});

test.each([
  { does: 'a clear bit opens the port', code: IN_DX, port: 0x81, isOpen: true },
  { does: 'a set bit closes it', code: IN_DX, port: 0x82, isOpen: false },
  { does: 'every byte of a word counts', code: IN_DX_WORD, port: 0x81, isOpen: false },
  { does: 'the last port covered', code: IN_DX, port: LAST, isOpen: true },
  { does: 'a word beyond the limit of the task', code: IN_DX, port: LAST + 1, isOpen: false },
  { does: 'a port far beyond', code: IN_DX, port: 0xffff, isOpen: false },
])('bitmap: $does', ({ code, port, isOpen }) => {
  const machine = aProtectedMachine({ ring: 3, code });
  machine.setWord(BITMAP + 16, 4);
  machine.state.edx = port;
  expect(machine.event(1)).toMatchObject(
    isOpen ? { kind: 'budget' } : { vector: 13, errorCode: 0 },
  );
});

test('ins does not read the port when memory cannot be written', () => {
  const machine = aProtectedMachine({ ring: 3, code: [0x8e, 0xc0, ...REP_INSB], flags: IOPL(3) });
  machine.setDescriptor(SLOT, segment(DATA, 1, PRESENT | DPL(3) | 0x12, 4));
  Object.assign(machine.state, { eax: SLOT | 3, ecx: 5, edi: 0, edx: 0x70 });
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 0 });
  expect(machine.surroundings.portReads).toEqual([0x70, 0x70]);
  expect(machine.state).toMatchObject({ ecx: 3, edi: 2 });
});

test('rep outs writes what memory holds', () => {
  const machine = aProtectedMachine({ code: [0xf3, 0x66, 0x6f] });
  machine.setWord(DATA, 0x2222_1111);
  Object.assign(machine.state, { ecx: 2, esi: DATA, edx: 0x60 });
  machine.steps(2);
  expect(machine.surroundings.portWrites).toEqual([
    [0x60, 0x1111],
    [0x60, 0x2222],
  ]);
});
