/**
 * One conversation with a client: finds what answers a request, and sends its answer or its refusal.
 *
 * Requests are carried out in the order in which they come, except those that are to interrupt one that
 * is under way. Whatever a client sends, there is a response, and the session goes on.
 */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { UserError } from '../user-error.ts';
import { checkedArguments } from './argument-shapes.ts';
import { Conversation } from './conversation.ts';
import type { SessionHost } from './session-host.ts';

type Handler = (argument: never, request: DAP.Request) => unknown;

/** These must not wait for what they are to interrupt. */
const AT_ONCE: readonly string[] = ['pause', 'cancel', 'disconnect', 'terminate', 'threads'];

export class Session {
  readonly #send: (message: DAP.ProtocolMessage) => void;
  readonly #conversation: Conversation;
  #sequence = 1;
  /** Ends when all requests that came before have been answered. */
  #before: Promise<void> = Promise.resolve();

  constructor(host: SessionHost, send: (message: DAP.ProtocolMessage) => void) {
    this.#send = send;
    this.#conversation = new Conversation(host, (event, body) => {
      this.#transmit({ type: 'event', event, ...(body === undefined ? {} : { body }) });
    });
  }

  /** Takes a message from the client, of whatever form. */
  receive(message: unknown): void {
    const request = asRequest(message);
    if (request === undefined) {
      this.complain('A message is neither a request nor a response.');
      return;
    }
    if (request.type !== 'request') {
      return;
    }
    if (AT_ONCE.includes(request.command)) {
      void this.#answer(request);
    } else {
      this.#before = this.#before.then(() => this.#answer(request));
    }
  }

  /** Tells the user of something that is wrong with the conversation itself. */
  complain(problem: string): void {
    const body = { category: 'stderr', output: `${problem}\n` };
    this.#transmit({ type: 'event', event: 'output', body });
  }

  /** Ends all that is under way; nothing is sent any more. */
  dispose(): void {
    this.#conversation.dispose();
  }

  #transmit(message: object): void {
    this.#send({ ...message, seq: this.#sequence++ } as DAP.ProtocolMessage);
  }

  async #answer(request: DAP.Request): Promise<void> {
    const { command, seq } = request;
    const response = { type: 'response', request_seq: seq, command };
    try {
      const handler = this.#handlerOf(command);
      const args = checkedArguments(command, request.arguments);
      const body = await handler(args as never, request);
      this.#transmit({ ...response, success: true, ...(body === undefined ? {} : { body }) });
    } catch (error) {
      this.#transmit({ ...response, success: false, ...refusal(command, error) });
    }
    this.#conversation.answered();
  }

  #handlerOf(command: string): Handler {
    const { requests } = this.#conversation;
    if (!Object.hasOwn(requests, command)) {
      throw new UserError(`There is no request ${JSON.stringify(command).slice(0, 80)}.`);
    }
    return requests[command as keyof typeof requests] as unknown as Handler;
  }
}

function asRequest(message: unknown): DAP.Request | undefined {
  if (typeof message !== 'object' || message === null) {
    return undefined;
  }
  const { type, command, seq, arguments: argument } = message as Record<string, unknown>;
  if (type === 'response') {
    return message as DAP.Request;
  }
  const isRequest = type === 'request' && typeof command === 'string' && typeof seq === 'number';
  const hasArguments =
    argument === undefined ||
    argument === null ||
    (typeof argument === 'object' && !Array.isArray(argument));
  return isRequest && hasArguments
    ? { seq, type: 'request', command, arguments: argument ?? undefined }
    : undefined;
}

/** What a user starts by a key or button, so that a refusal has no place of its own to be shown at. */
const WITHOUT_A_PLACE: readonly string[] = [
  ...['launch', 'restart', 'terminate', 'disconnect'],
  ...['continue', 'next', 'stepIn', 'stepOut', 'pause', 'goto'],
];

const USER_MISTAKE = 1;
const DEFECT = 2;

/** What a client shows of an error: a sentence for the user, or where our own mistake is. */
function refusal(
  command: string,
  error: unknown,
): { message: string; body: { error: DAP.Message } } {
  if (error instanceof UserError) {
    const { message } = error;
    const showUser = WITHOUT_A_PLACE.includes(command);
    return { message, body: { error: { id: USER_MISTAKE, format: message, showUser } } };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const message = `Ringside made a mistake. Please report it with this text: ${text}`;
  return { message, body: { error: { id: DEFECT, format: message, showUser: true } } };
}
