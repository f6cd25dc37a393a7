/** From the first message to the last: what the client is, what is launched, how it ends. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { SHUTDOWN } from '../../emulator/abi/sched.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import { DebugRun, type RunListener, type Stop } from '../debuggee/debug-run.ts';
import { StopControl } from '../debuggee/stop-control.ts';
import { type LaunchConfiguration, validateLaunch } from '../launch/launch-configuration.ts';
import { launchMachine, type ReadyMachine } from '../launch/machine-launch.ts';
import { CAPABILITIES } from '../session/capabilities.ts';
import type { Debugging } from '../session/debugging.ts';
import { UserError } from '../user-error.ts';

export class LifecycleRequests {
  readonly #debugging: Debugging;
  #configuration: LaunchConfiguration | undefined;

  constructor(debugging: Debugging) {
    this.#debugging = debugging;
  }

  readonly initialize = (args: DAP.InitializeRequestArguments): object => {
    this.#debugging.client = args;
    if (args.pathFormat !== undefined && args.pathFormat !== 'path' && args.pathFormat !== 'uri') {
      throw new UserError(`There is no path format ${JSON.stringify(args.pathFormat)}.`);
    }
    return { ...CAPABILITIES, ringsideRequests: 1 };
  };

  readonly launch = async (args: DAP.LaunchRequestArguments): Promise<void> => {
    if (this.#configuration !== undefined) {
      throw new UserError('Something has been launched already: disconnect or restart.');
    }
    const configuration = validateLaunch(args);
    await this.#build(configuration);
    this.#configuration = configuration;
    this.#debugging.afterwards(() => this.#debugging.emit('initialized'));
  };

  readonly attach = (): void => {
    throw new UserError(
      'There is nothing to attach to: the machine is part of Ringside. Use "launch".',
    );
  };

  readonly configurationDone = (): void => {
    const configuration = this.#configuration;
    if (configuration === undefined) {
      throw new UserError('Nothing has been launched yet.');
    }
    this.#debugging.afterwards(() => this.#begin(configuration));
  };

  readonly restart = async (args: DAP.RestartArguments): Promise<void> => {
    const before = this.#configuration;
    if (before === undefined) {
      throw new UserError('Nothing has been launched yet.');
    }
    const configuration = args.arguments === undefined ? before : validateLaunch(args.arguments);
    const { breakpoints, events, data } = this.#debugging.run.control;
    const kept = { breakpoints: breakpoints.groups, events: events.groups, data: data.all };
    await this.#build(configuration);
    this.#configuration = configuration;
    const { control } = this.#debugging.run;
    control.takeOver(kept);
    this.#debugging.afterwards(() => this.#begin(configuration));
  };

  readonly disconnect = (): void => {
    this.#debugging.setRun(undefined);
  };

  readonly terminate = (): void => {
    if (this.#debugging.hasRun) {
      this.#debugging.setRun(undefined);
    }
    this.#debugging.afterwards(() => this.#debugging.emit('terminated'));
  };

  readonly cancel = ({ progressId }: DAP.CancelArguments): void => {
    if (progressId !== undefined && this.#debugging.hasRun) {
      this.#debugging.run.pause();
    }
  };

  async #build(configuration: LaunchConfiguration): Promise<void> {
    const debugging = this.#debugging;
    const launched = await launchMachine(configuration, debugging.host, {
      consoleOutput: (domain, bytes) => this.#guestPrints(configuration, domain, bytes),
      emergencyOutput: (domain, bytes) => this.#hypervisorPrints(domain, bytes),
    });
    for (const warning of launched.warnings) {
      debugging.output('console', `${warning}\n`);
    }
    debugging.setRun(this.#runOf(launched));
    this.#announce();
  }

  #runOf({ debuggee }: ReadyMachine): DebugRun {
    const debugging = this.#debugging;
    const { machine } = debuggee;
    const control = new StopControl(machine, {
      output: (category, text) => debugging.output(category, text),
    });
    machine.xen.journal.onEntry = ({ text }) => debugging.output('important', `${text}\n`);
    return new DebugRun(debuggee, control, debugging.host, this.#listener());
  }

  #announce(): void {
    const { domains } = this.#debugging.run.debuggee;
    const names = domains.map(({ identity }) => identity.name).join(', ');
    this.#debugging.emit('process', { name: names, startMethod: 'launch', isLocalProcess: false });
  }

  #begin({ stopOnEntry }: LaunchConfiguration): void {
    const { run } = this.#debugging;
    for (const { id } of run.debuggee.threads) {
      this.#debugging.emit('thread', { reason: 'started', threadId: id });
    }
    run.begin(stopOnEntry);
  }

  // ---- what a run tells

  #listener(): RunListener {
    const debugging = this.#debugging;
    return {
      stopped: (stop) => {
        debugging.forgetStop();
        debugging.emit('stopped', stoppedBody(debugging, stop));
      },
      continued: () => debugging.forgetStop(),
      domainEnded: (domain) => debugging.output('console', `${DebugRun.reasonOf(domain)}\n`),
      ended: () => {
        debugging.emit('exited', { exitCode: exitCodeOf(debugging.run.debuggee.domains) });
        debugging.emit('terminated');
      },
    };
  }

  #guestPrints({ console }: LaunchConfiguration, domain: number, bytes: Uint8Array): void {
    const text = String.fromCharCode(...bytes);
    this.#debugging.emit('ringside/consoleOutput', { domain, console: 'guest', text });
    const isEditor = this.#debugging.client.clientID === 'vscode';
    if ((console ?? (isEditor ? 'terminal' : 'debugConsole')) === 'debugConsole') {
      this.#debugging.output('stdout', this.#debugging.decode(domain, bytes));
    }
  }

  #hypervisorPrints(domain: number, bytes: Uint8Array): void {
    const text = String.fromCharCode(...bytes);
    this.#debugging.emit('ringside/consoleOutput', { domain, console: 'hypervisor', text });
    this.#debugging.output('console', text.replace(/^(?=.)/gm, `(d${domain}) `));
  }
}

/** 0 when all domains were switched off, 1 when one has crashed. */
function exitCodeOf(domains: readonly Domain[]): number {
  return domains.some(({ shutdown }) => shutdown?.reason === SHUTDOWN.crash) ? 1 : 0;
}

