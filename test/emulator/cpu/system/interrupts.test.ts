import { expect, test } from 'vitest';

import {
  aProtectedMachine,
  CODE,
  codeOf,
  DPL,
  gate,
  SLOT,
  STACK,
} from '../../../support/protected-machine.ts';

const NOP = 0x90;
const STI = 0xfb;
const HLT = 0xf4;
const IRET = 0xcf;
const TRAP = 0x100;
const INTERRUPT_GATE = 0x0e;
const HANDLER = CODE + 0x100;

test('an interrupt waits for the instruction behind sti', () => {
  const machine = aProtectedMachine({ code: [STI, NOP, NOP, NOP] });
  machine.cpu.requestInterrupt(0x40);
  expect(machine.event()).toMatchObject({ vector: 0x40, kind: 'external', eip: CODE + 2 });
});

test('sti and hlt wake up behind hlt', () => {
  const machine = aProtectedMachine({ code: [STI, HLT, NOP] });
  machine.cpu.requestInterrupt(0x40);
  expect(machine.event()).toMatchObject({ vector: 0x40, eip: CODE + 2 });
  expect(machine.state.halted).toBe(0);
});

test('hlt without interrupts halts, until an NMI comes', () => {
  const machine = aProtectedMachine({ code: [HLT, NOP] });
  expect(machine.event()).toEqual({ kind: 'halted' });
  machine.cpu.requestInterrupt(0x40);
  expect(machine.event()).toEqual({ kind: 'halted' });
  machine.cpu.requestNmi();
  expect(machine.event()).toMatchObject({ vector: 2, eip: CODE + 1 });
});

test('a single step over hlt does not halt', () => {
  const machine = aProtectedMachine({ code: [HLT, NOP], flags: TRAP });
  expect(machine.event()).toMatchObject({ vector: 1, eip: CODE + 1 });
  expect(machine.state.halted).toBe(0);
});

test('NMIs wait until iret', () => {
  const machine = aProtectedMachine({ code: [NOP, NOP, NOP] });
  machine.setGate(2, gate(codeOf(0), HANDLER, INTERRUPT_GATE));
  machine.cpu.ram.load(HANDLER, Uint8Array.of(NOP, NOP, IRET));
  machine.cpu.requestNmi();
  machine.steps(2);
  machine.cpu.requestNmi();
  machine.steps(2);
  expect(machine.state.eip).toBe(CODE);
  machine.steps(1);
  expect(machine.state.eip).toBe(HANDLER);
});

test('a fault pushes RF, a software interrupt does not', () => {
  const machine = aProtectedMachine({ code: [0xcd, 0x40] });
  machine.setGate(6, gate(codeOf(0), CODE, INTERRUPT_GATE));
  machine.setGate(0x40, gate(codeOf(0), HANDLER, INTERRUPT_GATE));
  machine.cpu.ram.load(HANDLER, Uint8Array.of(0x0f, 0x0b));
  machine.steps(1);
  expect(machine.word(machine.state.esp + 8) & 0x1_0000).toBe(0);
  machine.steps(1);
  expect(machine.word(machine.state.esp + 8) & 0x1_0000).toBe(0x1_0000);
});

test('a fault while a handler is entered changes nothing of the stack segment', () => {
  const machine = aProtectedMachine({ ring: 3, code: [0xcd, 0x40] });
  machine.setGate(0x40, gate(SLOT, HANDLER, INTERRUPT_GATE | DPL(3)));
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: SLOT, eip: CODE });
  expect(machine.state).toMatchObject({ cpl: 3, esp: STACK[3], csSelector: codeOf(3) });
});

test('a double fault that cannot be delivered is a triple fault', () => {
  const machine = aProtectedMachine({ code: [0x0f, 0x0b] });
  for (const vector of [6, 8, 11, 13]) {
    machine.setGate(vector, 0n);
  }
  expect(machine.event()).toEqual({ kind: 'tripleFault' });
});
