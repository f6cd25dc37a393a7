/** What GNU objdump makes of bytes, instruction by instruction. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SyntaxName } from '../../../emulator/cpu/disassembler.ts';

export interface ObjdumpLine {
  /** Where the instruction begins, counted from the first byte. */
  readonly offset: number;
  readonly length: number;
  /** With single spaces. */
  readonly text: string;
}

/** Why objdump does not answer, in words for the user. */
export class NoObjdump extends Error {
  override readonly name = 'NoObjdump';
}

const NOP = 0x90;
const LONGEST = 15;
const OUTPUT_LIMIT = 2 ** 30;

/** Disassembles all bytes from the first to the last, whatever they are, as code at `address`. */
export function objdump(bytes: Uint8Array, address: number, syntax: SyntaxName): ObjdumpLine[] {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-objdump-'));
  try {
    const file = join(folder, 'code');
    // No instruction that begins in the bytes shall miss its end.
    writeFileSync(file, Buffer.concat([bytes, Buffer.alloc(LONGEST, NOP)]));
    return linesOf(run(file, address, syntax), bytes.length, address);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(file: string, address: number, syntax: SyntaxName): string {
  const options = [
    ...['--disassemble-all', '--disassemble-zeroes', '--no-show-raw-insn'],
    ...['--target=binary', '--architecture=i386', `--disassembler-options=${syntax}`],
    ...[`--adjust-vma=${address}`, file],
  ];
  const { status, stdout, stderr, error } = spawnSync('objdump', options, {
    encoding: 'latin1',
    maxBuffer: OUTPUT_LIMIT,
  });
  if (status !== 0) {
    const complaint = error?.message ?? stderr.trim();
    throw new NoObjdump(
      `objdump ${options.join(' ')}: ${complaint} (Debian: apt install binutils)`,
    );
  }
  return stdout;
}

function linesOf(output: string, size: number, address: number): ObjdumpLine[] {
  const starts: { offset: number; text: string }[] = [];
  for (const line of output.split('\n')) {
    const tab = line.indexOf(':\t');
    if (tab >= 0) {
      const offset = (Number.parseInt(line.slice(0, tab), 16) - address) >>> 0;
      const text = line.slice(tab + 2).trim();
      starts.push({ offset, text: text.replace(/\s+/g, ' ') });
    }
  }
  return starts
    .map(({ offset, text }, i) => ({ offset, text, length: lengthTo(starts[i + 1], offset) }))
    .filter(({ offset }) => offset < size);
}

const lengthTo = (next: { offset: number } | undefined, offset: number): number =>
  next === undefined ? 0 : next.offset - offset;
