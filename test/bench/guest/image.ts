/**
 * The guest that all emulators run: an image of a few KB, or a ROM with the image in it.
 *
 * The image is loaded and entered at 0x100000, in protected mode with flat segments and without
 * paging; memory beyond it is zero. It prints to port 0xe9 and to the first serial port.
 *
 * Both are committed, so that measuring takes no compiler.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../conformance/project-root.ts';

/** Bytes of memory that the guest expects. */
export const MEMORY_SIZE = 64 * 1024 * 1024;

const ROM_SIZE = 0x1_0000;

/** Of the two words in start.S that say which benchmark runs and how long. */
const SELECTION_OFFSET = 8;

export function guestFolder(): string {
  return join(projectRoot(), 'test/bench/guest');
}

/** The committed image, told to run the benchmark with that index. */
export function selectingImage(index: number, scale: number): Uint8Array<ArrayBuffer> {
  return selecting(readFileSync(join(guestFolder(), 'image.bin')), index, scale);
}

/** An image told to run the benchmark with that index. */
export function selecting(
  image: Uint8Array,
  index: number,
  scale: number,
): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(image);
  const words = new DataView(copy.buffer);
  words.setUint32(SELECTION_OFFSET, index, true);
  words.setUint32(SELECTION_OFFSET + 4, scale, true);
  return copy;
}

/** A ROM for the end of the address space that enters the image after a reset. */
export function romWith(image: Uint8Array): Uint8Array<ArrayBuffer> {
  const boot = readFileSync(join(guestFolder(), 'rom.bin'));
  const rom = new Uint8Array(ROM_SIZE);
  rom.set(image);
  rom.set(boot, ROM_SIZE - boot.length);
  return rom;
}
