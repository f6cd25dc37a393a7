/** The program that a domain runs: its kernel's file and names, and where its sources are. */

import { hypercalls } from '../../emulator/hypervisor/hypercalls/index.ts';
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
export function nameOfAddress(program: Program, address: number): string | undefined {
  const stub = hypercallStubAt(program.kernel, address);
  if (stub !== undefined) {
    const name = hypercalls.find(({ number }) => number === stub.number)?.name ?? stub.number;
    return `hypercall_page.${name}${offsetText(stub.offset)}`;
  }
  const place = program.symbols.symbolAt(address);
  return place && `${place.name}${offsetText(place.offset)}`;
}

const offsetText = (offset: number): string => (offset === 0 ? '' : `+0x${offset.toString(16)}`);

/** Where in the page of stubs an address lies; undefined: outside of it. */
export function hypercallStubAt(
  { hypercallPage }: KernelImage,
  address: number,
): { readonly number: number; readonly offset: number } | undefined {
  const offset = hypercallPage === undefined ? -1 : address - hypercallPage;
  return offset < 0 || offset >= PAGE
    ? undefined
    : { number: Math.floor(offset / STUB), offset: offset % STUB };
}

const PAGE = 4096;
/** Bytes from one stub to the next. */
const STUB = 32;
