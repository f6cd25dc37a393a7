/**
 * Builds the image of privileged cases with gcc, ld and objcopy.
 *
 * The image is flat, loaded at 0x10000 and entered there at its first byte; boot.S says in
 * which state. A selection of cases can be patched into it, so that one of them can run alone.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot } from '../project-root.ts';

const COMPILER_FLAGS = [
  '-m32',
  '-O1',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-ffreestanding',
  '-fno-pic',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  // Cases may leave CR0.EM or TS set: the harness itself must not touch the FPU.
  '-mgeneral-regs-only',
  // The table keeps the order of the source.
  '-fno-toplevel-reorder',
  // IO() overrides the ring of CASE().
  '-Wno-override-init',
];

const SECTOR_BYTES = 512;
/** As in boot.S. */
const CHUNK_SECTORS = 64;
const CHUNKS_OFFSET = 508;
/** As in entry.S. */
const SELECTION_OFFSET = 4;
/** The image may not reach the stack that boot.S leaves below this address. */
const IMAGE_BASE = 0x10000;
const IMAGE_LIMIT = 0x80000;

/** Which cases run, by their place in the output of a whole run. */
export interface Selection {
  readonly first: number;
  readonly end: number;
}

/** Only the triple fault, which is no part of a whole run: it ends without a line's end. */
export const TRIPLE_FAULT: Selection = { first: 0xffff_ffff, end: 0 };

/** Why the image cannot be built, in words for the user. */
export class NoImage extends Error {
  override readonly name = 'NoImage';
}

/** Where intermediate files and disk images of this test lie; git ignores it. */
export function workFolder(): string {
  const folder = join(projectRoot(), 'out/rings');
  mkdirSync(folder, { recursive: true });
  return folder;
}

function tool(name: string, args: readonly string[]): void {
  try {
    execFileSync(name, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new NoImage(
      `The image of privileged cases does not build; gcc for 32 bits and binutils are needed (Debian: gcc-multilib).\n${said}`,
    );
  }
}

/** Compiles the sources; answers the flat image with all its cases. */
export function buildImage(selection?: Selection): Uint8Array {
  const sources = join(projectRoot(), 'test/conformance/rings');
  const out = workFolder();
  const units = readdirSync(sources)
    .filter((file) => file === 'entry.S' || file.endsWith('.c'))
    .sort();
  const objects = units.map((unit) => {
    const object = join(out, `${unit}.o`);
    tool('gcc', [...COMPILER_FLAGS, '-c', join(sources, unit), '-o', object]);
    return object;
  });
  const elf = join(out, 'image.elf');
  const flat = join(out, 'image.bin');
  tool('ld', ['-m', 'elf_i386', '-T', join(sources, 'image.ld'), '-o', elf, ...objects]);
  tool('objcopy', ['-O', 'binary', elf, flat]);
  const image = new Uint8Array(readFileSync(flat));
  if (IMAGE_BASE + image.length > IMAGE_LIMIT) {
    throw new NoImage(`The image has ${image.length} bytes and runs into its own stack.`);
  }
  return selection ? selecting(image, selection) : image;
}

/** A copy of an image in which other cases are selected. */
function selecting(image: Uint8Array, { first, end }: Selection): Uint8Array {
  const copy = image.slice();
  const view = new DataView(copy.buffer);
  view.setUint32(SELECTION_OFFSET, first, true);
  view.setUint32(SELECTION_OFFSET + 4, end, true);
  return copy;
}

/** An image without its first `count` cases. */
export function skipping(image: Uint8Array, count: number): Uint8Array {
  const view = new DataView(image.buffer, image.byteOffset);
  const first = view.getUint32(SELECTION_OFFSET, true) + count;
  return selecting(image, { first, end: view.getUint32(SELECTION_OFFSET + 4, true) });
}

/** A bootable disk: boot sector, image, zeros up to `bytes`. */
export function diskOf(image: Uint8Array, bytes: number): Uint8Array {
  const out = workFolder();
  const object = join(out, 'boot.o');
  const flat = join(out, 'boot.bin');
  const source = join(projectRoot(), 'test/conformance/rings/boot.S');
  tool('gcc', ['-m32', '-c', source, '-o', object]);
  tool('ld', ['-m', 'elf_i386', '-Ttext', '0x7c00', '-e', 'boot', '-o', `${object}.elf`, object]);
  tool('objcopy', ['-O', 'binary', '-j', '.text', `${object}.elf`, flat]);
  const sector = readFileSync(flat);
  const chunks = Math.ceil(image.length / SECTOR_BYTES / CHUNK_SECTORS);
  sector.writeUInt16LE(chunks, CHUNKS_OFFSET);
  const disk = new Uint8Array(bytes);
  disk.set(sector, 0);
  disk.set(image, SECTOR_BYTES);
  return disk;
}
