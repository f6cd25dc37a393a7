/** Lines, functions and inlined copies, compared with binutils. */

import { basename } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { needs } from '../../support/oracle.ts';
import { BUILDS, gdbSaid, nameOf, type Program, programOf, said } from './a-program.ts';

beforeEach(needs('gcc -m32 -nostdlib', 'clang -m32', 'objdump', 'gdb'));

interface Row {
  readonly file: string;
  readonly line: number;
  readonly address: number;
  readonly isStatement: boolean;
  readonly isEnd: boolean;
}

/** All rows of all line programs, as objdump decodes them. */
function rowsOf({ path }: Program): Row[] {
  const text = said('objdump', ['--dwarf=decodedline', '-w', path]);
  const rows = text.matchAll(/^(\S+\.c)\s+(\d+|-)\s+(0x[0-9a-f]+|0)\b(.*)$/gm);
  return [...rows].map(([, file, line, address, rest]) => ({
    file: file!,
    line: Number(line === '-' ? 0 : line),
    address: Number(address),
    isStatement: rest!.includes('x'),
    isEnd: line === '-' || rest!.includes('END'),
  }));
}

const distinct = (numbers: Iterable<number>): number[] =>
  [...new Set(numbers)].sort((a, b) => a - b);

describe.each(BUILDS.map((build) => ({ name: nameOf(build), build })))('$name', ({ build }) => {
  test('has no problems', () => {
    const { symbols } = programOf(build);
    expect(symbols.sourceFiles().map((path) => basename(path))).toEqual(['other.c', 'program.c']);
    expect([...symbols.globals()].length).toBeGreaterThan(20);
    expect(symbols.problems).toEqual([]);
  });

  test('has the lines with code that objdump decodes', () => {
    const program = programOf(build);
    const rows = rowsOf(program).filter(
      ({ line, isStatement, isEnd }) => line > 0 && isStatement && !isEnd,
    );
    for (const file of program.symbols.sourceFiles()) {
      const expected = rows.filter((row) => row.file === basename(file)).map(({ line }) => line);
      expect(program.symbols.linesWithCode(file)).toEqual(distinct(expected));
    }
  });

  test('stops for each line only at its statements, or past a prologue', () => {
    const { symbols } = programOf(build);
    const rows = rowsOf(programOf(build));
    for (const file of symbols.sourceFiles()) {
      for (const line of symbols.linesWithCode(file)) {
        const found = symbols.addressesOfLine(file, line)!;
        expect(found.line).toBe(line);
        expect(found.addresses.length).toBeGreaterThan(0);
        for (const address of found.addresses) {
          const isOwn = rows.some(
            (row) =>
              row.file === basename(file) &&
              row.line === line &&
              row.address === address &&
              row.isStatement,
          );
          expect(isOwn || symbols.functionAt(address)?.afterPrologue === address).toBe(true);
        }
      }
    }
  });

  test('has the functions and inlined copies of addr2line at every address', () => {
    const { path, symbols } = programOf(build);
    const addresses = distinct(
      rowsOf(programOf(build))
        .filter(({ isEnd }) => !isEnd)
        .map(({ address }) => address),
    );
    const input = addresses.map((address) => `0x${address.toString(16)}\n`).join('');
    const answers = said('addr2line', ['-a', '-i', '-f', '-e', path], input)
      .trim()
      .split(/^(?=0x)/m);
    const ours = addresses.map((address) => {
      const inlines = symbols.inlinesAt(address);
      const names = [...inlines.map(({ name }) => name), symbols.functionAt(address)!.name];
      const places = inlines.map(({ callFile, callLine }) => `${callFile}:${callLine}`);
      return [names, places];
    });
    const theirs = answers.map((answer) => {
      const lines = answer.trim().split('\n').slice(1);
      const names = lines.filter((_, index) => index % 2 === 0);
      const places = lines.filter((_, index) => index % 2 === 1);
      // Of several rows at one address it takes the last, so its first place is compared with gdb's.
      return [names, places.slice(1).map((line) => line.replace(/ \(discriminator \d+\)$/, ''))];
    });
    expect(ours).toEqual(theirs);
  });

  test('stops functions where gdb does', () => {
    const program = programOf(build);
    const names = ['compute', 'recurse', 'variadic', 'stop', '_start', 'other'];
    const answers = gdbSaid(
      program,
      names.map((name) => `break ${name}`),
    );
    const theirs = answers.map((answer) => / at (0x[0-9a-f]+)/.exec(answer)?.[1]);
    const ours = names.map((name) => {
      const [found, ...more] = program.symbols.functionsMatching(name);
      expect(more).toEqual([]);
      return `0x${found!.address.toString(16)}`;
    });
    expect(ours).toEqual(theirs);
  });

  test('finds lines of a range as gdb does', () => {
    const program = programOf(build);
    const addresses = distinct(
      rowsOf(program)
        .filter(({ isEnd }) => !isEnd)
        .map(({ address }) => address),
    );
    const answers = gdbSaid(
      program,
      addresses.map((address) => `info line *${address}`),
    );
    for (const [index, answer] of answers.entries()) {
      const [, line, start, end] =
        /^Line (\d+) .* (?:at|is at) address (0x[0-9a-f]+).* ends at (0x[0-9a-f]+)/.exec(answer) ??
        [];
      const address = addresses[index]!;
      if (line === undefined || start === undefined || end === undefined) {
        expect([address, program.symbols.locationAt(address)]).toEqual([address, undefined]);
        continue;
      }
      const range = program.symbols.rangeOfLine(address)!;
      expect([address, range.line]).toEqual([address, Number(line)]);
      expect(program.symbols.locationAt(address)?.line).toBe(Number(line));
      // gdb has a range end at each statement; a step passes over all of the same line.
      expect(range.start).toBeLessThanOrEqual(Number(start));
      expect(range.end).toBeGreaterThanOrEqual(Number(end));
    }
    expect(answers.filter((answer) => answer.startsWith('Line ')).length).toBeGreaterThan(20);
  });
});
