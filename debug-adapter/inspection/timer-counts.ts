/** Counts the timers that fire and the ticks that never did, as long as somebody wants to know. */

import type { ProbeEvent } from '../../emulator/hypervisor/probes.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import type { TimerCounts as Counts } from './data/time.ts';

type Fired = Extract<ProbeEvent, { kind: 'timer' }>;

interface Count {
  ticks: number;
  ticksSkipped: number;
  singleShots: number;
  pollTimeouts: number;
  /** When the last tick was due; undefined: none since the tick was set. */
  lastTick: number | undefined;
}

/**
 * Timers of each virtual processor since counting began; the observer's, not the machine's. Ticks are
 * known to have been skipped when the next one fires.
 */
export class TimerCounts {
  readonly #xen: Xen;
  readonly #counts = new Map<string, Count>();
  readonly #ends: readonly (() => void)[];

  /** Counts from now on. */
  constructor(xen: Xen) {
    this.#xen = xen;
    this.#ends = [
      xen.probes.on('timer', (event) => {
        if (event.kind === 'timer') {
          this.#fired(event);
        }
      }),
      xen.probes.on('timer-set', (event) => {
        if (event.kind === 'timer-set' && event.timer === 'tick') {
          this.#count(event.domain, event.vcpu).lastTick = undefined;
        }
      }),
    ];
  }

  of(domain: number, vcpu: number): Counts {
    const count = this.#counts.get(`${domain}:${vcpu}`);
    const { ticks = 0, ticksSkipped = 0, singleShots = 0, pollTimeouts = 0 } = count ?? {};
    return { ticks, ticksSkipped, singleShots, pollTimeouts };
  }

  clear(): void {
    this.#counts.clear();
  }

  /** Counts no more. */
  end(): void {
    for (const end of this.#ends) {
      end();
    }
  }

  #count(domain: number, vcpu: number): Count {
    const key = `${domain}:${vcpu}`;
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { ticks: 0, ticksSkipped: 0, singleShots: 0, pollTimeouts: 0, lastTick: undefined };
      this.#counts.set(key, count);
    }
    return count;
  }

  #fired({ domain, vcpu, timer, at }: Fired): void {
    const count = this.#count(domain, vcpu);
    switch (timer) {
      case 'single-shot':
        count.singleShots++;
        break;
      case 'poll':
        count.pollTimeouts++;
        break;
      case 'tick': {
        const period = this.#xen.domains.get(domain)?.vcpus[vcpu]?.tickPeriod ?? 0;
        const { lastTick } = count;
        if (lastTick !== undefined && period > 0) {
          count.ticksSkipped += Math.max(0, Math.floor((at - lastTick) / period) - 1);
        }
        count.ticks++;
        count.lastTick = at;
        break;
      }
    }
  }
}
