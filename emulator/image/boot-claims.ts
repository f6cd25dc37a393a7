/**
 * What a kernel says of itself before it is started, in whichever of the two ways it says it.
 *
 * Sources: `xen/include/public/elfnote.h`, which names the notes and their legacy counterparts.
 */

/**
 * How a kernel uses PAE page tables: not at all; with its top-level table below 4 GB; with that
 * table anywhere; or it can do with and without.
 */
export type PaeMode = 'no' | 'yes' | 'extended-cr3' | 'bimodal';

/** How a kernel recognises level 1 entries with a frame in them: `entry & mask === value`. */
export interface ValidPattern {
  readonly mask: bigint;
  readonly value: bigint;
}

/** What is left out of a kernel's description is `undefined`; texts are then empty. */
export interface BootClaims {
  readonly format: 'elf notes' | 'legacy section';

  /** Virtual address of pseudo-physical page 0. */
  readonly virtBase: number | undefined;

  /** What to take from a segment's physical address to have its pseudo-physical one. */
  readonly paddrOffset: number | undefined;

  /** Virtual address of the first instruction. */
  readonly entry: number | undefined;

  /** Where the hypervisor is to write its hypercall stubs. */
  readonly hypercallPage: HypercallPage | undefined;

  /** Names joined by `|`, those with `!` required. */
  readonly features: string;

  /** More supported features, one bit each. */
  readonly supportedFeatures: number;
  readonly paeMode: PaeMode;
  readonly loader: string;
  readonly guestOs: string;
  readonly guestVersion: string;

  /** Of the interface, `xen-3.0`. */
  readonly xenVersion: string;

  /** The lowest address that the kernel wants to leave to the hypervisor. */
  readonly hvStartLow: number | undefined;
  readonly l1MfnValid: readonly ValidPattern[];

  /** Whether the kernel can go on from a suspension that did not take place. */
  readonly suspendCancel: boolean;

  /** Whether the ramdisk may lie outside the initial mapping, told by its page number. */
  readonly modStartPfn: boolean;

  /** Where a 64-bit kernel wants the list of its frames. Without effect here, as in Xen. */
  readonly initP2m: bigint | undefined;

  /** Whether the ELF file's symbol table is to be loaded after the kernel. */
  readonly bsdSymtab: boolean;
}

/** A virtual address, or the number of a page counted from the virtual base. */
export type HypercallPage = { readonly address: number } | { readonly page: number };
