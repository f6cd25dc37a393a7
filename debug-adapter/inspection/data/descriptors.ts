/** What a guest has told the hypervisor of its handlers, stacks and segments. */

import type { EntryPlace, Rows } from './rows.ts';

/** One vector of the trap table: the guest’s IDT. */
export interface TrapData {
  readonly vector: number;
  /** The manual’s mnemonic of an exception, such as `#PF`. */
  readonly exception?: string | undefined;
  readonly handler: EntryPlace;
  /** The least privileged ring that may use it by `int`. */
  readonly dpl: number;
  /** Entering it masks upcalls. */
  readonly masks: boolean;
}

export interface TrapTableData extends Rows<TrapData> {
  readonly domain: number;
  readonly vcpu: number;
}

/** Where the hypervisor enters a virtual processor, and on which stack. Absent: not registered. */
export interface EntryPointsData {
  readonly domain: number;
  readonly vcpu: number;
  readonly event?: CallbackData | undefined;
  readonly failsafe?: CallbackData | undefined;
  readonly sysenter?: CallbackData | undefined;
  readonly syscall?: CallbackData | undefined;
  readonly nmi?: CallbackData | undefined;
  /** The ring-1 stack that an interrupted user mode leaves its frame on (stack_switch). */
  readonly kernelStack: { readonly ss: number; readonly esp: number };
  readonly gdt: { readonly entries: number; readonly frames: readonly number[] };
  readonly ldt: { readonly base: number; readonly entries: number };
  /** I/O privilege level as physdev_op set it. */
  readonly iopl: number;
}

export interface CallbackData extends EntryPlace {
  readonly masks: boolean;
}

export interface DescriptorTableData extends Rows<DescriptorData> {
  readonly domain: number;
  readonly vcpu: number;
  readonly table: 'gdt' | 'ldt';
}

export interface DescriptorData {
  readonly index: number;
  /** The selector that names it, with the privilege level of the descriptor. */
  readonly selector: number;
  /** 16 hexadecimal digits, high word first. */
  readonly value: string;
  readonly kind: 'null' | 'code' | 'data' | 'call gate' | 'system';
  /** For a reader, such as `code, execute/read, 32-bit` or `TSS (busy)`. */
  readonly description: string;
  readonly isPresent: boolean;
  readonly dpl: number;
  /** Of a segment: first linear address and highest offset. */
  readonly base?: number | undefined;
  readonly limit?: number | undefined;
  /** Of a gate. */
  readonly target?: EntryPlace | undefined;
  /** Whose it is: the last two pages of each GDT are Xen’s. */
  readonly owner: 'guest' | 'Xen';
}

/** What a segment register holds. */
export interface SegmentData {
  readonly register: 'cs' | 'ss' | 'ds' | 'es' | 'fs' | 'gs' | 'ldtr' | 'tr';
  readonly selector: number;
  readonly isUsable: boolean;
  readonly base: number;
  readonly limit: number;
  readonly description: string;
}
