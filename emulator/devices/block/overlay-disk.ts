/**
 * A read-only image with what was written over it in memory: a guest may write, the image stays.
 *
 * What was written is state of the machine; the image is not and must be the same after a restore.
 */

import { assert } from '../../assert.ts';
import { type BlockHost, SECTOR_BYTES } from './block-host.ts';

/** A cluster is what is copied at the first write into it. In bytes, a multiple of a sector. */
const CLUSTER_BYTES = 4096;

/** The written clusters by number, ascending. */
export interface OverlayDiskImage {
  readonly clusters: readonly (readonly [number: number, bytes: Uint8Array])[];
}

export class OverlayDisk implements BlockHost {
  readonly size: number;
  readonly #base: BlockHost;
  readonly #limit: number;
  readonly #clusters = new Map<number, Uint8Array>();

  /**
   * @param limit the most memory for what is written, in bytes; a write beyond it fails as on a full
   *   medium
   */
  constructor(base: BlockHost, limit: number) {
    this.size = base.size - (base.size % SECTOR_BYTES);
    this.#base = base;
    this.#limit = limit;
  }

  /** How much memory the written clusters take, in bytes. */
  get writtenBytes(): number {
    return this.#clusters.size * CLUSTER_BYTES;
  }

  read(offset: number, length: number): Uint8Array | undefined {
    this.#check(offset, length);
    const found = this.#readBase(offset, length);
    if (found === undefined || this.#clusters.size === 0) {
      return found;
    }
    const bytes = found.slice();
    for (const piece of piecesOf(offset, length)) {
      const cluster = this.#clusters.get(piece.cluster);
      if (cluster !== undefined) {
        bytes.set(cluster.subarray(piece.start, piece.start + piece.length), piece.from);
      }
    }
    return bytes;
  }

  write(offset: number, bytes: Uint8Array): boolean {
    this.#check(offset, bytes.length);
    const pieces = piecesOf(offset, bytes.length);
    const fresh = pieces.filter(({ cluster }) => !this.#clusters.has(cluster)).length;
    if ((this.#clusters.size + fresh) * CLUSTER_BYTES > this.#limit) {
      return false;
    }
    const written: (readonly [number, Uint8Array])[] = [];
    for (const { cluster, start, from, length } of pieces) {
      const copy = this.#copyOf(cluster);
      if (copy === undefined) {
        return false;
      }
      copy.set(bytes.subarray(from, from + length), start);
      written.push([cluster, copy]);
    }
    for (const [cluster, copy] of written) {
      this.#clusters.set(cluster, copy);
    }
    return true;
  }

  /** What is written is nowhere more durable than here. */
  flush(): boolean {
    return true;
  }

  /** Shows the image again, in whole clusters; a part of one stays as written. */
  discard(offset: number, length: number): boolean {
    this.#check(offset, length);
    const end = offset + length;
    const isWhole = (cluster: number) =>
      cluster * CLUSTER_BYTES >= offset &&
      Math.min((cluster + 1) * CLUSTER_BYTES, this.size) <= end;
    for (const cluster of [...this.#clusters.keys()].filter(isWhole)) {
      this.#clusters.delete(cluster);
    }
    return true;
  }

  /** The image shares its bytes with the disk, which never changes a cluster in place. */
  capture(): OverlayDiskImage {
    const clusters = [...this.#clusters].sort(([first], [second]) => first - second);
    return { clusters };
  }

  restore(image: OverlayDiskImage): void {
    this.#clusters.clear();
    for (const [number, bytes] of image.clusters) {
      this.#clusters.set(number, bytes);
    }
  }

  /** What a cluster holds now, with zeros behind the disk's end. */
  #copyOf(cluster: number): Uint8Array | undefined {
    const written = this.#clusters.get(cluster);
    if (written !== undefined) {
      return written.slice();
    }
    const start = cluster * CLUSTER_BYTES;
    const bytes = this.#readBase(start, Math.min(CLUSTER_BYTES, this.size - start));
    if (bytes === undefined) {
      return undefined;
    }
    const copy = new Uint8Array(CLUSTER_BYTES);
    copy.set(bytes);
    return copy;
  }

  /** All bytes or none: a file that was cut may give fewer. */
  #readBase(offset: number, length: number): Uint8Array | undefined {
    const bytes = this.#base.read(offset, length);
    return bytes?.length === length ? bytes : undefined;
  }

  #check(offset: number, length: number): void {
    assert(
      offset >= 0 && offset % SECTOR_BYTES === 0 && offset + length <= this.size,
      `${length} bytes at ${offset} do not lie in a disk of ${this.size}`,
    );
  }
}

/** A part of a run of bytes that lies in one cluster. */
interface Piece {
  readonly cluster: number;

  /** Where it begins in the cluster. */
  readonly start: number;

  /** Where it begins in the run. */
  readonly from: number;
  readonly length: number;
}

function piecesOf(offset: number, length: number): Piece[] {
  const pieces: Piece[] = [];
  for (let from = 0; from < length; ) {
    const start = (offset + from) % CLUSTER_BYTES;
    const taken = Math.min(CLUSTER_BYTES - start, length - from);
    pieces.push({
      cluster: Math.floor((offset + from) / CLUSTER_BYTES),
      start,
      from,
      length: taken,
    });
    from += taken;
  }
  return pieces;
}
