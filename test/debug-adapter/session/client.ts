/** A client of the debug adapter in the same process, which keeps what is said for comparison. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { Session } from '../../../debug-adapter/session/session.ts';
import type { SessionHost } from '../../../debug-adapter/session/session-host.ts';
import { UserError } from '../../../debug-adapter/user-error.ts';
import { coldTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import { guestsFolder } from '../../guests/build.ts';

const engine = coldTier();

/** Files of this computer; time passes as fast as anybody wants. */
const host: SessionHost = {
  files: {
    read: (path) =>
      Promise.resolve().then(() => {
        try {
          return new Uint8Array(readFileSync(path));
        } catch {
          throw new UserError(`${path} cannot be read: no such file or directory.`);
        }
      }),
    openDisk: (path) =>
      Promise.resolve().then(() => {
        const bytes = new Uint8Array(readFileSync(path));
        return { size: bytes.length, read: (from, count) => bytes.slice(from, from + count) };
      }),
  },
  engine: () => Promise.resolve(engine),
  now: () => performance.now(),
  delay: () => new Promise((resolve) => setImmediate(resolve)),
};

export const guestFile = (guest: string, variant = 'debuggable'): string =>
  join(guestsFolder(), guest, `${variant}.elf`);

interface Received {
  readonly type: string;
  readonly event?: string;
  readonly command?: string;
  readonly request_seq?: number;
  readonly success?: boolean;
  readonly message?: string;
  readonly body?: unknown;
}

export class Client {
  readonly #session: Session;
  readonly #answers = new Map<number, (response: Received) => void>();
  #sequence = 1;
  /** Events that nobody has waited for yet. */
  readonly #events: Received[] = [];
  readonly #waiting: { readonly event: string; resolve(body: unknown): void }[] = [];
  /** Everything that came, as it came. */
  readonly received: Received[] = [];
  output = '';

  constructor() {
    this.#session = new Session(host, (message) => this.#take(message as Received));
  }

  #take(message: Received): void {
    this.received.push(message);
    if (message.type === 'response') {
      this.#answers.get(message.request_seq ?? 0)?.(message);
      return;
    }
    const { event = '', body } = message;
    if (event === 'output') {
      this.output += (body as { output: string }).output;
      return;
    }
    if (event === 'ringside/consoleOutput') {
      return;
    }
    const waiting = this.#waiting.findIndex((each) => each.event === event);
    if (waiting >= 0) {
      this.#waiting.splice(waiting, 1)[0]?.resolve(body);
    } else {
      this.#events.push(message);
    }
  }

  /** Sends whatever it is. */
  raw(message: unknown): void {
    this.#session.receive(message);
  }

  async send(command: string, args: object = {}): Promise<Received> {
    const seq = this.#sequence++;
    const answer = new Promise<Received>((resolve) => this.#answers.set(seq, resolve));
    this.#session.receive({ seq, type: 'request', command, arguments: args });
    return await answer;
  }

  /** The body of the answer; a refusal is an error. */
  async ask<Body>(command: string, args: object = {}): Promise<Body> {
    const { success, message, body } = await this.send(command, args);
    if (success !== true) {
      throw new Error(`${command}: ${message}`);
    }
    return body as Body;
  }

  async event<Body>(event: string): Promise<Body> {
    const known = this.#events.findIndex((each) => each.event === event);
    if (known >= 0) {
      return this.#events.splice(known, 1)[0]?.body as Body;
    }
    return await new Promise((resolve) => {
      this.#waiting.push({ event, resolve: resolve as (body: unknown) => void });
    });
  }

  /** Initializes and launches; breakpoints can be set then. */
  async launch(args: object): Promise<void> {
    await this.ask('initialize', { adapterID: 'test', supportsInvalidatedEvent: true });
    await this.ask('launch', { console: 'debugConsole', ...args });
    await this.event('initialized');
  }

  /** Begins to run, to the first stop. */
  async begin(): Promise<DAP.StoppedEvent['body']> {
    const stopped = this.event<DAP.StoppedEvent['body']>('stopped');
    await this.ask('configurationDone');
    return await stopped;
  }

  /** Goes on by a request, to the next stop. */
  async go(command: string, args: object = {}): Promise<DAP.StoppedEvent['body']> {
    const stopped = this.event<DAP.StoppedEvent['body']>('stopped');
    await this.ask(command, { threadId: FIRST, ...args });
    return await stopped;
  }

  async frames(threadId = FIRST): Promise<DAP.StackFrame[]> {
    const { stackFrames } = await this.ask<DAP.StackTraceResponse['body']>('stackTrace', {
      threadId,
    });
    return stackFrames;
  }

  /** The stack in lines: `masks (main.c:45)`. */
  async stack(threadId = FIRST): Promise<string[]> {
    return (await this.frames(threadId)).map(({ name, source, line }) =>
      source === undefined ? name : `${name} (${source.name}:${line})`,
    );
  }

  /** A scope of the top frame: `name = value`. */
  async scope(name: string, threadId = FIRST): Promise<string[]> {
    const [frame] = await this.frames(threadId);
    const { scopes } = await this.ask<DAP.ScopesResponse['body']>('scopes', {
      frameId: frame?.id ?? 0,
    });
    const scope = scopes.find((each) => each.name.startsWith(name));
    if (scope === undefined) {
      return [];
    }
    const { variables } = await this.ask<DAP.VariablesResponse['body']>('variables', {
      variablesReference: scope.variablesReference,
    });
    return variables.map((variable) => `${variable.name} = ${variable.value}`);
  }

  async evaluate(expression: string, context = 'watch'): Promise<string> {
    const [frame] = await this.frames();
    const args = { expression, context, frameId: frame?.id };
    return (await this.ask<DAP.EvaluateResponse['body']>('evaluate', args)).result;
  }

  async hash(): Promise<string> {
    return (await this.ask<{ hash: string }>('ringside/hash')).hash;
  }

  dispose(): void {
    this.#session.dispose();
  }
}

/** The number of the first virtual processor of domain 1. */
export const FIRST = 64;

/** A session as text: what the user does, and what is shown then. */
export class Transcript {
  readonly #client: Client;
  readonly #lines: string[] = [];

  constructor(client: Client) {
    this.#client = client;
  }

  say(...lines: readonly string[]): void {
    this.#lines.push(...lines);
  }

  /** A step and where it leads to. */
  async go(command: string, args: object = {}, thread?: number): Promise<void> {
    const stopped = await this.#client.go(command, args);
    const { reason, description, text, threadId = 0 } = stopped;
    const said = text ?? description;
    this.say('', `> ${command}`, `${reason}${said === undefined ? '' : `: ${said}`}`);
    const stack = await this.#client.stack(thread ?? threadId);
    this.say(...stack.map((line) => `    ${line}`));
  }

  async show(scope: string): Promise<void> {
    this.say(...(await this.#client.scope(scope)).map((line) => `        ${line}`));
  }

  async evaluate(expression: string, context = 'repl'): Promise<void> {
    const result = await this.#client.evaluate(expression, context);
    this.say('', `> ${expression}`, ...result.split('\n'));
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}
