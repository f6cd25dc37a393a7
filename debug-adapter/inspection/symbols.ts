/** Addresses of code with what symbols say of them. */

import type { CodePlace, EntryPlace } from './data/rows.ts';

/**
 * What is known of code at a linear address of a domain. Who knows one kernel alone may ignore the
 * domain.
 */
export type Symbols = (address: number, domain: number) => string | undefined;

export const codePlace = (symbols: Symbols, domain: number, address: number): CodePlace => ({
  address,
  symbol: symbols(address, domain),
});

export const entryPlace = (
  symbols: Symbols,
  domain: number,
  cs: number,
  address: number,
): EntryPlace => ({ cs, ...codePlace(symbols, domain, address) });
