/** Facts about MMX and SSE that comparison with silicon does not reach, or worth a sentence. */

import { expect, test } from 'vitest';

import { X87_REGISTERS, XMM_REGISTERS } from '../../../emulator/cpu/state.ts';
import { aProtectedMachine, DATA, dword, END } from '../../support/protected-machine.ts';

const OSFXSR = 0x200;
const OSXMMEXCPT = 0x400;
const EMULATION = 4;
const TASK_SWITCHED = 8;
const NUMERIC_ERROR = 0x20;
const ZERO_DIVIDE_UNMASKED = 0x1d80;

const withMemory = (address: number, ...opcode: number[]): number[] => [
  ...opcode,
  5,
  ...dword(address),
];
const ADDPS = [0x0f, 0x58, 0xc1];
const DIVPS = [0x0f, 0x5e, 0xc1];
const PXOR_MMX = [0x0f, 0xef, 0xc0];
const PXOR_XMM = [0x66, 0x0f, 0xef, 0xc0];
const EMMS = [0x0f, 0x77];
const CVTPI2PS = [0x0f, 0x2a, 0xc0];

function aMachine(code: readonly number[], { cr4 = OSFXSR | OSXMMEXCPT } = {}) {
  const machine = aProtectedMachine({ code: [...code, ...END] });
  machine.state.cr4 |= cr4;
  machine.state.cr0 |= NUMERIC_ERROR;
  return machine;
}

test.each([
  ['addps', ADDPS, EMULATION, 6],
  ['addps', ADDPS, TASK_SWITCHED, 7],
  ['pxor of mmx', PXOR_MMX, EMULATION, 6],
  ['pxor of mmx', PXOR_MMX, TASK_SWITCHED, 7],
])('%s %j with CR0 bits %i is refused', (_name, code, bits, vector) => {
  const machine = aMachine(code);
  machine.state.cr0 |= bits;
  expect(machine.event()).toMatchObject({ vector });
});

test('without CR4.OSFXSR there is SSE neither in floating point nor in integers, but MMX', () => {
  expect(aMachine(ADDPS, { cr4: 0 }).event()).toMatchObject({ vector: 6 });
  expect(aMachine(PXOR_XMM, { cr4: 0 }).event()).toMatchObject({ vector: 6 });
  expect(aMachine(PXOR_MMX, { cr4: 0 }).event()).toMatchObject({ vector: 0xf1 });
});

test.each([
  ['#XM', OSFXSR | OSXMMEXCPT, 19],
  ['#UD', OSFXSR, 6],
])('an unmasked exception raises %s as CR4 says, and the register stays', (_name, cr4, vector) => {
  const machine = aMachine(DIVPS, { cr4 });
  const { u32 } = machine.cpu.memory;
  machine.state.mxcsr = ZERO_DIVIDE_UNMASKED;
  u32[XMM_REGISTERS / 4] = 0x3f80_0000;
  expect(machine.event()).toMatchObject({ vector });
  expect(u32[XMM_REGISTERS / 4]).toBe(0x3f80_0000);
  expect(machine.state.mxcsr & 4).toBe(4);
});

test('an x87 exception that is pending stops MMX, and SSE only where it touches MMX', () => {
  const pending = (code: readonly number[]) => {
    const machine = aMachine(code);
    machine.state.fpuControl = 0x37b;
    machine.state.fpuStatus = 0x8084;
    return machine;
  };
  expect(pending(EMMS).event()).toMatchObject({ vector: 16 });
  expect(pending(CVTPI2PS).event()).toMatchObject({ vector: 16 });
  expect(pending(ADDPS).event()).toMatchObject({ vector: 0xf1 });
});

test('an MMX result fills the register’s exponent and the stack’s tags, emms empties it', () => {
  const machine = aMachine([...PXOR_MMX, ...EMMS]);
  machine.state.fpuStatus = 0x1800;
  machine.steps(1);
  expect(machine.cpu.memory.u16[X87_REGISTERS / 2 + 4]).toBe(0xffff);
  expect(machine.state).toMatchObject({ fpuTags: 0xff, fpuStatus: 0 });
  machine.steps(1);
  expect(machine.state.fpuTags).toBe(0);
});

test('movaps refuses a misaligned address, movups does not', () => {
  expect(aMachine(withMemory(DATA + 4, 0x0f, 0x28)).event()).toMatchObject({
    vector: 13,
    errorCode: 0,
  });
  expect(aMachine(withMemory(DATA + 4, 0x0f, 0x10)).event()).toMatchObject({ vector: 0xf1 });
});

test('ldmxcsr refuses reserved bits', () => {
  const LDMXCSR = [0x0f, 0xae, 0x15, ...dword(DATA)];
  const machine = aMachine(LDMXCSR);
  machine.setWord(DATA, 0x1_1f80);
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 0 });
  expect(machine.state.mxcsr).toBe(0x1f80);
});
