/**
 * Where the processor finds descriptor tables and task state.
 *
 * On a bare machine that is linear memory, as the manual says. A hypervisor keeps these tables
 * where its guests cannot reach them: then addresses of the descriptor-table registers lie in a
 * space of their own, whose pages are frames of RAM. Guests see nothing of it but what `sgdt`
 * stores.
 */

import type { Ram } from '../../memory/ram.ts';

export class SystemSpace {
  readonly #ram: Ram;
  readonly #frameAt: (address: number) => number | undefined;
  readonly #admit: (address: number, word: number) => number;

  /**
   * @param frameAt the frame of RAM behind an address; or undefined, #PF, after the address that
   * the guest is to see has been put into CR2
   * @param admit what the processor is to see of a word that stands there
   */
  constructor(
    ram: Ram,
    frameAt: (address: number) => number | undefined,
    admit: (address: number, word: number) => number,
  ) {
    this.#ram = ram;
    this.#frameAt = frameAt;
    this.#admit = admit;
  }

  /** Reads a word, signed, or undefined: #PF. Hot: a signed word needs no object. */
  word(address: number): number | undefined {
    const frame = this.#frameAt(address);
    return frame === undefined
      ? undefined
      : this.#admit(address, this.#ram.read32(frame * 4096 + (address & 0xffc)) | 0);
  }

  /** @param size 2 or 4 bytes, which do not cross a word */
  read(address: number, size: number): number | undefined {
    const word = this.word(address);
    if (word === undefined) {
      return undefined;
    }
    return size === 4 ? word >>> 0 : (word >>> ((address & 2) * 8)) & 0xffff;
  }

  /** Answers false: #PF. */
  writeWord(address: number, value: number): boolean {
    const frame = this.#frameAt(address);
    if (frame === undefined) {
      return false;
    }
    this.#ram.write32(frame * 4096 + (address & 0xffc), value);
    return true;
  }
}
