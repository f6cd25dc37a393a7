import { describe, expect, test } from 'vitest';

import { BareMachine } from '../../../emulator/bare-metal/bare-machine.ts';
import { updateControl } from '../../../emulator/cpu/system/control-registers.ts';
import type { Watchpoint } from '../../../emulator/cpu/watchpoints.ts';

const CODE = 0x1000;
const DATA = 0x5000;

/** A machine with code at 0x1000 and ESP at 0x8000. */
function aMachine(...code: number[]): BareMachine {
  const machine = new BareMachine(0x1_0000);
  machine.load(CODE, Uint8Array.from(code));
  machine.cpu.state.eip = CODE;
  machine.cpu.state.esp = 0x8000;
  return machine;
}

/** mov eax,[0x5000] · mov [0x5000],eax · inc dword [0x5000] · hlt */
const TOUCHING = [0xa1, 0, 0x50, 0, 0, 0xa3, 0, 0x50, 0, 0, 0xff, 0x05, 0, 0x50, 0, 0, 0xf4];

/** The addresses after the instructions at which a run stopped for a watchpoint. */
function stopsOf(machine: BareMachine, watchpoint: Watchpoint): number[] {
  machine.cpu.watchpoints.add(watchpoint);
  const stops: number[] = [];
  for (;;) {
    const stop = machine.cpu.run(1000);
    if (stop.kind !== 'watchpoint') {
      return stops;
    }
    stops.push(machine.cpu.state.eip - CODE);
  }
}

describe('a data watchpoint', () => {
  const at = { address: DATA + 3, length: 1 };

  test.each([
    { on: 'read', stops: [5, 16] },
    { on: 'write', stops: [10, 16] },
    { on: 'access', stops: [5, 10, 16] },
  ] as const)('on $on by linear address stops after the instruction', ({ on, stops }) => {
    const watchpoint: Watchpoint = { space: 'linear', ...at, on };
    expect([...new Set(stopsOf(aMachine(...TOUCHING), watchpoint))]).toEqual(stops);
  });

  test.each([
    { on: 'read', stops: [5, 16] },
    { on: 'write', stops: [10, 16] },
  ] as const)('on $on by physical address stops after the instruction', ({ on, stops }) => {
    const watchpoint: Watchpoint = { space: 'physical', ...at, on };
    expect([...new Set(stopsOf(aMachine(...TOUCHING), watchpoint))]).toEqual(stops);
  });

  test('on change stops only where a byte in it differs', () => {
    const first: Watchpoint = { space: 'linear', address: DATA, length: 1, on: 'change' };
    expect(stopsOf(aMachine(...TOUCHING), first)).toEqual([16]);
    const last: Watchpoint = { space: 'linear', address: DATA + 3, length: 1, on: 'change' };
    expect(stopsOf(aMachine(...TOUCHING), last)).toEqual([]);
  });

  test('of many pages sees a write in the last of them', () => {
    const watchpoint: Watchpoint = {
      space: 'linear',
      address: 0x2000,
      length: 0x3002,
      on: 'write',
    };
    expect(stopsOf(aMachine(...TOUCHING), watchpoint)).toEqual([10, 16]);
  });

  test('beside the access does not stop', () => {
    const watchpoint: Watchpoint = { space: 'linear', address: DATA + 4, length: 4, on: 'access' };
    expect(stopsOf(aMachine(...TOUCHING), watchpoint)).toEqual([]);
  });

  test('costs nothing after it is removed: the page is fast again', () => {
    const machine = aMachine(...TOUCHING);
    const watchpoint: Watchpoint = { space: 'linear', ...at, on: 'write' };
    machine.cpu.watchpoints.add(watchpoint);
    machine.cpu.watchpoints.remove(watchpoint);
    machine.cpu.run(1000);
    expect(machine.cpu.tlb.writes[0][DATA >>> 12]).not.toBe(1);
  });

  test('on a physical address is found through another linear address', () => {
    const machine = aMachine(...TOUCHING);
    const { ram, state } = machine.cpu;
    ram.write32(0xa000, 0xb000 | 3);
    for (let page = 0; page < 16; page++) {
      ram.write32(0xb000 + 4 * page, (page << 12) | 3);
    }
    ram.write32(0xb000 + 4 * (DATA >>> 12), 0x6000 | 3);
    state.cr3 = 0xa000;
    state.cr0 = (state.cr0 | 0x8000_0000) >>> 0;
    updateControl(machine.cpu);
    const watchpoint: Watchpoint = { space: 'physical', address: 0x6000, length: 4, on: 'write' };
    expect(stopsOf(machine, watchpoint)).toEqual([10, 16]);
  });
});

