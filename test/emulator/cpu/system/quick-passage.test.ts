import { expect, test } from 'vitest';
import { BareMachine } from '../../../../emulator/bare-metal/bare-machine.ts';
import type { Event } from '../../../../emulator/cpu/environment.ts';
import { deliver, interruptReturn } from '../../../../emulator/cpu/system/interrupts.ts';
import { enterQuickly, returnQuickly } from '../../../../emulator/cpu/system/quick-passage.ts';
import {
  setPrivilege,
  setSegment,
  updateSegments,
} from '../../../../emulator/cpu/system/segmentation.ts';

const GDT = 0x1000;
const IDT = 0x2000;
const TSS = 0x3000;
const HANDLER = 0x0001_2340;

/** Flat segments of rings 0 and 3, a trap gate for everyone at 0x80, an interrupt gate at 14. */
function aMachine(ring: 0 | 3): BareMachine {
  const machine = new BareMachine(0x4_0000);
  const { cpu } = machine;
  const pair = (at: number, low: number, high: number): void => {
    cpu.ram.write32(at, low);
    cpu.ram.write32(at + 4, high);
  };
  pair(GDT + 0x08, 0xffff, 0x00cf_9b00);
  pair(GDT + 0x10, 0xffff, 0x00cf_9300);
  pair(GDT + 0x18, 0xffff, 0x00cf_fb00);
  pair(GDT + 0x20, 0xffff, 0x00cf_f300);
  pair(IDT + 8 * 0x80, (8 << 16) | (HANDLER & 0xffff), (HANDLER & 0xffff_0000) | 0xef00);
  pair(IDT + 8 * 14, (8 << 16) | (HANDLER & 0xffff), (HANDLER & 0xffff_0000) | 0x8e00);
  pair(TSS + 4, 0x8000, 0x10);
  const { state } = cpu;
  Object.assign(state, { gdtBase: GDT, gdtLimit: 0x27, idtBase: IDT, idtLimit: 0x7ff });
  Object.assign(state, { trBase: TSS, trLimit: 0x67, trRights: 0x8b01, esp: 0x9000 });
  const [code, data] = ring === 0 ? [0x08, 0x10] : [0x1b, 0x23];
  const privilege = ring << 13;
  setSegment(cpu, 1, code, { low: 0xffff, high: 0x00cf_9b00 | privilege, address: 0 });
  for (const index of [0, 2, 3, 4, 5]) {
    setSegment(cpu, index, data, { low: 0xffff, high: 0x00cf_9300 | privilege, address: 0 });
  }
  setPrivilege(cpu, ring);
  updateSegments(cpu);
  state.systemFlags = 0x3202;
  return machine;
}

/** Lets the TLB know all pages that a way in and out touches. */
function warm({ cpu }: BareMachine): void {
  for (const page of [GDT, IDT, TSS, 0x7000, 0x8000]) {
    cpu.readSystem(page, 4);
    cpu.writeSystem(page, cpu.readSystem(page, 4));
    cpu.writeLinear(page, 4, cpu.readLinear(page, 4, true), true);
  }
}

const EVENTS: readonly Event[] = [
  { vector: 0x80, errorCode: undefined, kind: 'software', eip: 0x1234 },
  { vector: 14, errorCode: 6, kind: 'fault', eip: 0xffff_fff0 },
];

test.each([0, 3] as const)('from ring %i in and out: the short way is the long way', (ring) => {
  for (const event of EVENTS) {
    const [short, long] = [aMachine(ring), aMachine(ring)];
    long.cpu.takesShortWays = false;
    for (const machine of [short, long]) {
      warm(machine);
      deliver(machine.cpu, event);
    }
    expect(short.hash()).toBe(long.hash());
    for (const machine of [short, long]) {
      machine.cpu.state.esp += event.errorCode === undefined ? 0 : 4;
      interruptReturn(machine.cpu, 4);
    }
    expect(short.hash()).toBe(long.hash());
    expect(short.cpu.state.eip).toBe(event.eip);
    expect(short.cpu.state.cpl).toBe(ring);
  }
});

test('the short way is taken when everything is flat and known, else nothing is done', () => {
  const machine = aMachine(3);
  const event = EVENTS[0] as Event;
  const before = machine.hash();
  expect(enterQuickly(machine.cpu, event, 2)).toBe(0);
  expect(returnQuickly(machine.cpu)).toBeUndefined();
  expect(machine.hash()).toBe(before);
  warm(machine);
  expect(enterQuickly(machine.cpu, event, 2)).toBe(2);
  expect(returnQuickly(machine.cpu)).toBe(2);
});
