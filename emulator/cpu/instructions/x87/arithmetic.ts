/** Addition to square root: the x87's basic arithmetic (SDM 1 §8.3.5). */

import {
  type Arithmetic,
  add,
  divide,
  multiply,
  squareRoot,
  subtract,
  x87,
} from '../../float/arithmetic.ts';
import { blocks, type FloatContext } from '../../float/context.ts';
import { roundToInteger } from '../../float/conversion.ts';
import { isNan } from '../../float/nan.ts';
import { INDEFINITE, type Real } from '../../float/real.ts';
import { nearestRemainder, type Remainder, truncatedRemainder } from '../../float/remainder.ts';
import { scale } from '../../float/scale.ts';
import { readFloat, readInteger } from '../../fpu/memory-format.ts';
import {
  addressOf,
  begin,
  finish,
  isEmpty,
  pop,
  read,
  setConditions,
  stackFault,
  write,
} from '../../fpu/stack.ts';
import { STATUS } from '../../fpu/status.ts';
import type { Instruction } from '../../instruction.ts';
import { type Native, native } from '../../native.ts';
import type { Operand } from '../../operand.ts';
import type { Processor } from '../../processor.ts';
import { compute } from './unit.ts';

type Operation = (a: Real, b: Real, unit: Arithmetic, context: FloatContext) => Real;

/** ST(0) and a number from memory. */
function withMemory(cpu: Processor, operation: Operation, source: Real): void {
  const context = begin(cpu);
  if (isEmpty(cpu, 0)) {
    if (stackFault(context, false)) {
      write(cpu, 0, INDEFINITE);
    }
  } else {
    const result = operation(read(cpu, 0), source, x87(context), context);
    if (!blocks(context)) {
      write(cpu, 0, result);
    }
  }
  finish(cpu, context);
}

/** One of the two registers is ST(0); with `pops` it goes afterwards. */
function withRegister(
  cpu: Processor,
  operation: Operation,
  target: number,
  source: number,
  pops: number,
): void {
  const context = begin(cpu);
  const lacks = isEmpty(cpu, target) || isEmpty(cpu, source);
  const result = lacks
    ? INDEFINITE
    : operation(read(cpu, target), read(cpu, source), x87(context), context);
  if (lacks ? stackFault(context, false) : !blocks(context)) {
    write(cpu, target, result);
    if (pops) {
      pop(cpu);
    }
  }
  finish(cpu, context);
}

/**
 * @param digit of ModRM, and ModRM >> 3 of the register forms
 * @param reversed the digit of the forms with another target than ST(0), where subtraction and
 *   division have changed places with their reverses
 */
function family(
  name: string,
  digit: number,
  reversed: number,
  operation: Operation,
): Instruction[] {
  const fromFloat = native(name, (cpu, pointer: number, size: number) => {
    withMemory(cpu, operation, readFloat(cpu, pointer, size));
  });
  const integerName = name.replace('f', 'fi');
  const fromInteger = native(integerName, (cpu, pointer: number, size: number) => {
    withMemory(cpu, operation, readInteger(cpu, pointer, size));
  });
  const between = native(
    `${name}Registers`,
    (cpu, target: number, source: number, pops: number) => {
      withRegister(cpu, operation, target, source, pops);
    },
  );
  const modrm = (row: number): string => `[${(0xc0 + 8 * row).toString(16).toUpperCase()}+i]`;
  const inRegisters = (mnemonic: string, pops: 0 | 1, ...encodings: string[]): Instruction => ({
    mnemonic,
    encodings,
    unit: 'x87',
    execute(cpu, target: Operand, source: Operand) {
      const numbers = [cpu.number(target), cpu.number(source), cpu.constant(pops)];
      compute(cpu, undefined, between, ...numbers);
    },
  });
  return [
    memorySource(name, [`D8 /${digit} Md`, `DC /${digit} Mq`], fromFloat),
    memorySource(integerName, [`DA /${digit} Md`, `DE /${digit} Mw`], fromInteger),
    inRegisters(name, 0, `D8 ${modrm(digit)} ST,STi`, `DC ${modrm(reversed)} STi,ST`),
    inRegisters(`${name}p`, 1, `DE ${modrm(reversed)} STi,ST`),
  ];
}

