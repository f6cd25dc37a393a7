/** Builds the guest from its source, with a record of the source next to it. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guestFolder } from './image.ts';

const COMPILER_FLAGS = [
  '-m32 -march=i686 -mno-sse -O2 -std=gnu11 -ffreestanding -Wall -Wextra',
  '-fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables',
  // A loop that clears memory is to stay a loop.
  '-fno-tree-loop-distribute-patterns',
  '-nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack',
].flatMap((line) => line.split(' '));

const IMAGE_FLAGS = ['-T', 'image.ld'];
const ROM_FLAGS = ['-Wl,-Ttext=0xff00', '-Wl,-e,boot'];

const BOOT_BYTES = 256;
const ROM_ROOM = 0xff00;

/** A digest of what the image and the ROM are made from. */
export function sourceDigest(): string {
  const hash = createHash('sha256');
  hash.update([...COMPILER_FLAGS, ...IMAGE_FLAGS, ...ROM_FLAGS].join(' '));
  for (const name of sources()) {
    // Git may have checked them out with the line ends of another system.
    const text = readFileSync(join(guestFolder(), name), 'utf8').replaceAll('\r\n', '\n');
    hash.update(`\n${name}\n${text}`);
  }
  return hash.digest('hex');
}

/** The digest that was recorded when the committed image was built. */
export function recordedDigest(): string {
  const record: unknown = JSON.parse(readFileSync(join(guestFolder(), 'image.json'), 'utf8'));
  const isRecord = typeof record === 'object' && record !== null && 'sources' in record;
  return isRecord ? String(record.sources) : '';
}

/** Needs `gcc -m32`; whatever it prints is passed on. */
export function build(): { readonly image: Uint8Array; readonly boot: Uint8Array } {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-bench-'));
  try {
    const units = sources().filter((name) => /\.[cS]$/.test(name) && name !== 'rom.S');
    const image = link(folder, [...IMAGE_FLAGS, ...units], '.image');
    const boot = link(folder, [...ROM_FLAGS, 'rom.S'], '.text');
    if (boot.length !== BOOT_BYTES || image.length > ROM_ROOM) {
      throw new Error(
        `An image of ${image.length} bytes and a boot code of ${boot.length} do not fit.`,
      );
    }
    return { image, boot };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Builds and replaces what is committed. */
export function rebuild(): void {
  const { image, boot } = build();
  const [compiler] = execFileSync('gcc', ['--version'], { encoding: 'utf8' }).split('\n');
  const record = { sources: sourceDigest(), compiler };
  writeFileSync(join(guestFolder(), 'image.bin'), image);
  writeFileSync(join(guestFolder(), 'rom.bin'), boot);
  writeFileSync(join(guestFolder(), 'image.json'), `${JSON.stringify(record, null, 2)}\n`);
}

function sources(): string[] {
  return readdirSync(guestFolder(), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /\.(?:[chS]|ld)$/.test(name))
    .sort();
}

function link(folder: string, options: readonly string[], section: string): Uint8Array {
  const program = join(folder, 'program');
  const binary = join(folder, 'binary');
  execFileSync('gcc', [...COMPILER_FLAGS, ...options, '-o', program], {
    cwd: guestFolder(),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  execFileSync('objcopy', ['-O', 'binary', '-j', section, program, binary]);
  return new Uint8Array(readFileSync(binary));
}
