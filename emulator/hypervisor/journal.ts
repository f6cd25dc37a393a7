/**
 * What the hypervisor wants its user to know: calls that are not implemented, why a domain
 * crashed, what a guest was refused that a developer would not expect.
 *
 * Each kind of record is kept once with a count, so that a guest cannot fill memory with it.
 */

import type { Probes } from './probes.ts';

export interface JournalEntry {
  readonly kind: 'unimplemented' | 'crash' | 'refusal' | 'device';
  readonly domain: number;
  readonly text: string;
  /** How often the very same was recorded. */
  count: number;
}

/** A guest that invents records beyond this many gets no more of them kept. */
const CAPACITY = 1000;

export class Journal {
  readonly #entries = new Map<string, JournalEntry>();
  /** Told of what is new. */
  onEntry: ((entry: JournalEntry) => void) | undefined;
  readonly #probes: Probes;

  constructor(probes: Probes) {
    this.#probes = probes;
  }

  record(kind: JournalEntry['kind'], domain: number, text: string): void {
    if (this.#probes.isMuted) {
      return;
    }
    if (this.#probes.wants.record) {
      this.#probes.emit({ kind: 'record', domain, vcpu: 0, record: kind, text });
    }
    const key = `${kind} ${domain} ${text}`;
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.count++;
    } else if (this.#entries.size < CAPACITY) {
      const entry = { kind, domain, text, count: 1 };
      this.#entries.set(key, entry);
      this.onEntry?.(entry);
    }
  }

  get entries(): readonly JournalEntry[] {
    return [...this.#entries.values()];
  }
}
