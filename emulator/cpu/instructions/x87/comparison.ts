/**
 * Comparisons and classification (SDM 1 §8.3.6).
 *
 * The answer reaches the condition codes, or EFLAGS, even when an unmasked exception is raised;
 * only the pop is then withheld.
 */

import { EFLAGS, setArithmeticFlags } from '../../flags.ts';
import { compareOrdered, compareUnordered, type Relation } from '../../float/comparison.ts';
import { blocks, type FloatContext } from '../../float/context.ts';
import { type Real, zero } from '../../float/real.ts';
import { readFloat, readInteger } from '../../fpu/memory-format.ts';
import {
  addressOf,
  begin,
  finish,
  finishKeepingC1,
  isEmpty,
  popTimes,
  read,
  setConditions,
  stackFault,
} from '../../fpu/stack.ts';
import { STATUS } from '../../fpu/status.ts';
import type { Instruction } from '../../instruction.ts';
import { native } from '../../native.ts';
import { isMemory, type Operand } from '../../operand.ts';
import type { Processor } from '../../processor.ts';
import { compute } from './unit.ts';

type Compare = (a: Real, b: Real, context: FloatContext) => Relation;
type Report = (cpu: Processor, relation: Relation) => void;

const CODES: Readonly<Record<Relation, number>> = {
  less: STATUS.c0,
  equal: STATUS.c3,
  greater: 0,
  unordered: STATUS.c0 | STATUS.c2 | STATUS.c3,
};

const toConditions: Report = (cpu, relation) => setConditions(cpu, CODES[relation]);

const FLAGS: Readonly<Record<Relation, number>> = {
  less: EFLAGS.carry,
  equal: EFLAGS.zero,
  greater: 0,
  unordered: EFLAGS.carry | EFLAGS.parity | EFLAGS.zero,
};

/** OF, SF and AF are cleared. */
const toEflags: Report = (cpu, relation) => setArithmeticFlags(cpu.state, FLAGS[relation]);

/** Compares ST(0) with another number, which is absent when its register is empty. */
function compareTop(
  cpu: Processor,
  source: Real | undefined,
  compare: Compare,
  report: Report,
  pops: number,
): void {
  const context = begin(cpu);
  const lacks = isEmpty(cpu, 0) || source === undefined;
  report(cpu, lacks ? 'unordered' : compare(read(cpu, 0), source, context));
  if (lacks ? stackFault(context, false) : !blocks(context)) {
    popTimes(cpu, pops);
  }
  (report === toEflags ? finishKeepingC1 : finish)(cpu, context);
}

/** Comparison with a register or with memory; `pops` is how many registers it takes away. */
function comparison(
  mnemonic: string,
  encodings: readonly string[],
  compare: Compare,
  report: Report,
  pops: 0 | 1 | 2,
): Instruction {
  const withRegister = native(`${mnemonic}Registers`, (cpu, i: number) => {
    const source = isEmpty(cpu, i) ? undefined : read(cpu, i);
    compareTop(cpu, source, compare, report, pops);
  });
  const withMemory = native(mnemonic, (cpu, pointer: number, size: number) => {
    compareTop(cpu, readFloat(cpu, pointer, size), compare, report, pops);
  });
  return {
    mnemonic,
    encodings,
    unit: 'x87',
    execute(cpu, source?: Operand) {
      if (source === undefined) {
        compute(cpu, undefined, withRegister, cpu.constant(1));
      } else if (isMemory(source)) {
        const pointer = cpu.pointer(source, 'read');
        compute(cpu, source, withMemory, pointer, cpu.constant(source.size));
      } else {
        compute(cpu, undefined, withRegister, cpu.number(source));
      }
    },
  };
}

function integerComparison(mnemonic: string, digit: number, pops: 0 | 1): Instruction {
  const run = native(mnemonic, (cpu, pointer: number, size: number) => {
    compareTop(cpu, readInteger(cpu, pointer, size), compareOrdered, toConditions, pops);
  });
  return {
    mnemonic,
    encodings: [`DA /${digit} Md`, `DE /${digit} Mw`],
    unit: 'x87',
    execute(cpu, source: Operand) {
      compute(cpu, source, run, cpu.pointer(source, 'read'), cpu.constant(source.size));
    },
  };
}

const compareZero = native('ftst', (cpu) => {
  compareTop(cpu, zero(false), compareOrdered, toConditions, 0);
});

/** C3, C2 and C0 by class (SDM 2A, FXAM, table 3-39). */
function classOf(cpu: Processor): number {
  if (isEmpty(cpu, 0)) {
    return STATUS.c3 | STATUS.c0;
  }
  const value = read(cpu, 0);
  switch (value.kind) {
    case 'unsupported':
      return 0;
    case 'nan':
      return STATUS.c0;
    case 'infinity':
      return STATUS.c2 | STATUS.c0;
    case 'zero':
      return STATUS.c3;
    case 'finite':
      return value.denormal ? STATUS.c3 | STATUS.c2 : STATUS.c2;
  }
}

/** C1 is the sign, of an empty register too. */
const examine = native('fxam', (cpu) => {
  const context = begin(cpu);
  setConditions(cpu, classOf(cpu));
  context.roundedUp = ((cpu.memory.u16[(addressOf(cpu, 0) >>> 1) + 4] as number) & 0x8000) !== 0;
  finish(cpu, context);
});

export const x87Comparisons: readonly Instruction[] = [
  comparison(
    'fcom',
    ['D8 /2 Md', 'DC /2 Mq', 'D8 [D0+i] STi', 'DC [D0+i] STi'],
    compareOrdered,
    toConditions,
    0,
  ),
  comparison(
    'fcomp',
    ['D8 /3 Md', 'DC /3 Mq', 'D8 [D8+i] STi', 'DC [D8+i] STi', 'DE [D0+i] STi'],
    compareOrdered,
    toConditions,
    1,
  ),
  comparison('fcompp', ['DE [D9]'], compareOrdered, toConditions, 2),
  comparison('fucom', ['DD [E0+i] STi'], compareUnordered, toConditions, 0),
  comparison('fucomp', ['DD [E8+i] STi'], compareUnordered, toConditions, 1),
  comparison('fucompp', ['DA [E9]'], compareUnordered, toConditions, 2),
  comparison('fcomi', ['DB [F0+i] STi'], compareOrdered, toEflags, 0),
  comparison('fcomip', ['DF [F0+i] STi'], compareOrdered, toEflags, 1),
  comparison('fucomi', ['DB [E8+i] STi'], compareUnordered, toEflags, 0),
  comparison('fucomip', ['DF [E8+i] STi'], compareUnordered, toEflags, 1),
  integerComparison('ficom', 2, 0),
  integerComparison('ficomp', 3, 1),
  {
    mnemonic: 'ftst',
    encodings: ['D9 [E4]'],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, compareZero),
  },
  {
    mnemonic: 'fxam',
    encodings: ['D9 [E5]'],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, examine),
  },
];
