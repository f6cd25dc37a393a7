/**
 * Where everything lies in a domain before its first instruction.
 *
 * Pages are pseudo-physical: page 0 is what the kernel's virtual base maps to, and the initial
 * mapping is one run of pages from there. Which machine frame stands behind a page is for the
 * hypervisor to say, so nothing here depends on it.
 *
 * Sources: `tools/libs/guest/xg_dom_core.c` and `xg_dom_x86.c` of Xen 4.17,
 * `tools/libxc/xc_linux_build.c` of May 2006.
 */

import { HYPERVISOR_VIRT_START } from '../abi/arch-x86-32.ts';
import { GNTTAB_RESERVED } from '../abi/grant-table.ts';
import { MAX_GUEST_CMDLINE, SIF } from '../abi/xen.ts';
import { type Builder, type BuilderName, builders } from './builders.ts';
import {
  countTables,
  initialTables,
  type MappedRegion,
  type PageTable,
  type TableFormat,
  type TableStyle,
} from './initial-tables.ts';
import type { KernelImage } from './kernel.ts';
import { hex, KernelError } from './kernel-error.ts';

export const MEMORY_MODELS = ['translated', 'direct'] as const;

/**
 * Whether a guest's page tables hold pseudo-physical pages, and are ordinary memory, or machine
 * frames, and are read-only.
 */
export type MemoryModel = (typeof MEMORY_MODELS)[number];

export interface PlanRequest {
  readonly kernel: KernelImage;

  /** Pages of memory that the domain has. */
  readonly pageCount: number;
  readonly ramdisk?: Uint8Array | undefined;

  /** Characters beyond Latin-1 are an error; what is longer than `start_info` has room for is cut. */
  readonly commandLine: string;
  readonly tableFormat: TableFormat;
  readonly model: MemoryModel;
  readonly builder: BuilderName;
}

export type RegionName =
  | 'kernel'
  | 'ramdisk'
  | 'p2m'
  | 'start_info'
  | 'xenstore'
  | 'console'
  | 'shared_info'
  | 'page tables'
  | 'boot stack';

/** A run of pages with one purpose. */
export interface Region {
  readonly name: RegionName;
  readonly pfn: number;

  /** In pages. */
  readonly count: number;

  /** The virtual address of the first page; `undefined` when the initial tables do not map it. */
  readonly virtualAddress: number | undefined;
}

/** Bytes to put at a pseudo-physical address. They may cross pages; memory is zero before. */
export interface Copy {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** The fields of `start_info` that no machine frame and no event port goes into. */
export interface StartInfoValues {
  readonly magic: string;
  readonly nr_pages: number;
  readonly flags: number;

  /** Virtual addresses, as is `mfn_list`. */
  readonly pt_base: number;
  readonly nr_pt_frames: number;
  readonly mfn_list: number;

  /** A virtual address, or a page with `SIF.MOD_START_PFN` in the flags; 0 without a ramdisk. */
  readonly mod_start: number;
  readonly mod_len: number;
  readonly cmd_line: string;
}

/** An entry of the grant table that is there from the beginning, for the backend of a page. */
export interface ReservedGrant {
  readonly reference: number;
  readonly pfn: number;
}

export interface BootPlan {
  readonly builder: Builder;
  readonly model: MemoryModel;
  readonly tableFormat: TableFormat;

  /** In ascending order of pages. Between and after them there is memory without a purpose. */
  readonly regions: readonly Region[];

  /** What the initial page tables map, from page 0 on. */
  readonly mapped: MappedRegion;

  /** The top-level table first: CR3 and the pinning of tables begin with it. */
  readonly pageTables: readonly PageTable[];
  readonly copies: readonly Copy[];
  readonly startInfo: StartInfoValues;

  /** Pages whose frames go into `start_info`; `shared_info` has one in the translated model alone. */
  readonly startInfoPfn: number;
  readonly xenstorePfn: number;
  readonly consolePfn: number;
  readonly sharedInfoPfn: number | undefined;
  readonly p2mPfn: number;

  /** Where the hypercall stubs go. */
  readonly hypercallPfn: number | undefined;
  readonly reservedGrants: readonly ReservedGrant[];

