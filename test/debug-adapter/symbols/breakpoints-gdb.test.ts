/** Where a breakpoint on each line and function stops, beside gdb. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { ProgramSymbols } from '../../../debug-adapter/symbols/program-symbols.ts';
import { readElf } from '../../../emulator/image/elf.ts';
import { needs } from '../../support/oracle.ts';
import { BUILDS, gdbSaid, nameOf, type Program, programOf } from './a-program.ts';

beforeEach(needs('gcc -m32 -nostdlib', 'clang -m32', 'gdb'));

/** Addresses of a breakpoint at each place, as gdb finds them. */
function stopsOfGdb(program: Program, places: readonly string[]): number[][] {
  const commands = places.flatMap((place) => [`tbreak ${place}`, 'info breakpoints', 'delete']);
  const answers = gdbSaid(program, ['set confirm off', ...commands]);
  return places.map((_, index) => {
    const table = answers[3 * index + 2] ?? '';
    const addresses = [...table.matchAll(/^\S+\s.*\sy\s+(0x[0-9a-f]+) /gm)];
    return addresses.map(([, address]) => Number(address)).sort((a, b) => a - b);
  });
}

// Unlike gdb, lines that gcc -O2 keeps as empty rows before inlined code of another file are found.
const comparable = BUILDS.filter(({ compiler, level }) => compiler === 'clang' || level === '-O0');

describe.each(comparable.map((build) => ({ name: nameOf(build), build })))('$name', ({ build }) => {
  test('a line stops where gdb stops, in all of its copies', () => {
    const program = programOf(build);
    const { symbols } = program;
    for (const file of symbols.sourceFiles()) {
      const lines = symbols.linesWithCode(file);
      const ours = lines.map((line) => symbols.addressesOfLine(file, line)?.addresses);
      expect(ours).toEqual(
        stopsOfGdb(
          program,
          lines.map((line) => `${basename(file)}:${line}`),
        ),
      );
    }
  });
});

test('a function of assembly stops at its entry', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-assembly-'));
  try {
    const path = join(folder, 'program');
    const source = `
  .globl _start, callback
  .type callback, @function
_start:
  call callback
  .cfi_startproc
callback:
  cld
  pushl %eax
  ret
  .cfi_endproc
`;
    const options = ['-m32', '-g', '-nostdlib', '-static', '-x', 'assembler', '-o', path, '-'];
    execFileSync('gcc', options, { input: source, stdio: ['pipe', 'ignore', 'inherit'] });
    const elf = readElf(readFileSync(path));
    const symbols = ProgramSymbols.open(elf);
    const [found] = symbols.functionsMatching('callback');
    expect(found?.address).toBe(symbols.addressOf('callback'));
    expect([[found?.address]]).toEqual(stopsOfGdb({ path, elf, symbols }, ['callback']));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
