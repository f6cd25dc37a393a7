/**
 * The prefixes of an instruction, and what of them is left to say.
 *
 * Of several prefixes of one group the last counts. A prefix that the operands or the mnemonic
 * already show is dropped; any other becomes a word before the mnemonic.
 */

import { LONGEST } from '../decoder.ts';

export const PREFIX = {
  lock: 0xf0,
  repne: 0xf2,
  rep: 0xf3,
  operandSize: 0x66,
  addressSize: 0x67,
  cs: 0x2e,
  ds: 0x3e,
} as const;

const SEGMENT_PREFIXES: readonly number[] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

const WORDS: Readonly<Record<number, string>> = {
  ...{ 240: 'lock', 242: 'repnz', 243: 'repz', 102: 'data16', 103: 'addr16' },
  ...{ 38: 'es', 46: 'cs', 54: 'ss', 62: 'ds', 100: 'fs', 101: 'gs' },
};

/** The word of a prefix byte; `undefined` for any other byte. */
export const prefixWord = (byte: number): string | undefined => WORDS[byte];

export class PrefixWords {
  readonly bytes: readonly number[];
  readonly #words: (string | undefined)[];

  constructor(bytes: readonly number[]) {
    this.bytes = bytes;
    this.#words = bytes.map(prefixWord);
  }

  has(byte: number): boolean {
    return this.bytes.includes(byte);
  }

  hasSegment(): boolean {
    return this.bytes.some((byte) => SEGMENT_PREFIXES.includes(byte));
  }

  drop(byte: number): void {
    this.#set(this.bytes.lastIndexOf(byte), undefined);
  }

  dropSegment(): void {
    this.#set(this.#lastSegment(), undefined);
  }

  rename(byte: number, word: string): void {
    this.#set(this.bytes.lastIndexOf(byte), word);
  }

  renameSegment(word: string): void {
    this.#set(this.#lastSegment(), word);
  }

  words(): string[] {
    return this.#words.filter((word) => word !== undefined);
  }

  /** The bytes that matter to the processor: the last of each group, and no lock. */
  effective(): number[] {
    const last = (group: readonly number[]) => this.bytes.findLast((byte) => group.includes(byte));
    const groups = [SEGMENT_PREFIXES, [PREFIX.operandSize], [PREFIX.addressSize], [0xf2, 0xf3]];
    return groups.map(last).filter((byte) => byte !== undefined);
  }

  #lastSegment(): number {
    return this.bytes.findLastIndex((byte) => SEGMENT_PREFIXES.includes(byte));
  }

  #set(index: number, word: string | undefined): void {
    if (index >= 0) {
      this.#words[index] = word;
    }
  }
}

/** The prefixes at `start`, as many as leave room for an opcode. */
export function prefixesAt(bytes: Uint8Array, start: number): PrefixWords {
  let end = start;
  while (end < start + LONGEST - 1 && prefixWord(bytes[end] ?? 0) !== undefined) {
    end++;
  }
  return new PrefixWords([...bytes.subarray(start, end)]);
}
