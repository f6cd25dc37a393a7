/**
 * `npm start`: a debugging session in the terminal, over the real debug adapter, as an editor would hold it.
 *
 * A guest of ours sends itself an event. The session stops before the hypercall, goes through the
 * hypervisor stage by stage into the guest's handler, looks at page tables and devices, and runs to the
 * end. What a user would do stands behind `▸`.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { framed, MessageReader } from '../../debug-adapter/session/wire.ts';
import { projectRoot } from '../conformance/project-root.ts';

const KERNEL = join(projectRoot(), 'test/guests/upcalls/debuggable.elf');
const FIRST_THREAD = 64;
const isColoured = process.stdout.isTTY;

interface Message {
  readonly type: string;
  readonly event?: string;
  readonly request_seq?: number;
  readonly success?: boolean;
  readonly message?: string;
  readonly body?: never;
}

/** The adapter as a program of its own, spoken to in its protocol. */
class Adapter {
  readonly #process = spawn(process.execPath, [join(projectRoot(), 'out/ringside.js'), 'dap'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #waiting: { readonly event: string; resolve(body: never): void }[] = [];
  #sequence = 1;
  output = '';

  constructor() {
    const reader = new MessageReader({
      onMessage: (message) => this.#take(message as Message),
      onGarbage: (problem) => process.stderr.write(`${problem}\n`),
    });
    this.#process.stdout.on('data', (chunk: Buffer) => reader.push(new Uint8Array(chunk)));
  }

  #take(message: Message): void {
    if (message.type === 'response') {
      this.#answers.get(message.request_seq ?? 0)?.(message);
      return;
    }
    if (message.event === 'output') {
      this.output += (message.body as unknown as DAP.OutputEvent['body']).output;
    }
    const waiting = this.#waiting.findIndex(({ event }) => event === message.event);
    if (waiting >= 0) {
      this.#waiting.splice(waiting, 1)[0]?.resolve(message.body as never);
    }
  }

  async ask<Body>(command: string, args: object = {}): Promise<Body> {
    const seq = this.#sequence++;
    const answer = new Promise<Message>((resolve) => this.#answers.set(seq, resolve));
    this.#process.stdin.write(framed({ seq, type: 'request', command, arguments: args }));
    const { success, message, body } = await answer;
    if (success !== true) {
      throw new Error(`${command}: ${message}`);
    }
    return body as Body;
  }

  event<Body>(event: string): Promise<Body> {
    return new Promise((resolve) => this.#waiting.push({ event, resolve }));
  }

  async go(command: string): Promise<DAP.StoppedEvent['body']> {
    const stopped = this.event<DAP.StoppedEvent['body']>('stopped');
    await this.ask(command, { threadId: FIRST_THREAD });
    return await stopped;
  }

  async frames(): Promise<DAP.StackFrame[]> {
    const args = { threadId: FIRST_THREAD };
    return (await this.ask<DAP.StackTraceResponse['body']>('stackTrace', args)).stackFrames;
  }

  async evaluate(expression: string): Promise<string> {
    const [frame] = await this.frames();
    const args = { expression, context: 'repl', frameId: frame?.id };
    return (await this.ask<DAP.EvaluateResponse['body']>('evaluate', args)).result;
  }

  end(): void {
    this.#process.stdin.end();
  }
}

const colour = (code: number, text: string): string =>
  isColoured ? `\u001b[${code}m${text}\u001b[0m` : text;

const say = (text = ''): boolean => process.stdout.write(`${text}\n`);
const act = (text: string): boolean => say(`\n${colour(36, `▸ ${text}`)}`);
const indented = (text: string): string => text.replace(/^(?=.)/gm, '    ');

async function showStack(adapter: Adapter): Promise<void> {
  for (const { name, source, line, presentationHint } of await adapter.frames()) {
    const where = source === undefined ? '' : `  ${source.name}:${line}`;
    say(indented(presentationHint === 'label' ? colour(90, name) : name + colour(90, where)));
  }
}

/** What the stage that comes next is about to change. */
async function showStage(adapter: Adapter): Promise<void> {
  const [frame] = await adapter.frames();
  const { scopes } = await adapter.ask<DAP.ScopesResponse['body']>('scopes', {
    frameId: frame?.id,
  });
  const { variables } = await adapter.ask<DAP.VariablesResponse['body']>('variables', {
    variablesReference: scopes[0]?.variablesReference,
  });
  const changes = variables.filter(({ value }) => value.includes('→'));
  const shown = changes.map(({ name, value }) => `${name} ${value}`).join(', ');
  say(`    ${(frame?.name ?? '').padEnd(58)} ${colour(33, shown)}`);
}

async function demonstrate(adapter: Adapter): Promise<void> {
  say(colour(1, 'A debugging session over the debug adapter of Ringside.'));
  act('launch a guest kernel, with a breakpoint on the hypercall that sends to port 3');
  await adapter.ask('initialize', { adapterID: 'ringside', clientID: 'demonstration' });
  const initialized = adapter.event('initialized');
  await adapter.ask('launch', { kernel: KERNEL, memory: 32, console: 'debugConsole' });
  await initialized;
  const breakpoint = { name: 'hypercall:event_channel_op/send', condition: 'port == 3' };
  await adapter.ask('setFunctionBreakpoints', { breakpoints: [breakpoint] });
  const stopped = adapter.event<DAP.StoppedEvent['body']>('stopped');
  await adapter.ask('configurationDone');
  say(indented(`${(await stopped).text}`));
  await showStack(adapter);

  act('ask why the event is not delivered yet: why 3');
  say(indented(await adapter.evaluate('why 3')));

  act('step into the hypervisor, stage by stage, until the guest’s handler');
  for (;;) {
    const { description } = await adapter.go('stepIn');
    if (description === undefined) {
      break;
    }
    await showStage(adapter);
  }
  await showStack(adapter);

  act('walk the page tables of the stack: walk $esp');
  say(indented(await adapter.evaluate('walk $esp')));

  act('look at variables of the guest, and at its devices');
  for (const expression of ['upcalls.count', '*start_info', 'xenstore("device")', 'evtchn(3)']) {
    say(`    ${expression} = ${await adapter.evaluate(expression)}`);
  }
  say(indented(await adapter.evaluate('ports')));

  act('remove the breakpoint and run to the end');
  await adapter.ask('setFunctionBreakpoints', { breakpoints: [] });
  const before = adapter.output.length;
  const ended = adapter.event('terminated');
  await adapter.ask('continue', { threadId: FIRST_THREAD });
  await ended;
  const lines = adapter.output.slice(before).trimEnd().split('\n');
  say(indented(`… ${lines.length} lines of the guest’s console, the last of them:`));
  say(indented(lines.slice(-4).join('\n')));
}

const adapter = new Adapter();
await demonstrate(adapter);
adapter.end();
