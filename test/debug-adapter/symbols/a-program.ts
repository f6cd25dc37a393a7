/** The programs of the symbol tests, built by every compiler with every version of DWARF. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProgramSymbols } from '../../../debug-adapter/symbols/program-symbols.ts';
import { contentsOf, type ElfFile, readElf } from '../../../emulator/image/elf.ts';

export interface Build {
  readonly compiler: 'gcc' | 'clang';
  readonly version: number;
  readonly level: string;
}

export interface Program {
  readonly path: string;
  readonly elf: ElfFile;
  readonly symbols: ProgramSymbols;
}

export const BUILDS: readonly Build[] = (['gcc', 'clang'] as const).flatMap((compiler) =>
  [2, 3, 4, 5].flatMap((version) => ['-O0', '-O2'].map((level) => ({ compiler, version, level }))),
);

export const nameOf = ({ compiler, version, level }: Build) =>
  `${compiler} -gdwarf-${version} ${level}`;

const programs = new Map<string, Program>();
let folder: string | undefined;

/** Builds once for each test file. */
export function programOf(build: Build): Program {
  const name = nameOf(build);
  const known = programs.get(name);
  if (known !== undefined) {
    return known;
  }
  folder ??= mkdtempSync(join(tmpdir(), 'ringside-symbols-'));
  const path = join(folder, name.replaceAll(' ', ''));
  const sources = ['program.c', 'other.c'].map((file) => join(import.meta.dirname, file));
  execFileSync(build.compiler, [
    ...['-m32', '-nostdlib', '-static', '-ffreestanding', '-fno-pic', '-fno-pie', '-no-pie'],
    ...['-fno-stack-protector', '-w', `-gdwarf-${build.version}`, build.level],
    ...[...sources, '-o', path],
  ]);
  const elf = readElf(readFileSync(path));
  const program = { path, elf, symbols: ProgramSymbols.open(elf) };
  programs.set(name, program);
  return program;
}

/** What an oracle prints. */
export function said(program: string, args: readonly string[], input?: string): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['pipe', 'pipe', 'ignore'],
    ...(input !== undefined && { input }),
  });
}

/** Answers of gdb to commands, one each. */
export function gdbSaid({ path }: Program, commands: readonly string[]): string[] {
  const separator = '-- next --';
  const script = commands.flatMap((command) => ['-ex', command, '-ex', `echo ${separator}`]);
  const options = ['-batch', '-nx', '-ex', 'set width 0', '-ex', 'set print symbol off'];
  return said('gdb', [...options, ...script, path])
    .split(separator)
    .slice(0, commands.length)
    .map((answer) => answer.trim());
}

/** Bytes as the file has them at an address; `undefined` where it has none. */
export function bytesAt({ elf }: Program, address: number, size: number): Uint8Array | undefined {
  for (const segment of elf.segments) {
    const offset = address - segment.virtualAddress;
    if (offset >= 0 && offset + size <= segment.fileSize) {
      return contentsOf(elf, segment).subarray(offset, offset + size);
    }
  }
  return undefined;
}

/** Unsigned words of an array of the program. */
export function wordsAt(program: Program, name: string, count: number): number[] {
  const bytes = bytesAt(program, program.symbols.addressOf(name)!, 4 * count)!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: count }, (_, index) => view.getUint32(4 * index, true));
}
