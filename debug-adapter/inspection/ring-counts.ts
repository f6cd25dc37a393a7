/** Counts the requests that back-ends answer, as long as somebody wants to know. */

import { BLKIF_RSP } from '../../emulator/abi/io/blkif.ts';
import type { Probes } from '../../emulator/hypervisor/probes.ts';
import type { RingStatistics } from './data/devices.ts';

interface Count {
  requests: number;
  failed: number;
  readonly byOperation: Map<string, number>;
}

/** Requests by domain and device since counting began; the observer's, not the machine's. */
export class RingCounts {
  readonly #counts = new Map<string, Count>();
  readonly #end: () => void;

  /** Counts from now on. */
  constructor(probes: Probes) {
    this.#end = probes.on('ring', (event) => {
      if (event.kind === 'ring') {
        const isOkay = event.status === BLKIF_RSP.OKAY;
        this.#count(`${event.domain}:${event.device}`, event.request, isOkay);
      }
    });
  }

  /** @param device as in xenstore: `vbd/51712` */
  of(domain: number, device: string): RingStatistics {
    const count = this.#counts.get(`${domain}:${device}`);
    return count === undefined
      ? { requests: 0, failed: 0, byOperation: {} }
      : {
          requests: count.requests,
          failed: count.failed,
          byOperation: Object.fromEntries(count.byOperation),
        };
  }

  clear(): void {
    this.#counts.clear();
  }

  /** Counts no more. */
  end(): void {
    this.#end();
  }

  #count(key: string, operation: string, isOkay: boolean): void {
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { requests: 0, failed: 0, byOperation: new Map() };
      this.#counts.set(key, count);
    }
    count.requests++;
    count.failed += isOkay ? 0 : 1;
    count.byOperation.set(operation, (count.byOperation.get(operation) ?? 0) + 1);
  }
}
