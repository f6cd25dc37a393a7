/** A kernel of our own with debug information, and what is left of it when that is taken away. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { typeText } from '../../../debug-adapter/expressions/type-text.ts';
import { ProgramSymbols } from '../../../debug-adapter/symbols/program-symbols.ts';
import { readElf } from '../../../emulator/image/elf.ts';

const file = join(import.meta.dirname, '../../guests/upcalls/debuggable.elf');
const main = 'upcalls/main.c';

/** Without section headers, as some loaders leave a file. */
function withoutSections(): Uint8Array {
  const bytes = Uint8Array.from(readFileSync(file));
  const view = new DataView(bytes.buffer);
  view.setUint32(0x20, 0, true);
  view.setUint32(0x2e, 0, true);
  return bytes;
}

/** With sections for debug information that are called something else: only symbols are left. */
function stripped(): Uint8Array {
  const bytes = Uint8Array.from(readFileSync(file));
  for (let at = 0; at + 7 < bytes.length; at++) {
    if (String.fromCharCode(...bytes.subarray(at, at + 7)) === '.debug_') {
      bytes[at + 1] = 0x78;
    }
  }
  return bytes;
}

const open = (bytes: Uint8Array) => ProgramSymbols.open(readElf(bytes));

describe('a guest with debug information', () => {
  let symbols: ProgramSymbols;
  beforeAll(() => {
    symbols = open(readFileSync(file));
  });

  test('has files, functions and lines that lead to each other', () => {
    const [path] = symbols.filesEnding(main);
    expect(symbols.hasDebugInformation).toBe(true);
    expect(path).toMatch(/\/upcalls\/main\.c$/);
    const lines = symbols.linesWithCode(path!);
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      for (const address of symbols.addressesOfLine(path!, line)!.addresses) {
        expect(symbols.functionAt(address)).toBeDefined();
        expect(symbols.rangeOfLine(address)!.end).toBeGreaterThan(address);
      }
    }
    expect(symbols.problems).toEqual([]);
  });

  test('takes a line without code for the next one with some', () => {
    const [path] = symbols.filesEnding(main);
    const [first] = symbols.linesWithCode(path!);
    expect(symbols.addressesOfLine(path!, first! - 1)).toEqual(
      symbols.addressesOfLine(path!, first!),
    );
    expect(symbols.addressesOfLine(path!, 100_000)).toBeUndefined();
    expect(symbols.addressesOfLine('/no/such/file.c', 1)).toBeUndefined();
  });

  test('has functions by name and by pattern', () => {
    const names = new Set(symbols.functionsMatching(/./).map(({ name }) => name));
    expect(names.size).toBeGreaterThan(10);
    for (const { name, entry } of symbols
      .functionsMatching(/./)
      .filter(({ isInlineCopy }) => !isInlineCopy)) {
      const function_ = symbols.functionAt(entry);
      expect(function_ === undefined || function_.name === name || names.has(function_.name)).toBe(
        true,
      );
      expect(symbols.functionsMatching(name).map((match) => match.entry)).toContain(entry);
    }
  });

  test('has types that every way to write them finds', () => {
    expect(typeText(symbols.typeNamed('unsigned long')!)).toBe('long unsigned int');
    expect(symbols.typeNamed('long unsigned int')).toBe(symbols.typeNamed('unsigned long'));
    expect(symbols.typeNamed('struct no_such_struct')).toBeUndefined();
  });
});

describe('a stripped guest', () => {
  test('has names of symbols, and nothing of lines or types', () => {
    const whole = open(readFileSync(file));
    const symbols = open(stripped());
    const address = whole.addressOf('_start') ?? whole.functionsMatching(/./)[0]!.entry;
    expect(symbols.hasDebugInformation).toBe(false);
    expect(symbols.symbolAt(address)).toEqual(whole.symbolAt(address));
    expect(symbols.functionsMatching(/./).length).toBeGreaterThan(5);
    expect(symbols.sourceFiles()).toEqual([]);
    expect(symbols.locationAt(address)).toBeUndefined();
    expect(symbols.typeNamed('int')).toBeUndefined();
    expect([...symbols.globals()]).toEqual([]);
    expect(symbols.problems).toEqual([]);
  });

  test('without section headers has nothing, and says no wrong', () => {
    const symbols = open(withoutSections());
    expect(symbols.hasDebugInformation).toBe(false);
    expect(symbols.symbolAt(0)).toBeUndefined();
    expect(symbols.addressOf('_start')).toBeUndefined();
    expect(symbols.functionsMatching(/./)).toEqual([]);
    expect(symbols.variablesAt(0)).toEqual([]);
    expect(symbols.unwind({ pc: 0, register: () => 0, read: () => undefined })).toBeUndefined();
    expect(symbols.problems).toEqual([]);
  });
});
