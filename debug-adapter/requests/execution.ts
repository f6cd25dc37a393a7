/** Going on, stepping, pausing, going elsewhere. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import type { StepOptions } from '../debuggee/debug-run.ts';
import type { Debugging } from '../session/debugging.ts';
import { returnOf } from '../stack/frames.ts';
import { UserError } from '../user-error.ts';

type Granularity = DAP.SteppingGranularity | undefined;

export class ExecutionRequests {
  readonly #debugging: Debugging;
  /** Targets of `goto`, by number: addresses. */
  readonly #targets = new Map<number, number>();

  constructor(debugging: Debugging) {
    this.#debugging = debugging;
  }

  #optionsOf(granularity: Granularity): StepOptions {
    return {
      granularity: granularity === 'instruction' ? 'instruction' : 'line',
      holdsInterrupts: this.#debugging.holdsInterrupts,
    };
  }

  readonly continue = (_args: DAP.ContinueArguments): DAP.ContinueResponse['body'] => {
    this.#debugging.run.requireStop();
    this.#debugging.afterwards(() => this.#debugging.run.resume());
    return { allThreadsContinued: true };
  };

  readonly next = ({ threadId, granularity }: DAP.NextArguments): void => {
    const { run } = this.#debugging;
    run.requireStop();
    const thread = run.debuggee.thread(threadId);
    this.#debugging.afterwards(() => run.stepOver(thread, this.#optionsOf(granularity)));
  };

  readonly stepIn = ({ threadId, granularity }: DAP.StepInArguments): void => {
    const { run } = this.#debugging;
    run.requireStop();
    const thread = run.debuggee.thread(threadId);
    this.#debugging.afterwards(() => run.stepInto(thread, this.#optionsOf(granularity)));
  };

  readonly stepOut = ({ threadId }: DAP.StepOutArguments): void => {
    const { run } = this.#debugging;
    run.requireStop();
    const thread = run.debuggee.thread(threadId);
    const to = run.inside === undefined ? returnOf(run.debuggee, thread) : undefined;
    if (run.inside === undefined && to === undefined) {
      throw new UserError('There is no caller to return to: this is the outermost frame.');
    }
    this.#debugging.afterwards(() => run.stepOut(thread, to));
  };

  readonly pause = (_args: DAP.PauseArguments): void => {
    this.#debugging.run.pause();
  };

  readonly gotoTargets = ({
    source,
    line,
  }: DAP.GotoTargetsArguments): DAP.GotoTargetsResponse['body'] => {
    const { run } = this.#debugging;
    const vcpu = this.#debugging.vcpuOf(undefined);
    const { symbols, sources } = run.debuggee.programOf(vcpu);
    const file = source.path === undefined ? undefined : sources.programPath(source.path);
    const wanted = this.#debugging.lineFromClient(line);
    const found = file === undefined ? undefined : symbols.addressesOfLine(file, wanted);
    if (found === undefined) {
      return { targets: [] };
    }
    return {
      targets: found.addresses.map((address) => {
        const id = this.#targets.size + 1;
        this.#targets.set(id, address);
        const name = symbols.functionAt(address)?.name;
        return {
          id,
          label: `${name ?? `0x${address.toString(16)}`}, line ${found.line}`,
          line: this.#debugging.lineToClient(found.line),
          instructionPointerReference: `0x${address.toString(16)}`,
        };
      }),
    };
  };

  readonly goto = ({ threadId, targetId }: DAP.GotoArguments): void => {
    const { run } = this.#debugging;
    run.requireStop();
    run.requireGuest();
    const address = this.#targets.get(targetId);
    if (address === undefined) {
      throw new UserError(`There is no place ${targetId} to go to.`);
    }
    const thread = run.debuggee.thread(threadId);
    const view = run.debuggee.viewOf(thread.vcpu);
    view.setRegister('eip', address - view.word('csBase'));
    this.#debugging.afterwards(() => run.stopAgain(thread, 'goto'));
  };
}
