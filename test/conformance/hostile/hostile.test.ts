/** Rings, messages, files and code of guests may hold anything. */

import { expect, test } from 'vitest';
import { coldTier, compileColdTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import { fuzzCode } from './code.ts';
import { fuzzDevices } from './devices.ts';
import { Failures } from './failures.ts';
import { fuzzKernels } from './kernels.ts';

const engine = coldTier(compileColdTier());
const timeout = 120_000;

function nothing(): { failures: Failures; lines: string[] } {
  const lines: string[] = [];
  return { failures: new Failures((line) => lines.push(line), 'vitest'), lines };
}

test('back-ends go on, whatever is in the rings', { timeout }, () => {
  const { failures, lines } = nothing();
  const { answers, responses } = fuzzDevices(5, 2006, engine, failures);
  expect(lines).toEqual([]);
  expect([answers > 100, responses > 20]).toEqual([true, true]);
});

test('a damaged kernel is refused in a sentence, or runs', { timeout }, () => {
  const { failures, lines } = nothing();
  const { refused, ran } = fuzzKernels(300, 5, 2006, engine, failures);
  expect(lines).toEqual([]);
  expect([refused > 100, ran > 0]).toEqual([true, true]);
});

test('any bytes may be executed in ring 1 and ring 3', { timeout }, () => {
  const { failures, lines } = nothing();
  expect(fuzzCode(5, 2006, engine, failures)).toBe(1000);
  expect(lines).toEqual([]);
});
