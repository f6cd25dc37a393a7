/** The ELF reader beside binutils' `readelf`, over files that a compiler made. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ElfFile, PF, readElf, SHF, STT, symbolsOf } from '../../../emulator/image/elf.ts';
import { grubImage, needs } from '../../support/oracle.ts';

const program = `
  static int counter = 3, many[1000];
  __thread int local;
  __attribute__((weak)) int weak(void) { return counter; }
  int main(void) { return weak() + many[local]; }
`;

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-elf-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.each([
  { what: 'a program', options: [] },
  { what: 'an object file', options: ['-c'] },
  { what: 'a program at a fixed address', options: ['-no-pie', '-static', '-nostdlib', '-emain'] },
  { what: 'a stripped program', options: ['-s'] },
])('$what', ({ options }) => {
  beforeEach(needs('gcc -m32', 'readelf'));

  test('reads as readelf reads it', () => {
    const path = join(folder, 'file');
    execFileSync('gcc', ['-m32', '-g', ...options, '-x', 'c', '-o', path, '-'], { input: program });
    expectTheSameFromReadelf(path);
  });
});

describe('GRUB for Xen', () => {
  beforeEach(needs('grub-i386-xen.bin', 'readelf'));

  test('reads as readelf reads it', () => {
    expectTheSameFromReadelf(grubImage);
  });
});

/** Compares what readelf prints with our own reading, put into lines of the same shape. */
function expectTheSameFromReadelf(path: string): void {
  const file = readElf(readFileSync(path));
  expect(sectionLines(file)).toEqual(printedSections(path));
  expect(segmentLines(file)).toEqual(printedSegments(path));
  expect(symbolLines(file)).toEqual(printedSymbols(path));
}

function sectionLines({ sections }: ElfFile): string[] {
  return sections.map((section) =>
    [
      section.index,
      section.name,
      ...[section.virtualAddress, section.offset, section.size, section.entrySize].map(hex),
      (section.flags & SHF.EXECINSTR) !== 0,
      section.link,
      section.info,
    ].join(' '),
  );
}

function printedSections(path: string): string[] {
  const line =
    /^ +\[ *(\d+)\] (.{17}\S*) \S+ +([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) +([A-Za-z]*) +(\d+) +(\d+) +\d+$/;
  return matchesIn(readelf('-S', path), line).map((columns) => {
    const [index, name = '', address, offset, size, entrySize, flags = '', link, info] = columns;
    const numbers = [address, offset, size, entrySize].map((text) => hex(Number(`0x${text}`)));
    return [index, name.trim(), ...numbers, flags.includes('X'), link, info].join(' ');
  });
}

function segmentLines({ segments }: ElfFile): string[] {
  return segments.map((segment) =>
    [
      ...[segment.offset, segment.virtualAddress, segment.physicalAddress].map(hex),
      ...[segment.fileSize, segment.memorySize].map(hex),
      (segment.flags & PF.R) !== 0,
      (segment.flags & PF.W) !== 0,
      (segment.flags & PF.X) !== 0,
    ].join(' '),
  );
}

function printedSegments(path: string): string[] {
  const line = /^ +[A-Z_]+ +((?:0x[0-9a-f]+ ){5})([R ])([W ])([E ]) 0x[0-9a-f]+$/;
  return matchesIn(readelf('-l', path), line).map(([numbers = '', ...permissions]) =>
    [
      ...numbers.trim().split(' ').map(Number).map(hex),
      ...permissions.map((letter) => letter !== ' '),
    ].join(' '),
  );
}

function symbolLines(file: ElfFile): string[] {
  return symbolsOf(file).map(({ name, value, size, type, binding, place }) => {
    const isInSection = typeof place === 'object';
    const index = isInSection ? place.index : { undefined: 'UND', absolute: 'ABS' }[String(place)];
    const shownName = type === STT.SECTION && isInSection ? place.name : name;
    return [hex(value), size, typeNames[type], bindingNames[binding], index, shownName].join(' ');
  });
}

const typeNames = ['NOTYPE', 'OBJECT', 'FUNC', 'SECTION', 'FILE', 'COMMON', 'TLS'];
const bindingNames = ['LOCAL', 'GLOBAL', 'WEAK'];

function printedSymbols(path: string): string[] {
  const [, table = ''] = readelf('-s', path).split("Symbol table '.symtab'");
  const line = /^ +\d+: ([0-9a-f]{8}) +(\d+) (\S+) +(\S+) +\S+ +(\S+) ?(.*)$/;
  return matchesIn(table, line).map(([value, ...columns]) =>
    [hex(Number(`0x${value}`)), ...columns].join(' '),
  );
}

function readelf(what: string, path: string): string {
  return execFileSync('readelf', ['--wide', what, path], { encoding: 'utf8' });
}

function matchesIn(text: string, line: RegExp): string[][] {
  return text
    .split('\n')
    .map((candidate) => line.exec(candidate)?.slice(1))
    .filter((columns) => columns !== undefined);
}

function hex(value: number): string {
  return value.toString(16);
}
