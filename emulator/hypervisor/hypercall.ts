/**
 * How the guest calls the hypervisor.
 *
 * A hypercall is a row of a table: number, name, parameters for those who show calls, and what
 * it does. One with sub-operations has a table of these, from the number to the struct it takes.
 * Fetching that struct from the guest and storing it back happens here and nowhere else: a
 * handler sees plain fields, and cannot forget a fault.
 */

import { describe } from '../abi/description.ts';
import { ERRNO } from '../abi/errno.ts';
import type { Layout, View } from '../abi/layout.ts';
import { nameOf } from '../abi/names.ts';
import type { Domain } from './domains/domain.ts';
import type { Vcpu } from './domains/vcpu.ts';
import type { GuestMemory } from './guest-memory.ts';
import { type Operation, runStages } from './stage.ts';
import type { Xen } from './xen.ts';

/** Who calls, and with whose help the call is carried out. */
export interface Caller {
  readonly xen: Xen;
  readonly domain: Domain;
  readonly vcpu: Vcpu;
  /** The memory of the calling guest. */
  readonly memory: GuestMemory;
}

/** Arguments as they stand in EBX, ECX, EDX, ESI and EDI, unsigned. */
export type Run = (
  caller: Caller,
  ebx: number,
  ecx: number,
  edx: number,
  esi: number,
  edi: number,
) => number;

// biome-ignore lint/suspicious/noExplicitAny: a table holds operations over different structs
type AnyLayout = Layout<any>;

/** A sub-operation that takes a struct by pointer. */
export interface Suboperation {
  readonly name: string;
  readonly layout: AnyLayout;
  run(caller: Caller, fields: unknown): number;
}

/** Sub-operations by their number. */
export type Suboperations = ReadonlyMap<number, Suboperation>;

export interface Hypercall {
  readonly number: number;
  readonly name: string;
  /** Names of the arguments, as in Xen's headers; a register without one is not an argument. */
  readonly parameters: readonly string[];
  /** Sub-operations by the number in the first argument, their struct by the last. */
  readonly operations?: Suboperations;
  /** Names of the sub-operations that the first argument can choose. */
  readonly commands?: Readonly<Record<string, number>>;
  readonly run: Run;
}

/** A row of a table of sub-operations. */
export function suboperation<L extends AnyLayout>(
  commands: Readonly<Record<string, number>>,
  number: number,
  layout: L,
  run: (caller: Caller, fields: View<L>) => number,
): readonly [number, Suboperation] {
  const name = nameOf(commands, number) ?? String(number);
  return [number, { name, layout, run: run as Suboperation['run'] }];
}

/** Carries out a sub-operation: struct in, act, struct out. */
export function dispatch(
  operations: Suboperations,
  caller: Caller,
  command: number,
  argument: number,
  what: string,
): number {
  const operation = operations.get(command);
  if (operation === undefined) {
    return unimplemented(caller, `${what} ${command}`);
  }
  if (caller.xen.probes.gate !== undefined) {
    return dispatchByStages(operation, caller, argument);
  }
  const bytes = caller.memory.copyIn(argument, operation.layout.size);
  if (bytes === undefined) {
    return -ERRNO.EFAULT;
  }
  const result = operation.run(caller, operation.layout.at(bytes));
  if (result < 0 || !operation.layout.answers) {
    return result;
  }
  return caller.memory.write(argument, bytes) ? result : -ERRNO.EFAULT;
}

/** What the stages of a sub-operation work on. */
interface Dispatch {
  readonly caller: Caller;
  readonly operation: Suboperation;
  readonly argument: number;
  bytes: DataView | undefined;
  result: number;
  readonly domain: number;
  readonly vcpu: number;
}

