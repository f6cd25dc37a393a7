/**
 * Which guests there are and in which variants each is built. A variant is a way to be a 32-bit
 * paravirtual kernel: how it describes itself, how its memory is paged, which calls it uses.
 */

export interface Variant {
  /** Values of the macros that the sources ask. */
  readonly macros: Readonly<Record<string, number>>;
  /** Lowest virtual address of the domain's memory. */
  readonly base: number;
  /** What ELF's physical addresses lie below the virtual ones. */
  readonly physicalOffset: number;
  /** Whether it is compiled to be debugged: with debug information, and as it is written. */
  readonly isForDebugger?: boolean;
}

const HIGH = 0xc000_0000;

export const variants = {
  /** Direct paging with three levels, ELF notes: what every kernel since 2008 is. */
  direct: { macros: {}, base: HIGH, physicalOffset: HIGH },
  /** The same from address 0, without the notes ENTRY and VIRT_BASE: as XTF and GRUB are. */
  low: { macros: { GUEST_BASE: 0 }, base: 0, physicalOffset: 0 },
  /** Described by the `__xen_guest` section, whose physical addresses are virtual ones. */
  legacy: {
    macros: { GUEST_LEGACY: 1, GUEST_LEGACY_CALLS: 1 },
    base: HIGH,
    physicalOffset: 0,
  },
  /** Direct paging with two levels, under a hypervisor without PAE. */
  'two-level': { macros: { GUEST_PAE: 0 }, base: HIGH, physicalOffset: HIGH },
  /** The kernel of the patches of May 2006: translated, two levels, legacy section and calls. */
  translated: {
    macros: { GUEST_PAE: 0, GUEST_TRANSLATED: 1, GUEST_LEGACY: 1, GUEST_LEGACY_CALLS: 1 },
    base: HIGH,
    physicalOffset: 0,
  },
  /** As `direct`, with debug information and every variable in memory. */
  debuggable: { macros: {}, base: HIGH, physicalOffset: HIGH, isForDebugger: true },
  /** Translated with three levels, described by ELF notes. */
  'translated-pae': { macros: { GUEST_TRANSLATED: 1 }, base: HIGH, physicalOffset: HIGH },
} as const satisfies Record<string, Variant>;

export type VariantName = keyof typeof variants;

/** Folder of a guest's source, and the variants of it. */
export const guests = {
  probe: ['low'],
  traps: ['direct', 'legacy', 'two-level', 'translated', 'translated-pae', 'debuggable'],
  upcalls: ['direct', 'legacy', 'two-level', 'translated', 'translated-pae', 'debuggable'],
  iret: ['direct', 'two-level', 'translated'],
  descriptors: ['direct', 'legacy', 'translated'],
  failsafe: ['direct', 'legacy', 'translated'],
  nmi: ['direct', 'legacy'],
  debug: ['direct', 'legacy', 'translated'],
  timers: ['direct', 'legacy', 'translated', 'debuggable'],
  scheduling: ['direct', 'legacy', 'translated'],
  mmu: ['direct', 'low', 'two-level', 'debuggable'],
  smp: ['direct', 'debuggable'],
  multicall: ['direct', 'two-level'],
  translated: ['translated', 'translated-pae'],
  'grants-server': ['direct'],
  'grants-client': ['direct'],
  block: ['direct', 'translated'],
  xenstore: ['direct'],
  console: ['direct', 'translated', 'debuggable'],
  crash: ['direct', 'translated', 'debuggable'],
  suspend: ['direct'],
  bench: ['direct'],
} as const satisfies Record<string, readonly VariantName[]>;

export type GuestName = keyof typeof guests;
