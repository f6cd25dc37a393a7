import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shown } from './a-guest.ts';
import { anExpression, tryExpression, tryExpressions } from './random-expressions.ts';

test('no text makes evaluation throw anything but its own error', () => {
  // Again with one seed: RINGSIDE_SEED=… npm test -- expressions/fuzz
  const seed = Number(process.env['RINGSIDE_SEED'] ?? (Math.random() * 2 ** 31) >>> 0);
  tryExpressions(1500, seed);
});

test('random texts are often enough expressions that have a value', () => {
  const texts = fc.sample(anExpression, { numRuns: 400, seed: 1 });
  const valued = texts.filter((text) => {
    try {
      shown(text);
      return true;
    } catch {
      return false;
    }
  });
  expect(valued.length).toBeGreaterThan(40);
});

test.each([
  ['digits', '9'.repeat(8000)],
  ['points', '1.'.repeat(4000)],
  ['quotes', '"'.repeat(8000)],
  ['backslashes', `"${'\\'.repeat(8000)}`],
  ['exponents', `1${'e1'.repeat(4000)}`],
  ['stars', `(int ${'*'.repeat(400)})0`],
  ['brackets', `(int${'[1]'.repeat(150)} *)0`],
  ['functions', `(int ${'(*'.repeat(200)}${')'.repeat(200)})0`],
  ['names', `${'a'.repeat(8000)}.`],
  ['braces', '{'.repeat(8000)],
])('8000 characters of %s take no time', (_name, text) => {
  const start = performance.now();
  tryExpression(text);
  expect(performance.now() - start).toBeLessThan(1000);
});
