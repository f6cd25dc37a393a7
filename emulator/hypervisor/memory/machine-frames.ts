/**
 * Machine frames: who owns each, how many references it has, what type it is of, and the table from
 * machine to pseudo-physical frames that guests read.
 *
 * A frame lives as long as it has references. The domain that it was allocated to holds one until it
 * gives the frame up; each mapping, pin or base pointer holds one more. The last one to go returns the
 * frame to the heap. A frame has one type while its type count is not 0; `page-types.ts` says which
 * changes are allowed. Xen: `struct page_info`, `common/page_alloc.c`.
 *
 * Domain memory comes from the top of RAM in runs, so that a machine frame number never equals the
 * guest's own and a forgotten conversion shows.
 */

import { DOMID } from '../../abi/xen.ts';
import { assert } from '../../assert.ts';
import type { Ram } from '../../memory/ram.ts';
import { FRAME_BIT, FRAME_TYPE, FRAME_TYPE_NAME, type FrameType } from './frame-types.ts';

/** Content of the machine-to-physical table where no domain has a frame. */
const INVALID_M2P_ENTRY = 0xffff_ffff;

/** Frames below 1 MB, which Xen always treats as I/O. */
const FIRST_RAM_FRAME = 0x100;
/** The table from machine to physical frames, at an address and of a size that any superpage has. */
const M2P_FRAME = 0x400;
const M2P_FRAMES = 0x400;
/** Frames that are handed out in ascending order before the next lower run is begun. */
const RUN = 512;
const PAGE = 4096;

/** All that is known of the frames; arrays are indexed by frame number. */
export interface FramesImage {
  readonly owner: Uint16Array;
  readonly references: Uint32Array;
  readonly type: Uint8Array;
  readonly typeCount: Uint32Array;
  readonly bits: Uint8Array;
  readonly slot: Uint8Array;
  readonly linear: Int32Array;
  readonly pages: ReadonlyArray<readonly [owner: number, pages: number]>;
}

export class MachineFrames {
  readonly ram: Ram;
  /** How many frames the machine has; a valid frame number is below it. */
  readonly count: number;
  /** First frame of the machine-to-physical table, a multiple of 1024. */
  readonly m2pFrame = M2P_FRAME;

  /** Typed state, for `page-types.ts` and the checks; nobody else writes it. */
  readonly owner: Uint16Array;
  readonly references: Uint32Array;
  readonly type: Uint8Array;
  readonly typeCount: Uint32Array;
  readonly bits: Uint8Array;
  /** Of a level-2 page: the slot of roots that its type is bound to. */
  readonly slot: Uint8Array;
  /**
   * Of a page table: how many of its entries use tables of its own level (above 0), or how often it
   * is so used (below 0). Never both, which keeps tables from forming rings.
   */
  readonly linear: Int32Array;
  /** Domains' page counts, shared Xen pages not among them. */
  readonly #pages = new Map<number, number>();
  #freed: () => void = () => {};
  /** No frame above this one is free. Follows from the state. */
  #highestFree: number;

  /** @param ram at least 8 MB, of which the machine-to-physical table takes the second 4 MB */
  constructor(ram: Ram) {
    this.ram = ram;
    this.count = ram.size / PAGE;
    assert(
      this.count >= M2P_FRAME + M2P_FRAMES,
      `A machine with ${ram.size} bytes of RAM cannot hold the machine-to-physical table, which ends at 8 MB`,
    );
    this.#highestFree = this.count - 1;
    this.owner = new Uint16Array(this.count).fill(DOMID.INVALID);
    this.references = new Uint32Array(this.count);
    this.type = new Uint8Array(this.count);
    this.typeCount = new Uint32Array(this.count);
    this.bits = new Uint8Array(this.count);
    this.slot = new Uint8Array(this.count);
    this.linear = new Int32Array(this.count);
    this.owner.fill(DOMID.IO, 0, FIRST_RAM_FRAME);
    this.owner.fill(DOMID.XEN, M2P_FRAME, M2P_FRAME + M2P_FRAMES);
    for (let mfn = M2P_FRAME; mfn < M2P_FRAME + M2P_FRAMES; mfn++) {
      ram.touch(mfn * PAGE, PAGE);
      ram.bytes(mfn * PAGE, PAGE).fill(0xff);
    }
  }

