/**
 * A guest kernel as its ELF file has it: where its parts go and what it asks of the hypervisor.
 *
 * The surprising rule is where a segment goes: by its physical address, from which an offset is
 * taken that is 0 for kernels with notes and the virtual base for those with the legacy section.
 *
 * Sources: `xen/common/libelf/libelf-dominfo.c`, `tools/libs/guest/xg_dom_elfloader.c`.
 */

import type { BootClaims, PaeMode, ValidPattern } from './boot-claims.ts';
import { contentsOf, ElfError, type ElfFile, ET, PF, PT, readElf } from './elf.ts';
import { type KernelFeatures, parseFeatures } from './feature-names.ts';
import { claimsOfGuestSection, GUEST_SECTION } from './guest-section.ts';
import { hex, KernelError } from './kernel-error.ts';
import { KernelSymbols } from './kernel-symbols.ts';
import { symbolImageOf } from './symbol-image.ts';
import { claimsOfNotes } from './xen-notes.ts';

const PAGE_SIZE = 4096;
const ADDRESS_SPACE = 0x1_0000_0000;

/** Bytes to load, and the zeros after them. */
export interface KernelSegment {
  readonly virtualAddress: number;
  readonly bytes: Uint8Array;

  /** At least as many as `bytes`; what is beyond is zero. */
  readonly memorySize: number;
}

export interface KernelImage {
  readonly format: BootClaims['format'];

  /** Virtual address of pseudo-physical page 0; a multiple of the page size. */
  readonly virtBase: number;
  readonly paddrOffset: number;

  /** Virtual address of the first instruction, inside the kernel. */
  readonly entry: number;

  /** Virtual address; `undefined` when the kernel wants no hypercall page. */
  readonly hypercallPage: number | undefined;
  readonly features: KernelFeatures;
  readonly paeMode: PaeMode;
  readonly loader: string;
  readonly guestOs: string;
  readonly guestVersion: string;
  readonly xenVersion: string;
  readonly hvStartLow: number | undefined;
  readonly l1MfnValid: readonly ValidPattern[];
  readonly suspendCancel: boolean;
  readonly modStartPfn: boolean;
  readonly initP2m: bigint | undefined;
  readonly bsdSymtab: boolean;

  /** The first address and the one after the last, with the zeros and the loaded symbol table. */
  readonly virtualStart: number;
  readonly virtualEnd: number;

  /** In ascending order of address, none overlapping another; a loaded symbol table is the last. */
  readonly segments: readonly KernelSegment[];
  readonly symbols: KernelSymbols;
  readonly elf: ElfFile;
}

/** Reads an ELF file. Throws a `KernelError` when it is none, or no kernel for this machine. */
export function readKernel(bytes: Uint8Array): KernelImage {
  try {
    return kernelOf(readElf(bytes));
  } catch (error) {
    throw error instanceof ElfError ? new KernelError(error.message) : error;
  }
}

function kernelOf(elf: ElfFile): KernelImage {
  if (elf.type !== ET.EXEC && elf.type !== ET.DYN) {
    throw new KernelError(`The ELF file's e_type is ${elf.type}: it is no linked program.`);
  }
  const claims = claimsOfNotes(elf) ?? claimsOfGuestSection(elf);
  if (claims === undefined) {
    throw new KernelError(
      `The file has neither ELF notes of Xen nor a section ${GUEST_SECTION}, so it is no kernel ` +
        'for a paravirtual domain. A Linux kernel needs CONFIG_XEN_PV.',
    );
  }
  checkInterface(claims);
  const { supportedFeatures, ...said } = claims;
  const features = parseFeatures(claims.features);
  const layout = layoutOf(elf, claims);
  return {
    ...said,
    ...layout,
    features: {
      required: features.required,
      supported: (features.supported | supportedFeatures) >>> 0,
    },
    entry: entryOf(elf, claims, layout),
    hypercallPage: hypercallPageOf(claims, layout.virtBase),
    symbols: new KernelSymbols(elf),
    elf,
  };
}

/** Kernels of other generations of the interface could not run. */
function checkInterface({ loader, guestOs, xenVersion }: BootClaims): void {
  if (!loader.startsWith('generic') && !guestOs.startsWith('linux')) {
    throw new KernelError(
      `The kernel's LOADER is "${loader}" and its GUEST_OS "${guestOs}": ` +
        'the first has to be "generic" or the second "linux".',
    );
  }
  if (!xenVersion.startsWith('xen-3.0')) {
    throw new KernelError(`The kernel is for Xen interface "${xenVersion}", not "xen-3.0".`);
  }
}

