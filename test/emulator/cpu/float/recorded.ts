// SPDX-License-Identifier: MIT
/**
 * Answers recorded from an Intel processor, in `silicon/*.txt`.
 *
 * A line is an operation, its control word or MXCSR, its operands, "=", and what came out: result,
 * exception flags and, on the x87, C1. Registers are written exponent:significand, memory as its
 * bytes in order, lanes as words with the higher first, all in hexadecimal.
 */
import { readFileSync } from 'node:fs';
import { type Float64, float64 } from '../../../../emulator/cpu/float/binary.ts';
import {
  type FloatContext,
  floatContext,
  type Precision,
  type Rounding,
} from '../../../../emulator/cpu/float/context.ts';
import {
  decodeExtended,
  encodeExtended,
  type Float80,
  float80,
} from '../../../../emulator/cpu/float/extended.ts';
import type { Real } from '../../../../emulator/cpu/float/real.ts';

export interface Question {
  readonly line: string;
  readonly control: number;
  readonly operands: readonly string[];
}

/** The lines of a file, by operation. */
export function recorded(name: string): [string, Question[]][] {
  const text = readFileSync(new URL(`silicon/${name}.txt`, import.meta.url), 'utf8');
  const byOperation = new Map<string, Question[]>();
  for (const line of text.trim().split('\n')) {
    const [question = ''] = line.split(' = ');
    const [operation = '', control = '', ...operands] = question.split(' ');
    const lines = byOperation.get(operation) ?? [];
    lines.push({ line, control: Number.parseInt(control, 16), operands });
    byOperation.set(operation, lines);
  }
  return [...byOperation];
}

/** The line as it should be, with our answer in place of the recorded one. */
export function answered({ line }: Question, ...answer: (string | number)[]): string {
  return `${line.split(' = ')[0]} = ${answer.join(' ')}`;
}

const PRECISIONS: readonly Precision[] = [24, 64, 53, 64];

export function x87Context(control: number): FloatContext {
  return floatContext({
    rounding: ((control >> 10) & 3) as Rounding,
    precision: PRECISIONS[(control >> 8) & 3] ?? 64,
    masks: control & 0x3f,
  });
}

export function sseContext(control: number): FloatContext {
  return floatContext({
    rounding: ((control >> 13) & 3) as Rounding,
    masks: (control >> 7) & 0x3f,
    flushToZero: (control & 0x8000) !== 0,
    denormalsAreZero: (control & 0x40) !== 0,
  });
}

/** A register written as it is in the files. */
function register(text = ''): Float80 {
  const [signExponent = '', significand = ''] = text.split(':');
  return float80(word(signExponent), word(significand.slice(0, 8)), word(significand.slice(8)));
}

export function realOf(text = ''): Real {
  return decodeExtended(register(text));
}

export function textOf(real: Real): string {
  const value = float80();
  encodeExtended(real, value);
  return `${hex(value.signExponent, 4)}:${hex(value.high)}${hex(value.low)}`;
}

export function lane(text = ''): Float64 {
  const [high = '', low = ''] = text.split('_');
  return float64(word(high), word(low));
}

export function textOfLane({ high, low }: Float64): string {
  return `${hex(high)}_${hex(low)}`;
}

export function word(text = ''): number {
  return Number.parseInt(text, 16);
}

export function hex(value: number, digits = 8): string {
  return value.toString(16).padStart(digits, '0');
}

export function bytesOf(text = ''): number[] {
  return (text.match(/../g) ?? []).map(word);
}
