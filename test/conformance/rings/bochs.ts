/**
 * Runs an image under Bochs without a screen and collects its lines.
 *
 * Debian's Bochs has no display library without a display, and its debugger waits at the
 * start: `script` gives the text one a terminal, a command file says "continue". The
 * text screen shares that terminal with port 0xE9, so lines are cut out of the stream.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { diskOf, workFolder } from './build.ts';

const DISK = { cylinders: 20, heads: 16, sectorsPerTrack: 63 } as const;
const DISK_BYTES = DISK.cylinders * DISK.heads * DISK.sectorsPerTrack * 512;

/** A 32-bit processor with PAE, NX, SSE2 and SYSENTER and without long mode. */
const CPU_MODEL = 'core_duo_t2400_yonah';
const BIOS = '/usr/share/bochs/BIOS-bochs-latest';
const VIDEO_BIOS = '/usr/share/bochs/VGABIOS-lgpl-latest';

/** Why there is nothing to compare with, in words for the user. */
export class NoBochs extends Error {
  override readonly name = 'NoBochs';
}

function configuration(folder: string): string {
  const { cylinders, heads, sectorsPerTrack } = DISK;
  return `
megs: 32
romimage: file=${BIOS}
vgaromimage: file=${VIDEO_BIOS}
ata0-master: type=disk, path=${join(folder, 'disk.img')}, mode=flat, cylinders=${cylinders}, heads=${heads}, spt=${sectorsPerTrack}
boot: disk
port_e9_hack: enabled=1
display_library: term
log: ${join(folder, 'bochs.log')}
panic: action=fatal
error: action=report
info: action=report
cpu: model=${CPU_MODEL}, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=0
clock: sync=none
speaker: enabled=0
`.trimStart();
}

/**
 * The lines that cases print: the word "case", a name, fields, a lone dot. A case that never
 * came back has only its name, with something foreign behind it.
 */
export function linesIn(output: string): string[] {
  return output.match(/case [a-z0-9_/-]+(?: [^ =\r\n]+=[^ \r\n]+)*(?: \.)?/g) ?? [];
}

/** Answers the lines of the image's cases as Bochs prints them. */
export function runBochs(image: Uint8Array, seconds = 60): string[] {
  if (!existsSync(BIOS)) {
    throw new NoBochs(
      'Bochs is needed (Debian: bochs, bochs-term, bochsbios, vgabios; and script of util-linux).',
    );
  }
  const folder = workFolder();
  const [config, commands, typescript] = ['bochsrc', 'commands', 'typescript'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(join(folder, 'disk.img'), diskOf(image, DISK_BYTES));
  rmSync(join(folder, 'disk.img.lock'), { force: true });
  rmSync(typescript, { force: true });
  writeFileSync(config, configuration(folder));
  writeFileSync(commands, 'c\n');
  const run = spawnSync('script', ['-qec', `bochs -q -f ${config} -rc ${commands}`, typescript], {
    stdio: 'ignore',
    timeout: seconds * 1000,
    env: { ...process.env, TERM: 'xterm' },
  });
  if (run.error && (run.error as NodeJS.ErrnoException).code === 'ENOENT') {
    throw new NoBochs('The program script is needed (Debian: bsdutils).');
  }
  const lines = existsSync(typescript) ? linesIn(readFileSync(typescript, 'latin1')) : [];
  if (run.error) {
    const last = lines.at(-1) ?? 'no case at all';
    throw new NoBochs(`Bochs did not end within ${seconds} s; the last it showed was: ${last}`);
  }
  if (lines.length === 0) {
    throw new NoBochs(`Bochs ran no case; ${join(folder, 'bochs.log')} may say why.`);
  }
  return lines;
}
