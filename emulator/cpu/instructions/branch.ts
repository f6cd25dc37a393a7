/** Near jumps, calls and returns (SDM 1 §5.1.7). */

import type { Instruction } from '../instruction.ts';
import type { Operand } from '../operand.ts';
import type { Semantics, Size } from '../semantics.ts';
import { ECX } from '../state.ts';
import { pop, push } from './stack.ts';

const wide = (size: Size): 2 | 4 => (size === 2 ? 2 : 4);

const counter = <V>(cpu: Semantics<V>): V => cpu.and(cpu.register(ECX), cpu.addressMask());

/** The jump itself faults where its target lies beyond the code segment (SDM 2A, JMP, Jcc). */
function branchTo<V>(cpu: Semantics<V>, condition: V, target: Operand): void {
  if (!cpu.isFlat) {
    cpu.when(condition, () => cpu.checkTarget(cpu.read(target)));
  }
  cpu.branch(condition, target);
}

/** loop, loope, loopne: count down and jump, by ZF too where `zero` says so. */
function loop(mnemonic: string, opcode: string, zero?: 0 | 1): Instruction {
  return {
    mnemonic,
    encodings: [`${opcode} Jb :v`],
    implicit: 'target',
    execute(cpu, target: Operand) {
      const mask = cpu.addressMask();
      const left = cpu.and(cpu.sub(counter(cpu), cpu.constant(1)), mask);
      const more = cpu.ne(left, cpu.constant(0));
      const takes =
        zero === undefined ? more : cpu.and(more, cpu.eq(cpu.condition(4), cpu.constant(zero)));
      if (!cpu.isFlat) {
        cpu.when(takes, () => cpu.checkTarget(cpu.read(target))); // before ECX changes
      }
      const kept = cpu.and(cpu.register(ECX), cpu.xor(mask, cpu.constant(-1)));
      cpu.setRegister(ECX, cpu.or(kept, left));
      cpu.branch(takes, target);
    },
  };
}

export const branches: readonly Instruction[] = [
  {
    mnemonic: 'jmp',
    encodings: ['E9 Jz', 'EB Jb :v'],
    implicit: 'target',
    ends: true,
    execute: (cpu, target: Operand) => branchTo(cpu, cpu.constant(1), target),
  },
  {
    mnemonic: 'jmp',
    encodings: ['FF /4 Ev'],
    ends: true,
    execute(cpu, target: Operand) {
      const eip = cpu.read(target);
      cpu.checkTarget(eip);
      cpu.jump(eip);
    },
  },
  {
    mnemonic: 'jcc',
    encodings: ['70+cc Jb :v', '0F 80+cc Jz'],
    implicit: 'target',
    execute(cpu, target: Operand) {
      branchTo(cpu, cpu.condition(cpu.cc), target);
    },
  },
  {
    mnemonic: 'jecxz',
    encodings: ['E3 Jb :v'],
    implicit: 'target',
    execute(cpu, target: Operand) {
      branchTo(cpu, cpu.eq(counter(cpu), cpu.constant(0)), target);
    },
  },
  loop('loopne', 'E0', 0),
  loop('loope', 'E1', 1),
  loop('loop', 'E2'),
  {
    mnemonic: 'call',
    encodings: ['E8 Jz'],
    implicit: 'stack',
    ends: true,
    execute(cpu, target: Operand) {
      // The target is looked at when the return address is stored already.
      push(cpu, cpu.nextEip(), wide(cpu.size), () => cpu.checkTarget(cpu.read(target)));
      cpu.branch(cpu.constant(1), target);
    },
  },
  {
    mnemonic: 'call',
    encodings: ['FF /2 Ev'],
    implicit: 'stack',
    ends: true,
    execute(cpu, target: Operand) {
      const eip = cpu.read(target);
      push(cpu, cpu.nextEip(), wide(cpu.size), () => cpu.checkTarget(eip));
      cpu.jump(eip);
    },
  },
  {
    mnemonic: 'ret',
    encodings: ['C3 :v'],
    implicit: 'stack',
    ends: true,
    execute(cpu) {
      const { value, release } = pop(cpu, wide(cpu.size));
      cpu.checkTarget(value);
      release();
      cpu.jump(value);
    },
  },
  {
    mnemonic: 'ret',
    encodings: ['C2 Iw :v'],
    implicit: 'stack',
    ends: true,
    execute(cpu, extra: Operand) {
      const { value, release } = pop(cpu, wide(cpu.size));
      cpu.checkTarget(value);
      release(cpu.read(extra));
      cpu.jump(value);
    },
  },
];
