import { expect, test } from 'vitest';

import {
  aProtectedMachine,
  CODE,
  codeOf,
  DATA,
  DPL,
  dataOf,
  dword,
  flat,
  GDT,
  gate,
  PRESENT,
  SLOT,
  segment,
  TASK,
  TSS,
} from '../../../support/protected-machine.ts';

const moveToEax = (value: number): number[] => [0xb8, ...dword(value)];
const ZERO = 0x40;

test('ltr marks the task busy in its descriptor and in TR', () => {
  const machine = aProtectedMachine({ code: [...moveToEax(SLOT), 0x0f, 0x00, 0xd8] });
  machine.setDescriptor(SLOT, segment(TSS, 0x67, PRESENT | 9));
  machine.steps(2);
  expect((machine.word(GDT + SLOT + 4) >>> 8) & 15).toBe(11);
  expect((machine.state.trRights >>> 8) & 15).toBe(11);
});

test('ltr of a busy task is #GP', () => {
  const machine = aProtectedMachine({ code: [...moveToEax(TASK), 0x0f, 0x00, 0xd8] });
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: TASK });
});

test('lldt of a null selector leaves no local table', () => {
  const code = [...moveToEax(0), 0x0f, 0x00, 0xd0, ...moveToEax(4), 0x8e, 0xd8];
  const machine = aProtectedMachine({ code });
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 4 });
});

test('lgdt with 16-bit operands takes 24 bits of base', () => {
  const machine = aProtectedMachine({ code: [0x66, 0x0f, 0x01, 0x15, ...dword(DATA)] });
  machine.setWord(DATA, 0x5678_1234);
  machine.setWord(DATA + 4, 0x9abc);
  machine.steps(1);
  expect(machine.state.gdtLimit).toBe(0x1234);
  expect(machine.state.gdtBase).toBe(0x00bc_5678);
});

test('sgdt stores six bytes in any ring', () => {
  const machine = aProtectedMachine({ ring: 3, code: [0x0f, 0x01, 0x05, ...dword(DATA)] });
  machine.setWord(DATA + 4, 0x7777_7777);
  machine.steps(1);
  expect(machine.word(DATA)).toBe(0x005f | ((GDT & 0xffff) << 16));
  expect(machine.word(DATA + 4)).toBe(0x7777_0000);
});

test('lidt in ring 1 is #GP(0)', () => {
  const machine = aProtectedMachine({ ring: 1, code: [0x0f, 0x01, 0x1d, ...dword(DATA)] });
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 0, eip: CODE });
});

/** lar and lsl of AX into ECX */
const LAR = [0x0f, 0x02, 0xc8];
const LSL = [0x0f, 0x03, 0xc8];
const VERR = [0x0f, 0x00, 0xe0];
const VERW = [0x0f, 0x00, 0xe8];

test.each([
  { does: 'lar shows the rights', ask: LAR, selector: dataOf(3), zf: 1, ecx: 0x00cf_f300 },
  { does: 'lar of a call gate', ask: LAR, selector: SLOT | 3, zf: 1, ecx: 0x0000_ec00 },
  { does: 'lar of an inner ring', ask: LAR, selector: dataOf(0), zf: 0, ecx: 7 },
  { does: 'lsl shows the limit in bytes', ask: LSL, selector: codeOf(3), zf: 1, ecx: 0xffff_ffff },
  { does: 'lsl of a call gate', ask: LSL, selector: SLOT | 3, zf: 0, ecx: 7 },
  { does: 'lsl of a null selector', ask: LSL, selector: 3, zf: 0, ecx: 7 },
  { does: 'verr of data', ask: VERR, selector: dataOf(3), zf: 1, ecx: 7 },
  { does: 'verw of code', ask: VERW, selector: codeOf(3), zf: 0, ecx: 7 },
])('$does', ({ ask, selector, zf, ecx }) => {
  const machine = aProtectedMachine({ ring: 3, code: [...moveToEax(selector), ...ask] });
  machine.setDescriptor(SLOT, gate(codeOf(0), 0, 0x0c | DPL(3)));
  machine.state.ecx = 7;
  machine.steps(2);
  expect(machine.state.ecx).toBe(ecx);
  expect(machine.cpu.eflags & ZERO).toBe(zf * ZERO);
});

test('a conforming segment may be asked about from any ring', () => {
  const machine = aProtectedMachine({ ring: 3, code: [...moveToEax(SLOT | 3), ...VERR] });
  machine.setDescriptor(SLOT, flat(0x1e));
  machine.steps(2);
  expect(machine.cpu.eflags & ZERO).toBe(ZERO);
});

test('arpl raises a lower privilege and says so', () => {
  const machine = aProtectedMachine({ ring: 3, code: [0x63, 0xc8] });
  Object.assign(machine.state, { eax: 0x1234_0008, ecx: 3 });
  machine.steps(1);
  expect(machine.state.eax).toBe(0x1234_000b);
  expect(machine.cpu.eflags & ZERO).toBe(ZERO);
});