  /** The registers that differ from kernel to kernel. All other general registers are 0. */
  readonly registers: { readonly eip: number; readonly esp: number; readonly esi: number };
}

const PAGE_SIZE = 4096;

/** The end of the initial mapping is a multiple of this, in all builders and formats. */
const MAPPING_ALIGNMENT = 0x40_0000;

/** What is free at the least between the boot stack and the end of the mapping. */
const LEAST_PADDING = 512 * 1024;

/** `sizeof(unsigned long)`: an entry of the list of frames. */
const P2M_ENTRY_SIZE = 4;

/** Lays out a domain. Throws a `KernelError` when the kernel does not fit. */
export function planBoot(request: PlanRequest): BootPlan {
  const { kernel, pageCount, model, tableFormat } = request;
  const builder = builders[request.builder];
  const layout = placeRegions(request, builder);
  const { regions, mapped, table, stack, pageOf } = layout;
  const addressOf = (pfn: number) => kernel.virtBase + pfn * PAGE_SIZE;
  const ramdisk = regions.find(({ name }) => name === 'ramdisk');
  const xenstorePfn = pageOf('xenstore');
  const consolePfn = pageOf('console');
  const isReadOnly = model === 'direct';
  return {
    ...{ builder, model, tableFormat, regions, mapped },
    pageTables: initialTables(mapped, { format: tableFormat, builder }, table.pfn, isReadOnly),
    copies: copiesOf(kernel, request.ramdisk, ramdisk),
    startInfo: {
      magic: `xen-3.0-x86_32${tableFormat === 'pae' ? 'p' : ''}`,
      nr_pages: pageCount,
      ...ramdiskFields(request.ramdisk, ramdisk),
      pt_base: addressOf(table.pfn),
      nr_pt_frames: table.count,
      mfn_list: addressOf(pageOf('p2m')),
      cmd_line: commandLineOf(request.commandLine),
    },
    ...{ startInfoPfn: pageOf('start_info'), xenstorePfn, consolePfn, p2mPfn: pageOf('p2m') },
    sharedInfoPfn: model === 'translated' ? pageOf('shared_info') : undefined,
    hypercallPfn: hypercallPfnOf(kernel, mapped),
    reservedGrants: builder.reservesGrants
      ? [
          { reference: GNTTAB_RESERVED.CONSOLE, pfn: consolePfn },
          { reference: GNTTAB_RESERVED.XENSTORE, pfn: xenstorePfn },
        ]
      : [],
    registers: {
      eip: kernel.entry,
      esp: addressOf(stack.pfn + 1),
      esi: addressOf(pageOf('start_info')),
    },
  };
}

/** Hands out pages from the first one of the kernel on. */
class Allocation {
  readonly regions: Region[] = [];
  readonly #virtBase: number;
  #next: number;

  constructor(virtBase: number, first: number) {
    this.#virtBase = virtBase;
    this.#next = first;
  }

  /** The first page that is not taken. */
  get next(): number {
    return this.#next;
  }