  /** What is called when a frame returns to the heap: translations to it may be about. */
  onFreed(listener: () => void): void {
    this.#freed = listener;
  }

  isValid(mfn: number): boolean {
    return mfn >= 0 && mfn < this.count;
  }

  isIo(mfn: number): boolean {
    return this.owner[mfn] === DOMID.IO;
  }

  has(mfn: number, bit: number): boolean {
    return ((this.bits[mfn] ?? 0) & bit) !== 0;
  }

  typeOf(mfn: number): FrameType {
    return (this.type[mfn] ?? 0) as FrameType;
  }

  /** Whether the frame has this type at this moment, with its contents checked. */
  isLive(mfn: number, type: FrameType): boolean {
    return (
      this.type[mfn] === type &&
      (this.typeCount[mfn] ?? 0) > 0 &&
      this.has(mfn, FRAME_BIT.validated)
    );
  }

  /** Pages that a domain owns (Xen's tot_pages): what current_reservation answers. */
  pagesOf(owner: number): number {
    return this.#pages.get(owner) ?? 0;
  }

  freePages(): number {
    let free = 0;
    for (let mfn = FIRST_RAM_FRAME; mfn < this.count; mfn++) {
      free += this.#isFree(mfn) ? 1 : 0;
    }
    return free;
  }

  /** Takes a reference if the frame is in use and has this owner. Xen: get_page(). */
  getPage(mfn: number, owner: number): boolean {
    if (
      !this.isValid(mfn) ||
      (this.references[mfn] ?? 0) === 0 ||
      this.owner[mfn] !== owner ||
      this.has(mfn, FRAME_BIT.withdrawn)
    ) {
      return false;
    }
    this.references[mfn] = (this.references[mfn] ?? 0) + 1;
    return true;
  }

  /** Gives a reference back; with the last one the frame returns to the heap. Xen: put_page(). */
  putPage(mfn: number): void {
    const left = (this.references[mfn] ?? 0) - 1;
    assert(left >= 0, `Frame 0x${mfn.toString(16)} has no reference to give back`);
    this.references[mfn] = left;
    if (left === 0) {
      this.#free(mfn);
    }
  }

  /** The highest free frame, allocated to a domain; its bytes are as they were left. */
  allocate(owner: number): number | undefined {
    for (let mfn = this.#highestFree; mfn >= FIRST_RAM_FRAME; mfn--) {
      if (this.#isFree(mfn)) {
        this.#highestFree = mfn;
        this.#take(mfn, owner);
        return mfn;
      }
    }
    this.#highestFree = 0;
    return undefined;
  }

  /**
   * Many frames at once, as a domain's memory: in ascending runs, from the top of RAM downwards.
   * `undefined`, and nothing allocated, when there are not enough.
   */
  allocateMany(owner: number, pages: number): Uint32Array | undefined {
    const free: number[] = [];
    for (let mfn = this.#highestFree; mfn >= FIRST_RAM_FRAME && free.length < pages; mfn--) {
      if (this.#isFree(mfn)) {
        free.push(mfn);
      }
    }
    if (free.length < pages) {
      return undefined;
    }
    const frames = new Uint32Array(pages);
    for (let first = 0; first < pages; first += RUN) {
      const run = free.slice(first, first + RUN).reverse();
      frames.set(run, first);
    }
    for (const mfn of frames) {
      this.#take(mfn, owner);
    }
    return frames;
  }

  /**
   * 2^order adjacent frames, aligned to their number.
   *
   * @param limit the frames must lie below this frame number
   */
  allocateContiguous(owner: number, order: number, limit = this.count): number | undefined {
    const size = 2 ** order;
    const top = Math.min(limit, this.count);
    for (let first = Math.floor(top / size) * size - size; first >= 0; first -= size) {
      if (this.#areFree(first, size)) {
        for (let mfn = first; mfn < first + size; mfn++) {
          this.#take(mfn, owner);
        }
        return first;
      }
    }
    return undefined;
  }

