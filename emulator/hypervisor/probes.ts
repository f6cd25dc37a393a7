/**
 * One typed stream of what happens in the machine: breakpoints, traces and views subscribe to it.
 *
 * Without a subscriber for a kind, whoever would emit it looks at one boolean and goes on.
 */

/** What an operation knows and has changed, for those who look: by the field's own names. */
export type StageFacts = Readonly<Record<string, number | string | bigint>>;

/** An operation between two of its stages. */
export interface StageMoment {
  readonly operation: {
    readonly name: string;
    readonly stages: readonly { readonly name: string; readonly rule: string }[];
  };
  /** Of the stage that is about to run; as many as there are stages: all have. */
  readonly index: number;
  readonly domain: number;
  readonly vcpu: number;
  facts(): StageFacts;
}

/** What watches operations. An operation may be a part of a stage of another. */
export interface StageGate {
  enter(moment: StageMoment): void;
  /** Before a stage and behind the last one; may throw to leave the hypervisor where it is. */
  pass(moment: StageMoment): void;
  leave(): void;
}

/** Where an event took place; `domain` and `vcpu` are the ones it concerns. */
interface Located {
  readonly domain: number;
  readonly vcpu: number;
}

interface Call {
  readonly number: number;
  /** EBX, ECX, EDX, ESI, EDI, or the arguments of an entry of a multicall. */
  readonly arguments: readonly number[];
  readonly isNested: boolean;
}

export type ProbeEvent = Located &
  (
    | (Call & { readonly kind: 'hypercall' })
    | (Call & {
        readonly kind: 'hypercall-result';
        readonly result: number;
        /** Of the instruction behind the call. */
        readonly eip: number;
        /** The word on top of the stack: where the stub of the hypercall page returns to. */
        readonly returnAddress: number;
        /** The rest is left to a call that the guest repeats. */
        readonly isContinued: boolean;
      })
    | {
        readonly kind: 'stage';
        readonly operation: string;
        readonly stage: string;
        /** Whether the operation ended here. */
        readonly ends: boolean;
      }
    | {
        readonly kind: 'trap';
        readonly vector: number;
        readonly errorCode: number | undefined;
        readonly eip: number;
        readonly cr2: number;
      }
    | { readonly kind: 'upcall'; readonly eip: number }
    | { readonly kind: 'event-sent'; readonly port: number; readonly isMasked: boolean }
    | {
        /** A grant that `domain` mapped or unmapped. */
        readonly kind: 'grant';
        readonly action: 'mapped' | 'unmapped';
        readonly granter: number;
        readonly reference: number;
        /** Machine frame. */
        readonly frame: number;
      }
    | { readonly kind: 'page-table-write'; readonly address: number; readonly value: bigint }
    /** A machine frame takes on a type (FRAME_TYPE); `domain` owns it. */
    | {
        readonly kind: 'page-type';
        readonly frame: number;
        readonly before: number;
        readonly after: number;
      }
    | { readonly kind: 'timer-set'; readonly timer: TimerName; readonly at: number }
    /** It has fired; `at` is when it was due, in ns of system time. */
    | { readonly kind: 'timer'; readonly timer: TimerName; readonly at: number }
    | { readonly kind: 'domain-state'; readonly state: string; readonly reason: string }
    /** The virtual processor begins a turn. */
    | { readonly kind: 'schedule' }
    /** What the journal has of a domain, each time. */
    | { readonly kind: 'record'; readonly record: string; readonly text: string }
    /** A request on a device's ring has been answered. */
    | {
        readonly kind: 'ring';
        /** As in xenstore: `vbd/51712`. */
        readonly device: string;
        readonly request: string;
        readonly status: number;
      }
    | {
        readonly kind: 'xenstore';
        readonly direction: 'in' | 'out';
        readonly type: string;
        readonly payload: string;
      }
  );

export type TimerName = 'single-shot' | 'tick' | 'poll';

export type ProbeKind = ProbeEvent['kind'];
type Listener = (event: ProbeEvent) => void;

const KINDS = [
  'hypercall',
  'hypercall-result',
  'stage',
  'trap',
  'upcall',
  'event-sent',
  'grant',
  'page-table-write',
  'page-type',
  'timer-set',
  'timer',
  'domain-state',
  'schedule',
  'record',
  'ring',
  'xenstore',
] as const satisfies readonly ProbeKind[];

const NOBODY: Readonly<Record<ProbeKind, boolean>> = Object.fromEntries(
  KINDS.map((kind) => [kind, false]),
) as Record<ProbeKind, boolean>;

export class Probes {
  readonly #listeners = new Map<ProbeKind, Listener[]>();
  #wants: Record<ProbeKind, boolean> = { ...NOBODY };
  /** While something is tried that will be taken back, nobody hears of it. */
  #isMuted = false;
  /** Sees each stage before it runs; while there is one, operations take their long ways. */
  gate: StageGate | undefined;
  /** Whether anybody listens, by kind. */
  wants: Readonly<Record<ProbeKind, boolean>> = this.#wants;

  /** Answers a function that ends the subscription. */
  on(kind: ProbeKind, listener: Listener): () => void {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), listener]);
    this.#wants[kind] = true;
    return () => {
      const others = (this.#listeners.get(kind) ?? []).filter((other) => other !== listener);
      this.#listeners.set(kind, others);
      this.#wants[kind] = others.length > 0;
    };
  }

  get isMuted(): boolean {
    return this.#isMuted;
  }

  set isMuted(isMuted: boolean) {
    this.#isMuted = isMuted;
    this.wants = isMuted ? NOBODY : this.#wants;
  }

  emit(event: ProbeEvent): void {
    for (const listener of this.#listeners.get(event.kind) ?? []) {
      listener(event);
    }
  }
}
