/** Types and variables, compared with the compiler that made them, gdb and readelf. */

import { beforeEach, describe, expect, test } from 'vitest';
import { membersOf } from '../../../debug-adapter/expressions/members.ts';
import { typeText } from '../../../debug-adapter/expressions/type-text.ts';
import { bare, type CompositeType, sizeOf } from '../../../debug-adapter/symbols/c-type.ts';
import type { ProgramSymbols } from '../../../debug-adapter/symbols/program-symbols.ts';
import { needs } from '../../support/oracle.ts';
import { BUILDS, bytesAt, gdbSaid, nameOf, programOf, wordsAt } from './a-program.ts';

beforeEach(needs('gcc -m32 -nostdlib', 'clang -m32', 'gdb'));

function composite(symbols: ProgramSymbols, name: string): CompositeType {
  const type = bare(symbols.typeNamed(name)!);
  if (type.kind !== 'struct' && type.kind !== 'union') {
    throw new Error(`${name} is a ${type.kind}.`);
  }
  return type;
}

/** The bits that are set in bytes, counted from the lowest of the first byte. */
function bitsSet(bytes: Uint8Array): number[] {
  return [...bytes].flatMap((byte, index) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => 8 * index + bit),
  );
}

/** One way to write a type: gdb leaves out what a space or a word order says. */
const plain = (type: string) =>
  type
    .replace(/\s+/g, ' ')
    .replace('* const', '*const')
    .replace('long long unsigned int', 'unsigned long long')
    .replace('volatile const', 'const volatile')
    .trim();

describe.each(BUILDS.map((build) => ({ name: nameOf(build), build })))('$name', ({ build }) => {
  test('types are as large as the compiler says', () => {
    const program = programOf(build);
    const names = [
      'struct list',
      'struct bits',
      'struct tight',
      'struct outer',
      'enum state',
      'u64',
    ];
    expect(names.map((name) => sizeOf(program.symbols.typeNamed(name)!))).toEqual(
      wordsAt(program, 'sizes', names.length),
    );
  });

  test('members lie where the compiler says', () => {
    const program = programOf(build);
    const outer = membersOf(composite(program.symbols, 'struct outer'));
    expect(outer.map(({ name }) => name)).toEqual([
      ...['first', 'whole', 'low', 'high', 'bytes', 'named', 'list', 'later', 'handler', 'name'],
      ...['table', 'state', 'tail'],
    ]);
    expect(outer.map(({ offset }) => offset)).toEqual(wordsAt(program, 'outer_offsets', 13));
    const tight = membersOf(composite(program.symbols, 'struct tight')).filter(({ bits }) => !bits);
    expect(tight.map(({ offset }) => offset)).toEqual(wordsAt(program, 'tight_offsets', 3));
  });

  test('bit-fields lie where the compiler set them', () => {
    const program = programOf(build);
    const fields = ['bits', 'tight'].flatMap((struct) => {
      const type = composite(program.symbols, `struct ${struct}`);
      return membersOf(type).flatMap(({ name, offset, bits }) =>
        bits === undefined ? [] : [{ object: `${struct}_${name}`, size: type.size, offset, bits }],
      );
    });
    // Clang makes no bit-field of one that is as wide as its type and lies where that would.
    expect(fields.length).toBeGreaterThanOrEqual(10);
    for (const { object, size, offset, bits } of fields) {
      const set = bitsSet(bytesAt(program, program.symbols.addressOf(object)!, size)!);
      const first = 8 * offset + bits.first;
      expect([object, ...Array.from({ length: bits.count }, (_, index) => first + index)]).toEqual([
        object,
        ...set,
      ]);
      expect(bits.first).toBeLessThan(8);
    }
  });

  test('enumerators have their values', () => {
    const { symbols } = programOf(build);
    const names = ['RUNNING', 'BLOCKED', 'DEAD', 'LAST', 'NAMELESS_ONE'];
    expect(names.map((name) => symbols.enumeratorNamed(name)?.value)).toEqual([0, 5, 128, -3, 1]);
  });

  test('variables have the types and addresses that gdb tells', () => {
    const program = programOf(build);
    const names = [
      ...[
        'fixed',
        'text',
        'outer',
        'pointers',
        'matrix',
        'handler',
        'nothing',
        'anything',
        'state',
      ],
      ...[
        'wide',
        'small',
        'flag',
        'ratio',
        'single',
        'extended',
        'sizes',
        'bits_g',
        'sink',
        'latest',
      ],
    ];
    const types = gdbSaid(
      program,
      names.map((name) => `whatis ${name}`),
    );
    const addresses = gdbSaid(
      program,
      names.map((name) => `print/x (unsigned)&${name}`),
    );
    const machine = {
      pc: 0,
      register: () => undefined,
      read: () => undefined,
      cfa: () => undefined,
    };
    const ours = names.map((name) => {
      const variable = program.symbols.globalNamed(name)!;
      return [name, plain(typeText(variable.type)), program.symbols.locate(variable, machine)];
    });
    expect(ours).toEqual(
      names.map((name, index) => [
        name,
        plain(types[index]!.replace(/^type = /, '')),
        { kind: 'memory', address: Number(addresses[index]!.replace(/^.*= /, '')) },
      ]),
    );
  });

  test('a struct that one unit only declares is the one that another defines', () => {
    const { symbols } = programOf(build);
    const later = membersOf(composite(symbols, 'struct outer')).find(
      ({ name }) => name === 'later',
    )!;
    const pointer = bare(later.type);
    const target = pointer.kind === 'pointer' ? bare(pointer.target) : pointer;
    expect(target).toMatchObject({ kind: 'struct', name: 'later', isIncomplete: false, size: 8 });
  });

  test('of two variables with one name, the nearer one is seen', () => {
    const { symbols } = programOf(build);
    const at = (name: string) => symbols.globalNamed('counter', symbols.addressOf(name))!;
    expect(at('compute').unitFile).toMatch(/program\.c$/);
    expect(at('other').unitFile).toMatch(/other\.c$/);
    expect(typeText(at('compute').type)).toBe('volatile int');
  });
});
