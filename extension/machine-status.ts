/** The status bar: what the machine does, and how far its time has come. */

import * as vscode from 'vscode';
import { COMMANDS, DEBUG_TYPE } from './contributions.ts';
import { ask, isOurs } from './session-requests.ts';

/** Milliseconds between two looks while guests run. */
const INTERVAL = 1000;

export class MachineStatus implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem(
    'ringside.machine',
    vscode.StatusBarAlignment.Left,
    5,
  );
  readonly #subscriptions: vscode.Disposable[];
  #state = 'starts';
  #timer: unknown;

  constructor() {
    this.#item.name = 'Ringside: Machine';
    this.#item.command = COMMANDS.explainPort;
    this.#subscriptions = [
      this.#item,
      vscode.debug.onDidChangeActiveDebugSession(() => this.#show()),
      vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
        createDebugAdapterTracker: () => ({
          onDidSendMessage: (message: { readonly type: string; readonly event?: string }) =>
            this.#note(message),
        }),
      }),
    ];
  }

  dispose(): void {
    clearInterval(this.#timer);
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }

  #note({ type, event }: { readonly type: string; readonly event?: string }): void {
    if (type === 'event' && event === 'stopped') {
      this.#state = 'stopped';
      this.#show();
    } else if (type === 'event' && (event === 'continued' || event === 'initialized')) {
      this.#state = 'runs';
      this.#show();
    }
  }

  #show(): void {
    const session = vscode.debug.activeDebugSession;
    if (!isOurs(session)) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#item.hide();
      return;
    }
    this.#timer ??= setInterval(() => this.#refresh(), INTERVAL);
    this.#refresh();
    this.#item.show();
  }

  #refresh(): void {
    const session = vscode.debug.activeDebugSession;
    if (!isOurs(session)) {
      return;
    }
    ask(session, 'ringside/machine', {}).then(
      ({ systemTime, instructions }) => {
        const icon = this.#state === 'stopped' ? 'debug-pause' : 'vm-running';
        this.#item.text = `$(${icon}) ${(systemTime / 1e9).toFixed(6)} s`;
        this.#item.tooltip = `Guest time since the machine was switched on; ${instructions.toLocaleString()} instructions. Click: why is an event not delivered?`;
      },
      () => undefined,
    );
  }
}
