import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { demand, missing, needs } from './oracle.ts';

/** Stands for the context of a running test and remembers with what note it was skipped. */
function aContext() {
  const notes: (string | undefined)[] = [];
  const skip = (note?: string | boolean): never => {
    notes.push(String(note));
    throw new Error('skipped');
  };
  return { notes, context: { skip } };
}

describe('a test whose oracle is missing', () => {
  test('is skipped with the reason on a user’s machine', () => {
    const { notes, context } = aContext();
    expect(() => demand('needs gcc -m32', context, {})).toThrow('skipped');
    expect(notes).toEqual(['needs gcc -m32']);
  });

  test('fails where CI is set', () => {
    const { notes, context } = aContext();
    expect(() => demand('needs gcc -m32', context, { CI: 'true' })).toThrow('needs gcc -m32');
    expect(notes).toEqual([]);
  });
});

test('what no package brings lets a test be skipped in CI too', (context) => {
  const kernel = 'a kernel that runs 32-bit programs';
  if (missing(kernel) === undefined) {
    return;
  }
  const { notes, context: standIn } = aContext();
  expect(() => needs(kernel)({ ...context, ...standIn })).toThrow('skipped');
  expect(notes).toEqual([`needs ${kernel}`]);
});

test('a test whose oracle is there simply runs', () => {
  const { notes, context } = aContext();
  demand(undefined, context, { CI: 'true' });
  expect(notes).toEqual([]);
});

test('the reason names the oracle and the packages that bring it', () => {
  const isInstalled = spawnSync('readelf', ['--version']).status === 0;
  const reason = 'needs readelf (Debian: apt install binutils)';
  expect(missing('readelf')).toBe(isInstalled ? undefined : reason);
});

test('a guarded test gets past its guard only where the oracle is', (context) => {
  needs('gcc -m32')(context);
  expect(missing('gcc -m32')).toBeUndefined();
});
