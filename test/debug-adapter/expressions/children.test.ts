/** What values consist of, as a tree of variables shows it. */

import { describe, expect, test } from 'vitest';
import { childLines, shown } from './a-guest.ts';

describe('children', () => {
  test.each(['task', '&task', 'evtchn(3)', 'xenstore("device/vbd")'])(
    'of %s can be asked for by their own expressions',
    (text) => {
      const lines = childLines(text);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) {
        const [, value = '', evaluateName = ''] = /^[^:]*: (.*) \| (.*)$/s.exec(line) ?? [];
        if (evaluateName !== 'undefined') {
          expect(shown(evaluateName), line).toBe(value);
        }
      }
    },
  );

  test('of a number there are none', () => {
    expect(childLines('count')).toEqual([]);
  });

  test('come in pages', () => {
    const all = childLines('task');
    expect(childLines('task', undefined, { start: 1, count: 2 })).toEqual(all.slice(1, 3));
  });
});
