/**
 * Inside the hypervisor: between two stages of what it does between two instructions of a guest.
 *
 * The machine really stands in the middle. What follows is tried, from the instruction before, and left
 * where the user wants to look; to go on, it is taken back and tried again to the next stage. When
 * the user leaves, it is carried out in earnest.
 */

import type { StageFacts, StageMoment } from '../../emulator/hypervisor/probes.ts';
import type { Attempt, Machine } from '../../emulator/machine/machine.ts';

/** An operation that is under way, at one of its stages. */
export interface StageFrame {
  readonly operation: StageMoment['operation'];
  /** Of the stage that is about to run. */
  readonly index: number;
  readonly domain: number;
  readonly vcpu: number;
  /** What the operation knew before this stage, and behind it. */
  readonly before: StageFacts;
  readonly after: StageFacts;
}

/** What comes between two instructions: an instruction that calls or faults, or what is due anyway. */
export type Beginning = 'instruction' | 'settle';

/** A moment before a stage, with the operations that it is a part of, the innermost last. */
interface Position {
  readonly ordinal: number;
  readonly frames: readonly StageFrame[];
}

const LEFT = Symbol('left between two stages');
/** A hostile guest's list of calls has no end that a user could step to. */
const MOST_STAGES = 10_000;

interface Open {
  readonly moment: StageMoment;
  readonly frames: StageFrame[];
}

export class Inside {
  readonly #machine: Machine;
  readonly #beginning: Beginning;
  readonly #attempt: Attempt;
  readonly #positions: readonly Position[];
  #at = 0;

  /** Answers undefined, and changes nothing, where no stages follow. */
  static enter(machine: Machine, beginning: Beginning): Inside | undefined {
    const attempt = machine.attempt();
    const { interceptor } = machine.xen;
    machine.xen.interceptor = undefined;
    const positions = record(machine, beginning);
    machine.xen.interceptor = interceptor;
    attempt.takeBack();
    if (positions.length === 0) {
      attempt.end();
      return undefined;
    }
    const inside = new Inside(machine, beginning, attempt, positions);
    inside.#goTo(0);
    return inside;
  }

  private constructor(
    machine: Machine,
    beginning: Beginning,
    attempt: Attempt,
    positions: readonly Position[],
  ) {
    this.#machine = machine;
    this.#beginning = beginning;
    this.#attempt = attempt;
    this.#positions = positions;
  }

  /** The operations that are under way, the innermost first. */
  get frames(): readonly StageFrame[] {
    return [...(this.#positions[this.#at]?.frames ?? [])].reverse();
  }

  /**
   * Goes on to the next stage, of the same or an outer operation unless it goes `into` others. False:
   * there is none, and the machine is back at the beginning, to go on in earnest.
   */
  step(how: 'into' | 'over' | 'out'): boolean {
    const depth = this.#positions[this.#at]?.frames.length ?? 0;
    const deepest = { into: Number.POSITIVE_INFINITY, over: depth, out: depth - 1 }[how];
    for (let next = this.#at + 1; next < this.#positions.length; next++) {
      if ((this.#positions[next]?.frames.length ?? 0) <= deepest) {
        this.#goTo(next);
        return true;
      }
    }
    this.leave();
    return false;
  }

  /** Back to the beginning, for good. */
  leave(): void {
    this.#attempt.end();
  }

  /** Whether a hypercall is what happens. */
  get isCall(): boolean {
    return this.#positions[0]?.frames[0]?.operation.name === 'hypercall';
  }

  /** What has to be carried out in earnest, after `leave`. */
  get beginning(): Beginning {
    return this.#beginning;
  }

  #goTo(index: number): void {
    this.#at = index;
    this.#attempt.takeBack();
    const { ordinal } = this.#positions[index] as Position;
    let passed = 0;
    attemptIt(this.#machine, this.#beginning, {
      enter: () => {},
      pass: ({ index: stage, operation }) => {
        if (stage < operation.stages.length && passed++ === ordinal) {
          throw LEFT;
        }
      },
      leave: () => {},
    });
  }
}

type Gate = NonNullable<Machine['xen']['probes']['gate']>;

/** Runs what follows past a gate, which may leave it. */
function attemptIt(machine: Machine, beginning: Beginning, gate: Gate): void {
  const { probes } = machine.xen;
  const { interceptor } = machine.xen;
  machine.xen.interceptor = undefined;
  probes.gate = gate;
  try {
    if (beginning === 'settle') {
      machine.settle();
    } else {
      machine.xen.cpu.passBreakpoint();
      machine.run(1);
    }
  } catch (error) {
    if (error !== LEFT) {
      throw error;
    }
  } finally {
    probes.gate = undefined;
    machine.xen.interceptor = interceptor;
  }
}

/** All moments before stages, with what each operation knew before and after. */
function record(machine: Machine, beginning: Beginning): Position[] {
  const positions: Position[] = [];
  const open: Open[] = [];
  let passed = 0;
  attemptIt(machine, beginning, {
    enter: (moment) => open.push({ moment, frames: [] }),
    pass(moment) {
      const { operation, index, domain, vcpu } = moment;
      const own = open[open.length - 1];
      const facts = moment.facts();
      // What a stage has changed is known at the next one, and behind the last.
      const previous = own?.frames[own.frames.length - 1];
      if (previous !== undefined) {
        Object.assign(previous, { after: facts });
      }
      if (own === undefined || index >= operation.stages.length) {
        return;
      }
      own.frames.push({ operation, index, domain, vcpu, before: facts, after: facts });
      const frames = open.flatMap(({ frames: [...all] }) => all.slice(-1));
      positions.push({ ordinal: passed++, frames });
      if (positions.length > MOST_STAGES) {
        throw LEFT;
      }
    },
    leave: () => open.pop(),
  });
  return positions;
}
