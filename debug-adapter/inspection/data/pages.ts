/** Page tables and machine frames. Frame numbers count pages of 4 KiB. */

import type { Rows } from './rows.ts';

/** The level of a table: `pgd` is CR3’s in both formats; PAE has a `pmd` below it. */
export type TableLevel = 1 | 2 | 3;

export interface FrameData {
  /** Number of the machine frame. */
  readonly frame: number;
  /** It is RAM of this machine; otherwise all that follows is absent or empty. */
  readonly isRam: boolean;
  readonly owner: FrameOwner;
  /** What it is used as, as `FRAME_TYPE_NAME` has it: `level-1 table`, `writable page`, `untyped`… */
  readonly type: string;
  /** How often it is used as that, and how many references there are in all. */
  readonly typeCount: number;
  readonly references: number;
  readonly isValidated: boolean;
  readonly isPinned: boolean;
  /** Xen’s own memory that a guest may map: shared_info, grant tables. */
  readonly isXenHeap: boolean;
  /** The owner’s number of it, by the machine-to-physical table or a translated domain’s run. */
  readonly pseudoPhysicalFrame?: number | undefined;
  /** What is known of its purpose: `shared_info`, `grant table`, `console ring`… */
  readonly purpose?: string | undefined;
}

export interface FrameOwner {
  readonly kind: 'domain' | 'free' | 'I/O' | 'Xen' | 'none';
  readonly domain?: number | undefined;
}

/** The bits of an entry, each by its letters in the manual (SDM 3A §4.3, §4.4). */
export interface EntryBits {
  readonly P: boolean;
  readonly RW: boolean;
  readonly US: boolean;
  readonly PWT: boolean;
  readonly PCD: boolean;
  readonly A: boolean;
  readonly D: boolean;
  /** Bit 7: a large page in a directory, PAT in a table. */
  readonly PS_PAT: boolean;
  readonly G: boolean;
  readonly NX: boolean;
  /** Bits 11:9, free for the guest: 0 to 7. */
  readonly available: number;
}

export interface TableEntryData {
  /** As the guest’s kernel names the level, and as Xen does. */
  readonly level: TableLevel;
  readonly name: 'pgd' | 'pmd' | 'pte';
  /** Machine frame of the table. */
  readonly table: number;
  readonly index: number;
  /** Machine address of the entry. */
  readonly address: number;
  /** The first linear address that it translates; absent where the table’s place is not known. */
  readonly linear?: number | undefined;
  /** Hexadecimal, 8 or 16 digits. */
  readonly value: string;
  readonly bits: EntryBits;
  /** The set bits by their letters, such as `P RW US A D`. */
  readonly bitNames: readonly string[];
  /** As the entry has it; of an entry that is not present it means nothing, and is absent. */
  readonly frame?: number | undefined;
  readonly machineFrame?: number | undefined;
  readonly pseudoPhysicalFrame?: number | undefined;
  /** The entry is the hypervisor’s own, in a part of the table that the guest may not write. */
  readonly isXen: boolean;
  /** Maps a page of 2 or 4 MiB. */
  readonly isLarge: boolean;
  /** What is known of the frame that it names. */
  readonly target?: FrameData | undefined;
}

/** An access, to ask what would become of it. */
export interface AccessWanted {
  readonly access?: 'read' | 'write' | 'fetch';
  /** By ring 3; by the ring of the virtual processor when absent. */
  readonly isUser?: boolean;
}

export interface WalkData {
  readonly domain: number;
  readonly vcpu: number;
  /** Linear. */
  readonly address: number;
  readonly tableFormat: 'two-level' | 'pae';
  /** Machine frame of the root table; absent: the virtual processor has none. */
  readonly root?: number | undefined;
  /** From the root on, as far as the processor looks. */
  readonly levels: readonly (TableEntryData & { readonly tableFrame: FrameData })[];
  readonly outcome: WalkOutcome;
}

export type WalkOutcome =
  | {
      readonly kind: 'mapped';
      readonly machineAddress: number;
      readonly pseudoPhysicalAddress?: number | undefined;
      /** Bytes of the page: 4 KiB, 2 MiB or 4 MiB. */
      readonly pageSize: number;
      /** R/W, U/S and NX of all levels together. */
      readonly isWritable: boolean;
      readonly isUser: boolean;
      readonly isExecutable: boolean;
      readonly isGlobal: boolean;
    }
  | {
      readonly kind: 'fault';
      /** The error code that the exception would have. */
      readonly errorCode: number;
      /** Names of its bits: `P`, `W/R`, `U/S`, `RSVD`, `I/D`. */
      readonly errorBits: readonly string[];
      /** Why, and at which level. */
      readonly reason: string;
    };

/** A run of linear addresses with the same rights. */
export interface MapRange {
  /** First and last byte, both included. */
  readonly start: number;
  readonly end: number;
  /** `user`: U/S is set. `hypervisor`: Xen’s part of the address space. `hole`: not mapped. */
  readonly kind: 'user' | 'kernel' | 'hypervisor' | 'hole';
  readonly isWritable: boolean;
  readonly isExecutable: boolean;
  readonly isGlobal: boolean;
  /** Bytes of each page in it: 4 KiB, 2 MiB or 4 MiB; 0 where nothing is mapped. */
  readonly pageSize: number;
  /** Pages in it. */
  readonly pages: number;
  /** Machine address of its start, and whether the rest follows on it; absent in a hole. */
  readonly machineStart?: number | undefined;
  readonly isContiguous: boolean;
}

export interface AddressMapData extends Rows<MapRange> {
  readonly domain: number;
  readonly vcpu: number;
  /** Machine frame of the root table; absent: the virtual processor has none. */
  readonly root?: number | undefined;
  /** Pages that are mapped, the hypervisor’s part left out. */
  readonly mappedPages: number;
}

export interface TableData extends Rows<TableEntryData> {
  readonly level: TableLevel;
  readonly table: FrameData;
}

/** One place at which a frame is mapped. */
export interface FrameMapping {
  readonly domain: number;
  /** Machine frame of the root table of the address space. */
  readonly root: number;
  /** Linear address of the first byte of the frame. */
  readonly address: number;
  readonly isWritable: boolean;
  readonly isUser: boolean;
  readonly isExecutable: boolean;
  readonly pageSize: number;
}

export interface FrameMappingsData extends Rows<FrameMapping> {
  readonly frame: FrameData;
  /** Root tables that were looked through. */
  readonly roots: readonly { readonly domain: number; readonly root: number }[];
  /** Mappings through grant tables, with page tables or without: at most 64. */
  readonly grants: readonly { readonly domain: number; readonly handle: number }[];
  /** There are more mappings than were looked for, or more roots: `total` is a least number. */
  readonly isCutOff: boolean;
}
