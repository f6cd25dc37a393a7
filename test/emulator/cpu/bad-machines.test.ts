import { describe, expect, test } from 'vitest';

import { BareMachine } from '../../../emulator/bare-metal/bare-machine.ts';
import { updateControl } from '../../../emulator/cpu/system/control-registers.ts';

const GIGABYTE = 1024 * 1024 * 1024;

describe('RAM', () => {
  test('of no byte at all: the first fetch reads ones, and nothing can handle the fault', () => {
    expect(new BareMachine(0).cpu.run(10)).toEqual({ kind: 'tripleFault' });
  });

  test('of one page holds a program', () => {
    const machine = new BareMachine(4096);
    machine.load(0xff0, Uint8Array.from([0x40, 0xf4]));
    machine.cpu.state.eip = 0xff0;
    expect(machine.cpu.run(10)).toEqual({ kind: 'halted' });
    expect(machine.cpu.state.eax).toBe(1);
  });

  test('of one gigabyte is used up to its last word', () => {
    const machine = new BareMachine(GIGABYTE);
    machine.load(0x1000, Uint8Array.from([0xa3, 0xfc, 0xff, 0xff, 0x3f, 0xf4]));
    machine.cpu.state.eip = 0x1000;
    machine.cpu.state.eax = 0x1234_5678;
    expect(machine.cpu.run(10)).toEqual({ kind: 'halted' });
    expect(machine.cpu.ram.read32(GIGABYTE - 4)).toBe(0x1234_5678);
  });

  test.each([-4096, 100, 4097, GIGABYTE + 4096, Number.NaN, 0.5])(
    'of %d bytes is refused',
    (size) => {
      expect(() => new BareMachine(size)).toThrow(/cannot have .* bytes of RAM/);
    },
  );

  test('refuses what does not fit into it', () => {
    const machine = new BareMachine(4096);
    expect(() => machine.load(4090, new Uint8Array(10))).toThrow(/do not fit into RAM/);
  });
});

describe('where no RAM is', () => {
  test('reads give ones and writes are lost', () => {
    const machine = new BareMachine(0x1_0000);
    machine.load(0x1000, Uint8Array.from([0xa3, 0, 0, 0, 0x40, 0xa1, 0, 0, 0, 0x40, 0xf4]));
    machine.cpu.state.eip = 0x1000;
    expect(machine.cpu.run(10)).toEqual({ kind: 'halted' });
    expect(machine.cpu.state.eax).toBe(0xffff_ffff);
  });

  test('page tables are full of reserved bits or absent pages, not of trouble', () => {
    const machine = new BareMachine(0x1_0000);
    machine.load(0x1000, Uint8Array.from([0x40, 0xf4]));
    machine.cpu.state.eip = 0x1000;
    machine.cpu.state.cr3 = 0xfff0_0000;
    machine.cpu.state.cr0 = (machine.cpu.state.cr0 | 0x8000_0000) >>> 0;
    updateControl(machine.cpu);
    expect(machine.cpu.run(10)).toEqual({ kind: 'tripleFault' });
  });

  test.each([0xffff_f000, 0x1_0000, 0xffff_fff8])(
    'descriptor tables at %d end in a triple fault',
    (base) => {
      const machine = new BareMachine(0x1_0000);
      machine.load(0x1000, Uint8Array.from([0xcd, 0x80]));
      Object.assign(machine.cpu.state, { eip: 0x1000, idtBase: base, gdtBase: base, esp: 0x8000 });
      expect(machine.cpu.run(10)).toEqual({ kind: 'tripleFault' });
    },
  );
});

test('a stack in the last bytes of memory faults or works, but ends', () => {
  const machine = new BareMachine(0x1_0000);
  machine.load(0x1000, Uint8Array.from([0x60, 0x61, 0x9c, 0x9d, 0xeb, 0xfa]));
  for (const esp of [0, 1, 2, 3, 16, 0xffff_ffff, 0xffff_fffe]) {
    Object.assign(machine.cpu.state, { eip: 0x1000, esp });
    expect(['budget', 'tripleFault']).toContain(machine.cpu.run(100).kind);
  }
});
