/** ROUNDPS and DPPS with their like: floating point of SSE4.1 (SDM 1 §12.8.2, §12.8.4). */

import { encodeDouble, encodeSingle, type Float64, float64 } from '../../float/binary.ts';
import { type FloatContext, PE, type Rounding, traps } from '../../float/context.ts';
import { roundToInteger } from '../../float/conversion.ts';
import { addDouble, doubleOperand, multiplyDouble } from '../../float/double.ts';
import type { Real } from '../../float/real.ts';
import { addSingle, multiplySingle, singleOperand } from '../../float/single.ts';
import type { Instruction } from '../../instruction.ts';
import { computation, getDouble, instruction, putDouble } from './float.ts';
import { A, B, R, XMM_BYTES } from './vector.ts';

// One value at a time; nothing stays.
const left = float64();
const right = float64();
const result = float64();

/** Bits of the immediate: rounding, "as MXCSR says" and "do not report inexact results". */
const AS_CONTROLLED = 4;
const SILENT = 8;

/** A denormal is not mentioned. */
function rounded(value: Real, met: FloatContext, immediate: number): Real {
  const { rounding, flags } = met;
  met.rounding = immediate & AS_CONTROLLED ? rounding : ((immediate & 3) as Rounding);
  const answer = roundToInteger({ ...value, denormal: false }, met);
  met.rounding = rounding;
  if (immediate & SILENT) {
    met.flags = (met.flags & ~PE) | flags;
  }
  return answer;
}

function roundSingles(met: FloatContext, lanes: number, immediate: number): void {
  for (let i = 0; i < lanes; i++) {
    R.u32[i] = encodeSingle(rounded(singleOperand(B.u32[i] as number, met), met, immediate));
  }
}

function roundDoubles(met: FloatContext, lanes: number, immediate: number): void {
  for (let i = 0; i < lanes; i++) {
    encodeDouble(rounded(doubleOperand(getDouble(B, i, left), met), met, immediate), result);
    putDouble(R, i, result);
  }
}

const neighbourFirst = (terms: readonly number[], i: number): [number, number] => [
  terms[i ^ 1] as number,
  terms[i] as number,
];
const ownFirst = (terms: readonly number[], i: number): [number, number] => [
  terms[i] as number,
  terms[i ^ 2] as number,
];

/**
 * The products that the high bits of the immediate choose, or 0, are added up in every lane; the
 * low bits choose the lanes that get the sum. Lanes add in different orders, which shows when
 * several products are NaNs. Answers the flags of the steps before the last, which that cannot
 * take back.
 */
function dotSingles(met: FloatContext, immediate: number): number {
  let terms = [0, 1, 2, 3].map((i) =>
    (immediate >> (4 + i)) & 1 ? multiplySingle(A.u32[i] as number, B.u32[i] as number, met) : 0,
  );
  let settled = 0;
  for (const operands of [neighbourFirst, ownFirst]) {
    if (!traps(met)) {
      settled = met.flags;
      const before = terms;
      terms = before.map((_term, i) => addSingle(...operands(before, i), met));
    }
  }
  R.u32.set(terms.map((term, i) => ((immediate >> i) & 1 ? term : 0)));
  return settled;
}

function dotDoubles(met: FloatContext, immediate: number): number {
  const terms = [0, 1].map((i) => {
    const term = float64();
    if ((immediate >> (4 + i)) & 1) {
      multiplyDouble(getDouble(A, i, left), getDouble(B, i, right), term, met);
    }
    return term;
  }) as [Float64, Float64];
  if (traps(met)) {
    return 0;
  }
  const settled = met.flags;
  for (const i of [0, 1] as const) {
    addDouble(terms[i], terms[1 - i] as Float64, result, met);
    putDouble(R, i, (immediate >> i) & 1 ? result : float64());
  }
  return settled;
}

export const vectorRoundings: readonly Instruction[] = [
  instruction(
    'roundps',
    '66 0F 3A 08 Vps,Wps,Ib',
    computation('roundps', XMM_BYTES, (met, immediate) => roundSingles(met, 4, immediate)),
  ),
  instruction(
    'roundpd',
    '66 0F 3A 09 Vpd,Wpd,Ib',
    computation('roundpd', XMM_BYTES, (met, immediate) => roundDoubles(met, 2, immediate)),
  ),
  instruction(
    'roundss',
    '66 0F 3A 0A Vss,Wss,Ib',
    computation('roundss', 4, (met, immediate) => roundSingles(met, 1, immediate)),
  ),
  instruction(
    'roundsd',
    '66 0F 3A 0B Vsd,Wsd,Ib',
    computation('roundsd', 8, (met, immediate) => roundDoubles(met, 1, immediate)),
  ),
  instruction('dpps', '66 0F 3A 40 Vps,Wps,Ib', computation('dpps', XMM_BYTES, dotSingles)),
  instruction('dppd', '66 0F 3A 41 Vpd,Wpd,Ib', computation('dppd', XMM_BYTES, dotDoubles)),
];
