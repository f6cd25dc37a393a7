/**
 * Decides, while guests run, whether the machine stops, and remembers why.
 *
 * The processor asks about breakpoints, the hypervisor about what it is about to do, and probes tell of
 * what has been done. All of it happens in the middle of a run; the reasons are collected here until
 * the run has ended.
 */

import { VECTOR } from '../../emulator/cpu/exceptions.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Interceptor } from '../../emulator/hypervisor/interceptor.ts';
import type { ProbeEvent } from '../../emulator/hypervisor/probes.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { BreakpointTable, type CodeBreakpoint } from './breakpoint-table.ts';
import { type DataBreakpoint, DataBreakpoints } from './data-breakpoints.ts';
import { deliveryOccurrence } from './delivery-occurrence.ts';
import { EventStops, TOLD_BY } from './event-stops.ts';
import { MACHINE_EVENTS } from './machine-events.ts';
import { callOccurrence, type Occurrence, occurrenceOf } from './occurrence.ts';
import { trapOccurrence } from './trap-occurrence.ts';

export interface StopCause {
  readonly kind: 'event' | 'breakpoint' | 'data';
  readonly occurrence?: Occurrence;
  /** Their numbers. */
  readonly breakpoints: readonly number[];
  readonly origin?: CodeBreakpoint['origin'];
  /** In a sentence, where the other fields do not say it. */
  readonly text?: string;
  readonly vcpu: Vcpu;
}

/** What control tells the user while the machine runs on. */
export interface ControlListener {
  output(category: 'console' | 'stderr', text: string, vcpu: Vcpu | undefined): void;
}

export class StopControl implements Interceptor {
  readonly #machine: Machine;
  readonly breakpoints: BreakpointTable;
  readonly events: EventStops;
  readonly data: DataBreakpoints;
  /** Whether a step goes on as if no event were pending. */
  holdsUpcalls: Vcpu | undefined;
  #causes: StopCause[] = [];
  /** What has been stopped before, so that it is let pass when the machine goes on from there. */
  #passed = '';
  /** The upcall before which it has stopped comes next. */
  #passesUpcall = false;
  /** Up to this count of instructions the user has seen what comes. */
  #upcallsPassUntil = -1;
  #ends: (() => void)[] = [];
  #stepEnds: (() => void)[] = [];
  #entries = 0;
  /** Where the last operation of the present call ended early. */
  #lastEnd: string | undefined;

  constructor(machine: Machine, listener: ControlListener) {
    this.#machine = machine;
    const { xen } = machine;
    this.breakpoints = new BreakpointTable({
      current: () => xen.scheduler.current,
      physicalOf: (linear) => xen.cpu.access.physicalOf(linear),
      log: (text, _breakpoint, vcpu) => listener.output('console', `${text}\n`, vcpu),
      problem: (text) => listener.output('stderr', `${text}\n`, undefined),
    });
    this.events = new EventStops({
      log: (text, vcpu) => listener.output('console', `${text}\n`, vcpu),
      problem: (text) => listener.output('stderr', `${text}\n`, undefined),
    });
    this.data = new DataBreakpoints(machine, {
      log: (text, vcpu) => listener.output('console', `${text}\n`, vcpu),
      problem: (text) => listener.output('stderr', `${text}\n`, undefined),
    });
    xen.interceptor = this;
  }

  /** To be called when breakpoints or filters have changed: listens to what is wanted, and no more. */
  arm(): void {
    const { xen } = this.#machine;
    this.breakpoints.arm(xen.cpu);
    for (const end of this.#ends) {
      end();
    }
    this.#ends = [];
    for (const { id } of MACHINE_EVENTS) {
      const probe = TOLD_BY[id];
      if (probe !== undefined && this.events.wants(id)) {
        this.#ends.push(xen.probes.on(probe, (event) => this.#tell(event)));
      }
    }
    if (this.events.wants('hypercall')) {
      this.#ends.push(xen.probes.on('hypercall', (event) => this.#callInList(event)));
    }
    if (this.events.wants('hypercall-error')) {
      this.#ends.push(xen.probes.on('stage', (event) => this.#noteEnd(event)));
      this.#ends.push(xen.probes.on('hypercall-result', (event) => this.#callResult(event)));
    }
  }

