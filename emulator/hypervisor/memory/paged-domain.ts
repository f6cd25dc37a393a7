/** What memory management needs to know of a domain, of its processors and of the processor's TLB. */

import type { MemoryRules } from './memory-rules.ts';
import type { TableFormat } from './page-table-entry.ts';

/** The tables that one virtual processor runs on. Plain state: whoever holds it captures it. */
export interface PagedVcpu {
  /** The frame of the root page table, or `NO_FRAME`. */
  baseFrame: number;
  /** Frames of the guest's GDT, 512 descriptors each. */
  gdtFrames: number[];
  /** Number of descriptors of the guest's GDT. */
  gdtEntries: number;
  /** Linear address of the LDT, page aligned. */
  ldtBase: number;
  ldtEntries: number;
  /** Frames of LDT pages that were used since the LDT was set, by page number; sparse. */
  readonly ldtFrames: Map<number, number>;
}

export interface PagedDomain {
  readonly id: number;
  readonly format: TableFormat;
  /**
   * Direct: the guest knows machine frames, and its page tables are checked. Translated: frame
   * numbers are the guest's own, page tables are plain memory that nobody checks.
   */
  readonly model: 'direct' | 'translated';
  /** Of a translated domain: the machine frame of its frame 0; the others follow. */
  readonly firstFrame: number;
  /** Of a translated domain: how many frames it has. */
  readonly frameCount: number;
  readonly rules: MemoryRules;
  readonly vcpus: readonly PagedVcpu[];
  /** Ends the domain. @param reason a sentence for the user */
  crash(reason: string): void;
}

/**
 * Forgets translations. Both may be put off until before the next instruction of any guest. A flush
 * of everything includes the PAE pointers, which are to be read again from the root.
 */
export interface TlbFlusher {
  flushAll(): void;
  /** @param linear any address in the page */
  flushPage(linear: number): void;
}

/** No frame. */
export const NO_FRAME = -1;
