/**
 * Guest time: counted, never read from the host.
 *
 * The time-stamp counter runs at 1 GHz: one tick for each retired instruction, and the time that
 * was skipped while every virtual processor slept. System time is the same number in nanoseconds,
 * so that numbers below are both.
 */

import type { Processor } from '../cpu/processor.ts';

/** Ticks are nanoseconds: (1 << shift) * multiplier >> 32 is 1. */
export const TSC_SCALE = { multiplier: 0x8000_0000, shift: 1 } as const;
export const TSC_KHZ = 1_000_000;

export interface ClockImage {
  readonly skipped: number;
}

export class Clock {
  readonly #cpu: Processor;
  #skipped = 0;

  constructor(cpu: Processor) {
    this.#cpu = cpu;
  }

  /** Nanoseconds of system time. */
  get now(): number {
    return this.#cpu.instructionCount + this.#skipped;
  }

  /** The time-stamp counter when so many instructions had retired. */
  at(retired: number): number {
    return retired + this.#skipped;
  }

  /** How much of it passed while nobody executed. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Lets time pass in which nobody executes. */
  skipTo(moment: number): void {
    if (moment > this.now) {
      this.#skipped += moment - this.now;
    }
  }

  capture(): ClockImage {
    return { skipped: this.#skipped };
  }

  restore(image: ClockImage): void {
    this.#skipped = image.skipped;
  }
}
