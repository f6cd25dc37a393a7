/**
 * One run of a machine under the debugger, from launch to its end: it runs, stops, steps, and knows at
 * each stop why.
 */

import { nameOf } from '../../emulator/abi/names.ts';
import { SHUTDOWN } from '../../emulator/abi/sched.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { Inspector } from '../inspection/inspector.ts';
import type { SessionHost } from '../session/session-host.ts';
import { UserError } from '../user-error.ts';
import { type Debuggee, type DebugThread, threadId } from './debuggee.ts';
import { Inside } from './inside.ts';
import { instructionAt } from './instruction-at.ts';
import { FOREVER, type Goal, type RunEnd, Runner } from './runner.ts';
import { InstructionStep, LineStep, RunToAddress, StepOut, type StepTools } from './stepping.ts';
import type { StopCause, StopControl } from './stop-control.ts';

export type StopKind = 'entry' | 'step' | 'pause' | 'causes' | 'stage' | 'goto' | 'ended';

/** Why and where the machine stands still. */
export interface Stop {
  readonly kind: StopKind;
  readonly thread: number;
  readonly causes: readonly StopCause[];
  /** The domain that has ended, if that is why. */
  readonly ended?: Domain;
}

export interface RunListener {
  stopped(stop: Stop): void;
  /** It goes on by itself or because a request says so. */
  continued(thread: number): void;
  /** A domain has ended, and others may go on. */
  domainEnded(domain: Domain): void;
  /** All have. */
  ended(): void;
}

export interface StepOptions {
  readonly granularity: 'instruction' | 'line';
  /** No upcall is made while the step lasts. */
  readonly holdsInterrupts: boolean;
  /** No other virtual processor gets a turn while the step lasts. */
  readonly isAlone: boolean;
}

export class DebugRun {
  readonly debuggee: Debuggee;
  readonly control: StopControl;
  readonly runner: Runner;
  /** Counts and traces what happens, for views. */
  readonly inspector: Inspector;
  readonly #listener: RunListener;
  /** While the machine stands between two stages. */
  inside: Inside | undefined;
  /** Undefined while it runs. */
  stop: Stop | undefined;
  #isOver = false;
  #isDisposed = false;

  constructor(debuggee: Debuggee, control: StopControl, host: SessionHost, listener: RunListener) {
    this.debuggee = debuggee;
    this.control = control;
    this.#listener = listener;
    this.runner = new Runner(debuggee.machine, control, host);
    this.inspector = new Inspector(debuggee.machine, debuggee.symbols);
  }

