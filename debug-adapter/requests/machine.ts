/** What goes beyond the protocol: what views show, the consoles of guests, how steps are made. */

import type { BodyOf, CustomRequestName } from '../custom-requests.ts';
import { CUSTOM_REQUEST_NAMES } from '../inspection/inspector.ts';
import type { Debugging } from '../session/debugging.ts';

/** Those that change the machine: not while it stands inside the hypervisor. */
const CHANGING: readonly CustomRequestName[] = [
  'ringside/xenstoreWrite',
  'ringside/xenstoreRemove',
];

type Answers = { [Name in CustomRequestName]: (given: unknown) => BodyOf<Name> };

export function machineRequests(debugging: Debugging) {
  const answers = Object.fromEntries(
    CUSTOM_REQUEST_NAMES.map((name) => [name, (given: unknown) => answer(debugging, name, given)]),
  ) as Answers;
  return {
    ...answers,

    'ringside/stepping'({ holdsInterrupts }: { holdsInterrupts?: unknown }): {
      holdsInterrupts: boolean;
    } {
      if (typeof holdsInterrupts === 'boolean') {
        debugging.holdsInterrupts = holdsInterrupts;
      }
      return { holdsInterrupts: debugging.holdsInterrupts };
    },

    /** Equal states of a machine have equal digests. */
    'ringside/hash'(): { hash: string; instructions: number } {
      const { machine } = debugging.run.debuggee;
      return { hash: machine.hash(), instructions: machine.instructions };
    },
  };
}

function answer(debugging: Debugging, name: CustomRequestName, given: unknown): unknown {
  const { run } = debugging;
  if (CHANGING.includes(name)) {
    run.requireGuest();
  }
  const body = run.inspector.answer(name, given);
  if (name === 'ringside/consoleInput' || CHANGING.includes(name)) {
    run.runner.hasInput();
  }
  return body;
}
