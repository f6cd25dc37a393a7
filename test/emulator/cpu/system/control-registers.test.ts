import { expect, test } from 'vitest';

import { aProtectedMachine, CODE, DATA, dword } from '../../../support/protected-machine.ts';

const moveToEax = (value: number): number[] => [0xb8, ...dword(value)];
const toCr = (number: number): number[] => [0x0f, 0x22, 0xc0 | (number << 3)];
const fromCr = (number: number): number[] => [0x0f, 0x20, 0xc0 | (number << 3)];
const WRMSR = [0x0f, 0x30];
const RDMSR = [0x0f, 0x32];
const RDTSC = [0x0f, 0x31];
const PAGING = 0x8000_0000;
const PAE = 0x20;

test('a control register that does not exist is #UD, also in ring 3', () => {
  const machine = aProtectedMachine({ ring: 3, code: fromCr(1) });
  expect(machine.event()).toMatchObject({ vector: 6 });
});

test('a reserved bit of CR4 is #GP(0) and leaves it', () => {
  const machine = aProtectedMachine({ code: [...moveToEax(1), ...toCr(4)] });
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 0 });
  expect(machine.state.cr4).toBe(0);
});

test('a reserved bit in a PAE pointer is #GP(0), and CR3 stays', () => {
  const machine = aProtectedMachine({ code: [...moveToEax(DATA), ...toCr(3)] });
  machine.state.cr4 = PAE;
  machine.state.cr0 |= PAGING;
  machine.setWord(DATA, 3);
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 0 });
  expect(machine.state.cr3).toBe(0);
});

test('PAE pointers are read when CR3 is loaded, not when they change', () => {
  const machine = aProtectedMachine({ code: [...moveToEax(DATA), ...toCr(3)] });
  machine.state.cr4 = PAE;
  machine.state.cr0 |= PAGING;
  machine.setWord(DATA, 0x5001);
  machine.steps(2);
  machine.setWord(DATA, 0x6001);
  expect(machine.state.pdpte0).toBe(0x5001);
});

test('lmsw sets TS but does not clear PE', () => {
  const machine = aProtectedMachine({
    code: [...moveToEax(8), 0x0f, 0x01, 0xf0, 0x0f, 0x01, 0xe0],
  });
  machine.steps(3);
  expect(machine.state.eax & 0xf).toBe(9);
});

test('rdtsc with CR4.TSD is for ring 0', () => {
  const machine = aProtectedMachine({ ring: 3, code: RDTSC });
  machine.state.cr4 = 4;
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 0 });
});

test('the time-stamp counter goes on from what is written', () => {
  const machine = aProtectedMachine({ code: [...WRMSR, 0x90, ...RDTSC] });
  Object.assign(machine.state, { ecx: 0x10, edx: 1, eax: 0xffff_ffff });
  machine.steps(3);
  expect(machine.state).toMatchObject({ edx: 2, eax: 1 });
});

test.each([
  { does: 'EFER has NXE alone', ecx: 0xc000_0080, eax: 0x801 },
  { does: 'a memory type that does not exist', ecx: 0x277, eax: 2 },
  { does: 'the base of the APIC stays', ecx: 0x1b, eax: 0 },
  { does: 'an unknown register', ecx: 0x1234, eax: 0 },
])('wrmsr: $does (#GP(0))', ({ ecx, eax }) => {
  const machine = aProtectedMachine({ code: WRMSR });
  Object.assign(machine.state, { ecx, eax, edx: 0 });
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 0, eip: CODE });
});

test('wrmsr and rdmsr of EFER.NXE', () => {
  const machine = aProtectedMachine({ code: [...WRMSR, ...RDMSR] });
  Object.assign(machine.state, { ecx: 0xc000_0080, eax: 0x800, edx: 0 });
  machine.steps(2);
  expect(machine.state).toMatchObject({ eax: 0x800, edx: 0, efer: 0x800 });
});