  /** Goes on with what was set for a machine before this one. */
  takeOver(kept: {
    readonly breakpoints: BreakpointTable['groups'];
    readonly events: EventStops['groups'];
    readonly data: readonly DataBreakpoint[];
  }): void {
    for (const [group, breakpoints] of kept.breakpoints) {
      this.breakpoints.set(group, breakpoints);
    }
    for (const [group, stops] of kept.events) {
      this.events.set(group, stops);
    }
    this.data.set(kept.data);
  }

  /** Everything that made the run end, which is forgotten then. */
  take(): readonly StopCause[] {
    const causes = [...this.#causes, ...this.data.take()];
    this.#causes = [];
    return causes;
  }

  /** What the breakpoints say at which the processor has stopped; none if it was a step's target. */
  breakpointCauses(): readonly StopCause[] {
    const { hit } = this.breakpoints;
    const [first] = hit;
    const vcpu = this.#machine.xen.scheduler.current;
    if (first === undefined || vcpu === undefined) {
      return [];
    }
    const ids = hit.map(({ id }) => id);
    return [{ kind: 'breakpoint', breakpoints: ids, origin: first.origin, vcpu }];
  }

  // ---- steps

  /** Counts from now on how often the virtual processor is taken to a handler. */
  beginStep(vcpu: Vcpu): void {
    const { probes } = this.#machine.xen;
    this.#entries = 0;
    const count = (event: ProbeEvent): void => {
      if (event.domain === vcpu.domain.id && event.vcpu === vcpu.id) {
        this.#entries += 1;
      }
    };
    this.#stepEnds.push(probes.on('trap', count), probes.on('upcall', count));
  }

  endStep(): void {
    for (const end of this.#stepEnds.splice(0)) {
      end();
    }
  }

  /** How often that has happened in the present step. */
  get entries(): number {
    return this.#entries;
  }

  /** Ends the run when a virtual processor gets its next turn, before it executes anything. */
  stopWhenScheduled(vcpu: Vcpu): void {
    const { xen } = this.#machine;
    const end = xen.probes.on('schedule', (event) => {
      if (event.domain === vcpu.domain.id && event.vcpu === vcpu.id) {
        end();
        xen.stopSoon();
      }
    });
    this.#stepEnds.push(end);
  }

  /** The user is here, and has seen that a call or a trap comes next. */
  pass(what: 'hypercall' | 'trap'): void {
    this.#passed = this.#here(what);
    this.#upcallsPassUntil = this.#machine.xen.cpu.instructionCount + 1;
  }

  // ---- what the hypervisor asks

  stopsBeforeHypercall(vcpu: Vcpu): boolean {
    if (!this.events.wants('hypercall') || this.#passes('hypercall')) {
      return false;
    }
    const { eax, ebx, ecx, edx, esi, edi } = this.#machine.xen.cpu.state;
    const registers = [ebx, ecx, edx, esi, edi];
    const place = placeOf(vcpu);
    return this.#stops(callOccurrence(this.#machine, place, eax, registers), vcpu, 'hypercall');
  }

  stopsBeforeTrap(vcpu: Vcpu, vector: number, errorCode: number | undefined): boolean {
    const isPageFault = vector === VECTOR.page;
    const wantsTrap = this.events.wants('trap');
    const wantsFault = isPageFault && this.events.wants('page-fault');
    if (!(wantsTrap || wantsFault) || this.#passes('trap')) {
      return false;
    }
    const { eip, cr2 } = this.#machine.xen.cpu.state;
    const trap = { vector, errorCode, eip, cr2 };
    const stopsTrap =
      wantsTrap && this.#stops(trapOccurrence(placeOf(vcpu), trap, 'trap'), vcpu, 'trap');
    const stopsFault =
      wantsFault && this.#stops(trapOccurrence(placeOf(vcpu), trap, 'page-fault'), vcpu, 'trap');
    return stopsTrap || stopsFault;
  }

  beforeUpcall(vcpu: Vcpu): 'enter' | 'stop' | 'hold' {
    if (this.holdsUpcalls === vcpu) {
      return 'hold';
    }
    const isSeen = this.#machine.xen.cpu.instructionCount <= this.#upcallsPassUntil;
    if (!this.events.wants('event-delivery') || this.#passesUpcall || isSeen) {
      this.#passesUpcall = false;
      return 'enter';
    }
    const occurrence = deliveryOccurrence(this.#machine.xen, vcpu);
    this.#passesUpcall = this.#stops(occurrence, vcpu, 'event-delivery');
    return this.#passesUpcall ? 'stop' : 'enter';
  }

  /** Whether the machine has stopped right here, before this very thing. */
  #passes(what: string): boolean {
    return this.#passed === this.#here(what);
  }

  #here(what: string): string {
    return `${what} ${this.#machine.xen.cpu.instructionCount}`;
  }

