/**
 * What a file is packed with, by its first bytes.
 *
 * Linux can pack its kernels in all these ways. What is unpacked here is gzip, its default and the only
 * way of 2006. The last kernel with 32-bit paravirtual domains, Linux 5.8, did not know zstd yet.
 */

import { UserError } from '../user-error.ts';

export type Packing = 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'lzma' | 'lzop' | 'lz4';

const beginnings: readonly (readonly [Packing, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lzma', [0x5d, 0x00, 0x00]],
  ['lzop', [0x89, 0x4c, 0x5a, 0x4f]],
  // The form of Linux's own build, and that of the lz4 program.
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
];

/** `undefined` for a file that is not packed, or in a way not known here. */
export function packingOf(bytes: Uint8Array): Packing | undefined {
  return beginnings.find(([, beginning]) =>
    beginning.every((byte, index) => bytes[index] === byte),
  )?.[0];
}

/** No kernel is larger, and a small file may claim to be anything. */
export const LARGEST_CONTENT = 512 * 1024 * 1024;

export function tooLarge(file: string): UserError {
  return new UserError(
    `${file} unpacks to more than ${LARGEST_CONTENT / 1024 / 1024} MB, so it is no kernel.`,
  );
}

export function damaged(file: string, packing: Packing, reason: string): UserError {
  return new UserError(
    `${file} is damaged or cut short: its ${packing} data do not unpack (${reason}).`,
  );
}
