/**
 * Data watchpoints of any length, by linear or physical address.
 *
 * A watched page is withheld from the fast tables, so that only accesses to such pages are looked
 * at; without watchpoints there is nothing to pay.
 */

import { FRAME } from '../memory/linear-memory.ts';
import type { Ram } from '../memory/ram.ts';
import type { Tlb } from '../memory/tlb.ts';

export interface Watchpoint {
  readonly space: 'linear' | 'physical';
  readonly address: number;
  /** In bytes. */
  readonly length: number;
  readonly on: 'read' | 'write' | 'access' | 'change';
}

export interface WatchHit {
  readonly watchpoint: Watchpoint;
  readonly access: 'read' | 'write';
  /** What was accessed, in the watchpoint's space. */
  readonly address: number;
  readonly size: number;
}

export class Watchpoints {
  readonly #ram: Ram;
  readonly #tlb: Tlb;
  #all: readonly Watchpoint[] = [];
  #linearPages = new Set<number>();
  /** Hits of the instruction that just ended, oldest first. */
  hits: WatchHit[] = [];

  constructor(ram: Ram, tlb: Tlb) {
    this.#ram = ram;
    this.#tlb = tlb;
  }

  get all(): readonly Watchpoint[] {
    return this.#all;
  }

  add(watchpoint: Watchpoint): void {
    this.#replace([...this.#all, watchpoint]);
  }

  remove(watchpoint: Watchpoint): void {
    this.#replace(this.#all.filter((other) => other !== watchpoint));
  }

  forgetHits(): void {
    if (this.hits.length > 0) {
      this.hits = [];
    }
  }

  /** Whether accesses to this linear page must take the slow path. */
  watchesPage(page: number): boolean {
    return this.#linearPages.has(page);
  }

  /**
   * Notes the watchpoints that an access touches; answers whether there are any.
   * @param hasChanged of a write: whether the byte at that distance from the address differs now
   */
  note(
    access: 'read' | 'write',
    linear: number,
    physical: number,
    size: number,
    hasChanged: (at: number) => boolean,
  ): boolean {
    const before = this.hits.length;
    for (const watchpoint of this.#all) {
      const { on, space } = watchpoint;
      const address = space === 'linear' ? linear : physical;
      const touched = overlap(watchpoint, address, size);
      const isMeant =
        on === 'access' ||
        on === access ||
        (on === 'change' && access === 'write' && touched.some(hasChanged));
      if (isMeant && touched.length > 0) {
        this.hits.push({ watchpoint, access, address, size });
      }
    }
    return this.hits.length > before;
  }

  #replace(all: readonly Watchpoint[]): void {
    const flags = FRAME.watchedReads | FRAME.watchedWrites;
    this.#eachFrame((frame) => this.#ram.clearFlags(frame, flags));
    this.#all = all;
    this.#eachFrame((frame, { on }) => {
      const reads = on === 'read' || on === 'access' ? FRAME.watchedReads : 0;
      this.#ram.setFlags(frame, reads | (on === 'read' ? 0 : FRAME.watchedWrites));
    });
    this.#linearPages = new Set(
      all.filter((w) => w.space === 'linear').flatMap((w) => [...pagesOf(w)]),
    );
    this.#tlb.withholdData();
  }

  #eachFrame(visit: (frame: number, watchpoint: Watchpoint) => void): void {
    for (const watchpoint of this.#all) {
      if (watchpoint.space === 'physical') {
        for (const frame of pagesOf(watchpoint)) {
          if (this.#ram.has(frame)) {
            visit(frame, watchpoint);
          }
        }
      }
    }
  }
}

function* pagesOf({ address, length }: Watchpoint): Generator<number> {
  const last = Math.floor((address + Math.max(length, 1) - 1) / 4096);
  for (let page = address >>> 12; page <= last; page++) {
    yield page % 0x10_0000;
  }
}

/** Which bytes of an access lie in what is watched, as distances from its address. */
function overlap(watchpoint: Watchpoint, address: number, size: number): number[] {
  const from = Math.max(watchpoint.address, address);
  const to = Math.min(watchpoint.address + watchpoint.length, address + size);
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i - address);
}