  /** A contiguous run of any length: the memory of a translated domain. */
  allocateRun(owner: number, pages: number): number | undefined {
    for (let first = this.count - pages; first >= FIRST_RAM_FRAME; first--) {
      if (this.#areFree(first, pages)) {
        for (let mfn = first; mfn < first + pages; mfn++) {
          this.#take(mfn, owner);
        }
        return first;
      }
    }
    return undefined;
  }

  /**
   * A zeroed page of Xen's that a domain may map. It never changes its type, so a guest can make
   * neither a page table nor a descriptor page of it. Xen: share_xen_page_with_guest().
   */
  allocateShared(owner: number, isWritable: boolean): number | undefined {
    const mfn = this.allocate(DOMID.XEN);
    if (mfn === undefined) {
      return undefined;
    }
    this.#count(DOMID.XEN, -1);
    this.owner[mfn] = owner;
    this.bits[mfn] = FRAME_BIT.allocated | FRAME_BIT.xenHeap | FRAME_BIT.validated;
    this.type[mfn] = isWritable ? FRAME_TYPE.writable : FRAME_TYPE.none;
    this.typeCount[mfn] = 1;
    this.scrub(mfn);
    return mfn;
  }

  /** The owner gives the frame up: it lives on while it is mapped. False if it has done so before. */
  release(mfn: number): boolean {
    if (!this.has(mfn, FRAME_BIT.allocated)) {
      return false;
    }
    this.bits[mfn] = (this.bits[mfn] ?? 0) & ~FRAME_BIT.allocated;
    if (this.has(mfn, FRAME_BIT.xenHeap)) {
      this.typeCount[mfn] = (this.typeCount[mfn] ?? 0) - 1;
    }
    this.putPage(mfn);
    return true;
  }

  /**
   * A translated domain gives a frame of its run back. Its bytes stay where the guest's numbers
   * lead, but it counts no longer and no call may name it. False if it has none there.
   */
  withdraw(mfn: number, owner: number): boolean {
    if (!this.isValid(mfn) || this.owner[mfn] !== owner || this.has(mfn, FRAME_BIT.withdrawn)) {
      return false;
    }
    this.bits[mfn] = (this.bits[mfn] ?? 0) | FRAME_BIT.withdrawn;
    this.#count(owner, -1);
    return true;
  }

  /**
   * A frame of a translated domain's run that it has given back, or transferred to another domain,
   * is its own again. False if it has it.
   */
  reinstate(mfn: number, owner: number): boolean {
    if (this.owner[mfn] === DOMID.XEN && this.references[mfn] === 0) {
      this.assign(mfn, owner);
      return true;
    }
    if (this.owner[mfn] !== owner || !this.has(mfn, FRAME_BIT.withdrawn)) {
      return false;
    }
    this.bits[mfn] = (this.bits[mfn] ?? 0) & ~FRAME_BIT.withdrawn;
    this.#count(owner, 1);
    return true;
  }

  /**
   * Takes a frame away from its owner, if nothing but the allocation refers to it. It then belongs to
   * nobody and is not free, until `assign` gives it to somebody. Xen: steal_page().
   */
  steal(mfn: number, owner: number): boolean {
    if (
      !this.isValid(mfn) ||
      this.owner[mfn] !== owner ||
      this.references[mfn] !== 1 ||
      this.has(mfn, FRAME_BIT.xenHeap | FRAME_BIT.withdrawn) ||
      !this.has(mfn, FRAME_BIT.allocated)
    ) {
      return false;
    }
    this.references[mfn] = 0;
    this.#forget(mfn);
    this.owner[mfn] = DOMID.XEN;
    this.#count(owner, -1);
    this.#freed();
    return true;
  }

