// SPDX-License-Identifier: MIT
/** The x87's operations against answers recorded from a processor. */
import { describe, expect, test } from 'vitest';
import { arctangent } from '../../../../emulator/cpu/float/arctangent.ts';
import * as arithmetic from '../../../../emulator/cpu/float/arithmetic.ts';
import { compareOrdered, compareUnordered } from '../../../../emulator/cpu/float/comparison.ts';
import { blocks, type FloatContext } from '../../../../emulator/cpu/float/context.ts';
import { roundToInteger } from '../../../../emulator/cpu/float/conversion.ts';
import * as logarithm from '../../../../emulator/cpu/float/logarithm.ts';
import { type Real, zero } from '../../../../emulator/cpu/float/real.ts';
import * as remainder from '../../../../emulator/cpu/float/remainder.ts';
import { extract, scale } from '../../../../emulator/cpu/float/scale.ts';
import * as trigonometry from '../../../../emulator/cpu/float/trigonometry.ts';
import { answered, hex, type Question, realOf, recorded, textOf, x87Context } from './recorded.ts';

type Operation = (
  a: Real,
  b: Real,
  context: FloatContext,
  before: string,
) => Real | string | undefined;

const { x87 } = arithmetic;
const CONDITION_CODES = { less: '1', equal: '40', greater: '0', unordered: '45' } as const;

function remainderText(
  { value, quotient }: remainder.Remainder,
  before: string,
  context: FloatContext,
): string {
  const bits = quotient ?? 0;
  const codes = ((bits & 1) << 1) | ((bits & 2) << 5) | (bits >> 2);
  const result = blocks(context) ? before : textOf(value);
  return `${result}_${quotient === undefined ? '4' : codes.toString(16)}`;
}

const operations: Record<string, Operation> = {
  fadd: (a, b, context) => arithmetic.add(a, b, x87(context), context),
  fsub: (a, b, context) => arithmetic.subtract(a, b, x87(context), context),
  fsubr: (a, b, context) => arithmetic.subtract(b, a, x87(context), context),
  fmul: (a, b, context) => arithmetic.multiply(a, b, x87(context), context),
  fdiv: (a, b, context) => arithmetic.divide(a, b, x87(context), context),
  fdivr: (a, b, context) => arithmetic.divide(b, a, x87(context), context),
  fsqrt: (a, _, context) => arithmetic.squareRoot(a, x87(context), context),
  frndint: (a, _, context) => roundToInteger(a, context),
  fscale: scale,
  fcom: (a, b, context) => CONDITION_CODES[compareOrdered(a, b, context)],
  fcomi: (a, b, context) => CONDITION_CODES[compareOrdered(a, b, context)],
  fucom: (a, b, context) => CONDITION_CODES[compareUnordered(a, b, context)],
  fucomi: (a, b, context) => CONDITION_CODES[compareUnordered(a, b, context)],
  ftst: (a, _, context) => CONDITION_CODES[compareOrdered(a, zero(false), context)],
  fprem: (a, b, context, before) =>
    remainderText(remainder.truncatedRemainder(a, b, context), before, context),
  fprem1: (a, b, context, before) =>
    remainderText(remainder.nearestRemainder(a, b, context), before, context),
  fxtract: (a, _, context, before) => {
    const { significand, exponent } = extract(a, context);
    return blocks(context) ? `${before}_top0` : `${textOf(significand)}_${textOf(exponent)}`;
  },
  f2xm1: (a, _, context) => logarithm.powerMinusOne(a, context),
  fyl2x: logarithm.logarithm,
  fyl2xp1: logarithm.logarithmOfNext,
  fpatan: (a, b, context) => arctangent(b, a, context),
  fsin: (a, _, context) => trigonometry.sine(a, context),
  fcos: (a, _, context) => trigonometry.cosine(a, context),
  fptan: (a, _, context) => trigonometry.tangent(a, context),
};

/** Instructions whose result replaces ST(1). */
const POPPING = new Set(['fyl2x', 'fyl2xp1', 'fpatan']);

function answer(name: string, question: Question): string {
  const [first = '', second = ''] = question.operands;
  const context = x87Context(question.control);
  const result = operations[name]?.(realOf(first), realOf(second), context, first);
  const recordsC1 = !name.startsWith('fprem');
  const after = [hex(context.flags, 2), recordsC1 ? Number(context.roundedUp) : '-'] as const;
  if (result === undefined) return answered(question, 'out-of-range', ...after);
  if (typeof result === 'string') return answered(question, result, ...after);
  const old = POPPING.has(name) ? second : first;
  return answered(question, blocks(context) ? old : textOf(result), ...after);
}

describe.each(['arithmetic', 'registers', 'transcendental'])('%s', (file) => {
  test.each(recorded(file))('%s answers as the processor did', (name, questions) => {
    const answers = questions.map((question) => answer(name, question));
    expect(answers).toEqual(questions.map(({ line }) => line));
  });
});
