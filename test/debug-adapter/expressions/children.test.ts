import { describe, expect, test } from 'vitest';
import { childLines } from './a-guest.ts';

describe('children', () => {
  test('of an array are its elements, and each says what evaluates to it', () => {
    expect(childLines('words', undefined, { start: 2, count: 2 })).toEqual([
      '[2]: 4 | words[2]',
      '[3]: 9 | words[3]',
    ]);
  });

  test('of a struct are its members, those of anonymous parts among them', () => {
    expect(childLines('list')).toEqual(['next: 0x0 | list.next', 'prev: 0x0 | list.prev']);
    expect(childLines('task').slice(8, 10)).toEqual([
      "low: 120 'x' | task.low",
      'handle: 0xc0100020 <handler> | task.handle',
    ]);
  });

  test('of a pointer are those of what it points to', () => {
    expect(childLines('p').slice(0, 2)).toEqual(['pid: 3 | p->pid', 'comm: "init" | p->comm']);
  });

  test('of a result are what the function gives', () => {
    expect(childLines('evtchn(3)')).toEqual([
      'port: 3 | (evtchn(3)).port',
      'pending: 1 | (evtchn(3)).pending',
    ]);
  });

  test('are none of a number', () => {
    expect(childLines('count')).toEqual([]);
  });
});
