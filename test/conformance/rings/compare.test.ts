import { expect, test } from 'vitest';
import { linesIn } from './bochs.ts';
import { compareLines } from './compare.ts';

const LINE = 'case limits/byte_last vec=f1 cs=3b eip=code+6 .';

test('the same lines have no differences', () => {
  expect(compareLines([LINE], [LINE])).toEqual([]);
});

test('a field with another value is a difference', () => {
  expect(compareLines([LINE], [LINE.replace('vec=f1', 'vec=d')])).toEqual([
    { name: 'limits/byte_last', field: 'vec', expected: 'f1', actual: 'd' },
  ]);
});

test('a field too many and one too few are differences', () => {
  const differences = compareLines([LINE], [LINE.replace('cs=3b', 'ecx=1')]);
  expect(differences.map(({ field }) => field)).toEqual(['cs', 'ecx']);
});

test('a case that is missing is one difference', () => {
  expect(compareLines([LINE], [])).toHaveLength(1);
});

test('a case that did not come to its end is a difference', () => {
  const [difference] = compareLines([LINE], [LINE.replace(' .', '')]);
  expect(difference?.field).toBe('ended');
});

test('what Bochs has wrong is expected as corrected', () => {
  const wrong = 'case interrupts/iret_stack_absent vec=b err=90 .';
  expect(compareLines([wrong], [wrong.replace('vec=b', 'vec=c')])).toEqual([]);
  expect(compareLines([wrong], [wrong])).toHaveLength(1);
});

test('what nobody settles is not compared', () => {
  const line = 'case paging/crossing_write_into_absent vec=e [206910]=244067 .';
  expect(compareLines([line], [line.replace('244067', '244007')])).toEqual([]);
});

test('lines are cut out of what a terminal shows around them', () => {
  expect(linesIn(`\u001b[2Jboot ${LINE}\r\ncase interrupts/triple_fault(0).[15] hlt`)).toEqual([
    LINE,
    'case interrupts/triple_fault',
  ]);
});
