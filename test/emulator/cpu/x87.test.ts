/** Facts about the x87 that comparison with silicon does not reach, or that are worth a sentence. */

import { expect, test } from 'vitest';

import { X87_REGISTERS } from '../../../emulator/cpu/state.ts';
import { aProtectedMachine, CODE, DATA, dword, END } from '../../support/protected-machine.ts';

const FLD1 = [0xd9, 0xe8];
const FLDZ = [0xd9, 0xee];
const FWAIT = [0x9b];
const FNCLEX = [0xdb, 0xe2];
const FDIVP = [0xde, 0xf9];
const at = (opcode: number, digit: number, address = DATA): number[] => [
  opcode,
  (digit << 3) | 5,
  ...dword(address),
];
const FNSTCW = at(0xd9, 7);
const FLD_SINGLE = at(0xd9, 0);
const FSTP_DOUBLE = at(0xdd, 3);
const DIVIDE_BY_ZERO = [...FLD1, ...FLDZ, ...FDIVP];
const NUMERIC_ERROR = 0x20;
const MONITOR = 2;
const EMULATION = 4;
const TASK_SWITCHED = 8;

function aMachine(...code: number[][]) {
  const machine = aProtectedMachine({ code: [...code.flat(), ...END] });
  machine.state.cr0 |= NUMERIC_ERROR;
  return machine;
}

/** Unmasks division by zero. */
function unmasked(...code: number[][]) {
  const machine = aMachine(...code);
  machine.state.fpuControl = 0x37b;
  return machine;
}

test('a number goes from memory to a register and comes back wider', () => {
  const machine = aMachine(FLD_SINGLE, FSTP_DOUBLE);
  machine.setWord(DATA, 0x3fc0_0000); // 1.5
  machine.steps(2);
  expect([machine.word(DATA), machine.word(DATA + 4)]).toEqual([0, 0x3ff8_0000]);
});

test('the top of the stack moves down with a load', () => {
  const machine = aMachine(FLD1);
  machine.steps(1);
  expect(machine.state.fpuStatus).toBe(0x3800);
  expect(machine.state.fpuTags).toBe(0x80);
  expect(machine.cpu.memory.u16[(X87_REGISTERS + 16 * 7 + 8) / 2]).toBe(0x3fff);
});

test('an unmasked exception is raised by the next instruction that waits', () => {
  const machine = unmasked(DIVIDE_BY_ZERO, FLD1);
  expect(machine.event()).toMatchObject({ vector: 16, eip: CODE + DIVIDE_BY_ZERO.length });
});

test('wait raises a pending exception, fnstcw and fnclex do not', () => {
  const machine = unmasked(DIVIDE_BY_ZERO, FNSTCW, FWAIT);
  expect(machine.event()).toMatchObject({ vector: 16, eip: CODE + 6 + FNSTCW.length });
  expect(unmasked(DIVIDE_BY_ZERO, FNCLEX, FWAIT).event()).toMatchObject({ vector: 0xf1 });
});

test('without CR0.NE a pending exception is nobody’s business', () => {
  const machine = unmasked(DIVIDE_BY_ZERO, FLD1);
  machine.state.cr0 &= ~NUMERIC_ERROR;
  expect(machine.event()).toMatchObject({ vector: 0xf1 });
});

test('only an unmasked exception records opcode and operand', () => {
  const FDIV_SINGLE = at(0xd8, 6);
  const masked = aMachine(FLD1, FDIV_SINGLE);
  masked.steps(2);
  expect(masked.state).toMatchObject({ fpuIp: CODE + 2, fpuOpcode: 0, fpuDp: 0 });
  const machine = unmasked(FLD1, FDIV_SINGLE);
  machine.steps(2);
  expect(machine.state).toMatchObject({ fpuIp: CODE + 2, fpuOpcode: 0x035, fpuDp: DATA });
});

test.each([
  ['EM', EMULATION, FLD1, 7],
  ['TS', TASK_SWITCHED, FLD1, 7],
  ['TS alone', TASK_SWITCHED, FWAIT, 0xf1],
  ['TS and MP', TASK_SWITCHED | MONITOR, FWAIT, 7],
])('%s decides whether an x87 instruction raises #NM', (_name, bits, code, vector) => {
  const machine = aMachine(code);
  machine.state.cr0 &= ~(EMULATION | TASK_SWITCHED | MONITOR);
  machine.state.cr0 |= bits;
  expect(machine.event()).toMatchObject({ vector });
});

test('fnsave leaves the unit as fninit does, frstor brings it back', () => {
  const machine = aMachine(FLD1, at(0xdd, 6), at(0xdd, 4));
  machine.steps(2);
  expect(machine.state).toMatchObject({ fpuTags: 0, fpuStatus: 0, fpuControl: 0x37f });
  machine.steps(1);
  expect(machine.state).toMatchObject({ fpuTags: 0x80, fpuStatus: 0x3800 });
});

test('fxrstor refuses reserved bits of MXCSR', () => {
  const machine = aMachine([0x0f, ...at(0xae, 1)]);
  machine.state.cr4 |= 0x200;
  machine.setWord(DATA + 24, 0x1_0000);
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 0 });
});
