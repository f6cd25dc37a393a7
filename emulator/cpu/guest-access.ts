/**
 * The guest's memory by linear address: what happens when the fast tables do not know.
 *
 * Translation, protection, page-crossing, watchpoints, writes to decoded code and addresses
 * where no RAM is. Accesses that cannot be made in place are gathered in the scratch pages, and
 * writes there are committed afterwards. SDM 3A chapters 4 and 5.
 */

import { FRAME, type LinearMemory, REGION } from '../memory/linear-memory.ts';
import {
  type Access,
  ALL_FRAMES,
  errorCodeOf,
  type PagingMode,
  walk,
} from '../memory/page-walk.ts';
import type { Ram } from '../memory/ram.ts';
import { ABSENT, type Tlb, TRANSLATION } from '../memory/tlb.ts';
import { EXIT, type State } from './state.ts';
import type { Watchpoints } from './watchpoints.ts';

const PAGE_FAULT_VECTOR = 14;
const PAGES = 0x10_0000;

/** A page to which stores are carried out by somebody else, whatever its mapping says of them. */
export interface StoreDiversion {
  /** Number of the linear page. */
  readonly page: number;
  /** @param bytes what the page is to hold from the linear address on; a view that does not last */
  store(linear: number, bytes: Uint8Array): void;
}

export class GuestAccess {
  readonly #memory: LinearMemory;
  readonly #view: DataView;
  readonly #ram: Ram;
  readonly #tlb: Tlb;
  readonly #state: State;
  readonly #watchpoints: Watchpoints;
  readonly #onHit: () => void;
  readonly mode: PagingMode = {
    paging: false,
    pae: false,
    largePages: false,
    noExecute: false,
    writeProtect: false,
    globalPages: false,
    root: 0,
    pointers: new Uint32Array(4),
    firstFrame: 0,
    frameCount: ALL_FRAMES,
    ignoredHigh: 0,
  };
  /** Set while one instruction is carried out with its stores diverted. */
  diversion: StoreDiversion | undefined;
  /** Linear pages from this one on lie beyond the limit of a flat segment. */
  flatPages = PAGES;

  constructor(
    memory: LinearMemory,
    ram: Ram,
    tlb: Tlb,
    state: State,
    watchpoints: Watchpoints,
    onHit: () => void,
  ) {
    this.#memory = memory;
    this.#view = new DataView(memory.memory.buffer);
    this.#ram = ram;
    this.#tlb = tlb;
    this.#state = state;
    this.#watchpoints = watchpoints;
    this.#onHit = onHit;
  }

  /** The translation of a linear address for an access; 0 after a page fault has been noted. */
  translate(linear: number, access: Access, isUser: boolean): number {
    const page = linear >>> 12;
    const known = this.#tlb.find(page);
    if (known !== 0 && this.#allows(known, access, isUser)) {
      return known;
    }
    if (!this.mode.paging) {
      const identity = ((page << 8) | 0xf) >>> 0;
      this.#tlb.remember(page, identity);
      return identity;
    }
    const found = walk(this.#ram, this.mode, linear, access, isUser);
    if (found < 0) {
      // A stale entry that forbids more than the tables do is forgotten by the walk; one that
      // the tables forbid as well is forgotten by the fault (SDM 3A §4.10.4.1).
      this.#tlb.invalidate(page);
      this.#state.cr2 = linear >>> 0;
      this.#state.faultVector = PAGE_FAULT_VECTOR;
      this.#state.faultError = errorCodeOf(found);
      this.#state.exit = EXIT.fault;
      return 0;
    }
    this.#tlb.remember(page, found);
    return found;
  }

  #allows(translation: number, access: Access, isUser: boolean): boolean {
    if (isUser && !(translation & TRANSLATION.user)) {
      return false;
    }
    switch (access) {
      case 'read':
        return true;
      case 'fetch':
        return !(translation & TRANSLATION.noExecute);
      case 'write':
        return (
          (translation & TRANSLATION.dirty) !== 0 &&
          ((translation & TRANSLATION.writable) !== 0 || (!isUser && !this.mode.writeProtect))
        );
    }
  }

