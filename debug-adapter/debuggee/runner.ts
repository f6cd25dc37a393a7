/**
 * Lets the machine run, a part of a second at a time, so that requests are heard in between.
 *
 * Guest time that passes while everybody sleeps is not to run ahead of the host's, or a `sleep 1` at an
 * idle prompt would be over at once; what guests execute is never slowed down.
 */

import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { StopReason } from '../../emulator/hypervisor/xen.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { SessionHost } from '../session/session-host.ts';
import type { StopCause, StopControl } from './stop-control.ts';

/** What a run is to come to. Asked before each part of it. */
export interface Goal {
  /** How many instructions at most come next; `settle`: none, but all that comes before one. */
  next(): number | 'settle' | 'done';
}

export type RunEnd =
  /** The goal has been reached. */
  | { readonly kind: 'done' }
  | { readonly kind: 'causes'; readonly causes: readonly StopCause[] }
  | { readonly kind: 'pause' }
  | { readonly kind: 'ended'; readonly domain: Domain };

/** At most so many instructions without a look at the clock. */
export const SLICE = 2_000_000;
/** Milliseconds of the host's time between two looks for requests. */
const TURN = 10;
/** Milliseconds by which guest time may run ahead. */
const AHEAD = 20;
const LONGEST_WAIT = 1000;

/** Runs until something else ends it. */
export const FOREVER: Goal = { next: () => SLICE };

export class Runner {
  readonly #machine: Machine;
  readonly #control: StopControl;
  readonly #host: SessionHost;
  #wantsPause = false;
  #isDisposed = false;
  #wake: () => void = () => {};
  #isRunning = false;

  constructor(machine: Machine, control: StopControl, host: SessionHost) {
    this.#machine = machine;
    this.#control = control;
    this.#host = host;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Ends a run as soon as its present part is over. */
  pause(): void {
    this.#wantsPause = true;
    this.#wake();
  }

  /** Something has come from outside: whoever sleeps may have to wake. */
  hasInput(): void {
    this.#wake();
  }

  dispose(): void {
    this.#isDisposed = true;
    this.pause();
  }

  async run(goal: Goal): Promise<RunEnd> {
    const { clock } = this.#machine.xen;
    this.#isRunning = true;
    this.#wantsPause = false;
    const began = this.#host.now();
    const skippedBefore = clock.skipped;
    try {
      for (;;) {
        const end = this.#turn(goal);
        if (end !== undefined && end !== 'idle') {
          return end;
        }
        const ahead = (clock.skipped - skippedBefore) / 1e6 - (this.#host.now() - began);
        if (end === 'idle') {
          await this.#sleep(LONGEST_WAIT);
        } else {
          await (ahead > AHEAD ? this.#sleep(Math.min(ahead, LONGEST_WAIT)) : this.#host.delay(0));
        }
        if (this.#wantsPause || this.#isDisposed) {
          return { kind: 'pause' };
        }
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Some milliseconds of running. `undefined`: it can go on; `idle`: only input will wake anybody. */
  #turn(goal: Goal): RunEnd | 'idle' | undefined {
    const until = this.#host.now() + TURN;
    const { clock } = this.#machine.xen;
    const { skipped } = clock;
    for (let parts = 1; ; parts++) {
      const count = goal.next();
      if (count === 'done') {
        return { kind: 'done' };
      }
      const reason = this.#advance(count);
      const end = reason && this.#endOf(reason);
      if (end !== undefined) {
        return end;
      }
      // The clock of the host is asked seldom: single steps are shorter than the question.
      const isTimeToLook = typeof count !== 'number' || count > 1000 || parts % 256 === 0;
      if (isTimeToLook && (this.#host.now() >= until || clock.skipped - skipped > AHEAD * 1e6)) {
        return undefined;
      }
    }
  }

  #advance(count: number | 'settle'): StopReason | undefined {
    if (count === 'settle') {
      return this.#machine.settle();
    }
    const { data } = this.#control;
    if (!data.needsSteps) {
      return this.#machine.run(count);
    }
    const reason = this.#machine.run(1);
    data.lookAtRegisters();
    return reason;
  }

  #endOf(reason: StopReason): RunEnd | 'idle' | undefined {
    if (reason.kind === 'watchpoint') {
      this.#control.data.noteHits(reason.hits);
    }
    const causes = this.#control.take();
    switch (reason.kind) {
      case 'budget':
        return causes.length > 0 ? { kind: 'causes', causes } : undefined;
      case 'idle':
        return causes.length > 0 ? { kind: 'causes', causes } : 'idle';
      case 'asked':
      case 'watchpoint':
        return causes.length > 0 ? { kind: 'causes', causes } : undefined;
      case 'breakpoint':
        return this.#atBreakpoint(causes);
      case 'shutdown':
        return causes.length > 0
          ? { kind: 'causes', causes }
          : { kind: 'ended', domain: reason.domain };
    }
  }

  #atBreakpoint(causes: readonly StopCause[]): RunEnd | undefined {
    const own = this.#control.breakpointCauses();
    const all = [...causes, ...own];
    return all.length > 0 ? { kind: 'causes', causes: all } : undefined;
  }

  #sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      void this.#host.delay(milliseconds).then(resolve);
    });
  }
}
