/**
 * Who runs on the one processor, and what wakes those who sleep.
 *
 * Virtual processors take turns in a fixed order. Everything that happens by time has a moment of
 * guest time: ticks, timers, ends of polls and of turns, watchdogs. The processor runs until the
 * next of these, or until somebody blocks; when all sleep, time skips to it.
 */

import { SHUTDOWN } from '../abi/sched.ts';
import { VIRQ } from '../abi/xen.ts';
import type { Domain } from './domains/domain.ts';
import { NEVER, RUN_STATES, type RunState, type Vcpu } from './domains/vcpu.ts';
import { raiseVirq } from './events/event-delivery.ts';
import type { TimerName } from './probes.ts';
import type { Xen } from './xen.ts';

/** How long a turn lasts, in ns; at its end pending events are looked at in any case. */
const TURN = 10_000_000;
/** Time between changes of vcpu_time_info, in ns, while nothing else makes them. */
const TIME_UPDATE = 1_000_000_000;

export interface SchedulerImage {
  readonly current: readonly [domain: number, vcpu: number] | undefined;
  readonly turnEnds: number;
  readonly timeUpdateAt: number;
  readonly mustLook: boolean;
  readonly mustChoose: boolean;
}

export class Scheduler {
  readonly #xen: Xen;
  #vcpus: readonly Vcpu[] = [];
  /** Who runs. */
  current: Vcpu | undefined;
  /** Whose registers the processor has, also while nobody runs. */
  loaded: Vcpu | undefined;
  #turnEnds = 0;
  #timeUpdateAt = TIME_UPDATE;
  /** Whether the guest must be entered through the path that looks for events. */
  mustLook = false;
  /** Whether somebody else may have to run. */
  mustChoose = true;
  /** The next moment at which something happens by time; undefined: to be worked out. */
  #deadline: number | undefined;

  constructor(xen: Xen) {
    this.#xen = xen;
  }

  /** All virtual processors in the order in which they take turns. */
  get vcpus(): readonly Vcpu[] {
    return this.#vcpus;
  }

  /** To be called when there is another domain, or one less. */
  domainsChanged(): void {
    this.#vcpus = [...this.#xen.domains.values()].flatMap(({ vcpus }) => vcpus);
    this.timersChanged();
  }

  /** To be called when a timer was set or stopped. */
  timersChanged(): void {
    this.#deadline = undefined;
  }

  get deadline(): number {
    this.#deadline ??= this.#nextDeadline();
    return this.#deadline;
  }

