/** The last hypercalls, kept while somebody wants to see them. */

import type { Machine } from '../../emulator/machine/machine.ts';
import type { HypercallData, HypercallFilter, HypercallTraceData } from './data/hypercalls.ts';
import type { RowsWanted } from './data/rows.ts';
import { describeCall } from './hypercall-description.ts';
import { boundsOf } from './row-selection.ts';
import type { Symbols } from './symbols.ts';

const USUAL_CAPACITY = 10_000;
const MOST_CAPACITY = 100_000;

/** Off at first: nothing is heard, and nothing slowed, until `begin`. */
export class HypercallTrace {
  readonly #machine: Machine;
  readonly #symbols: Symbols;
  /** In a circle: the oldest stands at `#seen` modulo the capacity once that many were seen. */
  #calls: HypercallData[] = [];
  #capacity = USUAL_CAPACITY;
  #seen = 0;
  #stop: (() => void) | undefined;

  constructor(machine: Machine, symbols: Symbols) {
    this.#machine = machine;
    this.#symbols = symbols;
  }

  get isTracing(): boolean {
    return this.#stop !== undefined;
  }

  /** Keeps calls from now on. Another capacity drops what was kept. */
  begin(capacity = this.#capacity): void {
    const bounded = Math.max(1, Math.min(Math.floor(capacity) || USUAL_CAPACITY, MOST_CAPACITY));
    if (bounded !== this.#capacity) {
      this.clear();
      this.#capacity = bounded;
    }
    this.#stop ??= this.#machine.xen.probes.on('hypercall-result', (event) => {
      if (event.kind === 'hypercall-result') {
        const sequence = this.#seen++;
        const call = describeCall(this.#machine, NO_SYMBOLS, event);
        this.#calls[sequence % this.#capacity] = { sequence, ...call };
      }
    });
  }

  /** Hears no more; what was kept stays. */
  end(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  clear(): void {
    this.#calls = [];
    this.#seen = 0;
  }

  /** @param fromEnd `first` counts from the newest that fits, backwards to where rows begin */
  rows(filter: HypercallFilter = {}, wanted: RowsWanted = {}, fromEnd = false): HypercallTraceData {
    const fitting = this.#inOrder().filter((call) => fits(call, filter));
    const bounds = boundsOf(wanted);
    const first = fromEnd
      ? Math.max(0, fitting.length - bounds.first - bounds.count)
      : bounds.first;
    const end = fromEnd ? Math.max(0, fitting.length - bounds.first) : first + bounds.count;
    return {
      isTracing: this.isTracing,
      capacity: this.#capacity,
      seen: this.#seen,
      rows: fitting.slice(first, end).map((call) => this.#withSymbol(call)),
      total: fitting.length,
      first,
    };
  }

  #inOrder(): readonly HypercallData[] {
    const oldest = this.#seen > this.#capacity ? this.#seen % this.#capacity : 0;
    return [...this.#calls.slice(oldest), ...this.#calls.slice(0, oldest)];
  }

  /** Symbols are looked up for what is shown, not for each call that passes. */
  #withSymbol(call: HypercallData): HypercallData {
    const { address } = call.caller;
    return { ...call, caller: { address, symbol: this.#symbols(address, call.domain) } };
  }
}

const NO_SYMBOLS: Symbols = () => undefined;

function fits(call: HypercallData, { name, errno, domain }: HypercallFilter): boolean {
  const full = call.operation === undefined ? call.name : `${call.name}/${call.operation}`;
  return (
    (name === undefined || full.includes(name)) &&
    (domain === undefined || call.domain === domain) &&
    (errno === undefined || (errno === 'any' ? call.result < 0 : call.errno === errno))
  );
}