  /** As `readSlow` of generated code: an entry for the fast path, or 1 after a fault. */
  readSlow(linear: number, size: number, isUser: boolean): number {
    const offset = linear & 0xfff;
    const first = this.translate(linear, 'read', isUser);
    if (first === 0) {
      return ABSENT;
    }
    if (offset + size <= 4096) {
      return this.#readWithin(linear, size, first, isUser);
    }
    const next = (linear + size - 1) & ~0xfff;
    const second = this.translate(next >>> 0, 'read', isUser);
    if (second === 0) {
      return ABSENT;
    }
    const split = 4096 - offset;
    this.#gather(linear, offset, split, first);
    this.#gather(next >>> 0, 4096, size - split, second);
    this.#note('read', linear, first, split);
    this.#note('read', next >>> 0, second, size - split);
    return (REGION.scratch ^ (linear & ~0xfff)) | 0;
  }

  #readWithin(linear: number, size: number, translation: number, isUser: boolean): number {
    const page = linear >>> 12;
    const frame = translation >>> 8;
    if (!this.#ram.has(frame)) {
      this.#gather(linear, linear & 0xfff, size, translation);
      this.#note('read', linear, translation, size);
      return (REGION.scratch ^ (linear & ~0xfff)) | 0;
    }
    const entry = ((REGION.ram + frame * 4096) ^ (page << 12)) | 0;
    const isWatched =
      (this.#ram.flagsOf(frame) & FRAME.watchedReads) !== 0 || this.#watchpoints.watchesPage(page);
    if (isWatched) {
      this.#note('read', linear, translation, size);
    } else if (page < this.flatPages) {
      this.#tlb.reads[isUser ? 1 : 0][page] = entry;
    }
    return entry;
  }

