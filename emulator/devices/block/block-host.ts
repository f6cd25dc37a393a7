/** What stands behind a disk: bytes at offsets, all there at once. */

/**
 * A raw image. The machine is synchronous, so its bytes must be at hand; whoever has them behind
 * something slower prepares them first.
 *
 * Without `write` the disk is read-only. With it, what a guest writes is there afterwards, whether
 * in the machine's state (see `OverlayDisk`) or outside of it, where no checkpoint reaches.
 */
export interface BlockHost {
  /** In bytes. A rest that fills no sector is never shown to a guest. */
  readonly size: number;

  /**
   * @param offset and length lie within the disk and are multiples of 512
   * @returns undefined if the bytes cannot be had, as on a bad sector
   */
  read(offset: number, length: number): Uint8Array | undefined;

  /** @returns whether all bytes were taken */
  write?(offset: number, bytes: Uint8Array): boolean;

  /** Makes durable what was written before. @returns whether it is */
  flush?(): boolean;

  /** May forget the bytes, which read as anything afterwards. @returns whether it was able to */
  discard?(offset: number, length: number): boolean;
}

/** The unit of all sector numbers of the protocol, whatever the disk's own. In bytes. */
export const SECTOR_BYTES = 512;

/** The same disk, which nobody can write. */
export function readOnly(disk: BlockHost): BlockHost {
  return { size: disk.size, read: (offset, length) => disk.read(offset, length) };
}

/** An image that lies in memory, such as a file that an editor read whole. Nobody can write it. */
export function imageDisk(image: Uint8Array): BlockHost {
  return {
    size: image.length,
    read: (offset, length) => image.subarray(offset, offset + length),
  };
}
