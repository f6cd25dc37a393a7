/**
 * The translation look-aside buffer.
 *
 * What the processor architecturally remembers of a linear page is one word in `translations`:
 * frame and rights. From it come the fast tables that generated code indexes without a compare,
 * read and write apart, supervisor and user apart: an entry is (address in linear memory of the
 * page) XOR (linear address of the page), or ABSENT. A fast entry may be withheld at any time
 * (watchpoints, dirty tracking, pages with decoded code, segment limits): the slow path then
 * asks `translations`, so withholding never changes what the guest sees.
 * SDM 3A §4.10.
 */

import { type LinearMemory, REGION, TLB_CAPACITY } from './linear-memory.ts';

/** A fast entry that sends the access to the slow path. Valid entries have no low bits. */
export const ABSENT = 1;

/** Bits of a word of `translations`; the frame number stands above them (`>>> 8`). */
export const TRANSLATION = {
  present: 1,
  writable: 2,
  user: 4,
  dirty: 8,
  global: 16,
  noExecute: 32,
  /** Part of a 2 MB or 4 MB page, which invlpg forgets as a whole. */
  large: 64,
} as const;

const PAGES = 1 << 20;
/** Enough for the largest page, 4 MB, on either side of an address. */
const LARGE_PAGES = 1024;

export class Tlb {
  readonly #translations: Uint32Array;
  readonly #log: Uint32Array;
  /** Where in the log each page with a translation stands. */
  readonly #places = new Uint32Array(PAGES);
  #count = 0;
  #isUserReady = false;
  /** Changes whenever an entry of the code tables may have gone. */
  generation = 0;
  readonly reads: readonly [supervisor: Int32Array, user: Int32Array];
  readonly writes: readonly [supervisor: Int32Array, user: Int32Array];
  readonly codes: readonly [supervisor: Int32Array, user: Int32Array];
  readonly #dataTables: readonly Int32Array[];

  constructor(memory: LinearMemory) {
    const { buffer } = memory.memory;
    const table = (address: number): Int32Array => new Int32Array(buffer, address, PAGES);
    this.#translations = new Uint32Array(buffer, REGION.translations, PAGES);
    this.#log = new Uint32Array(buffer, REGION.tlbLog, TLB_CAPACITY);
    this.reads = [table(REGION.readSupervisor), table(REGION.readUser)];
    this.writes = [table(REGION.writeSupervisor), table(REGION.writeUser)];
    this.codes = [table(REGION.codeSupervisor), table(REGION.codeUser)];
    this.#dataTables = [...this.reads, ...this.writes];
    this.reads[0].fill(ABSENT);
    this.writes[0].fill(ABSENT);
  }

  /** To be called before user mode: its tables are filled only then, which takes milliseconds. */
  prepareUser(): void {
    if (!this.#isUserReady) {
      this.#isUserReady = true;
      this.reads[1].fill(ABSENT);
      this.writes[1].fill(ABSENT);
    }
  }

  /** The translation of a linear page number, 0 if none is remembered. */
  find(page: number): number {
    return this.#translations[page] ?? 0;
  }

  remember(page: number, translation: number): void {
    if (this.find(page) === 0) {
      if (this.#count === TLB_CAPACITY) {
        this.flush(false);
      }
      this.#places[page] = this.#count;
      this.#log[this.#count++] = page;
    } else {
      this.#withhold(page);
    }
    this.#translations[page] = translation;
  }

  /** Forgets translations: those that are not global, or all. */
  flush(keepGlobal: boolean): void {
    let kept = 0;
    for (let i = 0; i < this.#count; i++) {
      const page = this.#log[i] ?? 0;
      if (keepGlobal && this.find(page) & TRANSLATION.global) {
        this.#places[page] = kept;
        this.#log[kept++] = page;
      } else {
        this.#withhold(page);
        this.#translations[page] = 0;
      }
    }
    this.#count = kept;
  }

  /** Forgets the translation of one linear page number, and of the large page it lies in. */
  invalidate(page: number): void {
    const translation = this.find(page);
    if (translation === 0) {
      return;
    }
    if (translation & TRANSLATION.large) {
      this.#invalidateLarge(page - (page % LARGE_PAGES));
    } else {
      this.#forget(page);
    }
  }

  /** Forgets a page; the last of the log takes its place there. */
  #forget(page: number): void {
    this.#withhold(page);
    this.#translations[page] = 0;
    const place = this.#places[page] ?? 0;
    const last = this.#log[--this.#count] ?? 0;
    this.#log[place] = last;
    this.#places[last] = place;
  }

  #invalidateLarge(near: number): void {
    for (let page = near; page < near + LARGE_PAGES; page++) {
      if (this.find(page) & TRANSLATION.large) {
        this.#forget(page);
      }
    }
  }

  /** Sends the next write to each page of this frame to the slow path. */
  withholdWrites(frame: number): void {
    for (let i = 0; i < this.#count; i++) {
      const page = this.#log[i] ?? 0;
      if (this.find(page) >>> 8 === frame) {
        this.writes[0][page] = ABSENT;
        this.writes[1][page] = ABSENT;
      }
    }
  }

  /** Sends the next data access to each page to the slow path. */
  withholdData(): void {
    for (let i = 0; i < this.#count; i++) {
      const page = this.#log[i] ?? 0;
      for (const table of this.#dataTables) {
        table[page] = ABSENT;
      }
    }
  }

  /** Sends the next jump to each page to the slow path; `user` 0 or 1 chooses one table. */
  withholdCode(user: 0 | 1): void {
    this.generation++;
    for (let i = 0; i < this.#count; i++) {
      this.codes[user][this.#log[i] ?? 0] = 0;
    }
  }

  /** What a checkpoint keeps: pages and their translations, in order. */
  capture(): Uint32Array {
    const image = new Uint32Array(this.#count * 2);
    for (let i = 0; i < this.#count; i++) {
      const page = this.#log[i] ?? 0;
      image[2 * i] = page;
      image[2 * i + 1] = this.find(page);
    }
    return image;
  }

  restore(image: Uint32Array): void {
    this.flush(false);
    for (let i = 0; i < image.length; i += 2) {
      this.remember(image[i] ?? 0, image[i + 1] ?? 0);
    }
  }

  #withhold(page: number): void {
    this.generation++;
    for (const table of this.#dataTables) {
      table[page] = ABSENT;
    }
    this.codes[0][page] = 0;
    this.codes[1][page] = 0;
  }
}
