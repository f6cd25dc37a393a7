/** Going on, stepping, pausing, going elsewhere. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { callsAhead } from '../debuggee/calls-ahead.ts';
import type { StepOptions } from '../debuggee/debug-run.ts';
import type { Debugging } from '../session/debugging.ts';
import { returnOf } from '../stack/frames.ts';
import { UserError } from '../user-error.ts';

type StepArguments = Pick<DAP.NextArguments, 'granularity' | 'singleThread'>;

export class ExecutionRequests {
  readonly #debugging: Debugging;
  /** Targets of `goto`, by number: addresses. */
  readonly #targets = new Map<number, number>();
  /** Targets of `stepIn`, by number: addresses of calls. */
  readonly #calls = new Map<number, number>();

  constructor(debugging: Debugging) {
    this.#debugging = debugging;
  }

  #optionsOf({ granularity, singleThread = false }: StepArguments): StepOptions {
    return {
      granularity: granularity === 'instruction' ? 'instruction' : 'line',
      holdsInterrupts: this.#debugging.holdsInterrupts,
      isAlone: singleThread,
    };
  }

  readonly continue = ({
    threadId,
    singleThread = false,
  }: DAP.ContinueArguments): DAP.ContinueResponse['body'] => {
    const { run } = this.#debugging;
    run.requireStop();
    const only = singleThread ? run.debuggee.thread(threadId) : undefined;
    this.#debugging.afterwards(() => run.resume(only));
    return { allThreadsContinued: !singleThread };
  };

  readonly next = (args: DAP.NextArguments): void => {
    const { run } = this.#debugging;
    run.requireStop();
    const thread = run.debuggee.thread(args.threadId);
    this.#debugging.afterwards(() => run.stepOver(thread, this.#optionsOf(args)));
  };

  readonly stepIn = (args: DAP.StepInArguments): void => {
    const { run } = this.#debugging;
    run.requireStop();
    const thread = run.debuggee.thread(args.threadId);
    const { targetId } = args;
    const call = targetId === undefined ? undefined : this.#calls.get(targetId);
    if (targetId !== undefined && call === undefined) {
      throw new UserError(`There is no call ${targetId} to step into.`);
    }
    this.#debugging.afterwards(() => run.stepInto(thread, this.#optionsOf(args), call));
  };

  readonly stepInTargets = ({
    frameId,
  }: DAP.StepInTargetsArguments): DAP.StepInTargetsResponse['body'] => {
    const { run, syntax } = this.#debugging;
    run.requireStop();
    const shown = this.#debugging.frame(frameId);
    if (shown.kind !== 'guest' || shown.frame.isCaller || run.inside !== undefined) {
      return { targets: [] };
    }
    const view = run.debuggee.viewOf(shown.thread.vcpu);
    return {
      targets: callsAhead(view, shown.program, syntax).map(({ address, label }) => {
        const id = this.#calls.size + 1;
        this.#calls.set(id, address);
        const place = shown.program.symbols.locationAt(address);
        return {
          ...{ id, label },
          ...(place !== undefined && { line: this.#debugging.lineToClient(place.line) }),
        };
      }),
    };
  };

  readonly stepOut = (args: DAP.StepOutArguments): void => {
    const { threadId } = args;
    const { run } = this.#debugging;
    run.requireStop();
    const thread = run.debuggee.thread(threadId);
    const to = run.inside === undefined ? returnOf(run.debuggee, thread) : undefined;
    if (run.inside === undefined && to === undefined) {
      throw new UserError('There is no caller to return to: this is the outermost frame.');
    }
    const { isAlone } = this.#optionsOf(args);
    this.#debugging.afterwards(() => run.stepOut(thread, to, { isAlone }));
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
