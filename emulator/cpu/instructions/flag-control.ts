/** Flags and doing nothing (SDM 1 §5.1.11, §5.1.13). */

import { VECTOR } from '../exceptions.ts';
import { arithmeticFlags, EFLAGS, setArithmeticFlags } from '../flags.ts';
import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import { EAX } from '../state.ts';
import { holdInterrupts } from '../system/interrupts.ts';

const LOW_FLAGS = 0xd5;

const flagsToAh = native('flagsToAh', (cpu) => {
  const { state } = cpu;
  const ah = (arithmeticFlags(state) & LOW_FLAGS) | EFLAGS.fixed;
  state.eax = ((state.eax & ~0xff00) | (ah << 8)) >>> 0;
});

const ahToFlags = native('ahToFlags', (cpu) => {
  const { state } = cpu;
  const kept = arithmeticFlags(state) & EFLAGS.overflow;
  setArithmeticFlags(state, kept | ((state.eax >>> 8) & LOW_FLAGS));
});

/** cli and sti need CPL <= IOPL (SDM 2A, CLI; virtual interrupts are not offered by CPUID). */
const setInterruptFlag = native('setInterruptFlag', (cpu, isOn: number) => {
  const { state } = cpu;
  if (state.cpl > ((state.systemFlags >>> 12) & 3)) {
    cpu.fault(VECTOR.protection);
  }
  const wasOn = (state.systemFlags & EFLAGS.interrupt) !== 0;
  state.systemFlags = isOn
    ? (state.systemFlags | EFLAGS.interrupt) >>> 0
    : (state.systemFlags & ~EFLAGS.interrupt) >>> 0;
  if (isOn && !wasOn) {
    holdInterrupts(cpu);
    if (state.interruptRequest) {
      cpu.endRun();
    }
  }
});

const setDirection = native('setDirection', (cpu, isDown: number) => {
  const { state } = cpu;
  const others = state.systemFlags & ~EFLAGS.direction;
  state.systemFlags = (others | (isDown ? EFLAGS.direction : 0)) >>> 0;
});

const flag = (
  mnemonic: string,
  opcode: string,
  run: typeof setDirection,
  value: 0 | 1,
): Instruction => ({
  mnemonic,
  encodings: [opcode],
  execute(cpu) {
    cpu.call(run, cpu.constant(value));
  },
});

export const flagControl: readonly Instruction[] = [
  {
    mnemonic: 'clc',
    encodings: ['F8'],
    execute: (cpu) => cpu.setCarry(cpu.constant(0)),
  },
  {
    mnemonic: 'stc',
    encodings: ['F9'],
    execute: (cpu) => cpu.setCarry(cpu.constant(1)),
  },
  {
    mnemonic: 'cmc',
    encodings: ['F5'],
    execute: (cpu) => cpu.setCarry(cpu.xor(cpu.carry(), cpu.constant(1))),
  },
  flag('cld', 'FC', setDirection, 0),
  flag('std', 'FD', setDirection, 1),
  flag('cli', 'FA', setInterruptFlag, 0),
  flag('sti', 'FB', setInterruptFlag, 1),
  {
    mnemonic: 'lahf',
    encodings: ['9F'],
    execute(cpu) {
      cpu.call(flagsToAh);
    },
  },
  {
    mnemonic: 'sahf',
    encodings: ['9E'],
    execute(cpu) {
      cpu.call(ahToFlags);
    },
  },
  {
    mnemonic: 'salc',
    encodings: ['D6'],
    execute: (cpu) => cpu.setRegister(EAX, cpu.sub(cpu.constant(0), cpu.carry()), 1),
  },
  { mnemonic: 'nop', encodings: ['90', '0F 1F Ev'], execute() {} },
  { mnemonic: 'pause', encodings: ['F3 90'], execute() {} },
];
