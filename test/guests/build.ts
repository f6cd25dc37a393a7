/**
 * Compiles the test guests: `npm run guests` puts `<name>/<variant>.elf` beside their sources,
 * where they are committed, so that running them takes no compiler.
 *
 * The same compiler gives the same bytes anywhere: no paths, no build id, no debug information.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../conformance/project-root.ts';
import { type GuestName, guests, type Variant, type VariantName, variants } from './variants.ts';

const COMPILER_FLAGS = [
  '-m32 -march=i686 -mgeneral-regs-only -Os -std=gnu11 -ffreestanding -Wall -Wextra -Werror',
  '-fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fcf-protection=none',
  '-ffunction-sections -fdata-sections -ffile-prefix-map=.=guests -fno-ident',
  '-nostdlib -static -no-pie -Wl,--build-id=none -Wl,--gc-sections -Wl,--no-warn-rwx-segments',
  '-Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -T framework/guest.ld -I framework',
].flatMap((line) => line.split(' '));

/** One image of one guest. */
export interface Image {
  readonly guest: GuestName;
  readonly variant: VariantName;
}

/** All that are built and committed. */
export function images(): Image[] {
  return Object.entries(guests).flatMap(([guest, names]) =>
    names.map((variant) => ({ guest: guest as GuestName, variant })),
  );
}

export function imageFile({ guest, variant }: Image): string {
  return join(guestsFolder(), guest, `${variant}.elf`);
}

/** Names the compiler of this machine. */
export function compiler(): string {
  const [name = ''] = execFileSync('gcc', ['--version'], { encoding: 'utf8' }).split('\n');
  return name;
}

/** The compiler that made the committed images; another makes other bytes. */
export function recordedCompiler(): string {
  return readFileSync(compilerFile(), 'utf8').trim();
}

export function recordCompiler(): void {
  writeFileSync(compilerFile(), `${compiler()}\n`);
}

/** Compiles one image; needs `gcc -m32`, whose complaints become the error. */
export function build({ guest, variant }: Image): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-guest-'));
  try {
    const { macros, base, physicalOffset, isForDebugger = false }: Variant = variants[variant];
    const program = join(folder, 'guest.elf');
    const options = [
      ...(isForDebugger ? ['-O0', '-g', `-ffile-prefix-map=${guestsFolder()}=guests`] : []),
      ...Object.entries(macros).map(([name, value]) => `-D${name}=${value}`),
      `-Wl,--defsym=BASE=${base}`,
      `-Wl,--defsym=PHYSICAL_OFFSET=${physicalOffset}`,
    ];
    const units = [...sources('framework'), ...sources(guest)];
    execFileSync('gcc', [...COMPILER_FLAGS, ...options, ...units, '-o', program], {
      cwd: guestsFolder(),
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    return new Uint8Array(readFileSync(program));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Where the sources are, and the images. */
export function guestsFolder(): string {
  return join(projectRoot(), 'test/guests');
}

function compilerFile(): string {
  return join(guestsFolder(), 'compiler.txt');
}

function sources(folder: string): string[] {
  return readdirSync(join(guestsFolder(), folder))
    .filter((name) => /\.[cS]$/.test(name))
    .sort()
    .map((name) => `${folder}/${name}`);
}