/** A stop in the words of the protocol. */
function stoppedBody(debugging: Debugging, stop: Stop): DAP.StoppedEvent['body'] {
  const { kind, thread, causes } = stop;
  const body = { threadId: thread, allThreadsStopped: true, preserveFocusHint: false };
  const [first] = causes;
  if (kind !== 'causes' || first === undefined) {
    return { ...body, ...plainReason(debugging, stop) };
  }
  const ids = [...new Set(causes.flatMap(({ breakpoints }) => breakpoints))];
  const texts = causes.map(({ occurrence, text }) => occurrence?.title ?? text);
  const text = texts.filter((each) => each !== undefined).join('; ');
  return {
    ...body,
    ...reasonOf(first),
    ...(ids.length === 0 ? {} : { hitBreakpointIds: ids }),
    ...(text === '' ? {} : { text }),
  };
}

function reasonOf(cause: Stop['causes'][number]): { reason: string; description: string } {
  switch (cause.kind) {
    case 'breakpoint':
      return { reason: cause.origin ?? 'breakpoint', description: 'Paused on breakpoint' };
    case 'data':
      return { reason: 'data breakpoint', description: cause.text ?? 'Paused on data breakpoint' };
    case 'event': {
      const title = cause.occurrence?.title ?? '';
      return cause.breakpoints.length > 0
        ? { reason: 'function breakpoint', description: `Paused on ${title}` }
        : { reason: 'exception', description: `Paused on ${title}` };
    }
  }
}

function plainReason({ run }: Debugging, { kind }: Stop): { reason: string; description?: string } {
  switch (kind) {
    case 'stage': {
      const [frame] = run.inside?.frames ?? [];
      const stage = frame?.operation.stages[frame.index]?.name ?? '';
      return {
        reason: 'step',
        description: `Inside the hypervisor: ${frame?.operation.name ?? ''}, before “${stage}”`,
      };
    }
    case 'entry':
      return { reason: 'entry', description: 'Paused at the first instruction' };
    case 'goto':
      return { reason: 'goto' };
    case 'step':
      return { reason: 'step' };
    default:
      return { reason: 'pause', description: 'Paused' };
  }
}
