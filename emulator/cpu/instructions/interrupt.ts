/** Interrupts that instructions raise, and the return from them (SDM 1 §6.4). */

import { VECTOR } from '../exceptions.ts';
import { EFLAGS } from '../flags.ts';
import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import { interruptReturn } from '../system/interrupts.ts';

const raiseInterrupt = native('raiseInterrupt', (cpu, vector: number, nextEip: number) => {
  cpu.softwareInterrupt(vector & 0xff, nextEip >>> 0);
});

const raiseOverflow = native('raiseOverflow', (cpu, nextEip: number) => {
  if (cpu.eflags & EFLAGS.overflow) {
    cpu.softwareInterrupt(VECTOR.overflow, nextEip >>> 0);
  } else {
    cpu.state.eip = nextEip >>> 0;
  }
});

/** icebp: #DB without the checks of int, and without a reason in DR6 (SDM 3B §18.3.1.4). */
const raiseDebug = native('raiseDebug', (cpu, nextEip: number) => {
  cpu.enterHandler({
    vector: VECTOR.debug,
    errorCode: undefined,
    kind: 'trap',
    eip: nextEip >>> 0,
  });
});

const returnFromInterrupt = native('returnFromInterrupt', (cpu, size: number) => {
  interruptReturn(cpu, size);
});

const halt = native('halt', (cpu) => {
  cpu.state.halted = 1;
  cpu.endRun();
});

export const interruptInstructions: readonly Instruction[] = [
  {
    mnemonic: 'int3',
    encodings: ['CC'],
    ends: true,
    execute(cpu) {
      cpu.call(raiseInterrupt, cpu.constant(VECTOR.breakpoint), cpu.nextEip());
      cpu.jumpToState();
    },
  },
  {
    mnemonic: 'int',
    encodings: ['CD Ib :v'],
    ends: true,
    execute(cpu, vector: Operand) {
      cpu.call(raiseInterrupt, cpu.read(vector), cpu.nextEip());
      cpu.jumpToState();
    },
  },
  {
    mnemonic: 'into',
    encodings: ['CE'],
    ends: true,
    execute(cpu) {
      cpu.call(raiseOverflow, cpu.nextEip());
      cpu.jumpToState();
    },
  },
  {
    mnemonic: 'int1',
    encodings: ['F1'],
    ends: true,
    execute(cpu) {
      cpu.call(raiseDebug, cpu.nextEip());
      cpu.jumpToState();
    },
  },
  {
    mnemonic: 'iret',
    encodings: ['CF :v'],
    ends: true,
    execute(cpu) {
      cpu.call(returnFromInterrupt, cpu.constant(cpu.size));
      cpu.jumpToState();
    },
  },
  {
    mnemonic: 'hlt',
    encodings: ['F4'],
    privilege: 0,
    execute(cpu) {
      cpu.call(halt);
    },
  },
  {
    mnemonic: 'bound',
    encodings: ['62 Gv,Ma'],
    // The upper bound is read only after the lower one has been met.
    execute(cpu, index: Operand, bounds: Operand) {
      const value = cpu.readSigned(index);
      const bound = { ...bounds, size: cpu.size };
      const lower = cpu.readSigned(bound);
      cpu.faultIf(cpu.lts(value, lower), VECTOR.bound);
      const upper = cpu.signExtend(cpu.read(bound, cpu.constant(cpu.size)), cpu.size);
      cpu.faultIf(cpu.lts(upper, value), VECTOR.bound);
    },
  },
  {
    mnemonic: 'ud2',
    encodings: ['0F 0B'],
    ends: true,
    execute: (cpu) => cpu.faultIf(cpu.constant(1), VECTOR.undefined),
  },
];
