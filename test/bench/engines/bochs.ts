/** Bochs, which interprets. */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from '../../support/oracle.ts';
import { indexOf } from '../benchmarks.ts';
import type { Engine } from '../engine.ts';
import { romWith, selectingImage } from '../guest/image.ts';
import { measureProgram } from './program.ts';

const configuration = `
megs: 64
romimage: file=rom.bin
com1: enabled=0
port_e9_hack: enabled=1
display_library: term
cpu: count=1, ips=50000000, reset_on_triple_fault=0
clock: sync=none
speaker: enabled=0
log: bochs.log
panic: action=fatal
`;

export const bochs: Engine = {
  name: 'bochs',
  title: 'Bochs',
  isInterpreter: true,
  isHypervisor: false,
  missing: () => missing('bochs'),
  version: () => {
    const { stdout } = spawnSync('bochs', ['--help'], { encoding: 'utf8' });
    return /Bochs x86 Emulator ([\d.]+)/.exec(stdout)?.[1] ?? 'unknown';
  },
  run: (benchmark, scale) =>
    measureProgram((folder) => {
      writeFileSync(join(folder, 'rom.bin'), romWith(selectingImage(indexOf(benchmark), scale)));
      writeFileSync(join(folder, 'bochsrc'), configuration);
      // A Bochs with a debugger stops there first.
      writeFileSync(join(folder, 'commands'), 'c\n');
      // It also wants a terminal, which script(1) makes.
      const command = 'TERM=xterm exec bochs -q -f bochsrc -rc commands';
      return { program: 'script', options: ['-qfec', command, 'typescript'] };
    }),
};
