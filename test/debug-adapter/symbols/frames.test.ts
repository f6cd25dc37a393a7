/** How frames unwind, compared with readelf, and where variables of frames are, with gdb. */

import { beforeEach, describe, expect, test } from 'vitest';
import { needs } from '../../support/oracle.ts';
import { BUILDS, gdbSaid, nameOf, type Program, programOf, said } from './a-program.ts';

beforeEach(needs('gcc -m32 -nostdlib', 'clang -m32', 'readelf', 'gdb'));

const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'ra'];

/** Registers that differ, and memory whose every word tells its address. */
const register = (number: number): number => 0x1000_0000 + 0x10_0000 * number;
const wordAt = (address: number): number => (address ^ 0x5555_0000) >>> 0;
function read(address: number, size: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, wordAt(address), true);
  return bytes.subarray(0, size);
}

interface Rules {
  readonly pc: number;
  readonly rules: ReadonlyMap<string, string>;
}

/** The table of readelf: for each address from which on they hold, rules by column. */
function rulesOf({ path }: Program): Rules[] {
  const found: Rules[] = [];
  let columns: string[] | undefined;
  let isEntry = false;
  for (const line of said('readelf', ['--debug-dump=frames-interp', '-W', path]).split('\n')) {
    if (/ (?:CIE|FDE) /.test(line)) {
      isEntry = line.includes(' FDE ');
      columns = undefined;
    } else if (/^\s+LOC\s/.test(line)) {
      columns = line.trim().split(/\s+/).slice(1);
    } else if (isEntry && columns !== undefined && /^[0-9a-f]{8} /.test(line)) {
      const [pc, ...rules] = line.trim().split(/\s+/);
      found.push({
        pc: Number.parseInt(pc!, 16),
        rules: new Map(columns.map((name, i) => [name, rules[i]!])),
      });
    }
  }
  return found;
}

function valueBy(rule: string | undefined, name: string, cfa: number): number | undefined {
  const number = REGISTERS.indexOf(name);
  if (rule === undefined || rule === 'u' || rule === 's') {
    return name === 'esp' ? cfa : register(number);
  }
  const [, offset] = /^c([+-]\d+)$/.exec(rule) ?? [];
  return offset === undefined ? undefined : wordAt(cfa + Number(offset));
}

describe.each(BUILDS.map((build) => ({ name: nameOf(build), build })))('$name', ({ build }) => {
  test('frames unwind as readelf interprets the rules', () => {
    const program = programOf(build);
    const all = rulesOf(program);
    expect(all.length).toBeGreaterThan(10);
    for (const { pc, rules } of all) {
      const [, base, offset] = /^(\w+)([+-]\d+)$/.exec(rules.get('CFA')!)!;
      const cfa = register(REGISTERS.indexOf(base!)) + Number(offset);
      const caller = program.symbols.unwind({ pc, register, read });
      expect(caller).toMatchObject({ cfa, returnAddress: valueBy(rules.get('ra'), 'ra', cfa) });
      for (const [number, name] of REGISTERS.slice(0, 8).entries()) {
        expect([pc, name, caller!.registers.get(number)]).toEqual([
          pc,
          name,
          valueBy(rules.get(name), name, cfa),
        ]);
      }
    }
  });

  test('parameters and variables are where gdb says', () => {
    const program = programOf(build);
    let compared = 0;
    for (const name of ['compute', 'recurse', 'variadic', 'other']) {
      for (const { variable, pc, location } of placesToldByGdb(program, name)) {
        const own = program.symbols.variablesAt(pc).flatMap(({ variables }) => variables);
        const frame = { pc, register, read, cfa: () => undefined };
        const locations = own
          .filter((each) => each.name === variable)
          .map((each) => program.symbols.locate(each, frame));
        // Lists of places may begin before the block of the variable does.
        if (own.every((each) => each.name !== variable)) {
          continue;
        }
        // Lists of places may begin before the block of the variable does.
        if (locations.length === 0) {
          continue;
        }
        expect(locations.map((each) => ({ variable, pc, ...each }))).toContainEqual({
          variable,
          pc,
          ...location,
        });
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(3);
  });

  test('a block shows its own variables and those around it, the innermost first', () => {
    const { symbols } = programOf(build);
    const file = symbols.filesEnding('program.c')[0]!;
    const line = 119;
    const scopes = symbols
      .addressesOfLine(file, line)!
      .addresses.flatMap((address) =>
        symbols
          .variablesAt(address)
          .map(({ function: name, variables }) =>
            [name, ...variables.map((each) => each.name)].join(' '),
          ),
      );
    expect(scopes).toEqual(expect.arrayContaining(['compute a b sum']));
    expect(scopes.some((scope) => scope.trim() === 'inner')).toBe(true);
  });
});

interface Told {
  readonly variable: string;
  readonly pc: number;
  readonly location: { readonly kind: string; readonly number?: number; readonly address?: number };
}

/** Of what gdb tells about the variables of a function, the forms that name one register or address. */
function placesToldByGdb(program: Program, name: string): Told[] {
  const [answer] = gdbSaid(program, [`info scope ${name}`]);
  const { entry: start, address: entry } = program.symbols.functionsMatching(name)[0]!;
  const told: Told[] = [];
  let variable = '';
  let isOffset = false;
  for (const line of answer!.split('\n')) {
    variable = /^Symbol (\w+) is/.exec(line)?.[1] ?? variable;
    const whole = /^Symbol .* frame base reg \$(\w+) offset (-?\d+)\+(-?\d+)/.exec(line);
    if (whole !== null) {
      const address = register(REGISTERS.indexOf(whole[1]!)) + Number(whole[2]) + Number(whole[3]);
      told.push({
        variable,
        pc: whole[1] === 'esp' ? start : entry,
        location: { kind: 'memory', address },
      });
    }
    const ranged = /^ {2}Range (0x[0-9a-f]+)-0x[0-9a-f]+: a variable in \$(\w+)/.exec(line);
    if (ranged !== null) {
      told.push({
        variable,
        pc: Number(ranged[1]),
        location: { kind: 'register', number: REGISTERS.indexOf(ranged[2]!) },
      });
    }
    const offset: string | undefined = isOffset
      ? /^\s+0: DW_OP_fbreg (-?\d+)$/.exec(line)?.[1]
      : undefined;
    isOffset =
      /^Symbol \w+ is a (?:complex DWARF expression|variable with complex DWARF expression)/.test(
        line,
      );
    if (offset !== undefined) {
      const cfa = program.symbols.unwind({ pc: entry, register, read })!.cfa;
      told.push({
        variable,
        pc: entry,
        location: { kind: 'memory', address: cfa + Number(offset) },
      });
    }
  }
  return told;
}
