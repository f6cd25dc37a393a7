import { describe, expect, test } from 'vitest';
import { completionsAt } from '../../../debug-adapter/expressions/completions.ts';
import { Guest } from './a-guest.ts';

const labels = (text: string, column = text.length): readonly string[] =>
  completionsAt(text, column, new Guest()).map(({ label }) => label);

describe('at the end of', () => {
  test.each<[string, readonly string[]]>([
    ['p->n', ['next', 'nice', 'name']],
    ['1 + p->next->com', ['comm']],
    ['task.st', ['state']],
    ['(p + 1)->pi', ['pid']],
    ['f[3] + words[p->pi', ['pid']],
    ['(struct task *)p)->pi', []],
    ['((struct task *)anything)->pi', ['pid']],
    ['p[0].list.', ['next', 'prev']],
    ['evtchn(3).p', ['port', 'pending']],
    ['nothing->', []],
    ['count.', []],
    ['co', ['count']],
    ['1 + le', ['letter']],
    ['ev', ['evtchn']],
    ['$e', ['$eax', '$esp', '$eip']],
    ['u', ['u8', 'u32']],
    ['0x', []],
    ['"co', []],
  ])('%s', (text, expected) => {
    expect(labels(text)).toEqual(expected);
  });
});

test('what stands behind the cursor does not count', () => {
  expect(labels('p->pi + count', 5)).toEqual(['pid']);
});

test('a completion says what it takes the place of and what it is', () => {
  expect(completionsAt('1 + p->stat', 11, new Guest())).toEqual([
    { label: 'state', kind: 'member', detail: 'enum state', start: 7, length: 4 },
  ]);
});

test('a function says how it is called', () => {
  expect(completionsAt('xens', 4, new Guest())).toEqual([
    { label: 'xenstore', kind: 'function', detail: 'xenstore(path, [depth])', start: 0, length: 4 },
  ]);
});