  take(name: RegionName, count: number): Region {
    const virtualAddress = this.#virtBase + this.#next * PAGE_SIZE;
    const region = { name, pfn: this.#next, count, virtualAddress };
    this.regions.push(region);
    this.#next += count;
    return region;
  }
}

function placeRegions(request: PlanRequest, builder: Builder) {
  const { kernel, pageCount, ramdisk, model } = request;
  const firstPage = Math.floor((kernel.virtualStart - kernel.virtBase) / PAGE_SIZE);
  const allocation = new Allocation(kernel.virtBase, firstPage);
  const ramdiskPages = pagesOf(ramdisk?.length ?? 0);
  const isRamdiskMapped = !(builder.leavesRamdiskUnmapped && kernel.modStartPfn);
  allocation.take('kernel', pagesOf(kernel.virtualEnd - kernel.virtBase) - firstPage);
  if (ramdiskPages > 0 && isRamdiskMapped) {
    allocation.take('ramdisk', ramdiskPages);
  }
  allocation.take('p2m', pagesOf(pageCount * P2M_ENTRY_SIZE));
  allocation.take('start_info', 1);
  allocation.take('xenstore', 1);
  allocation.take('console', 1);
  if (model === 'translated') {
    allocation.take('shared_info', 1);
  }
  const style = { format: request.tableFormat, builder };
  const mapped = mappingFor(kernel, allocation.next, style);
  const table = allocation.take('page tables', countTables(mapped, style).total);
  const stack = allocation.take('boot stack', 1);
  const mappedPages = (mapped.end - mapped.start) / PAGE_SIZE;
  const unmapped: Region[] = [];
  if (ramdiskPages > 0 && !isRamdiskMapped) {
    const place = { pfn: mappedPages, count: ramdiskPages, virtualAddress: undefined };
    unmapped.push({ name: 'ramdisk', ...place });
  }
  const needed = mappedPages + unmapped.reduce((sum, { count }) => sum + count, 0);
  if (needed > pageCount) {
    throw new KernelError(
      `The kernel${ramdiskPages > 0 ? ' and its ramdisk need' : ' needs'} ${needed} pages of memory ` +
        `to start (${Math.ceil(needed / 256)} MiB), but the domain has ${pageCount}.`,
    );
  }
  const regions = [...allocation.regions, ...unmapped];
  const pageOf = (wanted: RegionName) => regions.find(({ name }) => name === wanted)?.pfn ?? 0;
  return { regions, mapped, table, stack, pageOf };
}

/**
 * The initial mapping: the least multiple of 4 MiB that leaves the padding free after the tables,
 * whose number grows with it, and the stack.
 */
function mappingFor(kernel: KernelImage, next: number, style: TableStyle): MappedRegion {
  const start = kernel.virtBase;
  const limit = HYPERVISOR_VIRT_START[style.format === 'pae' ? 'pae' : 'nonPae'];
  const used = start + next * PAGE_SIZE;
  const first = Math.ceil(used / MAPPING_ALIGNMENT) * MAPPING_ALIGNMENT;
  for (let end = first; end <= limit; end += MAPPING_ALIGNMENT) {
    const tables = countTables({ start, end }, style).total;
    if (used + (tables + 1) * PAGE_SIZE + LEAST_PADDING <= end) {
      return { start, end };
    }
  }
  throw new KernelError(
    `The kernel and what belongs to it reach from ${hex(start)} to ${hex(used)}, which leaves no ` +
      `room for page tables below the hypervisor at ${hex(limit)}.`,
  );
}

/** As 32-bit Xen and 64-bit Xen do, by the page of the address. */
function hypercallPfnOf(kernel: KernelImage, mapped: MappedRegion): number | undefined {
  const address = kernel.hypercallPage;
  if (address === undefined) {
    return undefined;
  }
  if (address >= mapped.end) {
    throw new KernelError(
      `The kernel's hypercall page, ${hex(address)}, lies beyond its initial mapping, which ends ` +
        `at ${hex(mapped.end)}.`,
    );
  }
  return (address - kernel.virtBase) / PAGE_SIZE;
}

function copiesOf(
  kernel: KernelImage,
  ramdisk: Uint8Array | undefined,
  region: Region | undefined,
): Copy[] {
  const copies = kernel.segments
    .filter(({ bytes }) => bytes.length > 0)
    .map(({ virtualAddress, bytes }) => ({ address: virtualAddress - kernel.virtBase, bytes }));
  return ramdisk === undefined || region === undefined
    ? copies
    : [...copies, { address: region.pfn * PAGE_SIZE, bytes: ramdisk }];
}

/** A ramdisk that is not mapped is told by its page, and in whole pages. */
function ramdiskFields(ramdisk: Uint8Array | undefined, region: Region | undefined) {
  if (ramdisk === undefined || region === undefined) {
    return { flags: 0, mod_start: 0, mod_len: 0 };
  }
  const { pfn, count, virtualAddress } = region;
  return virtualAddress === undefined
    ? { flags: SIF.MOD_START_PFN, mod_start: pfn, mod_len: count * PAGE_SIZE }
    : { flags: 0, mod_start: virtualAddress, mod_len: ramdisk.length };
}

/** What fits with a final zero. */
function commandLineOf(text: string): string {
  const stranger = Array.from(text).find((character) => character > '\u00ff' || character === '\0');
  if (stranger !== undefined) {
    throw new KernelError(`The command line has a character that is not Latin-1: "${stranger}".`);
  }
  return text.slice(0, MAX_GUEST_CMDLINE - 1);
}

function pagesOf(size: number): number {
  return Math.ceil(size / PAGE_SIZE);
}
