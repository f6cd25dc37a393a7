/**
 * Guests that call the hypervisor with whatever they like, from a seed.
 *
 * A run is a sequence of episodes, each with a seed of its own that begins at the same moment of the
 * same machine: an episode that fails can be had again by itself. Whatever is called, the answer is an
 * errno or a crashed domain: never an exception of ours, nor books that do not add up, nor a call
 * that takes long.
 */

import type { EngineMaker } from '../../../emulator/cpu/engine.ts';
import { Dice } from '../silicon/values.ts';
import { act, executeJunk, runOn } from './acts.ts';
import { discrepancies } from './books.ts';
import { type Draft, draftCall } from './calls.ts';
import { Outcomes, wordFor } from './outcomes.ts';
import { Values } from './values.ts';
import { CALL_SITE, nameOf, SETTINGS, type Setting, STACK, World } from './world.ts';

export interface Options {
  readonly calls: number;
  readonly seed: number;
  /** Only this one. */
  readonly episode?: number | undefined;
  /** Look at the books after each call: slow, and says which one it was. */
  readonly isThorough?: boolean | undefined;
  readonly engine: EngineMaker;
  readonly print: (line: string) => void;
}

export interface Result {
  readonly calls: number;
  readonly episodes: number;
  readonly crashes: number;
  readonly failures: number;
  readonly outcomes: Outcomes;
}

/** Calls of an episode; by then most of what a guest could lose is lost. */
const EPISODE = 3000;
/** Calls between two looks at the books. */
const BATCH = 250;
/** One episode in so many has a debugger that listens. */
const LISTENED = 7;
/** A list that is never through is not waited for. */
const MOST_CONTINUATIONS = 6;
/** Milliseconds that a call may take. */
const LONGEST = 2000;
const MOST_FAILURES = 10;
/** Bytes that the process may have: machines do not grow. */
const MOST_MEMORY = 2 ** 31;

/** What was being done when something went wrong. */
interface Moment {
  index: number;
  doing: string;
}

export function fuzzHypercalls({
  calls,
  seed,
  episode,
  isThorough = false,
  engine,
  print,
}: Options): Result {
  const outcomes = new Outcomes();
  const worlds = new Map<Setting, World>();
  const total = { calls: 0, episodes: 0, crashes: 0, failures: 0 };
  const settings = SETTINGS.length;
  for (let i = episode ?? 0; total.calls < calls && total.failures < MOST_FAILURES; i++) {
    const setting = SETTINGS[i % settings] ?? SETTINGS[0];
    const moment: Moment = { index: 0, doing: 'the start' };
    try {
      const world = worlds.get(setting) ?? new World(setting, engine);
      worlds.set(setting, world);
      const most = Math.min(EPISODE, calls - total.calls);
      const stop = i % LISTENED === LISTENED - 1 ? world.listen() : () => {};
      const run = new Episode(world, seed + 7919 * i, outcomes, moment);
      total.crashes += run.run(most, isThorough);
      stop();
      checkMemory(i);
    } catch (error) {
      total.failures++;
      // Nobody knows what state it is in.
      worlds.delete(setting);
      const guests = setting.map(nameOf).join(' and ');
      print(`seed ${seed}, episode ${i} (${guests}), call ${moment.index}: ${moment.doing}`);
      print(`  again: npm run conformance -- hypercalls --seed ${seed} --episode ${i}`);
      print(`  ${error instanceof Error ? error.stack : String(error)}`);
    }
    total.calls += moment.index;
    total.episodes++;
    if (episode !== undefined) {
      break;
    }
  }
  return { ...total, outcomes };
}

/** Now and then: asking takes its time. */
function checkMemory(episode: number): void {
  const bytes = episode % 32 === 31 ? process.memoryUsage.rss() : 0;
  if (bytes > MOST_MEMORY) {
    throw new Error(`The process has ${bytes} bytes.`);
  }
}

export class Episode {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #outcomes: Outcomes;
  readonly #moment: Moment;

  constructor(world: World, seed: number, outcomes: Outcomes, moment: Moment) {
    this.#world = world;
    this.#dice = new Dice(seed);
    this.#outcomes = outcomes;
    this.#moment = moment;
  }

