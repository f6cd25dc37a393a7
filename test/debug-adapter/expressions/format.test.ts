import { describe, expect, test } from 'vitest';
import { UNSIGNED_INT } from '../../../debug-adapter/expressions/base-types.ts';
import { formatValue } from '../../../debug-adapter/expressions/format.ts';
import { typeText } from '../../../debug-adapter/expressions/type-text.ts';
import type { CType } from '../../../debug-adapter/symbols/c-type.ts';
import { aValue, BASE, Guest, handler, shown, struct, valueOfText } from './a-guest.ts';

describe('a value shows as', () => {
  test.each([
    ['count', '5'],
    ['letter', "65 'A'"],
    ['p->low', "120 'x'"],
    ['bytes', '{1, 2, 255, 65}'],
    ['text', '0xc0100300 "hello \\"you\\"\\n"'],
    ['p->comm', '"init"'],
    ['address', '3222274084 <handler+0x4>'],
    ['p->handle', '0xc0100020 <handler>'],
    ['handler', '{int (int)} 0xc0100020 <handler>'],
    ['anything', '0xc0100010'],
    ['words', '{0, 1, 4, 9, 16, 25, 36, 49}'],
    ['matrix', '{{1, 2, 3}, {4, 5, 6}}'],
    ['list', '{next = 0x0, prev = 0x0}'],
    ['mode', 'READABLE | WRITABLE'],
    ['(enum state)64', '64'],
    ['open', '{…}'],
    ['hidden', '0xc0100000'],
    ['bad', '0x10 <cannot read 0x10>'],
    ['bad->comm', '<cannot read 0x14>'],
    ['*bad', '<cannot read 0x10>'],
    ['(char *)16', '0x10 <cannot read 0x10>'],
    ['1.0', '1'],
    ['-0.0', '-0'],
    ['1e300 * 1e300', 'inf'],
    ['"a\\tb\\001"', '"a\\tb\\001"'],
  ])('%s: %s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });
});

describe('a suffix shows', () => {
  test.each([
    ['count,x', '0x5'],
    ['-1,x', '0xffffffff'],
    ['-1,u', '4294967295'],
    ['4294967295u,d', '-1'],
    ['8,o', '010'],
    ['5,b', '0b101'],
    ['65,c', "65 'A'"],
    ['0x3fc00000,f', '1.5'],
    ['$eip,a', '0xc0100024 <handler+0x4>'],
    ['words,x', '{0x0, 0x1, 0x4, 0x9, 0x10, 0x19, 0x24, 0x31}'],
    ['words,[2],x', '{0x0, 0x1}'],
    ['(u8 *)text,s', '0xc0100300 "hello \\"you\\"\\n"'],
    ['bytes,s', '"\\001\\002\\377A"'],
    ['p,!', '0xc0100100'],
    ['mode,d', '3'],
    ['p->comm,!', '{105, 110, 105, 116, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}'],
    ['(count,letter),x', '0x41'],
    ['2.5,x', '0x2'],
  ])('%s: %s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });
});

test('a pointer to a struct shows the first members of what it leads to', () => {
  expect(shown('p')).toMatch(
    /^0xc0100100 \{pid = 3, comm = "init", state = READABLE, next = 0xc0100140, .*, …\}$/,
  );
});

test('a line is bounded, however large the value', () => {
  expect(shown('*(unsigned char (*)[12288])0xc0100000').length).toBeLessThan(300);
});

test('a length may be given', () => {
  const guest = new Guest();
  expect(formatValue(valueOfText('words', guest), guest, { length: 8 })).toBe('{0, 1, 4, …}');
});

test('hex is for numbers that no letter formats', () => {
  const guest = new Guest();
  expect(formatValue(valueOfText('list', guest), guest, { hex: true })).toBe(
    '{next = 0x0, prev = 0x0}',
  );
  expect(formatValue(valueOfText('17', guest), guest, { hex: true })).toBe('0x11');
  expect(formatValue(valueOfText('17', guest), guest, { hex: true, format: { letter: 'd' } })).toBe(
    '17',
  );
});

test('a value without bytes was optimized out', () => {
  const lost = { kind: 'value', type: UNSIGNED_INT, location: { kind: 'none' } } as const;
  expect(formatValue(lost, new Guest())).toBe('<optimized out>');
});

test('a struct inside itself is shown to a certain depth', () => {
  const members: { name: string; type: CType; offset: number; bits: undefined }[] = [];
  const endless = struct('endless', 8, members);
  members.push({ name: 'x', type: UNSIGNED_INT, offset: 0, bits: undefined });
  members.push({ name: 'inner', type: endless, offset: 4, bits: undefined });
  expect(formatValue(aValue(endless, BASE), new Guest())).toBe(
    '{x = 0, inner = {x = 0, inner = {…}}}',
  );
});

test('an anonymous struct inside itself has finitely many members', () => {
  const members: { name: string; type: CType; offset: number; bits: undefined }[] = [];
  const endless = struct(undefined, 8, members);
  members.push({ name: '', type: endless, offset: 0, bits: undefined });
  members.push({ name: '', type: endless, offset: 4, bits: undefined });
  members.push({ name: 'x', type: UNSIGNED_INT, offset: 0, bits: undefined });
  expect(formatValue(aValue(endless, BASE), new Guest()).length).toBeLessThan(400);
});

test('a struct that is nothing but itself, many times over, takes no time', () => {
  const members: { name: string; type: CType; offset: number; bits: undefined }[] = [];
  const endless = struct(undefined, 8, members);
  for (let at = 0; at < 20; at++) {
    members.push({ name: '', type: endless, offset: 0, bits: undefined });
  }
  expect(formatValue(aValue(endless, BASE), new Guest())).toBe('{}');
});

describe('a type is written as in C:', () => {
  const pointer = (target: CType): CType => ({ kind: 'pointer', size: 4, target });
  const array = (element: CType, count: number): CType => ({
    kind: 'array',
    element,
    count,
    size: 0,
  });
  const constant = (target: CType): CType => ({ kind: 'const', target });
  test.each<[string, CType]>([
    ['unsigned int', UNSIGNED_INT],
    ['unsigned int *', pointer(UNSIGNED_INT)],
    ['unsigned int [3]', array(UNSIGNED_INT, 3)],
    ['unsigned int (*)[3]', pointer(array(UNSIGNED_INT, 3))],
    ['unsigned int *[3]', array(pointer(UNSIGNED_INT), 3)],
    ['unsigned int [2][3]', array(array(UNSIGNED_INT, 3), 2)],
    ['int (*)(int)', pointer(handler)],
    ['const unsigned int *', pointer(constant(UNSIGNED_INT))],
    ['unsigned int *const', constant(pointer(UNSIGNED_INT))],
    ['struct {…}', struct(undefined, 0, [])],
  ])('%s', (text, type) => {
    expect(typeText(type)).toBe(text);
  });

  test('one that contains itself is cut', () => {
    const target = { kind: 'pointer', size: 4 } as { kind: 'pointer'; size: number; target: CType };
    target.target = target;
    expect(typeText(target).length).toBeLessThan(100);
  });
});