  get isRunning(): boolean {
    return this.runner.isRunning;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Stands at the first instruction, or goes on at once. */
  begin(stopsOnEntry: boolean): void {
    this.control.arm();
    if (stopsOnEntry) {
      this.debuggee.machine.settle();
      this.#stopAt('entry', this.debuggee.current, []);
    } else {
      void this.#go(FOREVER, 'pause');
    }
  }

  pause(): void {
    this.runner.pause();
  }

  /** @param only the one virtual processor that gets turns until the next stop */
  resume(only?: DebugThread): void {
    this.requireStop();
    this.#leaveHypervisor();
    this.#passHere();
    const release = this.#holdOthers(only?.vcpu);
    void this.#go(FOREVER, 'pause', only, undefined, release);
  }

  /** @param kind what the stop is when the address is reached */
  runTo(thread: DebugThread, address: number): void {
    this.requireStop();
    this.#leaveHypervisor();
    this.#passHere();
    const step = new RunToAddress(this.#toolsOf(thread.vcpu), address);
    void this.#goStep(step, thread, PLAIN_STEP, 'goto');
  }

  stepOver(thread: DebugThread, options: StepOptions): void {
    this.requireStop();
    if (this.inside !== undefined) {
      this.#stepInside(thread, 'over');
      return;
    }
    const tools = this.#toolsOf(thread.vcpu);
    const step =
      options.granularity === 'instruction' || !this.#hasLine(thread)
        ? new InstructionStep(tools, true)
        : new LineStep(tools, 'nothing');
    this.#passHere();
    void this.#goStep(step, thread, options, 'step');
  }

  /** @param call the address of the one instruction whose call is gone into */
  stepInto(thread: DebugThread, options: StepOptions, call?: number): void {
    this.requireStop();
    if (this.inside !== undefined) {
      this.#stepInside(thread, 'into');
      return;
    }
    const tools = this.#toolsOf(thread.vcpu);
    const isHere = call === undefined || call === tools.view.linearEip;
    if (isHere && this.#entersHypervisor(thread)) {
      return;
    }
    const byInstruction = options.granularity === 'instruction' && isHere;
    const step =
      byInstruction || !this.#hasLine(thread)
        ? new InstructionStep(tools, false)
        : new LineStep(tools, call ?? 'calls');
    this.#passHere();
    void this.#goStep(step, thread, options, 'step');
  }

  /** @param to what comes behind the call, and where the stack is then */
  stepOut(
    thread: DebugThread,
    to: { eip: number; esp: number } | undefined,
    options: Partial<StepOptions> = {},
  ): void {
    this.requireStop();
    if (this.inside !== undefined) {
      this.#stepInside(thread, 'out');
      return;
    }
    if (to === undefined) {
      throw new UserError('There is no caller to return to: this is the outermost frame.');
    }
    const step = new StepOut(this.#toolsOf(thread.vcpu), to);
    this.#passHere();
    void this.#goStep(step, thread, { ...PLAIN_STEP, ...options }, 'step');
  }

  /** Steps into what the hypervisor is about to do, if it is. */
  #entersHypervisor({ vcpu, id }: DebugThread): boolean {
    const { machine } = this.debuggee;
    if (machine.xen.scheduler.current !== vcpu) {
      return false;
    }
    const stop = this.stop;
    const isBefore = (event: string): boolean =>
      stop?.causes.some(({ occurrence }) => occurrence?.id === event) === true;
    const isDelivery = isBefore('event-delivery');
    const { kind } = instructionAt(this.debuggee.viewOf(vcpu));
    const isTrap = isBefore('trap') || isBefore('page-fault');
    if (!(isDelivery || isTrap || kind === 'interrupt')) {
      return false;
    }
    const inside = Inside.enter(machine, isDelivery ? 'settle' : 'instruction');
    if (inside === undefined) {
      return false;
    }
    this.inside = inside;
    this.#listener.continued(id);
    this.#stopAt('stage', { id, vcpu }, []);
    return true;
  }

  #stepInside(thread: DebugThread, how: 'into' | 'over' | 'out'): void {
    const inside = this.inside as Inside;
    this.#listener.continued(thread.id);
    if (inside.step(how)) {
      this.#stopAt('stage', thread, []);
      return;
    }
    this.inside = undefined;
    const goal = onceOf(inside);
    this.#passHere();
    this.control.pass(inside.isCall ? 'hypercall' : 'trap');
    void this.#go(goal, 'step', thread);
  }

  /** Whatever the hypervisor was in the middle of is carried out. */
  #leaveHypervisor(): void {
    this.inside?.leave();
    this.inside = undefined;
  }

  /** The user has changed where a virtual processor goes on. */
  stopAgain(thread: DebugThread, kind: StopKind): void {
    this.#stopAt(kind, thread, []);
  }

  /** What a user may change only between two instructions of the guest. */
  requireGuest(): void {
    if (this.inside !== undefined) {
      throw new UserError(
        'The machine stands inside the hypervisor, where nothing can be changed: step out first.',
      );
    }
  }

  // ---- running

