// SPDX-License-Identifier: MIT
/** Loads, stores and memory operands of the x87 against answers recorded from a processor. */
import { expect, test } from 'vitest';
import * as arithmetic from '../../../../emulator/cpu/float/arithmetic.ts';
import {
  decodeDouble,
  decodeSingle,
  encodeDouble,
  encodeSingle,
  float64,
} from '../../../../emulator/cpu/float/binary.ts';
import {
  blocks,
  blocksLoad,
  blocksStore,
  type FloatContext,
  TOWARD_ZERO,
} from '../../../../emulator/cpu/float/context.ts';
import { narrowForStore, toInteger, widen } from '../../../../emulator/cpu/float/conversion.ts';
import { decodeDecimal, encodeDecimal } from '../../../../emulator/cpu/float/decimal.ts';
import { integer, type Real } from '../../../../emulator/cpu/float/real.ts';
import { DOUBLE, SINGLE } from '../../../../emulator/cpu/float/rounding.ts';
import {
  answered,
  bytesOf,
  hex,
  type Question,
  realOf,
  recorded,
  textOf,
  x87Context,
} from './recorded.ts';

type Load = (bytes: Uint8Array, context: FloatContext) => Real;
type Store = (value: Real, context: FloatContext) => readonly number[];
type Operand = (value: Real, bytes: Uint8Array, context: FloatContext) => Real;

const { x87 } = arithmetic;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset);
}

function single(bytes: Uint8Array): Real {
  return decodeSingle(viewOf(bytes).getUint32(0, true));
}

function double(bytes: Uint8Array): Real {
  const view = viewOf(bytes);
  return decodeDouble(float64(view.getUint32(4, true), view.getUint32(0, true)));
}

function littleEndian(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Number((value >> BigInt(8 * index)) & 255n));
}

const loads: Record<string, Load> = {
  fld32: (bytes, context) => widen(single(bytes), context),
  fld64: (bytes, context) => widen(double(bytes), context),
  fild64: (bytes) => integer(viewOf(bytes).getBigInt64(0, true)),
  fbld: (bytes) => decodeDecimal(bytes),
};

const stores: Record<string, Store> = {
  fst32: (value, context) =>
    littleEndian(BigInt(encodeSingle(narrowForStore(value, SINGLE, context))), 4),
  fst64: (value, context) => {
    const target = float64();
    encodeDouble(narrowForStore(value, DOUBLE, context), target);
    return littleEndian((BigInt(target.high) << 32n) | BigInt(target.low), 8);
  },
  fist16: (value, context) => littleEndian(toInteger(value, 16, context.rounding, context), 2),
  fist32: (value, context) => littleEndian(toInteger(value, 32, context.rounding, context), 4),
  fistp64: (value, context) => littleEndian(toInteger(value, 64, context.rounding, context), 8),
  fisttp16: (value, context) => littleEndian(toInteger(value, 16, TOWARD_ZERO, context), 2),
  fisttp64: (value, context) => littleEndian(toInteger(value, 64, TOWARD_ZERO, context), 8),
  fbstp: encodeDecimal,
};

const operands: Record<string, Operand> = {
  fadd32: (a, bytes, context) => arithmetic.add(a, single(bytes), x87(context), context),
  fsub32: (a, bytes, context) => arithmetic.subtract(a, single(bytes), x87(context), context),
  fmul64: (a, bytes, context) => arithmetic.multiply(a, double(bytes), x87(context), context),
  fdivr64: (a, bytes, context) => arithmetic.divide(double(bytes), a, x87(context), context),
};

/** What memory held before each recorded store. */
const UNTOUCHED = 0x5a;

function answer(name: string, question: Question): string {
  const context = x87Context(question.control);
  const [first = '', , memory] = question.operands;
  const bytes = Uint8Array.from(bytesOf(memory));
  const result = resultOf(name, first, bytes, context);
  return answered(question, result, hex(context.flags, 2), Number(context.roundedUp));
}

function resultOf(name: string, first: string, bytes: Uint8Array, context: FloatContext): string {
  const store = stores[name]?.(realOf(first), context);
  if (store) {
    const seen = blocksStore(context) ? store.map(() => UNTOUCHED) : store;
    return seen.map((byte) => hex(byte, 2)).join('');
  }
  const load = loads[name]?.(bytes, context);
  if (load) return blocksLoad(context) ? first : textOf(load);
  const result = operands[name]?.(realOf(first), bytes, context);
  return result && !blocks(context) ? textOf(result) : first;
}

test.each(recorded('memory'))('%s answers as the processor did', (name, questions) => {
  const answers = questions.map((question) => answer(name, question));
  expect(answers).toEqual(questions.map(({ line }) => line));
});
