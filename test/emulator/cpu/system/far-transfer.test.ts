import { expect, test } from 'vitest';

import {
  aProtectedMachine,
  CODE,
  codeOf,
  DATA,
  DPL,
  dataOf,
  dword,
  END,
  END_VECTOR,
  far,
  flat,
  gate,
  PRESENT,
  SLOT,
  SLOT_B,
  STACK,
  segment,
  TASK,
  TSS,
} from '../../../support/protected-machine.ts';

const CALL_GATE = 0x0c;
const CALL_GATE_16 = 0x04;
const LANDING = CODE + 0x100;
const callFar = (selector: number): number[] => [0x9a, ...far(selector, 0x1234_5678)];
const jumpFar = (selector: number, offset: number): number[] => [0xea, ...far(selector, offset)];
const push = (value: number): number[] => [0x68, ...dword(value)];

test('a far jump to a conforming segment of ring 0 stays in ring 3', () => {
  const machine = aProtectedMachine({ ring: 3, code: [...jumpFar(SLOT, CODE + 7), ...END] });
  machine.setDescriptor(SLOT, flat(0x1e));
  expect(machine.event()).toMatchObject({ vector: END_VECTOR });
  expect(machine.state.csSelector).toBe(SLOT | 3);
  expect(machine.state.cpl).toBe(3);
});

test('a far jump marks the code segment accessed', () => {
  const machine = aProtectedMachine({ ring: 3, code: [...jumpFar(SLOT | 3, CODE + 7), ...END] });
  machine.setDescriptor(SLOT, flat(0x1a | DPL(3)));
  machine.event();
  expect(machine.word(0x1000 + SLOT + 4) & 0x100).toBe(0x100);
});

test('a call gate to ring 0 copies parameters to the stack of the task', () => {
  const code = [...push(0x11), ...push(0x22), ...callFar(SLOT | 3)];
  const machine = aProtectedMachine({ ring: 3, code });
  machine.setDescriptor(SLOT, gate(codeOf(0), LANDING, CALL_GATE | DPL(3), 2));
  machine.steps(3);
  const { state, word } = machine;
  expect(state.eip).toBe(LANDING);
  expect(state.cpl).toBe(0);
  expect(state.esp).toBe(STACK[0] - 24);
  const frame = Array.from({ length: 6 }, (_, i) => word(state.esp + 4 * i));
  expect(frame).toEqual([CODE + 17, codeOf(3), 0x22, 0x11, STACK[3] - 8, dataOf(3)]);
});

test('a 16-bit call gate pushes words and truncates its offset', () => {
  const machine = aProtectedMachine({ ring: 3, code: callFar(SLOT | 3) });
  machine.setDescriptor(SLOT, gate(codeOf(3), 0xabcd_0100, CALL_GATE_16 | DPL(3)));
  machine.steps(1);
  expect(machine.state.eip).toBe(0x100);
  expect(machine.word(machine.state.esp)).toBe(((CODE + 7) % 0x1_0000) | (codeOf(3) << 16));
});

test('retf with parameters releases them on both stacks and drops inner data segments', () => {
  const code = [
    ...[...push(dataOf(3)), ...push(STACK[3] - 0x100), ...push(1), ...push(2)],
    ...[...push(codeOf(3)), ...push(CODE + 33), 0xca, 8, 0],
    ...END,
  ];
  const machine = aProtectedMachine({ ring: 0, code });
  expect(machine.event()).toMatchObject({ vector: END_VECTOR });
  const { state } = machine;
  expect(state.cpl).toBe(3);
  expect(state.esp).toBe(STACK[3] - 0x100 + 8);
  expect([state.dsSelector, state.esSelector]).toEqual([0, 0]);
});

