/**
 * Where code is to stop: all breakpoints that have an address, whoever asked for them.
 *
 * The processor asks at each hit, in the middle of a run, so that a condition that does not hold costs
 * a look and no stop. Nothing is written into the guest.
 */

import type { Processor } from '../../emulator/cpu/processor.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { HitTest, Message, Predicate } from './condition.ts';

export interface CodeBreakpoint {
  readonly id: number;
  /** Why a stop here is one, in the protocol's words. */
  readonly origin: 'breakpoint' | 'function breakpoint' | 'instruction breakpoint';
  /** Linear addresses, or machine addresses wherever they are mapped. */
  readonly space: 'linear' | 'machine';
  readonly addresses: readonly number[];
  /** In which domain; undefined: any. */
  readonly domain: number | undefined;
  readonly condition?: Predicate | undefined;
  readonly hits?: HitTest | undefined;
  /** Instead of a stop, this is printed. */
  readonly message?: Message | undefined;
}

/** A stop that stepping asks for: at an address, when the test holds. */
export interface StepTarget {
  readonly address: number;
  holds(vcpu: Vcpu): boolean;
}

export interface TableListener {
  /** Who executes. */
  current(): Vcpu | undefined;
  physicalOf(linear: number): number | undefined;
  /** A breakpoint prints. */
  log(text: string, breakpoint: CodeBreakpoint, vcpu: Vcpu): void;
  /** A condition could not be worked out: a sentence. */
  problem(text: string, breakpoint: CodeBreakpoint): void;
}

export class BreakpointTable {
  readonly #listener: TableListener;
  readonly #groups = new Map<string, readonly CodeBreakpoint[]>();
  readonly #counts = new Map<number, number>();
  #byLinear = new Map<number, CodeBreakpoint[]>();
  #byMachine = new Map<number, CodeBreakpoint[]>();
  #targets: readonly StepTarget[] = [];
  /** Whether the step that is under way has come to one of its targets. */
  targetReached = false;
  /** Of the last stop. */
  hit: readonly CodeBreakpoint[] = [];

  constructor(listener: TableListener) {
    this.#listener = listener;
  }

  /** Replaces the breakpoints of a group, such as those of one source file. */
  set(group: string, breakpoints: readonly CodeBreakpoint[]): void {
    for (const { id } of this.#groups.get(group) ?? []) {
      this.#counts.delete(id);
    }
    this.#groups.set(group, breakpoints);
    const index = (space: CodeBreakpoint['space']) => {
      const map = new Map<number, CodeBreakpoint[]>();
      for (const breakpoint of [...this.#groups.values()].flat()) {
        for (const address of breakpoint.space === space ? breakpoint.addresses : []) {
          map.set(address, [...(map.get(address) ?? []), breakpoint]);
        }
      }
      return map;
    };
    this.#byLinear = index('linear');
    this.#byMachine = index('machine');
  }

  /** All of them, to be set again elsewhere. */
  get groups(): ReadonlyMap<string, readonly CodeBreakpoint[]> {
    return this.#groups;
  }

  setTargets(targets: readonly StepTarget[]): void {
    this.#targets = targets;
    this.targetReached = false;
  }

  /** Tells the processor where to ask. */
  arm(cpu: Processor): void {
    const targets = this.#targets.map(({ address }) => address);
    cpu.setBreakpoints([...this.#byLinear.keys(), ...targets], this.#byMachine.keys());
    cpu.breakpointFilter = (linear) => this.stopsAt(linear);
  }

  /** All hits are counted anew, as when a program is started again. */
  forgetCounts(): void {
    this.#counts.clear();
  }

  /** Asked by the processor before an instruction. */
  stopsAt(linear: number): boolean {
    const vcpu = this.#listener.current();
    if (vcpu === undefined) {
      return false;
    }
    const hit: CodeBreakpoint[] = [];
    for (const breakpoint of this.#candidates(linear)) {
      if (this.#stopsFor(breakpoint, vcpu)) {
        hit.push(breakpoint);
      }
    }
    this.hit = hit;
    for (const target of this.#targets) {
      this.targetReached ||= target.address === linear && target.holds(vcpu);
    }
    return hit.length > 0 || this.targetReached;
  }

  #candidates(linear: number): readonly CodeBreakpoint[] {
    const linearOnes = this.#byLinear.get(linear) ?? [];
    if (this.#byMachine.size === 0) {
      return linearOnes;
    }
    const machineOnes = this.#byMachine.get(this.#listener.physicalOf(linear) ?? -1) ?? [];
    return [...linearOnes, ...machineOnes];
  }

  #stopsFor(breakpoint: CodeBreakpoint, vcpu: Vcpu): boolean {
    const { id, domain, condition, hits, message } = breakpoint;
    if (domain !== undefined && domain !== vcpu.domain.id) {
      return false;
    }
    try {
      if (condition !== undefined && !condition({ vcpu })) {
        return false;
      }
      const count = (this.#counts.get(id) ?? 0) + 1;
      this.#counts.set(id, count);
      if (hits !== undefined && !hits(count)) {
        return false;
      }
      if (message !== undefined) {
        this.#listener.log(message({ vcpu }), breakpoint, vcpu);
        return false;
      }
    } catch (error) {
      if (!(error instanceof Error)) {
        throw error;
      }
      this.#listener.problem(error.message, breakpoint);
    }
    return true;
  }
}
