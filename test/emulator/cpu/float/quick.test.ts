// SPDX-License-Identifier: MIT
/**
 * The quick ways of SSE arithmetic against the exact one.
 *
 * Operands are drawn from few exponents and sparse significands, where ties, exact results,
 * cancellation and the edges of a format's range are common.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as arithmetic from '../../../../emulator/cpu/float/arithmetic.ts';
import {
  decodeDouble,
  decodeSingle,
  encodeDouble,
  encodeSingle,
  type Float64,
  float64,
} from '../../../../emulator/cpu/float/binary.ts';
import { type FloatContext, floatContext } from '../../../../emulator/cpu/float/context.ts';
import * as double from '../../../../emulator/cpu/float/double.ts';
import * as single from '../../../../emulator/cpu/float/single.ts';
import { hex } from './recorded.ts';

const RUNS = { numRuns: 5000 };

const sparse32 = fc
  .tuple(fc.nat(0xffff_ffff), fc.nat(31))
  .map(([bits, kept]) => (bits & (0xffff_ffff << kept)) >>> 0);
const fraction32 = fc.oneof(fc.nat(0xffff_ffff), sparse32, fc.constantFrom(0, 1, 0xffff_ffff));

const exponent8 = fc.oneof(fc.integer({ min: 117, max: 147 }), fc.nat(255));
const singles = fc
  .tuple(fc.boolean(), exponent8, fraction32)
  .map(([negative, exponent, fraction]) => {
    return ((Number(negative) << 31) | (exponent << 23) | (fraction >>> 9)) >>> 0;
  });

const exponent11 = fc.oneof(
  fc.integer({ min: 1010, max: 1080 }),
  fc.constantFrom(622, 623, 624, 1422, 1423, 1424),
  fc.nat(2047),
);
const doubles = fc
  .tuple(fc.boolean(), exponent11, fraction32, fraction32)
  .map(([negative, exponent, high, low]) =>
    float64(((Number(negative) << 31) | (exponent << 20) | (high >>> 12)) >>> 0, low),
  );

type OnSingles = (a: number, b: number, context: FloatContext) => number;
type OnDoubles = (a: Float64, b: Float64, target: Float64, context: FloatContext) => void;
type Exact = typeof arithmetic.add;

const root: Exact = (a, _, unit, context) => arithmetic.squareRoot(a, unit, context);

const rows: [string, OnSingles, OnDoubles, Exact][] = [
  ['addition', single.addSingle, double.addDouble, arithmetic.add],
  ['subtraction', single.subtractSingle, double.subtractDouble, arithmetic.subtract],
  ['multiplication', single.multiplySingle, double.multiplyDouble, arithmetic.multiply],
  ['division', single.divideSingle, double.divideDouble, arithmetic.divide],
  [
    'square root',
    (a, _, context) => single.squareRootSingle(a, context),
    (a, _, target, context) => double.squareRootDouble(a, target, context),
    root,
  ],
];

describe.each(rows)('the quick %s', (_name, onSingles, onDoubles, exact) => {
  test('of binary32 gives the exact bits and flags', () => {
    const agrees = (a: number, b: number) => {
      const quick = floatContext();
      const slow = floatContext();
      const result = exact(decodeSingle(a), decodeSingle(b), arithmetic.SSE_SINGLE, slow);
      expect(hex(onSingles(a, b, quick))).toBe(hex(encodeSingle(result)));
      expect(quick.flags).toBe(slow.flags);
    };
    fc.assert(fc.property(singles, singles, agrees), RUNS);
  });

  test('of binary64 gives the exact bits and flags', () => {
    const agrees = (a: Float64, b: Float64) => {
      const quick = floatContext();
      const slow = floatContext();
      const found = float64();
      const expected = float64();
      onDoubles(a, b, found, quick);
      encodeDouble(exact(decodeDouble(a), decodeDouble(b), arithmetic.SSE_DOUBLE, slow), expected);
      expect(found).toEqual(expected);
      expect(quick.flags).toBe(slow.flags);
    };
    fc.assert(fc.property(doubles, doubles, agrees), RUNS);
  });
});
