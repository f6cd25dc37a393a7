/**
 * The ELF file of a kernel, whatever it is wrapped in.
 *
 * Kernels come as ELF files, as those packed with gzip (`vmlinuz` of 2006), or packed inside a
 * bzImage. Which wrappings there are is remembered, to be told.
 */

import { UserError } from '../user-error.ts';
import { isBzImage, payloadOf } from './bz-image.ts';
import { gunzip } from './gzip.ts';
import { type Packing, packingOf } from './packing.ts';

export interface KernelFile {
  /** What is inside the last wrapping; an ELF file if there is a kernel at all. */
  readonly elf: Uint8Array;

  /** From the outside in; empty for a plain ELF file. */
  readonly wrappings: readonly ('bzImage' | Packing)[];
}

/** A packed bzImage with a packed kernel inside: there is no reason for more. */
const MOST_WRAPPINGS = 3;

/** Takes off the wrappings. `file` names the file in messages. Throws a `UserError`. */
export function unwrapKernel(bytes: Uint8Array, file: string): KernelFile {
  const wrappings: ('bzImage' | Packing)[] = [];
  let content = bytes;
  for (;;) {
    const packing = packingOf(content);
    const wrapping = isBzImage(content) ? 'bzImage' : packing;
    if (wrapping === undefined) {
      return { elf: content, wrappings };
    }
    wrappings.push(wrapping);
    if (wrappings.length > MOST_WRAPPINGS) {
      throw new UserError(`${file} is packed again and again (${wrappings.join(' in ')}).`);
    }
    content = wrapping === 'bzImage' ? payloadOf(content, file) : unpacked(content, wrapping, file);
  }
}

/**
 * A ramdisk as the domain builder hands it over: unpacked if it is one gzip file. What looks like
 * one and does not unpack is handed over as it is, as Xen does: it may be several in a row.
 */
export function unwrapRamdisk(bytes: Uint8Array): Uint8Array {
  if (packingOf(bytes) !== 'gzip') {
    return bytes;
  }
  try {
    return gunzip(bytes, 'The ramdisk');
  } catch (error) {
    if (error instanceof UserError) {
      return bytes;
    }
    throw error;
  }
}

function unpacked(bytes: Uint8Array, packing: Packing, file: string): Uint8Array {
  switch (packing) {
    case 'gzip':
      return gunzip(bytes, file);
    case 'zstd':
    case 'bzip2':
    case 'xz':
    case 'lzma':
    case 'lzop':
    case 'lz4':
      throw new UserError(
        `${file} is packed with ${packing}, which cannot be unpacked here. Unpack it first, or use ` +
          'the vmlinux of the kernel’s build.',
      );
  }
}
