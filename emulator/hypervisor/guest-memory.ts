/**
 * The memory of the running guest as the hypervisor touches it: by virtual address, as a
 * supervisor would, and it may fault.
 *
 * A fault here is an answer (`undefined` or false), which hypercalls turn into -EFAULT. Pointers
 * into the hypervisor's hole are faults too.
 */

import type { Processor } from '../cpu/processor.ts';
import { EXIT } from '../cpu/state.ts';
import { Copies } from './copies.ts';

const PAGE = 4096;

export class GuestMemory {
  readonly #cpu: Processor;
  readonly #copies = new Copies();
  /** Where the hole begins: HYPERVISOR_VIRT_START of the running guest. */
  limit = 0x1_0000_0000;

  constructor(cpu: Processor) {
    this.#cpu = cpu;
  }

  /** Whether a pointer handed to a hypercall may be followed at all. */
  isBelowHole(address: number, length: number): boolean {
    return address + length <= this.limit;
  }

  /**
   * To be called when the hypervisor is entered: what `copyIn` gave until then may be used again.
   * Hot.
   */
  begin(): void {
    this.#copies.begin();
  }

  /**
   * Bytes as a copy, good until the hypervisor is entered the next time; or undefined: a fault. Hot:
   * every call with an argument in memory comes here.
   */
  copyIn(address: number, length: number): DataView | undefined {
    if (!this.isBelowHole(address, length)) {
      return undefined;
    }
    const { access, memory } = this.#cpu;
    const { view, bytes } = this.#copies.take(length);
    for (let at = 0; at < length; ) {
      const linear = address + at;
      const count = Math.min(length - at, PAGE - (linear & 0xfff));
      const host = access.hostForRead(linear, 1, false);
      if (host === 0) {
        this.#dropFault();
        return undefined;
      }
      // Where no RAM is, or somebody watches, bytes come one by one through the scratch page.
      const end = at + (access.isScratch(host) ? 1 : count);
      for (let from = host; at < end; at++) {
        bytes[at] = memory.u8[from++] as number;
      }
    }
    return view;
  }

  /** Answers how many bytes arrived before a fault. */
  copyOut(address: number, source: DataView | Uint8Array): number {
    const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    if (!this.isBelowHole(address, bytes.length)) {
      return 0;
    }
    const { access, memory } = this.#cpu;
    for (let at = 0; at < bytes.length; ) {
      const linear = address + at;
      const count = Math.min(bytes.length - at, PAGE - (linear & 0xfff));
      const host = access.hostForWrite(linear, 1, false);
      if (host === 0) {
        this.#dropFault();
        return at;
      }
      if (access.isScratch(host)) {
        access.setValueAt(host, 1, bytes[at] as number);
        access.commit(linear, 1, false);
        at += 1;
      } else {
        memory.u8.set(bytes.subarray(at, at + count), host);
        at += count;
      }
    }
    return bytes.length;
  }

  /** Answers whether all bytes arrived. */
  write(address: number, source: DataView | Uint8Array): boolean {
    return this.copyOut(address, source) === source.byteLength;
  }

  /** A word, unsigned, or undefined: a fault. Hot. */
  read32(address: number): number | undefined {
    const { access } = this.#cpu;
    if (address + 4 > this.limit) {
      return undefined;
    }
    const fast = access.fastWord(address, false);
    if (fast !== undefined) {
      return fast >>> 0;
    }
    const host = access.hostForRead(address, 4, false);
    if (host === 0) {
      this.#dropFault();
      return undefined;
    }
    return access.valueAt(host, 4);
  }

  /** Reads words, signed, the lowest first. Answers false after a fault. Hot. */
  readWords(address: number, words: Int32Array, count: number): boolean {
    const { access } = this.#cpu;
    if (address + 4 * count > this.limit) {
      return false;
    }
    const host = access.hostForRead(address, 4 * count, false);
    if (host === 0) {
      this.#dropFault();
      return false;
    }
    for (let i = 0; i < count; i++) {
      words[i] = access.valueAt(host + 4 * i, 4);
    }
    return true;
  }

  /** Answers false after a fault. Hot. */
  write32(address: number, value: number): boolean {
    const { access } = this.#cpu;
    if (address + 4 > this.limit) {
      return false;
    }
    const host = access.hostForWrite(address, 4, false);
    if (host === 0) {
      this.#dropFault();
      return false;
    }
    access.setValueAt(host, 4, value);
    if (access.isScratch(host)) {
      access.commit(address, 4, false);
    }
    return true;
  }

  /** Writes words of a frame, all or none. The first lies lowest. Hot. */
  writeWords(address: number, words: Int32Array, count: number): boolean {
    const { access, memory } = this.#cpu;
    if (address + 4 * count > this.limit) {
      return false;
    }
    const host = access.hostForWrite(address, 4 * count, false);
    if (host === 0) {
      this.#dropFault();
      return false;
    }
    if (host & 3) {
      for (let i = 0; i < count; i++) {
        access.setValueAt(host + 4 * i, 4, (words[i] as number) >>> 0);
      }
    } else {
      for (let i = 0; i < count; i++) {
        memory.u32[(host >>> 2) + i] = words[i] as number;
      }
    }
    if (access.isScratch(host)) {
      access.commit(address, 4 * count, false);
    }
    return true;
  }

  #dropFault(): void {
    this.#cpu.state.exit = EXIT.none;
  }
}
