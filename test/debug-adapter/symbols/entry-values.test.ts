/** Arguments that optimised code has forgotten, from the place that it was called from. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  ProgramSymbols,
  type VariableLocation,
} from '../../../debug-adapter/symbols/program-symbols.ts';
import { codeOf, type ElfFile, readElf } from '../../../emulator/image/elf.ts';
import { needs } from '../../support/oracle.ts';

beforeEach(needs('gcc -m32 -nostdlib'));

const source = `
__attribute__((noinline, noipa)) void work(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline, noipa)) int called(int forgotten)
{
  work();
  work();
  return 0;
}
__attribute__((noinline, noipa)) int passesConstant(void) { return called(77) + 1; }
__attribute__((noinline, noipa)) int passesMore(int more)
{
  int result = called(more + 5);
  work();
  return result + more;
}
void _start(void) { passesConstant(); passesMore(3); }
`;

function built(version: number): { readonly elf: ElfFile; readonly symbols: ProgramSymbols } {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-entry-values-'));
  try {
    const path = join(folder, 'program');
    const kind = ['-m32', '-O2', '-mregparm=3', '-nostdlib', '-static', '-ffreestanding'];
    const options = [`-gdwarf-${version}`, '-fno-pic', '-no-pie', '-fno-stack-protector'];
    execFileSync('gcc', [...kind, ...options, '-x', 'c', '-o', path, '-'], { input: source });
    const elf = readElf(readFileSync(path));
    return { elf, symbols: ProgramSymbols.open(elf) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Where the call of one function in another returns to. */
function returnOf(elf: ElfFile, symbols: ProgramSymbols, caller: string, callee: string): number {
  const target = symbols.addressOf(callee)!;
  const [range] = symbols.functionAt(symbols.addressOf(caller)!)!.ranges;
  for (const { address, bytes } of codeOf(elf)) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = range!.start; at < range!.end && at - address + 5 <= bytes.length; at++) {
      const isCall = bytes[at - address] === 0xe8;
      if (isCall && ((at + 5 + view.getInt32(at - address + 1, true)) | 0) === (target | 0)) {
        return at + 5;
      }
    }
  }
  throw new Error(`${caller} does not call ${callee}`);
}

/** Where the argument is at each instruction of the function, if all memory holds one word. */
function places(symbols: ProgramSymbols, word: number, ebx: number): VariableLocation[] {
  const [range] = symbols.functionAt(symbols.addressOf('called')!)!.ranges;
  const bytes = Uint8Array.from([0, 8, 16, 24], (shift) => word >>> shift);
  const found: VariableLocation[] = [];
  for (let pc = range!.start; pc < range!.end; pc++) {
    const variable = symbols
      .variablesAt(pc)
      .flatMap(({ variables }) => variables)
      .find(({ name }) => name === 'forgotten');
    const machine = {
      pc,
      register: (number: number) => (number === 3 ? ebx : 0x1000),
      read: () => bytes,
      cfa: () => undefined,
    };
    found.push(symbols.locate(variable!, machine));
  }
  return found;
}

const last = (locations: readonly VariableLocation[]) => locations.at(-1);

describe.each([4, 5])('gcc -gdwarf-%i -O2', (version) => {
  test('an argument is in its register at the entry', () => {
    const { symbols } = built(version);
    expect(places(symbols, 0, 0)[0]).toEqual({ kind: 'register', number: 0 });
  });

  test('what a caller passed as a constant is known after the register is lost', () => {
    const { elf, symbols } = built(version);
    const word = returnOf(elf, symbols, 'passesConstant', 'called');
    expect(last(places(symbols, word, 0))).toEqual({
      kind: 'value',
      bytes: Uint8Array.of(77, 0, 0, 0),
    });
  });

  test('what a caller computed from a register that it keeps is computed again', () => {
    const { elf, symbols } = built(version);
    const word = returnOf(elf, symbols, 'passesMore', 'called');
    expect(last(places(symbols, word, 1000))).toEqual({
      kind: 'value',
      bytes: Uint8Array.of(0xed, 3, 0, 0),
    });
  });

  test('without a caller that is known it is unavailable, by a sentence', () => {
    const { symbols } = built(version);
    expect(last(places(symbols, 0x1234, 0))).toEqual({
      kind: 'unavailable',
      why: 'It is computed from what a register held when the function was entered, which is not known any more.',
    });
  });
});
