/** QEMU, which translates (TCG). */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { indexOf } from '../benchmarks.ts';
import type { Engine } from '../engine.ts';
import { romWith, selectingImage } from '../guest/image.ts';
import { measureProgram } from './program.ts';

const PROGRAM = 'qemu-system-i386';

export const qemu: Engine = {
  name: 'qemu',
  title: 'QEMU TCG',
  isInterpreter: false,
  isHypervisor: false,
  missing: () =>
    versionLine() === undefined
      ? `needs ${PROGRAM} (Debian: apt install qemu-system-x86)`
      : undefined,
  version: () => /version ([\d.]+)/.exec(versionLine() ?? '')?.[1] ?? 'unknown',
  run: (benchmark, scale) =>
    measureProgram((folder) => {
      const rom = join(folder, 'rom.bin');
      writeFileSync(rom, romWith(selectingImage(indexOf(benchmark), scale)));
      const machine = '-accel tcg -m 64 -nodefaults -display none -no-reboot -debugcon stdio';
      return { program: PROGRAM, options: [...machine.split(' '), '-bios', rom] };
    }),
};

function versionLine(): string | undefined {
  const { status, stdout } = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}
