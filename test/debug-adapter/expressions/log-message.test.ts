import { describe, expect, test } from 'vitest';
import {
  parseLogMessage,
  renderLogMessage,
} from '../../../debug-adapter/expressions/log-message.ts';
import { typeNamesOf } from '../../../debug-adapter/expressions/scope.ts';
import { Guest } from './a-guest.ts';

function rendered(message: string): string {
  const guest = new Guest();
  return renderLogMessage(parseLogMessage(message, typeNamesOf(guest)), guest);
}

test.each([
  ['plain', 'plain'],
  ['', ''],
  ['count is {count}', 'count is 5'],
  ['{count}{letter,x}', '50x41'],
  ['{p->comm,s} has pid {p->pid,x}', '"init" has pid 0x3'],
  ['{{count}} \\{{count}\\}', '{count} {5}'],
  ['{letter == \'}\'} {"}"}', '0 "}"'],
  ['{bad->pid}', '<cannot read 0x10>'],
  ['{bad->pid + 1}', '<bad->pid + 1: Cannot read 0x10.>'],
  ['{nothing}', '<nothing: No variable "nothing" is known here.>'],
  [
    '{count = 3}',
    '<count = 3: This would change the guest, which is not allowed here; "==" compares.>',
  ],
])('%s', (message, expected) => {
  expect(rendered(message)).toBe(expected);
});

describe('mistakes say where in the message:', () => {
  test.each([
    ['a {count', 2, 'This "{" has no "}"; as text it is written "{{".'],
    ['a } b', 2, 'This "}" closes nothing; as text it is written "}}".'],
    ['a {1 +} b', 6, 'a value is expected, not the end.'],
    ['{}', 1, 'a value is expected, not the end.'],
  ])('%s', (message, position, sentence) => {
    expect(() => rendered(message)).toThrow(
      expect.objectContaining({ name: 'ExpressionError', position, message: sentence }),
    );
  });
});