  #passHere(): void {
    this.debuggee.machine.xen.cpu.passBreakpoint();
  }

  #hasLine({ vcpu }: DebugThread): boolean {
    const { symbols } = this.debuggee.programOf(vcpu);
    return symbols.rangeOfLine(this.debuggee.viewOf(vcpu).linearEip) !== undefined;
  }

  requireStop(): void {
    if (this.#isOver) {
      throw new UserError('The machine has ended.');
    }
    if (this.stop === undefined) {
      throw new UserError('The machine is running: pause it first.');
    }
  }

  async #goStep(
    step: { next: Goal['next']; clear(): void; readonly reachesHypervisor?: boolean },
    thread: DebugThread,
    { holdsInterrupts, isAlone }: StepOptions,
    kind: StopKind,
  ): Promise<void> {
    const release = this.#holdOthers(isAlone ? thread.vcpu : undefined);
    this.control.holdsUpcalls = holdsInterrupts ? thread.vcpu : undefined;
    this.control.beginStep(thread.vcpu);
    const intoHypervisor = (): boolean =>
      step.reachesHypervisor === true && this.#entersHypervisor(thread);
    await this.#go(step, kind, thread, intoHypervisor, () => {
      release();
      step.clear();
      this.control.endStep();
      this.control.holdsUpcalls = undefined;
      // What was held back is delivered when the guest is entered next.
      this.debuggee.machine.xen.scheduler.mustLook ||= holdsInterrupts;
    });
  }

  /** Pauses all virtual processors but one, and answers what lets them go on. */
  #holdOthers(only: Vcpu | undefined): () => void {
    if (only === undefined) {
      return () => {};
    }
    const { scheduler } = this.debuggee.machine.xen;
    const held = scheduler.vcpus.filter((vcpu) => vcpu !== only && !vcpu.isPaused);
    for (const vcpu of held) {
      scheduler.setPaused(vcpu, true);
    }
    return () => {
      for (const vcpu of held) {
        scheduler.setPaused(vcpu, false);
      }
    };
  }

  /** @param goesOn whether something else follows what the goal has come to */
  async #go(
    goal: Goal,
    kind: StopKind,
    thread?: DebugThread,
    goesOn = () => false,
    atEnd = () => {},
  ): Promise<void> {
    this.stop = undefined;
    let end: RunEnd;
    try {
      end = await this.runner.run(goal);
      while (end.kind === 'ended' && !this.#noteEnd(end.domain)) {
        end = await this.runner.run(goal);
      }
    } finally {
      atEnd();
    }
    if (this.#isDisposed) {
      return;
    }
    switch (end.kind) {
      case 'done':
        if (goesOn()) {
          return;
        }
        this.#stopAt(kind, thread ?? this.debuggee.current, []);
        break;
      case 'causes':
        this.#stopFor(end.causes);
        break;
      case 'pause':
        this.#stopAt('pause', this.debuggee.current, []);
        break;
      case 'ended':
        this.#isOver = true;
        this.#listener.ended();
        break;
    }
  }

  /** Answers whether it was the last one. */
  #noteEnd(domain: Domain): boolean {
    this.#listener.domainEnded(domain);
    const { domains } = this.debuggee.machine.xen;
    return [...domains.values()].every(({ id, shutdown }) => id === 0 || shutdown !== undefined);
  }

  #stopFor(causes: readonly StopCause[]): void {
    const [first] = causes;
    const vcpu = first?.vcpu ?? this.debuggee.current.vcpu;
    this.#stopAt('causes', { id: threadId(vcpu), vcpu }, causes);
  }

  #stopAt(kind: StopKind, { id }: DebugThread, causes: readonly StopCause[]): void {
    this.stop = { kind, thread: id, causes };
    this.#listener.stopped(this.stop);
  }

  #toolsOf(vcpu: Vcpu): StepTools {
    const { xen } = this.debuggee.machine;
    const { control } = this;
    return {
      vcpu,
      view: this.debuggee.viewOf(vcpu),
      program: this.debuggee.programOf(vcpu),
      table: control.breakpoints,
      isCurrent: () => xen.scheduler.current === vcpu,
      arm: () => control.breakpoints.arm(xen.cpu),
      stopWhenScheduled: () => control.stopWhenScheduled(vcpu),
      entries: () => control.entries,
    };
  }

  /** Why a domain ended, in a sentence. */
  static reasonOf({ id, identity, shutdown }: Domain): string {
    const reason = nameOf(SHUTDOWN, shutdown?.reason ?? 0) ?? String(shutdown?.reason);
    const why = shutdown?.sentence === undefined ? '' : `: ${shutdown.sentence}`;
    return `${identity.name} (d${id}) has ended: ${reason}${why}`;
  }

  dispose(): void {
    this.#isDisposed = true;
    this.runner.dispose();
    this.inspector.end();
    this.control.dispose();
    this.inside = undefined;
  }
}

const PLAIN_STEP: StepOptions = { granularity: 'line', holdsInterrupts: false, isAlone: false };

/** What was tried, once and in earnest. */
function onceOf({ beginning }: Inside): Goal {
  let isDone = false;
  return {
    next() {
      if (isDone) {
        return 'done';
      }
      isDone = true;
      return beginning === 'settle' ? 'settle' : 1;
    },
  };
}
