/** Hypercalls as lines of JSON: who called what, with which arguments, and the answer. */

import type { Machine } from '../emulator/machine/machine.ts';
import type { HypercallData } from './inspection/data/hypercalls.ts';
import { describeCall } from './inspection/hypercall-description.ts';
import type { Symbols } from './inspection/symbols.ts';

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Calls `write` with a line for each hypercall from now on. Answers how to stop that. */
export function traceHypercalls(
  machine: Machine,
  symbols: Symbols,
  write: (line: string) => void,
): () => void {
  return machine.xen.probes.on('hypercall-result', (event) => {
    if (event.kind === 'hypercall-result') {
      write(lineOf(describeCall(machine, symbols, event)));
    }
  });
}

/** What is undefined has no place in the line. */
function lineOf(call: Omit<HypercallData, 'sequence'>): string {
  const { instructions, domain, vcpu, name, operation, result, errno, caller } = call;
  return JSON.stringify({
    instructions,
    domain,
    vcpu,
    hypercall: name,
    operation,
    arguments: call.arguments,
    nested: call.isNested ? true : undefined,
    result: call.isContinued ? 'continued' : result,
    errno,
    caller: hex(caller.address),
    symbol: caller.symbol,
  });
}
