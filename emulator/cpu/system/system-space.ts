/**
 * Where the processor finds descriptor tables and task state.
 *
 * On a bare machine that is linear memory, as the manual says. A hypervisor keeps these tables
 * where its guests cannot reach them: then addresses of the descriptor-table registers lie in a
 * space of their own, which maps pages straight to frames of RAM. Guests see nothing of it but
 * what `sgdt` stores.
 */

import type { Ram } from '../../memory/ram.ts';

const ABSENT = -1;
const FRAME_SHIFT = 12;

export class SystemSpace {
  readonly #ram: Ram;
  readonly #frames: Int32Array;
  readonly #findPage: (page: number) => number | undefined;

  /**
   * @param pages how many pages the space has
   * @param findPage asked for a page that is not mapped; answers its frame, which is then mapped,
   * or undefined after it has put the address into CR2 that the guest is to see
   */
  constructor(ram: Ram, pages: number, findPage: (page: number) => number | undefined) {
    this.#ram = ram;
    this.#frames = new Int32Array(pages).fill(ABSENT);
    this.#findPage = findPage;
  }

  map(page: number, frame: number): void {
    this.#frames[page] = frame;
  }

  unmap(page: number): void {
    this.#frames[page] = ABSENT;
  }

  /** The frame of a page, undefined where there is none yet. */
  frameAt(page: number): number | undefined {
    const frame = this.#frames[page] ?? ABSENT;
    return frame === ABSENT ? undefined : frame;
  }

  /** The physical address of a word, or undefined: #PF. Hot. */
  physicalOf(address: number): number | undefined {
    const page = address >>> FRAME_SHIFT;
    let frame = this.#frames[page] ?? ABSENT;
    if (frame === ABSENT) {
      const found = page < this.#frames.length ? this.#findPage(page) : undefined;
      if (found === undefined) {
        return undefined;
      }
      frame = found;
      this.#frames[page] = frame;
    }
    return frame * 4096 + (address & 0xfff);
  }

  /** Reads a word, signed, or undefined: #PF. Hot: a signed word needs no object. */
  word(address: number): number | undefined {
    const physical = this.physicalOf(address);
    return physical === undefined ? undefined : this.#ram.read32(physical) | 0;
  }

  /** @param size 2 or 4 bytes, which do not cross a word */
  read(address: number, size: number): number | undefined {
    const word = this.word((address & ~3) >>> 0);
    if (word === undefined) {
      return undefined;
    }
    return size === 4 ? word >>> 0 : (word >>> ((address & 2) * 8)) & 0xffff;
  }

  /** Answers false: #PF. */
  writeWord(address: number, value: number): boolean {
    const physical = this.physicalOf(address);
    if (physical === undefined) {
      return false;
    }
    this.#ram.write32(physical, value);
    return true;
  }
}
