/** Arithmetic, compared with gdb: random expressions of literals and casts. */

import { spawnSync } from 'node:child_process';
import { beforeEach, expect, test } from 'vitest';
import { ExpressionError } from '../../../debug-adapter/expressions/expression-error.ts';
import { Dice } from '../../conformance/silicon/values.ts';
import { needs } from '../../support/oracle.ts';
import { shown } from './a-guest.ts';

beforeEach(needs('gdb'));

const COUNT = 600;

const INTEGERS = [
  ...['0', '1', '2', '3', '7', '10', '255', '65536', '2147483647', '0x7fffffff', '0x80000000'],
  ...['0xffffffff', '1u', '7u', '0xffffffffu', '1l', '5ul', '1ll', '0x100000000', '3ull', '017'],
  ...['0x7fffffffffffffff', '0x8000000000000000ull', "'a'", "'\\n'", "'\\377'", '4294967296ll'],
] as const;
const FLOATS = ['0.5', '1.25', '2.5f', '3.0', '100.75'] as const;
const TYPES = [
  ...['char', 'signed char', 'unsigned char', 'short', 'unsigned short', 'int', 'unsigned int'],
  ...['long', 'unsigned long', 'long long', 'unsigned long long'],
] as const;
const OPERATORS = [
  ...['+', '-', '*', '/', '%', '&', '|', '^', '<', '>', '<=', '>=', '==', '!=', '&&', '||'],
] as const;

function integer(dice: Dice, depth: number): string {
  const next = () => integer(dice, depth - 1);
  switch (depth === 0 ? 0 : dice.below(8)) {
    case 0:
      return dice.pick(INTEGERS);
    case 1:
      return `(${dice.pick(TYPES)})(${next()})`;
    case 2:
      return `${dice.pick(['-', '~', '!', '+'])}(${next()})`;
    case 3:
      return `((${next()}) ${dice.pick(['<<', '>>'])} ${dice.below(32)})`;
    case 4:
      return `((${next()}) ? (int)(${next()}) : (int)(${next()}))`;
    default:
      return `((${next()}) ${dice.pick(OPERATORS)} (${next()}))`;
  }
}

function float(dice: Dice, depth: number): string {
  const operand = dice.oneIn(3) ? `(short)(${integer(dice, 1)})` : dice.pick(FLOATS);
  return depth === 0
    ? dice.pick(FLOATS)
    : `(${float(dice, depth - 1)} ${dice.pick(['+', '-', '*', '/', '<', '=='])} ${operand})`;
}

function ours(text: string): string {
  try {
    return shown(text);
  } catch (error) {
    if (error instanceof ExpressionError) {
      return 'none';
    }
    throw error;
  }
}

/** Floating-point numbers may be written in several ways. */
const plain = (answer: string): string =>
  /^-?[\d.]+(?:e[+-]?\d+)?$/.test(answer) && /[.e]/.test(answer) ? String(Number(answer)) : answer;

test('random arithmetic has the values that gdb gives', () => {
  const dice = new Dice(20_060_501);
  const texts = Array.from({ length: COUNT }, (_, index) =>
    index % 5 === 4 ? float(dice, 1 + dice.below(3)) : integer(dice, 1 + dice.below(3)),
  );
  // Each value is followed by a line that is there when the value is not.
  const commands = texts.map((text) => `print ${text}\necho --\\n`);
  const script = ['set language c', 'set architecture i386', 'set width 0', ...commands].join('\n');
  const { stdout } = spawnSync('gdb', ['-nx', '-q'], { input: script, encoding: 'utf8' });
  const answers = stdout
    .replaceAll('(gdb) ', '')
    .split('--\n')
    .map((answer) => / = (.*)$/m.exec(answer)?.[1] ?? 'none');
  // Bytes are numbers here; gdb has a letter for them too.
  const bare = (answer: string, text: string) =>
    /^\((?:un)?signed char\)/.test(text) ? answer.replace(/ '.*'$/, '') : answer;
  const theirs = texts.map((text, index) => `${text} is ${plain(bare(answers[index]!, text))}`);
  expect(texts.map((text) => `${text} is ${plain(ours(text))}`)).toEqual(theirs);
  expect(answers.filter((answer) => answer !== 'none').length).toBeGreaterThan(COUNT / 2);
});
