/**
 * One typed stream of what happens in the machine: breakpoints, traces and views subscribe to it.
 *
 * Without a subscriber for a kind, whoever would emit it looks at one boolean and goes on.
 */

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
    | { readonly kind: 'timer'; readonly timer: string; readonly at: number }
    | { readonly kind: 'domain-state'; readonly state: string; readonly reason: string }
    | { readonly kind: 'schedule' }
    | { readonly kind: 'refusal'; readonly what: string; readonly text: string }
  );

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
  'timer',
  'domain-state',
  'schedule',
  'refusal',
] as const satisfies readonly ProbeKind[];

export class Probes {
  readonly #listeners = new Map<ProbeKind, Listener[]>();
  /** Whether anybody listens, by kind. */
  readonly wants: Record<ProbeKind, boolean> = Object.fromEntries(
    KINDS.map((kind) => [kind, false]),
  ) as Record<ProbeKind, boolean>;

  /** Answers a function that ends the subscription. */
  on(kind: ProbeKind, listener: Listener): () => void {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), listener]);
    this.wants[kind] = true;
    return () => {
      const others = (this.#listeners.get(kind) ?? []).filter((other) => other !== listener);
      this.#listeners.set(kind, others);
      this.wants[kind] = others.length > 0;
    };
  }

  emit(event: ProbeEvent): void {
    for (const listener of this.#listeners.get(event.kind) ?? []) {
      listener(event);
    }
  }
}
