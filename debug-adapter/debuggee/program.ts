/** The program that a domain runs: its kernel's file and names, and where its sources are. */

import type { KernelImage } from '../../emulator/image/kernel.ts';
import type { ProgramSymbols } from '../symbols/program-symbols.ts';
import type { SourceMap } from './source-map.ts';

export interface Program {
  readonly domain: number;
  /** The kernel’s file, as its user would recognise it. */
  readonly file: string;
  readonly kernel: KernelImage;
  readonly symbols: ProgramSymbols;
  readonly sources: SourceMap;
}

/** A name for an address: `start_guest+0x1c`; undefined where there is none. */
export function nameOfAddress({ symbols, kernel }: Program, address: number): string | undefined {
  const { hypercallPage } = kernel;
  if (hypercallPage !== undefined && address >= hypercallPage && address < hypercallPage + PAGE) {
    const offset = address - hypercallPage;
    return `hypercall_page+0x${offset.toString(16)}`;
  }
  const place = symbols.symbolAt(address);
  if (place === undefined) {
    return undefined;
  }
  return place.offset === 0 ? place.name : `${place.name}+0x${place.offset.toString(16)}`;
}
const PAGE = 4096;
