/**
 * The machine's RAM by physical address, for everything but the guest's own fast path.
 *
 * A write through here is seen by dirty tracking and drops decoded instructions; reads by a
 * debugger change nothing. Where no RAM is, reads give ones and writes are lost, as on a bus
 * that nobody answers.
 */

import { FRAME, type LinearMemory, PAGE_SIZE, REGION } from './linear-memory.ts';

/** Called before bytes change that instructions were decoded from. */
export type CodeWriteListener = (address: number, length: number) => void;

export class Ram {
  readonly size: number;
  readonly #memory: LinearMemory;
  #codeWritten: CodeWriteListener = () => {};
  /** Frames as they were, of those written since `keepOldFrames`; undefined: nobody wants them. */
  #oldFrames: Map<number, { readonly bytes: Uint8Array; readonly flags: number }> | undefined;

  constructor(memory: LinearMemory) {
    this.#memory = memory;
    this.size = memory.ramSize;
  }

  /** Told before bytes change in a frame of which somebody watches some, whoever writes. */
  onWatchedWrite: (address: number, length: number) => void = () => {};

  onCodeWrite(listener: CodeWriteListener): void {
    this.#codeWritten = listener;
  }

  /** Whether the whole frame of this number is RAM. */
  has(frame: number): boolean {
    return frame < this.size / PAGE_SIZE;
  }

  /** The bytes themselves, for a debugger or loader; writing to them is seen by nobody. */
  bytes(address: number, length: number): Uint8Array {
    return this.#memory.u8.subarray(REGION.ram + address, REGION.ram + address + length);
  }

  read8(address: number): number {
    return address < this.size ? (this.#memory.u8[REGION.ram + address] ?? 0) : 0xff;
  }

  /** @param address physical, a multiple of 4 */
  read32(address: number): number {
    return address + 4 <= this.size
      ? (this.#memory.u32[(REGION.ram + address) >>> 2] ?? 0)
      : 0xffff_ffff;
  }

  write8(address: number, value: number): void {
    if (address < this.size) {
      this.touch(address, 1);
      this.#memory.u8[REGION.ram + address] = value;
    }
  }

  /** @param address physical, a multiple of 4 */
  write32(address: number, value: number): void {
    if (address + 4 <= this.size) {
      this.touch(address, 4);
      this.#memory.u32[(REGION.ram + address) >>> 2] = value;
    }
  }

  /** Copies bytes into RAM, as a loader or device does. All of them must lie in RAM. */
  load(address: number, source: Uint8Array): void {
    if (address < 0 || address + source.length > this.size) {
      throw new RangeError(
        `${source.length} bytes at physical address 0x${address.toString(16)} do not fit into RAM of ${this.size} bytes.`,
      );
    }
    for (let at = 0; at < source.length; ) {
      const length = Math.min(source.length - at, PAGE_SIZE - ((address + at) % PAGE_SIZE));
      this.touch(address + at, length);
      this.#memory.u8.set(source.subarray(at, at + length), REGION.ram + address + at);
      at += length;
    }
  }

  flagsOf(frame: number): number {
    return this.#memory.u8[REGION.frameFlags + frame] ?? 0;
  }

  setFlags(frame: number, flags: number): void {
    this.#memory.u8[REGION.frameFlags + frame] = this.flagsOf(frame) | flags;
  }

  clearFlags(frame: number, flags: number): void {
    this.#memory.u8[REGION.frameFlags + frame] = this.flagsOf(frame) & ~flags;
  }

  /** Numbers of the frames that were written since the last call. */
  takeDirtyFrames(): number[] {
    const frames: number[] = [];
    for (let frame = 0; frame < this.size / PAGE_SIZE; frame++) {
      if (this.flagsOf(frame) & FRAME.dirty) {
        frames.push(frame);
        this.clearFlags(frame, FRAME.dirty);
      }
    }
    return frames;
  }

  /** Must be called before bytes of one frame change. */
  touch(address: number, length: number): void {
    const frame = address >>> 12;
    const flags = this.flagsOf(frame);
    if (flags & (FRAME.code | FRAME.watchedWrites)) {
      this.#touchSpecial(flags, address, length);
    }
    if (!(flags & FRAME.dirty)) {
      this.markDirty(frame);
    }
  }

  #touchSpecial(flags: number, address: number, length: number): void {
    if (flags & FRAME.code) {
      this.#codeWritten(address, length);
    }
    if (flags & FRAME.watchedWrites) {
      this.onWatchedWrite(address, length);
    }
  }

  /**
   * From now on each frame is copied before it is written for the first time, until
   * `restoreOldFrames` or `dropOldFrames`. Fast tables must be withheld by whoever calls.
   */
  keepOldFrames(): void {
    this.#oldFrames = new Map();
    for (let frame = 0; frame < this.size / PAGE_SIZE; frame++) {
      this.clearFlags(frame, FRAME.dirty);
    }
  }

  /** Brings all frames back that have been written since; keeps on noting. */
  restoreOldFrames(): void {
    for (const [frame, { bytes, flags }] of this.#oldFrames ?? []) {
      this.load(frame * PAGE_SIZE, bytes);
      this.clearFlags(frame, (FRAME.dirty | FRAME.written) & ~flags);
    }
    this.#oldFrames = this.#oldFrames && new Map();
  }

  dropOldFrames(): void {
    this.#oldFrames = undefined;
  }

  /** Notes that a frame is about to change. */
  markDirty(frame: number): void {
    if (this.#oldFrames !== undefined && !this.#oldFrames.has(frame)) {
      const bytes = this.bytes(frame * PAGE_SIZE, PAGE_SIZE).slice();
      this.#oldFrames.set(frame, { bytes, flags: this.flagsOf(frame) });
    }
    this.setFlags(frame, FRAME.dirty | FRAME.written);
  }

  /**
   * Numbers of the frames whose content is not all zeroes, in order. Those that nobody ever wrote to are
   * not looked at, since the host would have to give each of them memory. Hot.
   */
  *framesInUse(): Generator<number> {
    const words = PAGE_SIZE / 4;
    for (let frame = 0; frame < this.size / PAGE_SIZE; frame++) {
      if (this.flagsOf(frame) & FRAME.written) {
        const first = (REGION.ram + frame * PAGE_SIZE) >>> 2;
        if (!isZero(this.#memory.u32, first, first + words)) {
          yield frame;
        }
      }
    }
  }
}

/** Hot. */
function isZero(words: Uint32Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (words[i] !== 0) {
      return false;
    }
  }
  return true;
}