  #nextDeadline(): number {
    let next = this.current === undefined ? NEVER : this.#turnEnds;
    for (const domain of this.#xen.domains.values()) {
      if (domain.shutdown === undefined) {
        for (const vcpu of domain.vcpus) {
          next = Math.min(next, momentOf(vcpu));
        }
        for (const at of domain.fields.watchdogs) {
          next = at === 0 ? next : Math.min(next, at);
        }
      }
    }
    return Math.min(
      next,
      this.#xen.backendAt,
      this.current === undefined ? NEVER : this.#timeUpdateAt,
    );
  }

  /** Does all that is due. */
  fireTimers(): void {
    const { now } = this.#xen.clock;
    for (const vcpu of this.vcpus) {
      if (vcpu.domain.shutdown === undefined && vcpu.isUp) {
        this.#fire(vcpu, now);
      }
    }
    for (const domain of this.#xen.domains.values()) {
      if (domain.fields.watchdogs.some((at) => at !== 0 && at <= now)) {
        domain.fields.watchdogs = [];
        this.#xen.shutDown(domain, SHUTDOWN.watchdog, 'its watchdog was not reset in time.');
      }
    }
    if (this.#timeUpdateAt <= now) {
      this.#timeUpdateAt = now + TIME_UPDATE;
      if (this.current !== undefined) {
        this.#xen.updateTime(this.current);
      }
    }
    if (this.#turnEnds <= now) {
      this.mustChoose = true;
      this.mustLook = true;
    }
    this.timersChanged();
  }

  #fire(vcpu: Vcpu, now: number): void {
    if (vcpu.timerAt <= now) {
      this.#note(vcpu, 'single-shot', vcpu.timerAt);
      vcpu.timerAt = NEVER;
      raiseVirq(this.#xen, vcpu, VIRQ.TIMER);
    }
    if (vcpu.tickAt <= now && this.#ticks(vcpu)) {
      this.#note(vcpu, 'tick', vcpu.tickAt);
      vcpu.tickAt +=
        vcpu.tickPeriod * Math.max(1, Math.ceil((now - vcpu.tickAt) / vcpu.tickPeriod));
      raiseVirq(this.#xen, vcpu, VIRQ.TIMER);
    }
    if (vcpu.pollUntil <= now) {
      this.#note(vcpu, 'poll', vcpu.pollUntil);
      this.wake(vcpu);
    }
  }

  /** The tick does not run while its virtual processor sleeps. */
  #ticks({ isBlocked, isPaused }: Vcpu): boolean {
    return !(isBlocked || isPaused);
  }

  #note(vcpu: Vcpu, timer: TimerName, at: number): void {
    const { probes } = this.#xen;
    if (probes.wants.timer) {
      probes.emit({ kind: 'timer', domain: vcpu.domain.id, vcpu: vcpu.id, timer, at });
    }
  }

  /** A timer was set while its guest runs. */
  armed(vcpu: Vcpu, timer: TimerName, at: number): void {
    const { probes } = this.#xen;
    if (probes.wants['timer-set']) {
      probes.emit({ kind: 'timer-set', domain: vcpu.domain.id, vcpu: vcpu.id, timer, at });
    }
    this.timersChanged();
    this.#xen.lookAround();
  }

  /** An event is announced: a sleeping virtual processor wakes, one that runs will look. */
  kick(vcpu: Vcpu): void {
    if (vcpu.isBlocked && vcpu.polledPorts === undefined) {
      this.wake(vcpu);
    }
    if (vcpu === this.current) {
      this.mustLook = true;
    }
  }

  wakePollers(domain: Domain, port: number): void {
    for (const vcpu of domain.vcpus) {
      if (vcpu.polledPorts?.includes(port)) {
        this.wake(vcpu);
      }
    }
  }

  wake(vcpu: Vcpu): void {
    vcpu.isBlocked = false;
    vcpu.polledPorts = undefined;
    vcpu.pollUntil = NEVER;
    this.#resumeTick(vcpu);
    if (vcpu !== this.current) {
      this.setState(vcpu, vcpu.isUp ? 'runnable' : 'offline');
    }
    // At once, and not when the host happens to divide the run.
    this.chooseAgain();
  }

  /** Ticks that fell into a sleep are one, at the next moment of the old rhythm or now. */
  #resumeTick(vcpu: Vcpu): void {
    if (vcpu.tickPeriod > 0 && vcpu.tickAt < this.#xen.clock.now) {
      vcpu.tickAt = this.#xen.clock.now;
    }
  }

  /** The running virtual processor goes to sleep. */
  block(vcpu: Vcpu): void {
    vcpu.isBlocked = true;
    this.chooseAgain();
  }

  /** Keeps a virtual processor from turns, or lets it have them again. Between two runs. */
  setPaused(vcpu: Vcpu, isPaused: boolean): void {
    vcpu.isPaused = isPaused;
    this.#resumeTick(vcpu);
    this.mustChoose = true;
    this.timersChanged();
  }

  /** Lets the run end behind the present instruction, so that somebody else may run. */
  chooseAgain(): void {
    this.mustChoose = true;
    this.timersChanged();
    this.#xen.cpu.endRun({ kind: 'environment', reason: 'schedule' });
  }

  /** Gives the processor to whose turn it is. Answers undefined when everybody sleeps. */
  choose(): Vcpu | undefined {
    if (!this.mustChoose && this.current?.isRunnable) {
      return this.current;
    }
    this.mustChoose = false;
    const next = this.#next();
    if (next !== this.current || next === undefined) {
      this.#switchTo(next);
    }
    if (next !== undefined) {
      this.#turnEnds = this.#xen.clock.now + TURN;
      this.mustLook = true;
      this.timersChanged();
    }
    return next;
  }

  #next(): Vcpu | undefined {
    const all = this.vcpus;
    const start = this.current === undefined ? 0 : all.indexOf(this.current) + 1;
    for (let i = 0; i < all.length; i++) {
      const vcpu = all[(start + i) % all.length] as Vcpu;
      if (vcpu.isRunnable) {
        return vcpu;
      }
    }
    return undefined;
  }

  #switchTo(next: Vcpu | undefined): void {
    const previous = this.current;
    if (previous !== undefined) {
      this.setState(previous, restingState(previous));
      this.#xen.updateRunstate(previous);
    }
    // A processor without work keeps the registers of whom it ran last.
    if (next !== undefined && next !== this.loaded) {
      this.#xen.switchContext(this.loaded, next);
    }
    this.current = next;
    if (next !== undefined) {
      const { probes } = this.#xen;
      if (probes.wants.schedule) {
        probes.emit({ kind: 'schedule', domain: next.domain.id, vcpu: next.id });
      }
      this.setState(next, 'running');
      this.#xen.updateTime(next);
      this.#xen.updateRunstate(next);
    }
    this.timersChanged();
  }

  /** A domain is gone; nobody has its registers any more. */
  forget(domain: Domain): void {
    if (this.current?.domain === domain) {
      this.current = undefined;
    }
    if (this.loaded?.domain === domain) {
      this.loaded = undefined;
    }
    this.mustChoose = true;
    this.timersChanged();
  }

  setState(vcpu: Vcpu, state: RunState): void {
    const { runstate } = vcpu;
    const { now } = this.#xen.clock;
    const index = RUN_STATES.indexOf(runstate.state);
    runstate.spent[index] = (runstate.spent[index] ?? 0) + now - runstate.since;
    runstate.state = state;
    runstate.since = now;
  }

  capture(): SchedulerImage {
    const { current } = this;
    return {
      current: current && [current.domain.id, current.id],
      turnEnds: this.#turnEnds,
      timeUpdateAt: this.#timeUpdateAt,
      mustLook: this.mustLook,
      mustChoose: this.mustChoose,
    };
  }

  /** @param loaded whose registers the processor has been given */
  restore(image: SchedulerImage, loaded: Vcpu | undefined): void {
    const [domain, vcpu] = image.current ?? [];
    this.current =
      domain === undefined ? undefined : this.#xen.domains.get(domain)?.vcpus[vcpu ?? 0];
    this.#turnEnds = image.turnEnds;
    this.#timeUpdateAt = image.timeUpdateAt;
    this.mustLook = image.mustLook;
    this.mustChoose = image.mustChoose;
    this.loaded = loaded;
    this.timersChanged();
  }
}

/** The next moment at which something happens to a virtual processor by time. */
function momentOf(vcpu: Vcpu): number {
  if (!vcpu.isUp) {
    return NEVER;
  }
  const isAsleep = vcpu.isBlocked || vcpu.isPaused;
  return Math.min(vcpu.timerAt, vcpu.pollUntil, isAsleep ? NEVER : vcpu.tickAt);
}

function restingState(vcpu: Vcpu): RunState {
  if (!vcpu.isUp || vcpu.domain.shutdown !== undefined) {
    return 'offline';
  }
  return vcpu.isBlocked ? 'blocked' : 'runnable';
}
