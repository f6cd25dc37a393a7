import { describe, expect, test } from 'vitest';
import { compileCondition } from '../../../debug-adapter/expressions/evaluate.ts';
import { parseExpression } from '../../../debug-adapter/expressions/parser.ts';
import { typeNamesOf } from '../../../debug-adapter/expressions/scope.ts';
import { Guest } from './a-guest.ts';

const condition = (text: string, guest: Guest): (() => boolean) =>
  compileCondition(parseExpression(text, typeNamesOf(guest)), guest);

describe('a condition', () => {
  test.each([
    ['count == 5 && p->pid == 3', true],
    ['count == 5 && p->pid > 3', false],
    ['$eax == 17', true],
    ['p->nice < 0 && p->lazy', true],
    ["letter == 'A'", true],
    ['wide < -4999999999', true],
    ['ratio > 0.05', true],
    ['twice(count) == 10', true],
    ['evtchn(3).pending', true],
    ['evtchn(3).pending && count == 6', false],
    ['p->comm == "init"', true],
    ['p', true],
    ['words', true],
  ])('%s is %s', (text, expected) => {
    expect(condition(text, new Guest())()).toBe(expected);
  });

  test('reads memory and registers anew each time', () => {
    const guest = new Guest();
    const holds = condition('count == 6 && $eax == 4', guest);
    expect(holds()).toBe(false);
    guest.put32(0x184, 6);
    guest.registers.eax = 4;
    expect(holds()).toBe(true);
  });

  test('asks a function of the host anew each time', () => {
    const guest = new Guest();
    const holds = condition('evtchn(count).port == 6', guest);
    expect(holds()).toBe(false);
    guest.put32(0x184, 6);
    expect(holds()).toBe(true);
  });

  test('follows a variable whose place changes', () => {
    const guest = new Guest();
    let address = 0xc010_0184;
    const moving = Object.assign(Object.create(guest), {
      variable: (name: string) =>
        name === 'local'
          ? {
              kind: 'value',
              type: guest.variable('count')?.type,
              location: {
                kind: 'memory',
                get address() {
                  return address;
                },
              },
            }
          : undefined,
    });
    const holds = compileCondition(
      parseExpression('local == 4', () => false),
      moving,
    );
    expect(holds()).toBe(false);
    address = 0xc010_0198;
    expect(holds()).toBe(true);
  });

  test('may change nothing', () => {
    expect(() => condition('count = 6', new Guest())).toThrow('would change the guest');
  });

  test('says so when it cannot be known', () => {
    expect(condition('bad->pid == 3', new Guest())).toThrow('Cannot read 0x10.');
  });

  test('a struct is neither true nor false', () => {
    expect(() => condition('task', new Guest())).toThrow(
      'A value of type "struct task" is not a number.',
    );
  });

  test('reads 8, 16 and 32 bits at any address as plain reads do', () => {
    const guest = new Guest();
    for (const type of ['u8', 'signed char', 'short', 'unsigned short', 'u32', 'int']) {
      for (let offset = 0; offset < 9; offset++) {
        const place = `*(${type} *)(0xc0100208 + ${offset})`;
        const { read32: _, ...slow } = guest.memory;
        const value = condition(
          `${place} == (${type})${Number(valueAt(guest, 0x208 + offset, type))}`,
          guest,
        );
        expect(value()).toBe(true);
        const slowGuest = Object.assign(Object.create(guest), { memory: slow });
        expect(
          condition(`${place} == (${type})${valueAt(guest, 0x208 + offset, type)}`, slowGuest)(),
        ).toBe(true);
      }
    }
  });
});

function valueAt(guest: Guest, offset: number, type: string): number {
  const view = new DataView(guest.bytes.buffer);
  const readers: Readonly<Record<string, () => number>> = {
    u8: () => view.getUint8(offset),
    'signed char': () => view.getInt8(offset),
    short: () => view.getInt16(offset, true),
    'unsigned short': () => view.getUint16(offset, true),
    u32: () => view.getUint32(offset, true),
    int: () => view.getInt32(offset, true),
  };
  return readers[type]!();
}
