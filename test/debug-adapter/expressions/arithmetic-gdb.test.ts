/** Random sums over literals of all types, compared with gdb for C on i386. */

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { needs } from '../../support/oracle.ts';
import { shown } from './a-guest.ts';

beforeEach(needs('gdb'));

const wholeLiteral = fc.oneof(
  fc
    .tuple(
      fc.oneof(
        fc.constantFrom('0', '1', '2', '31', '32', '127', '128', '255', '32768', '65535'),
        fc.constantFrom('0x7fffffff', '0x80000000', '0xffffffff', '2147483647', '2147483648'),
        fc.constantFrom('4294967296', '9223372036854775807', '017', '0x123456789abcdef'),
        fc.nat().map(String),
      ),
      fc.constantFrom('', '', 'u', 'l', 'ul', 'll', 'ull', 'U', 'LL'),
    )
    .map(([digits, suffix]) => digits + suffix),
  fc.constantFrom("'a'", "'\\n'", "'\\377'", "'\\0'"),
);

const floatLiteral = fc.constantFrom(
  '0.5',
  '1.25',
  '3e2',
  '0.1',
  '1.5f',
  '0.1f',
  '-2.75',
  '1e-3',
  '7.0',
);

const wholeType = fc.constantFrom(
  'char',
  'unsigned char',
  'short',
  'unsigned short',
  'int',
  'unsigned int',
  'long',
  'unsigned long',
  'long long',
  'unsigned long long',
);

const joined = fc
  .tuple(fc.constantFrom('+', '-', '*', '/', '%', '&', '|', '^'), fc.boolean())
  .map(([operator]) => operator);

const comparison = fc.constantFrom('<', '>', '<=', '>=', '==', '!=', '&&', '||');

const sums = fc.letrec<{ readonly whole: string; readonly float: string }>((tie) => ({
  whole: fc.oneof(
    { maxDepth: 4 },
    wholeLiteral,
    fc.tuple(tie('whole'), joined, tie('whole')).map(([a, o, b]) => `(${a} ${o} ${b})`),
    fc
      .tuple(tie('whole'), fc.constantFrom('<<', '>>'), fc.nat({ max: 31 }))
      .map(([a, o, b]) => `(${a} ${o} ${b})`),
    fc.tuple(fc.constantFrom('-', '~', '!', '+'), tie('whole')).map(([o, a]) => `${o} ${a}`),
    fc.tuple(wholeType, tie('whole')).map(([type, a]) => `((${type})${a})`),
    fc.tuple(tie('whole'), comparison, tie('whole')).map(([a, o, b]) => `(${a} ${o} ${b})`),
    fc.tuple(tie('float'), comparison, tie('whole')).map(([a, o, b]) => `(${a} ${o} ${b})`),
    // Unlike C, gdb's `sizeof` is an `int`.
    tie('whole').map((a) => `((unsigned int)sizeof(${a}))`),
    // No parentheses: which operator binds tighter is theirs to say.
    fc
      .array(
        fc.tuple(fc.oneof(joined, comparison, fc.constantFrom('<<', '>>')), fc.nat({ max: 9 })),
        {
          minLength: 1,
          maxLength: 6,
        },
      )
      .map((rest) => `(3 ${rest.map(([operator, number]) => `${operator} ${number}`).join(' ')})`),
  ),
  float: fc.oneof(
    { maxDepth: 3 },
    floatLiteral,
    fc
      .tuple(tie('float'), fc.constantFrom('+', '-', '*', '/'), tie('float'))
      .map(([a, o, b]) => `(${a} ${o} ${b})`),
    fc
      .tuple(tie('whole'), fc.constantFrom('+', '-', '*', '/'), tie('float'))
      .map(([a, o, b]) => `(${a} ${o} ${b})`),
    fc
      .tuple(fc.constantFrom('float', 'double'), tie('whole'))
      .map(([type, a]) => `((${type})${a})`),
    // Of literals only, none of which is 0: unlike C's, gdb's `- 0.0` has no sign.
    floatLiteral.map((a) => `- ${a}`),
  ),
}));

interface Sum {
  readonly text: string;
  readonly isFloat: boolean;
}

const aSum: fc.Arbitrary<Sum> = fc.oneof(
  { weight: 3, arbitrary: sums.whole.map((text) => ({ text, isFloat: false })) },
  { weight: 1, arbitrary: sums.float.map((text) => ({ text, isFloat: true })) },
);

/** What gdb prints for each, or `undefined` where it refuses. One run of gdb for all. */
function askGdb(texts: readonly string[]): readonly (string | undefined)[] {
  const commands = texts.flatMap((text, at) => ['-ex', `echo #${at}\\n`, '-ex', `print ${text}`]);
  const set = ['set architecture i386', 'set language c', 'set max-value-size unlimited'];
  const { stdout } = spawnSync(
    'gdb',
    ['-nx', '-batch', ...set.flatMap((each) => ['-ex', each]), ...commands],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  const answers = new Map<number, string>();
  for (const answer of stdout.split(/^#/m).slice(1)) {
    const value = /^\$\d+ = (.*)$/m.exec(answer)?.[1];
    if (value !== undefined) {
      answers.set(Number.parseInt(answer, 10), value);
    }
  }
  return texts.map((_, at) => answers.get(at));
}

function ours(text: string): string | undefined {
  try {
    return shown(text);
  } catch {
    return undefined;
  }
}

/** Numbers in one notation: both print all digits that tell one from its neighbours. */
function number(shownAs: string | undefined, { text, isFloat }: Sum): string | undefined {
  const [first = ''] = shownAs?.split(' ') ?? [];
  if (shownAs === undefined || !isFloat) {
    return shownAs === undefined ? undefined : first;
  }
  const isSingle = ours(`sizeof(${text})`) === '4';
  const value = first.includes('nan') ? Number.NaN : Number(first.replace('inf', 'Infinity'));
  return String(isSingle ? Math.fround(value) : value);
}

test('sums are what gdb says they are', () => {
  // Again with one seed: RINGSIDE_SEED=… npm test -- arithmetic-gdb
  const seed = Number(process.env['RINGSIDE_SEED'] ?? (Math.random() * 2 ** 31) >>> 0);
  const tried = fc.sample(aSum, { numRuns: 700, seed });
  const theirs = askGdb(tried.map(({ text }) => text));
  const differences = tried.flatMap((sum, at) => {
    const found = ours(sum.text);
    const isSame = number(found, sum) === number(theirs[at], sum);
    return isSame ? [] : [`${sum.text}: ${found}, gdb: ${theirs[at]}`];
  });
  expect(differences, `seed ${seed}`).toEqual([]);
  expect(theirs.filter((answer) => answer !== undefined).length).toBeGreaterThan(500);
});
