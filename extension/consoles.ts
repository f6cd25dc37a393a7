/**
 * A terminal for the console of each domain. It lives as long as its session, through stops and restarts,
 * and what is typed waits in the machine while the guest stands still.
 */

import * as vscode from 'vscode';
import { SETTINGS } from './contributions.ts';
import { ask, isOurs } from './session-requests.ts';

/** Of a console, until somebody opens its terminal. */
const MOST_KEPT = 1 << 20;

interface Output {
  readonly domain: number;
  readonly console: 'guest' | 'hypervisor';
  /** A character for each byte. */
  readonly text: string;
}

class GuestTerminal implements vscode.Pseudoterminal {
  readonly #writes = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.#writes.event;
  readonly #closes = new vscode.EventEmitter<number | undefined>();
  readonly onDidClose = this.#closes.event;
  readonly #decoder = new TextDecoder('utf-8');
  readonly #type: (text: string) => void;
  #early: string | undefined = '';

  constructor(type: (text: string) => void) {
    this.#type = type;
  }

  open(): void {
    this.#writes.fire(this.#early ?? '');
    this.#early = undefined;
  }

  close(): void {
    this.#early = '';
  }

  handleInput(text: string): void {
    // A guest gets bytes, and a line from it ends as a terminal sends it.
    this.#type(String.fromCharCode(...new TextEncoder().encode(text)));
  }

  write(bytes: string): void {
    const raw = Uint8Array.from(bytes, (character) => character.charCodeAt(0));
    const text = this.#decoder.decode(raw, { stream: true }).replace(/\r?\n/g, '\r\n');
    if (this.#early === undefined) {
      this.#writes.fire(text);
    } else {
      this.#early = (this.#early + text).slice(-MOST_KEPT);
    }
  }

  note(sentence: string): void {
    this.write(`\u001b[2m${sentence}\u001b[0m\n`);
  }
}

interface Console {
  readonly terminal: vscode.Terminal;
  readonly guest: GuestTerminal;
}

export class Consoles implements vscode.Disposable {
  readonly #consoles = new Map<string, Console>();
  readonly #subscriptions: vscode.Disposable[];

  constructor() {
    this.#subscriptions = [
      vscode.debug.onDidReceiveDebugSessionCustomEvent(({ session, event, body }) => {
        if (isOurs(session) && event === 'ringside/consoleOutput') {
          this.#print(session, body as Output);
        }
      }),
      vscode.debug.onDidTerminateDebugSession((session) => this.#end(session)),
      vscode.window.onDidCloseTerminal((closed) => this.#forget(closed)),
    ];
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }

  /** Brings the console of the active session to the front. */
  show(session: vscode.DebugSession, domain: number): void {
    this.#of(session, domain).terminal.show();
  }

  #print(session: vscode.DebugSession, { domain, console, text }: Output): void {
    if (session.configuration['console'] === 'debugConsole') {
      return;
    }
    const isNew = !this.#consoles.has(keyOf(session, domain));
    const { guest, terminal } = this.#of(session, domain);
    guest.write(console === 'guest' ? text : text.replace(/^(?=.)/gm, '(Xen) '));
    if (isNew && vscode.workspace.getConfiguration().get(SETTINGS.showConsole) !== false) {
      terminal.show(true);
    }
  }

  #of(session: vscode.DebugSession, domain: number): Console {
    const key = keyOf(session, domain);
    let known = this.#consoles.get(key);
    if (known === undefined) {
      const guest = new GuestTerminal((text) => {
        ask(session, 'ringside/consoleInput', { domain, text }).then(undefined, () => {
          guest.note('The machine has ended: nobody reads what is typed.');
        });
      });
      const terminal = vscode.window.createTerminal({
        name: `${session.name} (d${domain})`,
        pty: guest,
        iconPath: new vscode.ThemeIcon('vm'),
      });
      known = { guest, terminal };
      this.#consoles.set(key, known);
    }
    return known;
  }

  #end(session: vscode.DebugSession): void {
    for (const [key, { guest }] of this.#consoles) {
      if (key.startsWith(`${session.id} `)) {
        guest.note('The session has ended.');
        this.#consoles.delete(key);
      }
    }
  }

  #forget(closed: vscode.Terminal): void {
    for (const [key, { terminal }] of this.#consoles) {
      if (terminal === closed) {
        this.#consoles.delete(key);
      }
    }
  }
}

const keyOf = ({ id }: vscode.DebugSession, domain: number): string => `${id} ${domain}`;
