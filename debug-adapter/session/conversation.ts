/** All requests of a conversation, put together: a file for each topic of the protocol. */

import { BreakpointRequests } from '../requests/breakpoints.ts';
import { DataBreakpointRequests } from '../requests/data-breakpoints.ts';
import { disassemblyRequests } from '../requests/disassembly.ts';
import { EvaluateRequests } from '../requests/evaluate.ts';
import { exceptionRequests } from '../requests/exceptions.ts';
import { ExecutionRequests } from '../requests/execution.ts';
import { LifecycleRequests } from '../requests/lifecycle.ts';
import { machineRequests } from '../requests/machine.ts';
import { memoryRequests } from '../requests/memory.ts';
import { sourceRequests } from '../requests/sources.ts';
import { stackRequests } from '../requests/stack.ts';
import { variableRequests } from '../requests/variables.ts';
import { Debugging, type Emit } from './debugging.ts';
import type { SessionHost } from './session-host.ts';

function requestsOf(debugging: Debugging) {
  return {
    ...new LifecycleRequests(debugging),
    ...new ExecutionRequests(debugging),
    ...new BreakpointRequests(debugging),
    ...new DataBreakpointRequests(debugging),
    ...exceptionRequests(debugging),
    ...stackRequests(debugging),
    ...variableRequests(debugging),
    ...new EvaluateRequests(debugging),
    ...memoryRequests(debugging),
    ...disassemblyRequests(debugging),
    ...sourceRequests(debugging),
    ...machineRequests(debugging),
  };
}

export class Conversation {
  readonly #debugging: Debugging;
  readonly requests: ReturnType<typeof requestsOf>;

  constructor(host: SessionHost, emit: Emit) {
    this.#debugging = new Debugging(host, emit);
    this.requests = requestsOf(this.#debugging);
  }

  /** A response has been sent: what had to come behind it can. */
  answered(): void {
    this.#debugging.afterResponse();
  }

  dispose(): void {
    this.#debugging.setRun(undefined);
  }
}
