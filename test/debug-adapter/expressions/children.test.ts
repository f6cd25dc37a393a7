import { describe, expect, test } from 'vitest';
import { childCountOf, childrenOf } from '../../../debug-adapter/expressions/children.ts';
import { assign } from '../../../debug-adapter/expressions/evaluate.ts';
import { formatValue } from '../../../debug-adapter/expressions/format.ts';
import { childLines, Guest, shown, valueOfText } from './a-guest.ts';

test('a struct has its members, those of anonymous ones among them', () => {
  expect(childLines('task').map((line) => line.replace(/:.*\|/, ' |'))).toEqual(
    [
      'pid',
      'comm',
      'state',
      'next',
      'list',
      'lazy',
      'nice',
      'word',
      'low',
      'handle',
      'name',
      'total',
      'wide',
    ].map((name) => `${name} | task.${name}`),
  );
});

describe('children of', () => {
  test.each<[string, readonly string[]]>([
    [
      '&task.list',
      [
        'next: 0xc010021c {next = 0x0, prev = 0x0} | (&task.list)->next',
        'prev: 0x0 | (&task.list)->prev',
      ],
    ],
    [
      'words[2..4]',
      ['[0]: 4 | (words[2..4])[0]', '[1]: 9 | (words[2..4])[1]', '[2]: 16 | (words[2..4])[2]'],
    ],
    ['matrix', ['[0]: {1, 2, 3} | matrix[0]', '[1]: {4, 5, 6} | matrix[1]']],
    ['argv', ['*argv: 0xc0100300 "hello \\"you\\"\\n" | *argv']],
    ['anything', []],
    ['p->handle', []],
    ['count', []],
    ['evtchn(3)', ['port: 3 | (evtchn(3)).port', 'pending: 1 | (evtchn(3)).pending']],
    ['xenstore("x")', ['51712: 4 | (xenstore("x"))[51712]']],
    [
      '"ab"',
      ['[0]: 97 \'a\' | ("ab")[0]', '[1]: 98 \'b\' | ("ab")[1]', '[2]: 0 \'\\000\' | ("ab")[2]'],
    ],
    ['words,[2]', ['[0]: 0 | words[0]', '[1]: 1 | words[1]']],
  ])('%s', (text, lines) => {
    expect(childLines(text)).toEqual(lines);
  });
});

test('elements come in pages', () => {
  expect(childLines('words', new Guest(), { start: 6, count: 5 })).toEqual([
    '[6]: 36 | words[6]',
    '[7]: 49 | words[7]',
  ]);
});

test('what evaluates to a child gives the same value', () => {
  const guest = new Guest();
  const texts = [
    'task',
    'p',
    'p->next',
    'matrix',
    'words[2..4]',
    '*argv@2',
    'evtchn(3)',
    'xenstore("x")',
    'p + 1',
  ];
  for (const text of texts) {
    for (const child of childrenOf(valueOfText(text, guest), text, guest)) {
      expect(shown(child.evaluateName ?? '', guest)).toBe(formatValue(child.value, guest));
    }
  }
});

test.each([
  ['words', { named: 0, indexed: 8 }],
  ['task', { named: 13, indexed: 0 }],
  ['p', { named: 13, indexed: 0 }],
  ['argv', { named: 1, indexed: 0 }],
  ['count', { named: 0, indexed: 0 }],
  ['open', { named: 0, indexed: 0 }],
  ['evtchn(1)', { named: 2, indexed: 0 }],
])('%s has so many children', (text, count) => {
  expect(childCountOf(valueOfText(text))).toEqual(count);
});

describe('set from the editor:', () => {
  test.each([
    ['count', '7', '7'],
    ['count', 'words[2] + 1', '5'],
    ['mode', 'WRITABLE', 'WRITABLE'],
    ['mode', 'READABLE | DEAD', 'READABLE | DEAD'],
    ['p', '&other', undefined],
    ['flag', 'false', 'false'],
    ['task.nice', '4', '4'],
    ['task.comm', '"idle"', '"idle"'],
    ['$eax', '0x20', '32'],
    ['ratio', '1', '1'],
  ])('%s to %s', (target, text, expected) => {
    const guest = new Guest();
    const result = assign(valueOfText(target, guest) as never, text, guest);
    expect(formatValue(result, guest)).toBe(shown(target, guest));
    expect(shown(target, guest)).toBe(expected ?? shown('&other', guest));
  });

  test('what cannot be written says so', () => {
    const guest = new Guest();
    expect(() => assign(valueOfText('bad->pid', guest) as never, '1', guest)).toThrow(
      'Nothing can be written at 0x10.',
    );
  });
});
