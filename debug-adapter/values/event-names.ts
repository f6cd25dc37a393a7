/** All names that a condition on an event can ask for: fields of events, arguments and structs of calls. */

import { hypercalls } from '../../emulator/hypervisor/hypercalls/index.ts';
import { COMMON_FIELDS, MACHINE_EVENTS } from '../debuggee/machine-events.ts';
import { MACHINE_FUNCTIONS } from './machine-functions.ts';

interface Shaped {
  readonly shape: {
    readonly fields?: readonly { readonly name: string; readonly type: unknown }[];
  };
}

function* fieldNames(type: unknown): Generator<string> {
  for (const field of (type as Shaped).shape.fields ?? []) {
    yield field.name;
    yield* fieldNames(field.type);
  }
}

function* allNames(): Generator<string> {
  for (const { fields } of MACHINE_EVENTS) {
    yield* fields.map(({ name }) => name);
  }
  yield* COMMON_FIELDS.map(({ name }) => name);
  yield* ['arg0', 'arg1', 'arg2', 'arg3', 'arg4'];
  yield* MACHINE_FUNCTIONS.map(({ name }) => name);
  for (const { parameters, operations } of hypercalls) {
    yield* parameters;
    for (const { layout } of operations?.values() ?? []) {
      yield* fieldNames(layout);
    }
  }
}

const NAMES: ReadonlySet<string> = new Set(allNames());

export const isNameOfEvent = (name: string): boolean => NAMES.has(name);

export const isMachineFunction = (name: string): boolean =>
  MACHINE_FUNCTIONS.some((each) => each.name === name);