const SUBOPERATION_STAGES: Operation<Dispatch>['stages'] = [
  {
    name: 'copy the argument in',
    rule: 'The struct is copied from the guest’s memory; what cannot be read is -EFAULT.',
    run(dispatch) {
      const { caller, argument, operation } = dispatch;
      dispatch.bytes = caller.memory.copyIn(argument, operation.layout.size);
      dispatch.result = dispatch.bytes === undefined ? -ERRNO.EFAULT : 0;
      return dispatch.bytes === undefined ? 'done' : 'next';
    },
  },
  {
    name: 'check and act',
    rule: 'The checks are made in Xen’s order, since guests can see it, and then what was asked for is done.',
    run(dispatch) {
      const { caller, operation } = dispatch;
      dispatch.result = operation.run(caller, operation.layout.at(dispatch.bytes as DataView));
      return dispatch.result < 0 || !operation.layout.answers ? 'done' : 'next';
    },
  },
  {
    name: 'copy the answer out',
    rule: 'Fields marked OUT in Xen’s header go back into the guest’s struct.',
    run(dispatch) {
      const { caller, argument } = dispatch;
      if (!caller.memory.write(argument, dispatch.bytes as DataView)) {
        dispatch.result = -ERRNO.EFAULT;
      }
      return 'next';
    },
  },
];

function dispatchByStages(operation: Suboperation, caller: Caller, argument: number): number {
  const { domain, vcpu } = caller;
  const { layout } = operation;
  const dispatch: Dispatch = {
    ...{ caller, operation, argument, bytes: undefined, result: 0 },
    ...{ domain: domain.id, vcpu: vcpu.id },
  };
  const named: Operation<Dispatch> = {
    name: operation.name,
    stages: SUBOPERATION_STAGES,
    facts: ({ bytes, result }) => ({
      argument,
      ...(bytes === undefined ? {} : { [layout.name]: JSON.stringify(describe(layout, bytes)) }),
      result,
    }),
  };
  runStages(named, dispatch, caller.xen.probes);
  return dispatch.result;
}

/** The older form of a call: the command stands in the struct, its fields behind it, as do answers. */
export function dispatchCompat(
  layout: AnyLayout,
  operations: Suboperations,
  caller: Caller,
  argument: number,
  otherwise: (command: number) => number,
): number {
  const bytes = caller.memory.copyIn(argument, layout.size);
  if (bytes === undefined) {
    return -ERRNO.EFAULT;
  }
  const { cmd } = layout.at(bytes) as { cmd: number };
  const operation = operations.get(cmd);
  if (operation === undefined) {
    return otherwise(cmd);
  }
  const fields = operation.layout.at(bytes, layout.offsets['u']);
  const result = operation.run(caller, fields);
  return caller.memory.write(argument, bytes) ? result : -ERRNO.EFAULT;
}

/** The answer to what there is not, which the user gets to know of. */
export function unimplemented({ xen, domain }: Caller, what: string): number {
  const at = xen.cpu.state.eip.toString(16).padStart(8, '0');
  xen.journal.record('unimplemented', domain.id, `${what} (called at ${at}) is not implemented.`);
  return domain.profile.unknownOperation === 'EINVAL' ? -ERRNO.EINVAL : -ERRNO.ENOSYS;
}

/** Of the work of one call, in entries of lists: some tenths of a second of the host's time. */
const MOST_WORK = 1 << 15;

/**
 * Notes work, and answers whether a call has done so much by now that the guest has to make the rest
 * of it. A list of calls is one call.
 */
export function isLong({ xen }: Caller, more: number): boolean {
  xen.pages.work += more;
  return xen.pages.work >= MOST_WORK;
}

/** Arguments of a call by the registers that they stand in; those that stay as they are, not. */
export type CallRegisters = Readonly<
  Partial<Record<'ebx' | 'ecx' | 'edx' | 'esi' | 'edi', number>>
>;

/**
 * Lets the guest make the rest of a long call itself: EIP goes back onto `int 0x82`, with other
 * arguments, and whatever is pending is delivered in between. A call from a list leaves the rest in
 * its entry, and the list goes on from there (Xen: hypercall_create_continuation).
 */
export function continueLater({ xen }: Caller, number: number, registers: CallRegisters): number {
  if (xen.isInMulticall) {
    xen.restOfEntry = registers;
    return 0;
  }
  const { state } = xen.cpu;
  Object.assign(state, registers);
  state.eax = number;
  state.eip = (state.eip - 2) >>> 0;
  xen.keepsRegisters = true;
  return 0;
}