  /** Answers how many domains ended. */
  /** @param between called between batches, as who makes checkpoints would be */
  run(most: number, isThorough: boolean, between: () => void = () => {}): number {
    const world = this.#world;
    const moment = this.#moment;
    world.reset();
    const { scheduler } = world.xen;
    world.rotate();
    let vcpu = scheduler.current;
    if (vcpu === undefined) {
      throw new Error('Nobody runs at the start.');
    }
    const values = new Values(world, this.#dice, vcpu);
    for (; moment.index < most; moment.index++) {
      if (moment.index % BATCH === BATCH - 1) {
        this.#betweenBatches(values);
        between();
      }
      vcpu = this.#caller();
      if (vcpu === undefined) {
        break;
      }
      if (vcpu !== values.vcpu) {
        values.lookAround(vcpu);
      }
      if (this.#dice.oneIn(6)) {
        moment.doing = 'a write to shared memory';
        act(values);
      }
      this.#call(values);
      if (isThorough) {
        this.#check();
      }
    }
    this.#check();
    return world.guests.filter(({ shutdown }) => shutdown !== undefined).length;
  }

  /** Who makes the next call: who runs, or whom the machine wakes. */
  #caller() {
    const { machine, xen } = this.#world;
    for (let i = 0; i < 6; i++) {
      const { current } = xen.scheduler;
      if (current?.isRunnable) {
        return current;
      }
      this.#moment.doing = 'waiting for somebody to run';
      if (machine.run(50).kind === 'idle') {
        this.#wakeSomebody();
      }
    }
    return undefined;
  }

  /** What an event from outside does. */
  #wakeSomebody(): void {
    const { xen, guests } = this.#world;
    const asleep = guests.flatMap(({ vcpus }) => vcpus).filter(({ isBlocked }) => isBlocked);
    const vcpu = asleep[this.#dice.below(asleep.length)];
    if (vcpu !== undefined) {
      xen.scheduler.wake(vcpu);
    }
  }

  #betweenBatches(values: Values): void {
    const world = this.#world;
    const moment = this.#moment;
    moment.doing = 'execution';
    if (this.#dice.oneIn(3)) {
      executeJunk(values);
    } else {
      runOn(values);
    }
    this.#check();
    moment.doing = 'a change of guests';
    world.rotate();
    const { current } = world.xen.scheduler;
    values.lookAround(current ?? values.vcpu);
  }

  #check(): void {
    const wrong = discrepancies(this.#world.xen);
    if (wrong.length > 0) {
      throw new Error(
        `after ${this.#moment.doing} the books are wrong: ${wrong.slice(0, 5).join(' ')}`,
      );
    }
  }

  #call(values: Values): void {
    const world = this.#world;
    const { vcpu } = values;
    const { xen } = world;
    const { state } = xen.cpu;
    if (state.cpl !== 1 || this.#dice.oneIn(16)) {
      world.enterKernel(vcpu);
    }
    const draft = draftCall(values);
    this.#moment.doing = describe(draft, vcpu.domain.id, vcpu.id);
    state.esp = draft.esp ?? STACK.end;
    const start = performance.now();
    let answer = this.#dice.oneIn(10)
      ? world.execute(draft.number, draft.registers)
      : world.call(vcpu, draft.number, draft.registers);
    if (answer === undefined) {
      this.#outcomes.count(draft.name, 'not made');
      return;
    }
    let isContinued = this.#isContinued(draft.number);
    for (let i = 0; isContinued && i < MOST_CONTINUATIONS && xen.scheduler.current === vcpu; i++) {
      answer = world.callAgain(vcpu);
      isContinued = this.#isContinued(draft.number);
    }
    const took = performance.now() - start;
    if (took > LONGEST) {
      throw new Error(`The call took ${took.toFixed()} ms.`);
    }
    this.#note(draft, answer, isContinued, vcpu.domain.shutdown !== undefined);
  }

  /** Whether the guest makes the rest of the call next, and no handler before. */
  #isContinued(number: number): boolean {
    const { keepsRegisters, cpu } = this.#world.xen;
    const { eax, eip, cpl } = cpu.state;
    return keepsRegisters && eip === CALL_SITE && eax === number && cpl === 1 && number !== IRET;
  }

  #note(draft: Draft, answer: number, isContinued: boolean, isEnded: boolean): void {
    const special = isEnded ? 'the end' : isContinued ? 'continued' : draft.outcome?.(answer);
    const word = special ?? (draft.number === IRET ? 'ok' : wordFor(answer));
    this.#outcomes.count(draft.name, word);
  }
}

const IRET = 23;

function describe({ name, registers, esp }: Draft, domain: number, vcpu: number): string {
  const words = registers.map((word) => `0x${word.toString(16)}`).join(', ');
  const stack = esp === undefined ? '' : `, ESP 0x${esp.toString(16)}`;
  return `${name}(${words})${stack} by vCPU ${vcpu} of domain ${domain}`;
}
