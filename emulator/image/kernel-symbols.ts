/**
 * The names in a kernel's symbol table, by address.
 *
 * They are for those who look at the machine and have no part in it, so a table that cannot be read
 * is an empty one that says why.
 */

import { ElfError, type ElfFile, type ElfSymbol, SHF, STB, STT, symbolsOf } from './elf.ts';

/** The symbol at or before an address, and how many bytes before. */
export interface SymbolPlace {
  readonly name: string;
  readonly offset: number;
}

interface NamedAddress {
  readonly address: number;

  /** 0 when unknown; the symbol then reaches to the next one. */
  readonly size: number;
  readonly name: string;

  /** Of several symbols at one address the one with the highest rank names it. */
  readonly rank: number;
}

/** Reads the table when it is first asked. */
export class KernelSymbols {
  readonly #file: ElfFile;
  #table: readonly NamedAddress[] | undefined;
  #problem: string | undefined;

  constructor(file: ElfFile) {
    this.#file = file;
  }

  /** How many symbols have an address. */
  get count(): number {
    return this.#sorted().length;
  }

  /** Why there are no symbols although there is a table. */
  get problem(): string | undefined {
    this.#sorted();
    return this.#problem;
  }

  /** `undefined` where no symbol lies before, or the one that does ends before `address`. */
  symbolAt(address: number): SymbolPlace | undefined {
    const table = this.#sorted();
    const found = table[firstAfter(table, address) - 1];
    if (found === undefined) {
      return undefined;
    }
    const offset = address - found.address;
    return found.size !== 0 && offset >= found.size ? undefined : { name: found.name, offset };
  }

  /** The address of the first symbol with a name. */
  addressOf(name: string): number | undefined {
    return this.#sorted().find((symbol) => symbol.name === name)?.address;
  }

  #sorted(): readonly NamedAddress[] {
    this.#table ??= this.#read();
    return this.#table;
  }

  #read(): readonly NamedAddress[] {
    try {
      return symbolsOf(this.#file).flatMap(namedAddress).sort(byAddress);
    } catch (error) {
      if (error instanceof ElfError) {
        this.#problem = error.message;
        return [];
      }
      throw error;
    }
  }
}

/** Nothing for what is not in memory or has no name of its own. */
function namedAddress({ name, value, size, type, binding, place }: ElfSymbol): NamedAddress[] {
  const isInMemory = typeof place === 'object' && (place.flags & SHF.ALLOC) !== 0;
  if (!isInMemory || name === '' || type === STT.SECTION || type === STT.FILE) {
    return [];
  }
  const rank = (type === STT.NOTYPE ? 0 : 2) + (binding === STB.GLOBAL ? 1 : 0);
  return [{ address: value, size, name, rank }];
}

function byAddress(a: NamedAddress, b: NamedAddress): number {
  return a.address - b.address || a.rank - b.rank;
}

/** The index of the first symbol beyond an address. */
function firstAfter(table: readonly NamedAddress[], address: number): number {
  let low = 0;
  let high = table.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((table[middle]?.address ?? 0) <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
