import { expect, test } from 'vitest';

import {
  aProtectedMachine,
  CODE,
  DATA,
  dataOf,
  dword,
  END,
} from '../../../support/protected-machine.ts';

const toDr = (number: number): number[] => [0x0f, 0x23, 0xc0 | (number << 3)];
const fromDr = (number: number): number[] => [0x0f, 0x21, 0xc0 | (number << 3)];
const NOP = 0x90;
/** Breakpoint 0, enabled: on execution, on a write of 4 bytes, on a port, on an access to 2. */
const DR7 = { execute: 0x402, write: 0x000d_0402, port: 0x0002_0402, access: 0x0007_0402 };
const STEP = 0x4000;
const RESUME = 0x1_0000;
const TRAP = 0x100;
const DEBUG_EXTENSIONS = 8;

function armed(code: readonly number[], dr0: number, dr7: number) {
  const machine = aProtectedMachine({ code });
  Object.assign(machine.state, { dr0, dr7, cr4: DEBUG_EXTENSIONS });
  machine.cpu.debug.refresh();
  return machine;
}

test('DR4 stands for DR6, and with CR4.DE for nothing', () => {
  const machine = aProtectedMachine({ code: [...fromDr(4), ...fromDr(5)] });
  machine.steps(1);
  expect(machine.state.eax).toBe(0xffff_0ff0);
  machine.state.cr4 = DEBUG_EXTENSIONS;
  expect(machine.event()).toMatchObject({ vector: 6 });
});

test('reserved bits of DR6 and DR7 cannot be changed', () => {
  const machine = aProtectedMachine({ code: [...toDr(6), ...toDr(7)] });
  machine.state.eax = 0x0000_dc00;
  machine.steps(2);
  expect(machine.state.dr6).toBe(0xffff_cff0);
  expect(machine.state.dr7).toBe(0x0000_0400);
});

test('general detect faults before the access, and says so in DR6', () => {
  const machine = aProtectedMachine({ code: fromDr(0) });
  machine.state.dr7 = 0x2400;
  expect(machine.event()).toMatchObject({ vector: 1, kind: 'fault', eip: CODE });
  expect(machine.state.dr6 & 0x2000).toBe(0x2000);
});

test('an instruction breakpoint comes before its instruction, and RF lets it pass once', () => {
  const machine = armed([NOP, NOP, 0xeb, 0xfc], CODE + 1, DR7.execute);
  expect(machine.event()).toMatchObject({ vector: 1, eip: CODE + 1 });
  expect(machine.state.dr6 & 15).toBe(1);
  machine.state.systemFlags |= RESUME;
  expect(machine.event()).toMatchObject({ vector: 1, eip: CODE + 1 });
  expect(machine.state.retired).toBeGreaterThan(3);
});

test('a breakpoint on a repeated instruction comes once, not with each iteration', () => {
  const machine = armed([0xf3, 0xaa, ...END], CODE, DR7.execute);
  Object.assign(machine.state, { ecx: 5, edi: DATA });
  expect(machine.event()).toMatchObject({ vector: 1 });
  machine.state.systemFlags |= RESUME;
  expect(machine.event()).toMatchObject({ vector: 0xf1 });
});

test('a data breakpoint traps after the instruction', () => {
  const machine = armed([0x89, 0x05, ...dword(DATA), NOP, NOP], DATA + 2, DR7.write);
  expect(machine.event()).toMatchObject({ vector: 1, kind: 'trap', eip: CODE + 6 });
  expect(machine.state.dr6 & 15).toBe(1);
});

test('the trap of a load of SS waits for the instruction behind it', () => {
  const machine = armed([0x8e, 0x15, ...dword(DATA), NOP, NOP], DATA, DR7.access);
  machine.setWord(DATA, dataOf(0));
  expect(machine.event()).toMatchObject({ vector: 1, eip: CODE + 7 });
});

test('a breakpoint on a port traps after in and out', () => {
  const machine = armed([0xe6, 0x42, NOP, NOP], 0x42, DR7.port);
  expect(machine.event()).toMatchObject({ vector: 1, eip: CODE + 2 });
});

test('a single step after a load of SS comes one instruction later', () => {
  const code = [0x8e, 0xd0, NOP, NOP];
  const machine = aProtectedMachine({ code, flags: TRAP });
  machine.state.eax = dataOf(0);
  expect(machine.event()).toMatchObject({ vector: 1, eip: CODE + 3 });
  expect(machine.state.dr6 & STEP).toBe(STEP);
});
