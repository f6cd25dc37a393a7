import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

const known = { benchmarks: ['list', 'crc32'], engines: ['v86', 'qemu'] };

test('without options everything runs three times', () => {
  expect(parseOptions([], known)).toMatchObject({
    isQuick: false,
    benchmarks: undefined,
    engines: undefined,
    repetitions: 3,
  });
});

test('--quick runs once unless told how often', () => {
  expect(parseOptions(['--quick'], known).repetitions).toBe(1);
  expect(parseOptions(['--quick', '--reps', '5'], known).repetitions).toBe(5);
});

test('names are separated by commas', () => {
  const options = parseOptions(['--only', 'crc32,list', '--engines', 'qemu'], known);
  expect(options.benchmarks).toEqual(['crc32', 'list']);
  expect(options.engines).toEqual(['qemu']);
});

test.each([
  { args: ['--only', 'lisp'], says: '--only knows no “lisp”, only list, crc32.' },
  { args: ['--engines', 'vmware'], says: '--engines knows no “vmware”, only v86, qemu.' },
  { args: ['--reps', '0'], says: '--reps takes a number from 1, not 0.' },
  { args: ['--reps', 'many'], says: '--reps takes a number from 1, not many.' },
  { args: ['--fast'], says: '--fast' },
])('$args is refused', ({ args, says }) => {
  expect(() => parseOptions(args, known)).toThrow(says);
});
