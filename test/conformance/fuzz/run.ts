/**
 * Random bytes as instructions, in each ring, with random page tables and descriptors.
 *
 * Whatever a guest executes, the processor answers with a fault or a stop reason: never with an
 * exception of ours, and always within its budget.
 */

import { coldTier, compileColdTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import type { Event } from '../../../emulator/cpu/environment.ts';
import {
  aRandomMachine,
  fill,
  JUNK,
  RAM_SIZE,
  SilentEnvironment,
} from '../../support/random-machine.ts';
import { Dice } from '../silicon/values.ts';

export interface FuzzOptions {
  /** Random bytes to execute in each ring. */
  readonly bytes: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

/** How far apart the places lie where execution begins. */
const STRIDE = 16;
/** Instructions executed from each of them. */
const BURST = 64;
/** Bursts until registers are set anew: by then the guest has often left its ring. */
const BURSTS_A_RESET = 16;

/** Leaves most events to the guest's random tables and takes some away. */
class MovingOn extends SilentEnvironment {
  readonly #dice: Dice;

  constructor(seed: number) {
    super();
    this.#dice = new Dice(seed);
  }
  override intercept(_event: Event): boolean {
    return !this.#dice.oneIn(4);
  }
}

/** Answers how many machines raised an exception of ours. */
export function fuzz({ bytes, seed, print }: FuzzOptions): number {
  const code = compileColdTier();
  let failures = 0;
  for (const ring of [0, 1, 2, 3] as const) {
    const environment = new MovingOn(seed + ring);
    const options = { ring, seed, paging: true, engine: coldTier(code), environment };
    const machine = aRandomMachine(options);
    const blank = machine.cpu.capture();
    const stops = new Map<string, number>();
    let executed = 0;
    for (let round = 0; executed < bytes; round++) {
      const facts = { ...options, seed: seed + 1000 * round + ring, paging: round % 4 !== 0 };
      try {
        machine.cpu.restore(blank);
        fill(machine, facts);
        executed += burstThrough(machine.cpu, bytes - executed, stops);
      } catch (error) {
        failures++;
        const eip = machine.cpu.linearEip.toString(16);
        print(`ring ${ring}, seed ${facts.seed}, at ${eip}: ${(error as Error).stack ?? error}`);
      }
    }
    const ends = [...stops].map(([kind, count]) => `${kind} ${count}`).join(', ');
    print(`ring ${ring}: ${executed} bytes, ${machine.cpu.code.counts.decoded} decoded; ${ends}`);
  }
  return failures;
}

type Cpu = ReturnType<typeof aRandomMachine>['cpu'];

/** Executes from every place of the junk, at most `limit` bytes; answers how many. */
function burstThrough(cpu: Cpu, limit: number, stops: Map<string, number>): number {
  const moment = cpu.capture();
  let bursts = 0;
  for (let at = JUNK; at < RAM_SIZE && bursts * STRIDE < limit; at += STRIDE) {
    if (bursts++ % BURSTS_A_RESET === 0) {
      cpu.restore(moment);
    }
    cpu.state.eip = at;
    cpu.state.halted = 0;
    const { kind } = cpu.run(BURST);
    stops.set(kind, (stops.get(kind) ?? 0) + 1);
  }
  return bursts * STRIDE;
}
