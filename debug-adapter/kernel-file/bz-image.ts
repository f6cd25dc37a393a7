/**
 * Linux's bzImage: boot code of another time, with the kernel's ELF file packed inside.
 *
 * Since version 2.08 of the boot protocol the header says where the packed file is.
 *
 * Source: Linux, `Documentation/x86/boot.rst`.
 */

import { UserError } from '../user-error.ts';

const SECTOR = 512;

/** Offsets of the fields in the file, by the boot protocol's names. */
const offsets = {
  setup_sects: 0x1f1,
  header: 0x202,
  version: 0x206,
  payload_offset: 0x248,
  payload_length: 0x24c,
} as const;

/** "HdrS". */
const MAGIC = 0x5372_6448;

/** The first version that has the fields of the payload. */
const FIRST_VERSION = 0x208;

/** What the field that says 0 means, for the sake of very old kernels. */
const DEFAULT_SECTORS = 4;

const HEADER_END = offsets.payload_length + 4;

export function isBzImage(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_END && viewOf(bytes).getUint32(offsets.header, true) === MAGIC;
}

/** The packed file. Throws a `UserError` that names `file`. */
export function payloadOf(bytes: Uint8Array, file: string): Uint8Array {
  const view = viewOf(bytes);
  const version = view.getUint16(offsets.version, true);
  if (version < FIRST_VERSION) {
    throw new UserError(
      `${file} is a bzImage of boot protocol ${version >> 8}.${versionPart(version)}, which does ` +
        'not say where the kernel is in it: versions from 2.08 on do. Use the vmlinux of its build.',
    );
  }
  const sectors = view.getUint8(offsets.setup_sects) || DEFAULT_SECTORS;
  const start = (sectors + 1) * SECTOR + view.getUint32(offsets.payload_offset, true);
  const length = view.getUint32(offsets.payload_length, true);
  if (start + length > bytes.length) {
    throw new UserError(
      `${file} is cut short: its kernel should be ${length} bytes at ${start}, ` +
        `but the file has ${bytes.length}.`,
    );
  }
  return bytes.subarray(start, start + length);
}

function versionPart(version: number): string {
  return (version & 0xff).toString().padStart(2, '0');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