interface Layout {
  readonly virtBase: number;
  readonly paddrOffset: number;
  readonly virtualStart: number;
  readonly virtualEnd: number;
  readonly segments: readonly KernelSegment[];
}

function layoutOf(elf: ElfFile, claims: BootClaims): Layout {
  const loaded = elf.segments
    .filter(({ type, flags }) => type === PT.LOAD && (flags & (PF.R | PF.W | PF.X)) !== 0)
    .filter(({ memorySize }) => memorySize > 0)
    .sort((a, b) => a.physicalAddress - b.physicalAddress);
  const [first] = loaded;
  if (first === undefined) {
    throw new KernelError('The ELF file has no segment to load.');
  }
  if (claims.paddrOffset !== undefined && claims.virtBase === undefined) {
    throw new KernelError(`The kernel gives ${paddrName(claims)} without a VIRT_BASE.`);
  }
  const isLegacy = claims.format === 'legacy section';
  // Unlike Xen 4.17, which takes 0: kernels without VIRT_BASE are of 2006, when it was this.
  const virtBase = claims.virtBase ?? (isLegacy ? first.physicalAddress : 0);
  const paddrOffset = claims.paddrOffset ?? (isLegacy ? virtBase : 0);
  if (virtBase % PAGE_SIZE !== 0) {
    throw new KernelError(`The kernel's virtual base, ${hex(virtBase)}, is no page boundary.`);
  }
  const segments: KernelSegment[] = loaded.map((segment) => ({
    virtualAddress: segment.physicalAddress - paddrOffset + virtBase,
    bytes: contentsOf(elf, segment),
    memorySize: segment.memorySize,
  }));
  const symbols = claims.bsdSymtab ? symbolImageOf(elf) : undefined;
  if (symbols !== undefined) {
    const virtualAddress = Math.ceil(endOf(segments) / 4) * 4;
    segments.push({ virtualAddress, bytes: symbols, memorySize: symbols.length });
  }
  checkSegments(segments, virtBase);
  const virtualStart = segments[0]?.virtualAddress ?? 0;
  return { virtBase, paddrOffset, virtualStart, virtualEnd: endOf(segments), segments };
}

function paddrName({ format }: BootClaims): string {
  return format === 'elf notes' ? 'PADDR_OFFSET' : 'ELF_PADDR_OFFSET';
}

function endOf(segments: readonly KernelSegment[]): number {
  return segments.reduce(
    (end, { virtualAddress, memorySize }) => Math.max(end, virtualAddress + memorySize),
    0,
  );
}

/** Each segment lies above the virtual base, below 4 GB and after the one before it. */
function checkSegments(segments: readonly KernelSegment[], virtBase: number): void {
  let end = virtBase;
  let hasBefore = false;
  for (const { virtualAddress, memorySize } of segments) {
    const where = `The segment at ${hex(virtualAddress)}`;
    if (virtualAddress < end) {
      throw new KernelError(
        hasBefore
          ? `${where} overlaps the one that ends at ${hex(end)}.`
          : `${where} lies below the kernel's virtual base, ${hex(virtBase)}.`,
      );
    }
    end = virtualAddress + memorySize;
    hasBefore = true;
    if (end > ADDRESS_SPACE) {
      throw new KernelError(`${where} has ${hex(memorySize)} bytes and ends beyond 4 GB.`);
    }
  }
}

/** The end itself is allowed, as Xen allows it. */
function entryOf(elf: ElfFile, claims: BootClaims, layout: Layout): number {
  const entry = claims.entry ?? elf.entry;
  const { virtualStart, virtualEnd } = layout;
  if (entry < virtualStart || entry > virtualEnd) {
    throw new KernelError(
      `The kernel's entry, ${hex(entry)}, lies outside of it: it reaches from ` +
        `${hex(virtualStart)} to ${hex(virtualEnd)}.`,
    );
  }
  return entry;
}

/** Whether memory is there is for the plan of the domain to say. */
function hypercallPageOf({ hypercallPage }: BootClaims, virtBase: number): number | undefined {
  if (hypercallPage === undefined) {
    return undefined;
  }
  const address =
    'address' in hypercallPage ? hypercallPage.address : virtBase + hypercallPage.page * PAGE_SIZE;
  if (address < virtBase || address >= ADDRESS_SPACE || address % PAGE_SIZE !== 0) {
    throw new KernelError(
      `The kernel's hypercall page, ${hex(address)}, is no page above ${hex(virtBase)}.`,
    );
  }
  return address;
}
