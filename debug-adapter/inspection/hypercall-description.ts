/** One hypercall, decoded at the moment of its answer: names, arguments by name and struct, caller. */

import { type Description, describe } from '../../emulator/abi/description.ts';
import { errnoName } from '../../emulator/abi/errno.ts';
import { nameOf } from '../../emulator/abi/names.ts';
import { HYPERVISOR } from '../../emulator/abi/xen.ts';
import type { Hypercall } from '../../emulator/hypervisor/hypercall.ts';
import { hypercallAt } from '../../emulator/hypervisor/hypercall-entry.ts';
import type { ProbeEvent } from '../../emulator/hypervisor/probes.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { HypercallData } from './data/hypercalls.ts';
import { codePlace, type Symbols } from './symbols.ts';

export type HypercallResult = Extract<ProbeEvent, { kind: 'hypercall-result' }>;

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/** To be asked while the event is heard: arguments are read from the caller's memory. */
export function describeCall(
  machine: Machine,
  symbols: Symbols,
  event: HypercallResult,
): Omit<HypercallData, 'sequence'> {
  const { number, domain, vcpu, result, isNested, isContinued } = event;
  const call = hypercallAt(number);
  return {
    instructions: machine.xen.cpu.instructionCount,
    domain,
    vcpu,
    name: nameOf(HYPERVISOR, number) ?? String(number),
    number,
    ...(call && {
      operation: operationName(call, event.arguments),
      arguments: describeArguments(machine, call, event.arguments),
    }),
    isNested,
    isContinued,
    result,
    errno: result < 0 && result > -HIGHEST_ERRNO ? errnoName(result) : undefined,
    caller: codePlace(symbols, domain, callerOf(machine, event)),
  };
}

/** A call with its arguments by name, the struct that it points to as it is in memory now. */
export interface DecodedCall {
  /** Of the sub-operation, if the call has some. */
  readonly operation: string | undefined;
  readonly arguments: Readonly<Record<string, Description>>;
}

/** @param values EBX, ECX, EDX, ESI, EDI */
export function decodeCall(
  machine: Machine,
  number: number,
  values: readonly number[],
): DecodedCall {
  const call = hypercallAt(number);
  return call === undefined
    ? {
        operation: undefined,
        arguments: Object.fromEntries(values.map((value, i) => [`arg${i}`, hex(value)])),
      }
    : {
        operation: operationName(call, values),
        arguments: describeArguments(machine, call, values),
      };
}

/** Results beyond are no errors but, say, addresses. */
const HIGHEST_ERRNO = 200;

/** The page of stubs calls by `int` and returns; a guest may also have an `int` of its own. */
function callerOf({ xen }: Machine, { eip, returnAddress }: HypercallResult): number {
  const [next] = xen.cpu.access.peek(eip, 1);
  return next === RET ? returnAddress : eip;
}
const RET = 0xc3;

/** Parameters that point to the struct of a sub-operation. */
const POINTERS: readonly string[] = ['arg', 'uop'];

function operationName(
  { commands }: Hypercall,
  [command = 0]: readonly number[],
): string | undefined {
  return commands && (nameOf(commands, command) ?? String(command));
}

function describeArguments(
  machine: Machine,
  { operations, parameters }: Hypercall,
  values: readonly number[],
): Readonly<Record<string, Description>> {
  const operation = operations?.get(values[0] ?? 0);
  const named = parameters.map((parameter, i) => [parameter, hex(values[i] ?? 0)] as const);
  const fields: Record<string, Description> = Object.fromEntries(named);
  if (operation !== undefined) {
    const pointer = values[parameters.findIndex((name) => POINTERS.includes(name))] ?? 0;
    const bytes = machine.xen.cpu.access.peek(pointer, operation.layout.size);
    if (bytes.length === operation.layout.size) {
      fields[operation.layout.name] = describe(operation.layout, new DataView(bytes.buffer));
    }
  }
  return fields;
}