function memorySource(mnemonic: string, encodings: readonly string[], run: Native): Instruction {
  return {
    mnemonic,
    encodings,
    unit: 'x87',
    execute(cpu, source: Operand) {
      compute(cpu, source, run, cpu.pointer(source, 'read'), cpu.constant(source.size));
    },
  };
}

/** An operation on ST(0) alone. */
function onTop(
  mnemonic: string,
  modrm: string,
  operation: (value: Real, context: FloatContext, cpu: Processor) => Real,
): Instruction {
  const run = native(mnemonic, (cpu) => {
    const context = begin(cpu);
    const lacks = isEmpty(cpu, 0);
    const result = lacks ? INDEFINITE : operation(read(cpu, 0), context, cpu);
    if (lacks ? stackFault(context, false) : !blocks(context)) {
      write(cpu, 0, result);
    }
    finish(cpu, context);
  });
  return {
    mnemonic,
    encodings: [`D9 [${modrm}]`],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, run),
  };
}

const SIGN = 0x8000;

/** FABS and FCHS touch the sign alone, of whatever ST(0) holds. */
function signChange(
  mnemonic: string,
  modrm: string,
  change: (sign: number) => number,
): Instruction {
  const run = native(mnemonic, (cpu) => {
    const context = begin(cpu);
    if (!isEmpty(cpu, 0)) {
      const at = (addressOf(cpu, 0) >>> 1) + 4;
      cpu.memory.u16[at] = change(cpu.memory.u16[at] as number);
    } else if (stackFault(context, false)) {
      write(cpu, 0, INDEFINITE);
    }
    finish(cpu, context);
  });
  return {
    mnemonic,
    encodings: [`D9 [${modrm}]`],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, run),
  };
}

/** The quotient's low bits 2, 1 and 0 come out in C0, C3 and C1, which a NaN leaves alone. */
function remainder(
  mnemonic: string,
  modrm: string,
  operation: (a: Real, b: Real, context: FloatContext) => Remainder,
): Instruction {
  const run = native(mnemonic, (cpu) => {
    const context = begin(cpu);
    const lacks = isEmpty(cpu, 0) || isEmpty(cpu, 1);
    const { value, quotient } = lacks
      ? { value: INDEFINITE, quotient: 0 }
      : operation(read(cpu, 0), read(cpu, 1), context);
    const goesOn = lacks ? stackFault(context, false) : !blocks(context);
    if (goesOn) {
      write(cpu, 0, value);
    }
    if (quotient === undefined) {
      setConditions(cpu, STATUS.c2);
    } else if (goesOn && !isNan(value)) {
      setConditions(cpu, (quotient & 4 ? STATUS.c0 : 0) | (quotient & 2 ? STATUS.c3 : 0));
      context.roundedUp = (quotient & 1) !== 0;
    } else {
      cpu.state.fpuStatus &= ~STATUS.c2;
    }
    finish(cpu, context);
  });
  return {
    mnemonic,
    encodings: [`D9 [${modrm}]`],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, run),
  };
}

const scaleTop = native('fscale', (cpu) => {
  withRegister(cpu, (value, by, _unit, context) => scale(value, by, context), 0, 1, 0);
});

export const x87Arithmetic: readonly Instruction[] = [
  ...family('fadd', 0, 0, add),
  ...family('fmul', 1, 1, multiply),
  ...family('fsub', 4, 5, subtract),
  ...family('fsubr', 5, 4, (a, b, unit, context) => subtract(b, a, unit, context)),
  ...family('fdiv', 6, 7, divide),
  ...family('fdivr', 7, 6, (a, b, unit, context) => divide(b, a, unit, context)),
  signChange('fchs', 'E0', (word) => word ^ SIGN),
  signChange('fabs', 'E1', (word) => word & ~SIGN),
  onTop('fsqrt', 'FA', (value, context) => squareRoot(value, x87(context), context)),
  onTop('frndint', 'FC', roundToInteger),
  {
    mnemonic: 'fscale',
    encodings: ['D9 [FD]'],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, scaleTop),
  },
  remainder('fprem', 'F8', truncatedRemainder),
  remainder('fprem1', 'F5', nearestRemainder),
];
