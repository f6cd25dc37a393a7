/**
 * Which events of the machine stop it: filters and breakpoints by name.
 *
 * What nobody wants is not listened to, so that it costs nothing.
 */

import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { ProbeKind } from '../../emulator/hypervisor/probes.ts';
import type { HitTest, Message, Predicate } from './condition.ts';
import type { MachineEventId } from './machine-events.ts';
import type { Occurrence } from './occurrence.ts';

export interface EventStop {
  /** Of a breakpoint by name; undefined: a filter. */
  readonly breakpoint: number | undefined;
  readonly event: MachineEventId;
  /** `event_channel_op`, `event_channel_op/send`, a port, a path; undefined: any. */
  readonly subject: string | undefined;
  readonly condition?: Predicate | undefined;
  readonly hits?: HitTest | undefined;
  /** Instead of a stop, this is printed. */
  readonly message?: Message | undefined;
}

/** What tells of events that have happened. Others are asked for before they happen. */
export const TOLD_BY: Readonly<Partial<Record<MachineEventId, ProbeKind>>> = {
  'event-sent': 'event-sent',
  'page-table-write': 'page-table-write',
  timer: 'timer',
  'ring-request': 'ring',
  xenstore: 'xenstore',
  'domain-crash': 'domain-state',
  unimplemented: 'record',
};

export interface EventListener {
  log(text: string, vcpu: Vcpu): void;
  problem(text: string): void;
}

export class EventStops {
  readonly #listener: EventListener;
  readonly #groups = new Map<string, readonly EventStop[]>();
  readonly #counts = new Map<EventStop, number>();
  #byEvent = new Map<MachineEventId, EventStop[]>();

  constructor(listener: EventListener) {
    this.#listener = listener;
  }

  set(group: string, stops: readonly EventStop[]): void {
    this.#groups.set(group, stops);
    this.#byEvent = new Map();
    for (const stop of [...this.#groups.values()].flat()) {
      this.#byEvent.set(stop.event, [...(this.#byEvent.get(stop.event) ?? []), stop]);
    }
  }

  /** All of them, to be set again elsewhere. */
  get groups(): ReadonlyMap<string, readonly EventStop[]> {
    return this.#groups;
  }

  wants(event: MachineEventId): boolean {
    return this.#byEvent.has(event);
  }

  forgetCounts(): void {
    this.#counts.clear();
  }

  /** Those that want to stop for something; messages of others are printed. */
  stopsFor(occurrence: Occurrence, vcpu: Vcpu): readonly EventStop[] {
    const stops = this.#byEvent.get(occurrence.id) ?? [];
    return stops.filter((stop) => this.#wantsToStop(stop, occurrence, vcpu));
  }

  #wantsToStop(stop: EventStop, occurrence: Occurrence, vcpu: Vcpu): boolean {
    const moment = { vcpu, fields: occurrence.fields };
    if (!isAbout(stop.subject, occurrence)) {
      return false;
    }
    try {
      if (stop.condition !== undefined && !stop.condition(moment)) {
        return false;
      }
      const count = (this.#counts.get(stop) ?? 0) + 1;
      this.#counts.set(stop, count);
      if (stop.hits !== undefined && !stop.hits(count)) {
        return false;
      }
      if (stop.message !== undefined) {
        this.#listener.log(stop.message(moment), vcpu);
        return false;
      }
    } catch (error) {
      if (!(error instanceof Error)) {
        throw error;
      }
      this.#listener.problem(error.message);
    }
    return true;
  }
}

/** `event_channel_op` is about all its sub-operations. */
function isAbout(subject: string | undefined, occurrence: Occurrence): boolean {
  return (
    subject === undefined ||
    occurrence.subject === subject ||
    occurrence.subject.startsWith(`${subject}/`)
  );
}