  /** Copies what lies in one page to the scratch pages. */
  #gather(linear: number, scratchOffset: number, size: number, translation: number): void {
    const physical = (translation >>> 8) * 4096 + (linear & 0xfff);
    for (let i = 0; i < size; i++) {
      this.#memory.u8[REGION.scratch + scratchOffset + i] = this.#ram.read8(physical + i);
    }
  }

  /** @param before what the bytes were, when they have been written */
  #note(
    access: 'read' | 'write',
    linear: number,
    translation: number,
    size: number,
    before?: Uint8Array,
  ): void {
    if (this.#watchpoints.all.length === 0) {
      return;
    }
    const physical = (translation >>> 8) * 4096 + (linear & 0xfff);
    const after = before && this.#ram.bytes(physical, size);
    const hasChanged = (at: number): boolean => before?.[at] !== after?.[at];
    if (this.#watchpoints.note(access, linear, physical, size, hasChanged)) {
      this.#onHit();
    }
  }

  /**
   * As `updateSlow` of generated code: an entry through which the operand may be read and
   * written; if it leads to the scratch pages, `commit` must follow. 1 after a fault.
   * @param reads whether the operand is read as well, which a watchpoint may want to know
   */
  updateSlow(linear: number, size: number, isUser: boolean, reads: boolean): number {
    const offset = linear & 0xfff;
    const isDiverted = this.diversion?.page === linear >>> 12 && offset + size <= 4096;
    const first = this.translate(linear, isDiverted ? 'read' : 'write', isUser);
    if (isDiverted && first !== 0) {
      this.#gather(linear, offset, size, first);
      return (REGION.scratch ^ (linear & ~0xfff)) | 0;
    }
    if (first === 0) {
      return ABSENT;
    }
    if (offset + size <= 4096) {
      return this.#updateWithin(linear, size, first, isUser, reads);
    }
    const next = ((linear + size - 1) & ~0xfff) >>> 0;
    const second = this.translate(next, 'write', isUser);
    if (second === 0) {
      return ABSENT;
    }
    const split = 4096 - offset;
    this.#gather(linear, offset, split, first);
    this.#gather(next, 4096, size - split, second);
    if (reads) {
      this.#note('read', linear, first, split);
      this.#note('read', next, second, size - split);
    }
    return (REGION.scratch ^ (linear & ~0xfff)) | 0;
  }

  #updateWithin(
    linear: number,
    size: number,
    translation: number,
    isUser: boolean,
    reads: boolean,
  ): number {
    const page = linear >>> 12;
    const frame = translation >>> 8;
    const flags = this.#ram.flagsOf(frame);
    const isPlain =
      this.#ram.has(frame) &&
      !(flags & (FRAME.code | FRAME.watchedWrites | FRAME.watchedReads)) &&
      !this.#watchpoints.watchesPage(page);
    if (!isPlain) {
      this.#gather(linear, linear & 0xfff, size, translation);
      if (reads) {
        this.#note('read', linear, translation, size);
      }
      return (REGION.scratch ^ (linear & ~0xfff)) | 0;
    }
    if (!(flags & FRAME.dirty)) {
      this.#ram.markDirty(frame);
    }
    const entry = ((REGION.ram + frame * 4096) ^ (page << 12)) | 0;
    if (page < this.flatPages) {
      this.#tlb.writes[isUser ? 1 : 0][page] = entry;
    }
    return entry;
  }

  /** Writes what stands in the scratch pages; `updateSlow` has said that it may. */
  commit(linear: number, size: number, isUser: boolean): void {
    if (this.diversion?.page === linear >>> 12 && (linear & 0xfff) + size <= 4096) {
      const from = REGION.scratch + (linear & 0xfff);
      this.diversion.store(linear, this.#memory.u8.subarray(from, from + size));
      return;
    }
    for (let done = 0; done < size; ) {
      const at = (linear + done) >>> 0;
      const length = Math.min(size - done, 4096 - (at & 0xfff));
      const translation = this.translate(at, 'write', isUser);
      const physical = (translation >>> 8) * 4096 + (at & 0xfff);
      const isRam = this.#ram.has(translation >>> 8);
      const isWatched = this.#watchpoints.all.length > 0;
      const before = isRam && isWatched ? this.#ram.bytes(physical, length).slice() : undefined;
      if (isRam) {
        this.#ram.touch(physical, length);
        const from = REGION.scratch + (linear & 0xfff) + done;
        this.#memory.u8.copyWithin(REGION.ram + physical, from, from + length);
      }
      this.#note('write', at, translation, length, before);
      done += length;
    }
  }

  /** The address in linear memory of an operand to be read, or 0 after a fault. */
  hostForRead(linear: number, size: number, isUser: boolean): number {
    const fast = this.#tlb.reads[isUser ? 1 : 0][linear >>> 12] as number;
    if (!(fast & ABSENT) && (linear & 0xfff) + size <= 4096) {
      return (fast ^ linear) >>> 0;
    }
    const entry = this.readSlow(linear, size, isUser);
    return entry & ABSENT ? 0 : (entry ^ linear) >>> 0;
  }

  /** The address in linear memory of an operand to be written, or 0 after a fault. */
  hostForWrite(linear: number, size: number, isUser: boolean): number {
    const fast = this.#tlb.writes[isUser ? 1 : 0][linear >>> 12] as number;
    if (!(fast & ABSENT) && (linear & 0xfff) + size <= 4096) {
      return (fast ^ linear) >>> 0;
    }
    const entry = this.updateSlow(linear, size, isUser, false);
    return entry & ABSENT ? 0 : (entry ^ linear) >>> 0;
  }

  /**
   * Reads a word, signed, where the fast table has its page; undefined where it has not. Hot: a
   * signed word needs no object when it is handed on.
   */
  fastWord(linear: number, isUser: boolean): number | undefined {
    const entry = this.#tlb.reads[isUser ? 1 : 0][linear >>> 12] as number;
    return entry & ABSENT || (linear & 0xfff) > 0xffc
      ? undefined
      : this.#view.getInt32((entry ^ linear) >>> 0, true);
  }

  /** Whether `host` is in the scratch pages, so that `commit` must follow. */
  isScratch(host: number): boolean {
    return host >= REGION.scratch && host < REGION.scratch + 8192;
  }

  valueAt(host: number, size: number): number {
    switch (size) {
      case 1:
        return this.#view.getUint8(host);
      case 2:
        return this.#view.getUint16(host, true);
      default:
        return this.#view.getUint32(host, true);
    }
  }

  setValueAt(host: number, size: number, value: number): void {
    switch (size) {
      case 1:
        this.#view.setUint8(host, value);
        break;
      case 2:
        this.#view.setUint16(host, value, true);
        break;
      default:
        this.#view.setUint32(host, value, true);
    }
  }

  /**
   * Reads guest memory without any effect: no accessed bit, no TLB entry, no watchpoint.
   * Answers fewer bytes if a page is not mapped.
   */
  peek(linear: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = (linear + done) >>> 0;
      const physical = this.physicalOf(at);
      if (physical === undefined) {
        return bytes.slice(0, done);
      }
      const chunk = Math.min(length - done, 4096 - (at & 0xfff));
      for (let i = 0; i < chunk; i++) {
        bytes[done + i] = this.#ram.read8(physical + i);
      }
      done += chunk;
    }
    return bytes;
  }

  /** Physical address by the page tables as they are now, or undefined. Changes nothing. */
  physicalOf(linear: number): number | undefined {
    if (!this.mode.paging) {
      return linear;
    }
    const found = walk(this.#ram, this.mode, linear, 'read', false, true);
    return found < 0 ? undefined : (found >>> 8) * 4096 + (linear & 0xfff);
  }
}