test.each([
  {
    does: 'a gate of ring 2 is closed to ring 3',
    put: gate(codeOf(0), LANDING, CALL_GATE | DPL(2)),
    event: { vector: 13, errorCode: SLOT },
  },
  {
    does: 'an absent gate is #NP',
    put: gate(codeOf(0), LANDING, CALL_GATE | DPL(3)) & ~(1n << 47n),
    event: { vector: 11, errorCode: SLOT },
  },
  {
    does: 'a gate to a data segment is #GP with the selector in the gate',
    put: gate(dataOf(0), LANDING, CALL_GATE | DPL(3)),
    event: { vector: 13, errorCode: dataOf(0) },
  },
  {
    does: 'a gate to nowhere is #GP(0)',
    put: gate(0, LANDING, CALL_GATE | DPL(3)),
    event: { vector: 13, errorCode: 0 },
  },
  {
    does: 'a local descriptor table is no target',
    put: segment(0, 7, PRESENT | DPL(3) | 2),
    event: { vector: 13, errorCode: SLOT },
  },
])('$does', ({ put, event }) => {
  const machine = aProtectedMachine({ ring: 3, code: callFar(SLOT | 3) });
  machine.setDescriptor(SLOT, put);
  expect(machine.event()).toMatchObject({ ...event, eip: CODE });
  expect(machine.state.esp).toBe(STACK[3]);
});

test('an inner stack that is not present is #SS, and nothing has changed', () => {
  const machine = aProtectedMachine({ ring: 3, code: callFar(SLOT | 3) });
  machine.setDescriptor(SLOT, gate(codeOf(1), LANDING, CALL_GATE | DPL(3)));
  machine.setDescriptor(SLOT_B, segment(DATA, 0xfff, 0x12 | DPL(1), 4));
  machine.setWord(TSS + 16, SLOT_B | 1);
  expect(machine.event()).toMatchObject({ vector: 12, errorCode: SLOT_B });
  expect(machine.state).toMatchObject({ cpl: 3, eip: CODE, esp: STACK[3], ssSelector: dataOf(3) });
});

test('a far jump to a task stops the machine with a sentence', () => {
  const machine = aProtectedMachine({ ring: 0, code: jumpFar(SLOT, 0) });
  machine.setDescriptor(SLOT, segment(TSS, 0x67, PRESENT | 9));
  expect(machine.event()).toMatchObject({ kind: 'unsupported' });
  expect(machine.state.eip).toBe(CODE);
});

test('a task gate to something else is the guest’s own fault', () => {
  const machine = aProtectedMachine({ ring: 0, code: jumpFar(SLOT, 0) });
  machine.setDescriptor(SLOT, gate(dataOf(0), 0, 5));
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: dataOf(0) });
});

test('iret with NT and no task to go back to is #TS', () => {
  const machine = aProtectedMachine({ code: [0xcf], flags: 0x4000 });
  expect(machine.event()).toMatchObject({ vector: 10, errorCode: 0 });
});

test('the task that is running is busy, and no target', () => {
  const machine = aProtectedMachine({ ring: 0, code: jumpFar(TASK, 0) });
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: TASK });
});

test('sysenter and sysexit go by IA32_SYSENTER_CS alone', () => {
  const machine = aProtectedMachine({ ring: 3, code: [0x0f, 0x34] });
  Object.assign(machine.state, { sysenterCs: 0x1003, sysenterEsp: 0x100, sysenterEip: LANDING });
  machine.cpu.ram.load(LANDING, Uint8Array.of(0x0f, 0x35));
  machine.steps(1);
  expect(machine.state).toMatchObject({ cpl: 0, csSelector: 0x1000, ssSelector: 0x1008 });
  expect(machine.state).toMatchObject({ esp: 0x100, eip: LANDING });
  Object.assign(machine.state, { ecx: 0x200, edx: CODE });
  machine.steps(1);
  expect(machine.state).toMatchObject({ cpl: 3, csSelector: 0x1013, ssSelector: 0x101b });
  expect(machine.state).toMatchObject({ esp: 0x200, eip: CODE });
});

test('sysenter without IA32_SYSENTER_CS is #GP(0)', () => {
  const machine = aProtectedMachine({ ring: 3, code: [0x0f, 0x34] });
  expect(machine.event()).toMatchObject({ vector: 13, errorCode: 0 });
});
