import { describe, expect, test } from 'vitest';
import { completionsAt } from '../../../debug-adapter/expressions/completions.ts';
import { Guest } from './a-guest.ts';

/** The completions where `|` stands. */
function at(marked: string) {
  const column = marked.indexOf('|');
  const text = marked.replace('|', '');
  const { start, items } = completionsAt(text, column, new Guest());
  return { begun: text.slice(start, column), labels: items.map(({ label }) => label) };
}

describe('members', () => {
  test.each([
    ['p->|', ''],
    ['p.|', ''],
    ['task.|', ''],
    ['1 + (p + 1)->|', ''],
    ['p->next->|', ''],
    ['p[1].|', ''],
    ['(*p).|', ''],
    ['(struct task *)p->next -> |', ''],
    ['*argv + container_of(&p->list, struct task, list)->|', ''],
    ['p [ words[ 2 ] ] .next->|pid + 1', ''],
  ])('of a task follow in %s', (text, begun) => {
    const found = at(text);
    expect(found.begun).toBe(begun);
    expect(found.labels).toEqual([
      ...['pid', 'comm', 'state', 'next', 'list', 'lazy', 'nice', 'word', 'low', 'handle', 'name'],
      ...['total', 'wide'],
    ]);
  });

  test('are those that begin with what is typed', () => {
    expect(at('p->n|')).toEqual({ begun: 'n', labels: ['next', 'nice', 'name'] });
    expect(at('p->ni|ce')).toEqual({ begun: 'ni', labels: ['nice'] });
    expect(at('p->list.p|').labels).toEqual(['prev']);
  });

  test('tell their types', () => {
    const { items } = completionsAt('p->nex', 6, new Guest());
    expect(items).toEqual([{ label: 'next', kind: 'member', detail: 'struct task *' }]);
  });

  test('of what a function of the host gives are its children', () => {
    expect(at('evtchn(3).p|').labels).toEqual(['port', 'pending']);
  });

  test.each([
    'count.|',
    'nothing->|',
    '1.|',
    '"p->|',
    '->|',
    'bad->hidden.|',
    ')->|',
    ']->|',
    'hidden->|',
    "'p.|",
  ])('are not there in %s', (text) => {
    expect(at(text).labels).toEqual([]);
  });
});

describe('names', () => {
  test('are those that begin with what is typed, registers after $ alone', () => {
    expect(at('1 + wo|').labels).toEqual(['words']);
    expect(at('$e|')).toEqual({ begun: '$e', labels: ['$eax', '$esp', '$eip'] });
    expect(at('p + $|').labels).toEqual(['$eax', '$esp', '$eip']);
    expect(at('e|').labels).toEqual(['extended', 'evtchn']);
    expect(at('(u|').labels).toEqual(['u8', 'u32']);
    expect(at('words[p->pid + co|').labels).toEqual(['count']);
  });

  test('of functions tell what these do', () => {
    const { items } = completionsAt('evt', 3, new Guest());
    expect(items).toEqual([
      { label: 'evtchn', kind: 'function', detail: 'The state of an event channel.' },
    ]);
  });
});
