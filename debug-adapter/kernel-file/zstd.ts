/**
 * Unpacks a Zstandard frame of known length (RFC 8878).
 *
 * The length comes from the frame's header or, in a Linux kernel, from behind it. With room for just
 * as many bytes there is no window to keep, however large the frame wants it.
 */

import { decompress } from 'fzstd';
import { UserError } from '../user-error.ts';
import { damaged, LARGEST_CONTENT, tooLarge } from './packing.ts';

/** A run of 128 KiB, the largest block, takes 4 bytes. */
const MOST_EXPANSION = 32 * 1024;

/**
 * `length` is what the frame unpacks to, `undefined` where only the frame itself can say. `file`
 * names the file in messages. Throws a `UserError`.
 */
export function unzstd(bytes: Uint8Array, file: string, length?: number): Uint8Array {
  const size = length ?? contentSizeOf(bytes);
  if (size === undefined) {
    throw new UserError(
      `${file} is packed with zstd without saying how long its content is. Unpack it first: ` +
        '"zstd -d FILE".',
    );
  }
  if (size > MOST_EXPANSION * bytes.length) {
    throw damaged(file, 'zstd', `${size} bytes cannot come of ${bytes.length}`);
  }
  if (size > LARGEST_CONTENT) {
    throw tooLarge(file);
  }
  try {
    return decompress(bytes, new Uint8Array(size));
  } catch (error) {
    throw damaged(file, 'zstd', error instanceof Error ? error.message : String(error));
  }
}

/** The field Frame_Content_Size (RFC 8878, 3.1.1.1); `undefined` where there is none. */
function contentSizeOf(bytes: Uint8Array): number | undefined {
  const descriptor = bytes[4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionarySize = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizes = [isSingleSegment ? 1 : 0, 2, 4, 8];
  const size = sizes[descriptor >> 6] ?? 0;
  const offset = 5 + (isSingleSegment ? 0 : 1) + dictionarySize;
  if (size === 0 || offset + size > bytes.length) {
    return undefined;
  }
  const field = bytes.subarray(offset, offset + size);
  const value = field.reduceRight((sum, byte) => sum * 256 + byte, 0);
  return size === 2 ? value + 256 : value;
}
