/**
 * The machine that the user is debugging at this moment, through VS Code's own interface to debug
 * sessions: which it is, when what views show of it may have changed, and its answers.
 */

import * as vscode from 'vscode';
import type { Ask } from './row.ts';

// What Node.js and browsers have alike, of which the language itself knows nothing.
declare function setInterval(callback: () => void, milliseconds: number): number;
declare function clearInterval(timer: number): void;

/** The type of our debug sessions. */
const SESSION_TYPE = 'ringside';

/** While it runs, views that are seen are brought up to date so often, in ms. */
const PERIOD = 1000;

/** In conditions of package.json: a machine is being debugged. */
const CONTEXT_KEY = 'ringside.views.hasMachine';

/** Of a session: whether its machine is there, and whether it runs. */
type Phase = 'starting' | 'running' | 'stopped';

export class DebuggedMachine implements vscode.Disposable {
  readonly #phases = new Map<string, Phase>();
  readonly #changed = new vscode.EventEmitter<void>();
  /** It has stopped or gone on, another one is active, or it runs and time has passed. */
  readonly onDidChange = this.#changed.event;
  readonly #spectators = new Set<object>();
  readonly #disposables: vscode.Disposable[];
  #timer: number | undefined;

  constructor() {
    this.#disposables = [
      this.#changed,
      vscode.debug.registerDebugAdapterTrackerFactory(SESSION_TYPE, {
        createDebugAdapterTracker: (session) => this.#trackerOf(session),
      }),
      vscode.debug.onDidChangeActiveDebugSession(() => this.#update()),
      vscode.debug.onDidTerminateDebugSession((session) => {
        this.#phases.delete(session.id);
        this.#update();
      }),
    ];
  }

  dispose(): void {
    this.#stopTimer();
    for (const disposable of this.#disposables) {
      disposable.dispose();
    }
  }

  /** Undefined while no machine is there that could answer. */
  get session(): vscode.DebugSession | undefined {
    const session = vscode.debug.activeDebugSession;
    const phase = session && this.#phases.get(session.id);
    return phase === undefined || phase === 'starting' ? undefined : session;
  }

  get isRunning(): boolean {
    return this.session !== undefined && this.#phases.get(this.session.id) === 'running';
  }

  readonly ask: Ask = async (name, given) => {
    const { session } = this;
    if (session === undefined) {
      throw new Error('No guest is being debugged.');
    }
    return await session.customRequest(name, given);
  };

  /** While somebody looks, a running machine is asked from time to time. */
  setSpectator(spectator: object, isLooking: boolean): void {
    if (isLooking) {
      this.#spectators.add(spectator);
    } else {
      this.#spectators.delete(spectator);
    }
    this.#setTimer();
  }

  /** Something has been changed through us. */
  touch(): void {
    this.#changed.fire();
  }

  #trackerOf({ id }: vscode.DebugSession): vscode.DebugAdapterTracker {
    this.#phases.set(id, 'starting');
    return {
      onDidSendMessage: (message: unknown) => {
        const before = this.#phases.get(id) ?? 'starting';
        const phase = phaseAfter(message, before);
        if (phase === undefined) {
          return;
        }
        this.#phases.set(id, phase);
        if (before === 'stopped' && phase === 'running') {
          // Most often this is a step that is over at once: what is shown may stay so long.
          this.#setTimer();
        } else {
          this.#update();
        }
      },
    };
  }

  #update(): void {
    const hasMachine = this.session !== undefined;
    void vscode.commands.executeCommand('setContext', CONTEXT_KEY, hasMachine);
    this.#setTimer();
    this.#changed.fire();
  }

  #setTimer(): void {
    const isWanted = this.isRunning && this.#spectators.size > 0;
    if (!isWanted) {
      this.#stopTimer();
    } else if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#changed.fire(), PERIOD);
    }
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

interface Message {
  readonly type?: string;
  readonly event?: string;
  readonly command?: string;
  readonly success?: boolean;
}

/** Requests after which the adapter need not say that it goes on. */
const GOES_ON: readonly string[] = ['continue', 'next', 'stepIn', 'stepOut'];

/** Undefined: the message says nothing of it. */
function phaseAfter(message: unknown, phase: Phase): Phase | undefined {
  const { type, event, command, success } = message as Message;
  if (type === 'response' && success === true) {
    const isLaunched = command === 'launch' && phase === 'starting';
    return isLaunched || GOES_ON.includes(command ?? '') ? 'running' : undefined;
  }
  if (type !== 'event') {
    return undefined;
  }
  switch (event) {
    case 'stopped':
      return 'stopped';
    case 'continued':
      return 'running';
    case 'invalidated':
      return phase;
    case 'terminated':
      return 'starting';
    default:
      return undefined;
  }
}