  /** Gives a stolen frame to a domain. Xen: assign_pages(). */
  assign(mfn: number, owner: number): void {
    assert(
      this.owner[mfn] === DOMID.XEN && this.references[mfn] === 0,
      `Frame 0x${mfn.toString(16)} was not stolen from anybody`,
    );
    this.#take(mfn, owner);
  }

  /** Returns a stolen frame to the heap. */
  discard(mfn: number): void {
    assert(
      this.owner[mfn] === DOMID.XEN && this.references[mfn] === 0,
      `Frame 0x${mfn.toString(16)} was not stolen from anybody`,
    );
    this.#returnToHeap(mfn);
  }

  /** Fills a frame with zeroes. */
  scrub(mfn: number): void {
    this.ram.touch(mfn * PAGE, PAGE);
    this.ram.bytes(mfn * PAGE, PAGE).fill(0);
  }

  /** What guests read at the place of this frame in the table at HYPERVISOR_VIRT_START. */
  m2p(mfn: number): number {
    return this.ram.read32(this.m2pFrame * PAGE + 4 * mfn);
  }

  setM2p(mfn: number, pfn: number): void {
    this.ram.write32(this.m2pFrame * PAGE + 4 * mfn, pfn >>> 0);
  }

  /** The bytes of frames are RAM's to capture. */
  capture(): FramesImage {
    return {
      owner: this.owner.slice(),
      references: this.references.slice(),
      type: this.type.slice(),
      typeCount: this.typeCount.slice(),
      bits: this.bits.slice(),
      slot: this.slot.slice(),
      linear: this.linear.slice(),
      pages: [...this.#pages].sort(([a], [b]) => a - b),
    };
  }

  restore(image: FramesImage): void {
    this.owner.set(image.owner);
    this.references.set(image.references);
    this.type.set(image.type);
    this.typeCount.set(image.typeCount);
    this.bits.set(image.bits);
    this.slot.set(image.slot);
    this.linear.set(image.linear);
    this.#highestFree = this.count - 1;
    this.#pages.clear();
    for (const [owner, pages] of image.pages) {
      this.#pages.set(owner, pages);
    }
  }

  #isFree(mfn: number): boolean {
    return this.owner[mfn] === DOMID.INVALID;
  }

  #areFree(first: number, pages: number): boolean {
    for (let mfn = first + pages - 1; mfn >= first; mfn--) {
      if (!this.#isFree(mfn)) {
        return false;
      }
    }
    return first >= 0;
  }

  #take(mfn: number, owner: number): void {
    this.owner[mfn] = owner;
    this.references[mfn] = 1;
    this.bits[mfn] = FRAME_BIT.allocated;
    this.#count(owner, 1);
  }

  #free(mfn: number): void {
    assert(
      this.typeCount[mfn] === 0,
      `Frame 0x${mfn.toString(16)} is freed while it is in use as ${FRAME_TYPE_NAME[this.typeOf(mfn)]}`,
    );
    if (!this.has(mfn, FRAME_BIT.xenHeap | FRAME_BIT.withdrawn)) {
      this.#count(this.owner[mfn] ?? 0, -1);
    }
    if (this.has(mfn, FRAME_BIT.scrubbed)) {
      this.scrub(mfn);
    }
    this.#forget(mfn);
    this.#returnToHeap(mfn);
    this.#freed();
  }

  #returnToHeap(mfn: number): void {
    this.owner[mfn] = DOMID.INVALID;
    this.#highestFree = Math.max(this.#highestFree, mfn);
    this.setM2p(mfn, INVALID_M2P_ENTRY);
  }

  #forget(mfn: number): void {
    this.type[mfn] = FRAME_TYPE.none;
    this.typeCount[mfn] = 0;
    this.bits[mfn] = 0;
    this.slot[mfn] = 0;
    this.linear[mfn] = 0;
  }

  #count(owner: number, change: number): void {
    const pages = (this.#pages.get(owner) ?? 0) + change;
    if (pages === 0) {
      this.#pages.delete(owner);
    } else {
      this.#pages.set(owner, pages);
    }
  }
}
