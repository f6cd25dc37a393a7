/** Far jumps, calls and returns, and the fast system calls (SDM 3A §5.8). */

import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Semantics } from '../semantics.ts';
import { farCall, farJump, farReturn } from '../system/far-transfer.ts';
import { enterSystem, leaveSystem } from '../system/fast-call.ts';

const jumpFar = native('jumpFar', (cpu, selector: number, offset: number) => {
  farJump(cpu, selector & 0xffff, offset >>> 0);
});

const callFar = native(
  'callFar',
  (cpu, selector: number, offset: number, size: number, nextEip: number) => {
    farCall(cpu, selector & 0xffff, offset >>> 0, size, nextEip >>> 0);
  },
);

const returnFar = native('returnFar', (cpu, size: number, release: number) => {
  farReturn(cpu, size, release);
});

const sysenter = native('sysenter', enterSystem);
const sysexit = native('sysexit', leaveSystem);

interface FarPointer<V> {
  readonly selector: V;
  readonly offset: V;
}

function farPointer<V>(cpu: Semantics<V>, target: Operand): FarPointer<V> {
  if (target.kind === 'immediate') {
    return { selector: cpu.read({ ...target, slot: 1 }), offset: cpu.read(target) };
  }
  // Two accesses, each with its own alignment.
  const offset = cpu.read({ ...target, size: cpu.size });
  return { selector: cpu.read({ ...target, size: 2 }, cpu.constant(cpu.size)), offset };
}

export const farTransfers: readonly Instruction[] = [
  {
    mnemonic: 'jmp far',
    encodings: ['EA Ap', 'FF /5 Mp'],
    ends: true,
    execute(cpu, target: Operand) {
      const { selector, offset } = farPointer(cpu, target);
      cpu.call(jumpFar, selector, offset);
      cpu.jumpToState();
    },
  },
  {
    mnemonic: 'call far',
    encodings: ['9A Ap', 'FF /3 Mp'],
    ends: true,
    execute(cpu, target: Operand) {
      const { selector, offset } = farPointer(cpu, target);
      cpu.call(callFar, selector, offset, cpu.constant(cpu.size), cpu.nextEip());
      cpu.jumpToState();
    },
  },
  {
    mnemonic: 'retf',
    encodings: ['CB :v', 'CA Iw :v'],
    ends: true,
    execute(cpu, release?: Operand) {
      const bytes = release === undefined ? cpu.constant(0) : cpu.read(release);
      cpu.call(returnFar, cpu.constant(cpu.size), bytes);
      cpu.jumpToState();
    },
  },
  {
    mnemonic: 'sysenter',
    encodings: ['0F 34'],
    ends: true,
    execute(cpu) {
      cpu.call(sysenter);
      cpu.jumpToState();
    },
  },
  {
    mnemonic: 'sysexit',
    encodings: ['0F 35'],
    privilege: 0,
    ends: true,
    execute(cpu) {
      cpu.call(sysexit);
      cpu.jumpToState();
    },
  },
];