  #stops(occurrence: Occurrence, vcpu: Vcpu, what: string): boolean {
    const stops = this.events.stopsFor(occurrence, vcpu);
    if (stops.length === 0) {
      return false;
    }
    this.#passed = this.#here(what);
    this.#note(
      occurrence,
      stops.flatMap(({ breakpoint }) => breakpoint ?? []),
      vcpu,
    );
    return true;
  }

  #note(occurrence: Occurrence, breakpoints: readonly number[], vcpu: Vcpu): void {
    this.#causes.push({ kind: 'event', occurrence, breakpoints, vcpu });
  }

  // ---- what probes tell

  #tell(event: ProbeEvent): void {
    const occurrence = occurrenceOf(event);
    if (occurrence !== undefined && this.events.wants(occurrence.id)) {
      this.#stopAfter(occurrence);
    }
  }

  /** A call of a multicall: there is nothing to stop before but the list. */
  #callInList(event: ProbeEvent): void {
    if (event.kind === 'hypercall' && event.isNested) {
      this.#stopAfter(callOccurrence(this.#machine, event, event.number, event.arguments));
    }
    this.#lastEnd = undefined;
  }

  #noteEnd(event: ProbeEvent): void {
    if (event.kind === 'stage' && event.ends) {
      this.#lastEnd = `${event.operation}, stage “${event.stage}”`;
    }
  }

  #callResult(event: ProbeEvent): void {
    if (event.kind !== 'hypercall-result') {
      return;
    }
    const refusedBy = this.#lastEnd;
    this.#lastEnd = undefined;
    if (event.result < 0 && !event.isContinued) {
      const end = { result: event.result, refusedBy };
      this.#stopAfter(callOccurrence(this.#machine, event, event.number, event.arguments, end));
    }
  }

  #stopAfter(occurrence: Occurrence): void {
    const { xen } = this.#machine;
    const vcpu = xen.domains.get(occurrence.domain)?.vcpus[occurrence.vcpu];
    if (vcpu === undefined) {
      return;
    }
    const stops = this.events.stopsFor(occurrence, vcpu);
    if (stops.length > 0) {
      this.#note(
        occurrence,
        stops.flatMap(({ breakpoint }) => breakpoint ?? []),
        vcpu,
      );
      xen.stopSoon();
    }
  }

  /** Ends all listening. */
  dispose(): void {
    this.data.set([]);
    for (const end of this.#ends) {
      end();
    }
    this.#machine.xen.interceptor = undefined;
    this.#machine.xen.cpu.breakpointFilter = undefined;
  }
}

const placeOf = ({ domain, id }: Vcpu) => ({ domain: domain.id, vcpu: id });
