/** Counts the events that are sent to each port, as long as somebody wants to know. */

import type { Probes } from '../../emulator/hypervisor/probes.ts';

export interface SentEvents {
  readonly sent: number;
  /** Of these, those that found the port masked. */
  readonly masked: number;
}

/**
 * How often each port was sent an event since counting began. Counts are the observer's, not the
 * machine's: they start at 0 and are neither captured nor restored. Events for domain 0 have no bits
 * and are not seen.
 */
export class EventCounts {
  readonly #counts = new Map<string, { sent: number; masked: number }>();
  readonly #end: () => void;

  /** Counts from now on. */
  constructor(probes: Probes) {
    this.#end = probes.on('event-sent', (event) => {
      if (event.kind === 'event-sent') {
        this.#count(keyOf(event.domain, event.port), event.isMasked);
      }
    });
  }

  of(domain: number, port: number): SentEvents {
    return this.#counts.get(keyOf(domain, port)) ?? { sent: 0, masked: 0 };
  }

  clear(): void {
    this.#counts.clear();
  }

  /** Counts no more. */
  end(): void {
    this.#end();
  }

  #count(key: string, isMasked: boolean): void {
    const count = this.#counts.get(key) ?? { sent: 0, masked: 0 };
    count.sent++;
    count.masked += isMasked ? 1 : 0;
    this.#counts.set(key, count);
  }
}

const keyOf = (domain: number, port: number): string => `${domain}:${port}`;
