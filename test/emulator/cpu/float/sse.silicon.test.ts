// SPDX-License-Identifier: MIT
/** SSE and SSE2 lanes against answers recorded from a processor. */
import { describe, expect, test } from 'vitest';
import { type Float64, float64 } from '../../../../emulator/cpu/float/binary.ts';
import type { Relation } from '../../../../emulator/cpu/float/comparison.ts';
import { type FloatContext, TOWARD_ZERO, traps } from '../../../../emulator/cpu/float/context.ts';
import * as double from '../../../../emulator/cpu/float/double.ts';
import * as single from '../../../../emulator/cpu/float/single.ts';
import * as conversion from '../../../../emulator/cpu/float/sse-conversion.ts';
import {
  answered,
  hex,
  lane,
  type Question,
  recorded,
  sseContext,
  textOfLane,
  word,
} from './recorded.ts';

type Operation = (a: string, b: string, context: FloatContext) => string;

const EFLAGS = { less: 1, equal: 0x40, greater: 0, unordered: 0x45 } as const;

function onSingles(operation: (a: number, b: number, context: FloatContext) => number): Operation {
  return (a, b, context) => hex(operation(word(a), word(b), context));
}

function onDoubles(
  operation: (a: Float64, b: Float64, target: Float64, context: FloatContext) => void,
): Operation {
  return (a, b, context) => {
    const target = float64();
    operation(lane(a), lane(b), target, context);
    return textOfLane(target);
  };
}

function toDouble(write: (b: number, target: Float64, context: FloatContext) => void): Operation {
  return (_, b, context) => {
    const target = float64();
    write(word(b), target, context);
    return textOfLane(target);
  };
}

/** CMPSS with a predicate that holds for some relations. */
function predicate(isOrdered: boolean, ...relations: Relation[]): Operation {
  const compare = isOrdered ? single.compareOrderedSingle : single.compareUnorderedSingle;
  return onSingles((a, b, context) =>
    relations.includes(compare(a, b, context)) ? 0xffff_ffff : 0,
  );
}

const operations: Record<string, Operation> = {
  addss: onSingles(single.addSingle),
  subss: onSingles(single.subtractSingle),
  mulss: onSingles(single.multiplySingle),
  divss: onSingles(single.divideSingle),
  sqrtss: onSingles((_, b, context) => single.squareRootSingle(b, context)),
  minss: onSingles(single.minimumSingle),
  maxss: onSingles(single.maximumSingle),
  addsd: onDoubles(double.addDouble),
  subsd: onDoubles(double.subtractDouble),
  mulsd: onDoubles(double.multiplyDouble),
  divsd: onDoubles(double.divideDouble),
  sqrtsd: onDoubles((_, b, target, context) => double.squareRootDouble(b, target, context)),
  minsd: onDoubles(double.minimumDouble),
  maxsd: onDoubles(double.maximumDouble),
  comiss: onSingles((a, b, context) => EFLAGS[single.compareOrderedSingle(a, b, context)]),
  ucomiss: onSingles((a, b, context) => EFLAGS[single.compareUnorderedSingle(a, b, context)]),
  comisd: (a, b, context) => hex(EFLAGS[double.compareOrderedDouble(lane(a), lane(b), context)]),
  ucomisd: (a, b, context) => hex(EFLAGS[double.compareUnorderedDouble(lane(a), lane(b), context)]),
  cmpss0: predicate(false, 'equal'),
  cmpss1: predicate(true, 'less'),
  cmpss2: predicate(true, 'less', 'equal'),
  cmpss3: predicate(false, 'unordered'),
  cmpss4: predicate(false, 'less', 'greater', 'unordered'),
  cmpss5: predicate(true, 'equal', 'greater', 'unordered'),
  cmpss6: predicate(true, 'greater', 'unordered'),
  cmpss7: predicate(false, 'less', 'equal', 'greater'),
  cvtss2sd: toDouble(conversion.singleToDouble),
  cvtdq2pd: toDouble(conversion.int32ToDouble),
  cvtsd2ss: (_, b, context) => hex(conversion.doubleToSingle(lane(b), context)),
  cvtdq2ps: onSingles((_, b, context) => conversion.int32ToSingle(b, context)),
  cvtss2si: onSingles((_, b, context) => conversion.singleToInt32(b, context.rounding, context)),
  cvttss2si: onSingles((_, b, context) => conversion.singleToInt32(b, TOWARD_ZERO, context)),
  cvtsd2si: (_, b, context) => hex(conversion.doubleToInt32(lane(b), context.rounding, context)),
  cvttsd2si: (_, b, context) => hex(conversion.doubleToInt32(lane(b), TOWARD_ZERO, context)),
};

function answer(name: string, question: Question): string {
  const [first = '', second = ''] = question.operands;
  const context = sseContext(question.control);
  const result = operations[name]?.(first, second, context) ?? '';
  return answered(question, traps(context) ? 'trap' : result, hex(context.flags, 2));
}

describe.each(['sse-arithmetic', 'sse-conversion'])('%s', (file) => {
  test.each(recorded(file))('%s answers as the processor did', (name, questions) => {
    const answers = questions.map((question) => answer(name, question));
    expect(answers).toEqual(questions.map(({ line }) => line));
  });
});
