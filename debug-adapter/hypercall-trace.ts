/** Hypercalls as lines of JSON: who called what, with which arguments, and the answer. */

import { describe } from '../emulator/abi/description.ts';
import { errnoName } from '../emulator/abi/errno.ts';
import { nameOf } from '../emulator/abi/names.ts';
import { HYPERVISOR } from '../emulator/abi/xen.ts';
import type { Hypercall } from '../emulator/hypervisor/hypercall.ts';
import { hypercallAt } from '../emulator/hypervisor/hypercall-entry.ts';
import type { ProbeEvent } from '../emulator/hypervisor/probes.ts';
import type { Machine } from '../emulator/machine/machine.ts';

type HypercallResult = Extract<ProbeEvent, { kind: 'hypercall-result' }>;

/** What is known of code at an address. */
export type Symbols = (address: number) => string | undefined;

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/** Calls `write` with a line for each hypercall from now on. Answers how to stop that. */
export function traceHypercalls(
  machine: Machine,
  symbols: Symbols,
  write: (line: string) => void,
): () => void {
  return machine.xen.probes.on('hypercall-result', (event) => {
    if (event.kind === 'hypercall-result') {
      write(JSON.stringify(describeCall(machine, symbols, event)));
    }
  });
}

function describeCall(machine: Machine, symbols: Symbols, event: HypercallResult): object {
  const call = hypercallAt(event.number);
  const caller = callerOf(machine, event);
  const symbol = symbols(caller);
  return {
    instructions: machine.xen.cpu.instructionCount,
    domain: event.domain,
    vcpu: event.vcpu,
    hypercall: nameOf(HYPERVISOR, event.number) ?? String(event.number),
    ...(call === undefined ? {} : describeArguments(machine, call, event.arguments)),
    ...(event.isNested ? { nested: true } : {}),
    result: event.isContinued ? 'continued' : event.result,
    ...(event.result < 0 && event.result > -200 ? { errno: errnoName(event.result) } : {}),
    caller: hex(caller),
    ...(symbol === undefined ? {} : { symbol }),
  };
}

/** The page of stubs calls by `int` and returns; a guest may also have an `int` of its own. */
function callerOf({ xen }: Machine, { eip, returnAddress }: HypercallResult): number {
  const [next] = xen.cpu.access.peek(eip, 1);
  return next === RET ? returnAddress : eip;
}
const RET = 0xc3;

/** Parameters that point to the struct of a sub-operation. */
const POINTERS: readonly string[] = ['arg', 'uop'];

function describeArguments(machine: Machine, call: Hypercall, values: readonly number[]): object {
  const [command = 0] = values;
  const operation = call.operations?.get(command);
  const name = call.commands && (nameOf(call.commands, command) ?? String(command));
  const named = call.parameters.map((parameter, i) => [parameter, hex(values[i] ?? 0)]);
  const fields: Record<string, unknown> = Object.fromEntries(named);
  if (operation !== undefined) {
    const pointer = values[call.parameters.findIndex((name) => POINTERS.includes(name))] ?? 0;
    const bytes = machine.xen.cpu.access.peek(pointer, operation.layout.size);
    if (bytes.length === operation.layout.size) {
      fields[operation.layout.name] = describe(operation.layout, new DataView(bytes.buffer));
    }
  }
  return { ...(name === undefined ? {} : { operation: name }), arguments: fields };
}