describe('a code breakpoint', () => {
  test('stops before its instruction, and a run from there lets it pass', () => {
    const machine = aMachine(0x40, 0x40, 0x40, 0xeb, 0xfb);
    machine.cpu.addBreakpoint(CODE + 1);
    expect(machine.cpu.run(100)).toEqual({ kind: 'breakpoint', address: CODE + 1 });
    expect(machine.cpu.state.eax).toBe(1);
    expect(machine.cpu.run(100)).toEqual({ kind: 'breakpoint', address: CODE + 1 });
    expect(machine.cpu.state.eax).toBe(4);
    expect(machine.cpu.state.retired).toBe(5);
    machine.cpu.removeBreakpoint(CODE + 1);
    expect(machine.cpu.run(100).kind).toBe('budget');
  });

  test('changes no byte of memory', () => {
    const machine = aMachine(0x40, 0x40, 0xeb, 0xfc);
    machine.cpu.addBreakpoint(CODE);
    machine.cpu.run(10);
    expect([...machine.cpu.ram.bytes(CODE, 4)]).toEqual([0x40, 0x40, 0xeb, 0xfc]);
  });

  test('leaves the course of a run as it is', () => {
    const machine = aMachine(0x40, 0x01, 0xc3, 0xeb, 0xfb);
    const other = aMachine(0x40, 0x01, 0xc3, 0xeb, 0xfb);
    machine.cpu.addBreakpoint(CODE + 1);
    while (machine.cpu.state.retired < 300) {
      machine.cpu.run(300 - machine.cpu.state.retired);
    }
    other.cpu.run(300);
    expect(machine.hash()).toBe(other.hash());
  });
});

describe('dirty tracking', () => {
  test('tells each frame that was written since it was last asked', () => {
    const machine = aMachine(...TOUCHING);
    machine.cpu.takeDirtyFrames();
    machine.cpu.run(1000);
    expect(machine.cpu.takeDirtyFrames()).toEqual([DATA >>> 12]);
    expect(machine.cpu.takeDirtyFrames()).toEqual([]);
    machine.cpu.state.halted = 0;
    machine.cpu.state.eip = CODE;
    machine.cpu.run(1000);
    expect(machine.cpu.takeDirtyFrames()).toEqual([DATA >>> 12]);
  });
});

test('looking at memory sets no accessed bit and fills no TLB', () => {
  const machine = aMachine(0xf4);
  const { cpu } = machine;
  cpu.ram.write32(0xa000, 0xb000 | 3);
  cpu.ram.write32(0xb000 + 4 * 5, 0x5000 | 3);
  cpu.state.cr3 = 0xa000;
  cpu.state.cr0 = (cpu.state.cr0 | 0x8000_0000) >>> 0;
  updateControl(cpu);
  const before = machine.hash();
  expect(cpu.access.peek(DATA, 4)).toHaveLength(4);
  expect(cpu.access.peek(0x7000, 4)).toHaveLength(0);
  expect(machine.hash()).toBe(before);
});

test('a run ends after exactly so many instructions', () => {
  const machine = aMachine(0x40, 0x40, 0x40, 0x40, 0xeb, 0xfa);
  for (const count of [1, 2, 3, 7, 100, 12_345]) {
    const before = machine.cpu.state.retired;
    expect(machine.cpu.run(count).kind).toBe('budget');
    expect(machine.cpu.state.retired - before).toBe(count);
  }
});

test('each iteration of a repeated instruction counts as one', () => {
  const machine = aMachine(0xf3, 0xaa, 0xf4); // rep stosb · hlt
  Object.assign(machine.cpu.state, { ecx: 10_000, edi: DATA, eax: 0x55 });
  expect(machine.cpu.run(9_000).kind).toBe('budget');
  expect(machine.cpu.state.ecx).toBe(1_000);
  expect(machine.cpu.state.eip).toBe(CODE);
  expect(machine.cpu.run(5_000).kind).toBe('halted');
  expect(machine.cpu.state.retired).toBe(10_001);
});

describe('breakpoints', () => {
  /** nop · nop · jmp back */
  const LOOP = [0x90, 0x90, 0xeb, 0xfc];

  test('stop wherever the host divides the run', () => {
    const machine = aMachine(...LOOP);
    machine.cpu.setBreakpoints([CODE + 1], []);
    const stops: number[] = [];
    while (stops.length < 5) {
      if (machine.cpu.run(1).kind === 'breakpoint') {
        stops.push(machine.cpu.state.retired);
      }
    }
    expect(stops).toEqual([1, 4, 7, 10, 13]);
  });

  test('by physical address stop in whatever page maps it', () => {
    const machine = aMachine(...LOOP);
    machine.cpu.setBreakpoints([], [CODE + 2]);
    expect(machine.cpu.run(100)).toEqual({ kind: 'breakpoint', address: CODE + 2 });
  });

  test('let the run go on where the filter says so', () => {
    const machine = aMachine(...LOOP);
    machine.cpu.setBreakpoints([CODE], []);
    let asked = 0;
    machine.cpu.breakpointFilter = (linear) => linear === CODE && ++asked === 3;
    expect(machine.cpu.run(100)).toEqual({ kind: 'breakpoint', address: CODE });
    expect(machine.cpu.state.retired).toBe(6);
  });

  test('let a user go on who is there already', () => {
    const machine = aMachine(...LOOP);
    machine.cpu.setBreakpoints([CODE], []);
    machine.cpu.passBreakpoint();
    machine.cpu.run(100);
    expect(machine.cpu.state.retired).toBe(3);
  });
});
