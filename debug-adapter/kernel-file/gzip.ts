/**
 * Unpacks gzip files, with the length and the checksum at their end (RFC 1952).
 *
 * The length is known before unpacking, so there is room for as many bytes and no more: a file that
 * unpacks to more than it says is given up when it does.
 */

import { Gunzip } from 'fflate';
import { damaged, LARGEST_CONTENT, tooLarge } from './packing.ts';

/** Of the packed data. Deflate makes at most 1032 bytes of one, so that is what comes at once. */
const CHUNK = 64 * 1024;

const MOST_EXPANSION = 1032;

/** The shortest file: header, an empty block, checksum and length. */
const LEAST_SIZE = 20;

/** `file` names the file in messages. Throws a `UserError`. */
export function gunzip(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes.length < LEAST_SIZE) {
    throw damaged(file, 'gzip', `it has ${bytes.length} bytes`);
  }
  const end = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 8);
  const checksum = end.getUint32(0, true);
  const length = end.getUint32(4, true);
  if (length > MOST_EXPANSION * bytes.length) {
    throw damaged(file, 'gzip', `${length} bytes cannot come of ${bytes.length}`);
  }
  if (length > LARGEST_CONTENT) {
    throw tooLarge(file);
  }
  const content = unpack(bytes, length, file);
  if (checksumOf(content) !== checksum) {
    throw damaged(file, 'gzip', 'the checksum is another');
  }
  return content;
}

function unpack(bytes: Uint8Array, length: number, file: string): Uint8Array {
  const content = new Uint8Array(length);
  let filled = 0;
  const unpacker = new Gunzip((part) => {
    if (filled + part.length > length) {
      throw new Error(`there are more than ${length} bytes`);
    }
    content.set(part, filled);
    filled += part.length;
  });
  // Xen reads one member too, and many tiny ones would take time that grows faster than the file.
  unpacker.onmember = () => {
    throw new Error('there is another file after the first');
  };
  try {
    for (let offset = 0; offset < bytes.length; offset += CHUNK) {
      const isLast = offset + CHUNK >= bytes.length;
      unpacker.push(bytes.subarray(offset, offset + CHUNK), isLast);
    }
  } catch (error) {
    throw damaged(file, 'gzip', error instanceof Error ? error.message : String(error));
  }
  if (filled !== length) {
    throw damaged(file, 'gzip', `there are ${filled} bytes of ${length}`);
  }
  return content;
}

/** CRC-32 as in RFC 1952, 8. */
function checksumOf(bytes: Uint8Array): number {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) {
      remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ 0xedb8_8320;
    }
    return remainder;
  });
  let checksum = 0xffff_ffff;
  for (const byte of bytes) {
    checksum = (checksum >>> 8) ^ (table[(checksum ^ byte) & 0xff] ?? 0);
  }
  return (checksum ^ 0xffff_ffff) >>> 0;
}
