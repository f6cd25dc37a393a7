/** A bounded run of what `npm run conformance -- debugger` does without end. */

import { expect, test } from 'vitest';
import { fuzzExpressions, fuzzLaunches, fuzzSymbols } from '../../conformance/debugger/run.ts';
import { Failures } from '../../conformance/hostile/failures.ts';

const failures = () => {
  const lines: string[] = [];
  return { lines, noted: new Failures((line) => lines.push(line), 'this test') };
};

test('damaged debug information is answered with something or nothing', () => {
  const { lines, noted } = failures();
  const { cases, broken, answers } = fuzzSymbols(100, 1, noted);
  expect(lines).toEqual([]);
  expect(cases).toBe(100);
  expect(broken).toBeGreaterThan(20);
  expect(answers).toBeGreaterThan(1000);
});

test('any text is an expression or gets a sentence', () => {
  const { lines, noted } = failures();
  const { cases, values, refusals } = fuzzExpressions(2000, 1, noted);
  expect(lines).toEqual([]);
  expect(values + refusals).toBe(cases);
  expect(values).toBeGreaterThan(50);
});

test('anything is a launch configuration or gets a sentence', () => {
  const { lines, noted } = failures();
  const { cases, accepted, refused } = fuzzLaunches(2000, 1, noted);
  expect(lines).toEqual([]);
  expect(accepted + refused).toBe(cases);
  expect(accepted).toBeGreaterThan(100);
});
