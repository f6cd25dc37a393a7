/** Sines, logarithms and their kin, and FXTRACT (SDM 1 §8.3.7-9). */

import { arctangent } from '../../float/arctangent.ts';
import { blocks, type FloatContext } from '../../float/context.ts';
import { logarithm, logarithmOfNext, powerMinusOne } from '../../float/logarithm.ts';
import { isNan } from '../../float/nan.ts';
import { INDEFINITE, integer, type Real } from '../../float/real.ts';
import { extract } from '../../float/scale.ts';
import { cosine, sine, tangent } from '../../float/trigonometry.ts';
import { begin, finish, isEmpty, pop, read, rotate, stackFault, write } from '../../fpu/stack.ts';
import { STATUS } from '../../fpu/status.ts';
import type { Instruction } from '../../instruction.ts';
import { native } from '../../native.ts';
import type { Processor } from '../../processor.ts';
import { compute } from './unit.ts';

type Run = (cpu: Processor, context: FloatContext) => unknown;

function instruction(mnemonic: string, modrm: string, run: Run): Instruction {
  const declared = native(mnemonic, (cpu) => {
    const context = begin(cpu);
    run(cpu, context);
    finish(cpu, context);
  });
  return {
    mnemonic,
    encodings: [`D9 [${modrm}]`],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, declared),
  };
}

/** C2: the argument lies out of range and the instruction has done nothing. */
function setOutOfRange({ state }: Processor, isOut: boolean): void {
  state.fpuStatus = isOut ? state.fpuStatus | STATUS.c2 : state.fpuStatus & ~STATUS.c2;
}

/** ST(0) becomes a function of itself. */
function ofTop(operation: (value: Real, context: FloatContext) => Real): Run {
  return (cpu, context) => {
    const lacks = isEmpty(cpu, 0);
    const result = lacks ? INDEFINITE : operation(read(cpu, 0), context);
    if (lacks ? stackFault(context, false) : !blocks(context)) {
      write(cpu, 0, result);
    }
  };
}

/** The same, but ST(0) stays when the function has no answer. */
function ofAngle(operation: (value: Real, context: FloatContext) => Real | undefined): Run {
  return (cpu, context) => {
    const lacks = isEmpty(cpu, 0);
    const result = lacks ? INDEFINITE : operation(read(cpu, 0), context);
    setOutOfRange(cpu, result === undefined);
    if (result !== undefined && (lacks ? stackFault(context, false) : !blocks(context))) {
      write(cpu, 0, result);
    }
  };
}

/** ST(1) becomes a function of ST(0) and itself, and ST(0) goes. */
function ofPair(operation: (top: Real, below: Real, context: FloatContext) => Real): Run {
  return (cpu, context) => {
    const lacks = isEmpty(cpu, 0) || isEmpty(cpu, 1);
    const result = lacks ? INDEFINITE : operation(read(cpu, 0), read(cpu, 1), context);
    if (lacks ? stackFault(context, false) : !blocks(context)) {
      write(cpu, 1, result);
      pop(cpu);
    }
  };
}

type ToPair = (value: Real, context: FloatContext) => readonly [Real, Real] | undefined;

/** ST(0) becomes two numbers, the second on top; answers false if there are none. */
function toPair(operation: ToPair): (cpu: Processor, context: FloatContext) => boolean {
  return (cpu, context) => {
    const lacks = isEmpty(cpu, 0);
    const isFull = !isEmpty(cpu, -1);
    const results =
      lacks || isFull ? ([INDEFINITE, INDEFINITE] as const) : operation(read(cpu, 0), context);
    if (results === undefined) {
      return false;
    }
    if (lacks || isFull ? stackFault(context, !lacks) : !blocks(context)) {
      write(cpu, 0, results[0]);
      rotate(cpu, -1);
      write(cpu, 0, results[1]);
    }
    return true;
  };
}

const ofAngleToPair = (operation: ToPair): Run => {
  const run = toPair(operation);
  return (cpu, context) => setOutOfRange(cpu, !run(cpu, context));
};

const ONE = integer(1n);

/** A NaN takes the place of both results. */
const sineAndCosine = (value: Real, context: FloatContext): readonly [Real, Real] | undefined => {
  const first = sine(value, context);
  if (first === undefined || isNan(first)) {
    return first === undefined ? undefined : [first, first];
  }
  const second = cosine(value, context);
  return second === undefined ? undefined : [first, second];
};

const tangentAndOne = (value: Real, context: FloatContext): readonly [Real, Real] | undefined => {
  const result = tangent(value, context);
  return result === undefined ? undefined : [result, isNan(result) ? result : ONE];
};

const exponentAndSignificand = (value: Real, context: FloatContext): readonly [Real, Real] => {
  const { exponent, significand } = extract(value, context);
  return [exponent, significand];
};

export const x87Transcendentals: readonly Instruction[] = [
  instruction('f2xm1', 'F0', ofTop(powerMinusOne)),
  instruction('fyl2x', 'F1', ofPair(logarithm)),
  instruction('fptan', 'F2', ofAngleToPair(tangentAndOne)),
  instruction(
    'fpatan',
    'F3',
    ofPair((x, y, context) => arctangent(y, x, context)),
  ),
  instruction('fxtract', 'F4', toPair(exponentAndSignificand)),
  instruction('fyl2xp1', 'F9', ofPair(logarithmOfNext)),
  instruction('fsincos', 'FB', ofAngleToPair(sineAndCosine)),
  instruction('fsin', 'FE', ofAngle(sine)),
  instruction('fcos', 'FF', ofAngle(cosine)),
];
