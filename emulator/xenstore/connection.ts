/**
 * A domain's connection: bytes of requests in, bytes of replies and events out.
 *
 * Messages leave whole and in order. What a domain does not take away is bounded by its quotas:
 * with many replies or much memory outstanding its requests are no longer read, and events are
 * dropped (Xen: tools/xenstore/xenstored_core.c, handle_input, send_reply, send_event).
 */

import { XENSTORE_ERROR, XENSTORE_PAYLOAD_MAX, XS, xsd_sockmsg } from '../abi/io/xs-wire.ts';
import { nameOf } from '../abi/names.ts';
import { bytesOf, textOf } from './bytes.ts';
import type { Domains } from './domains.ts';
import { Outgoing, type OutgoingImage } from './outgoing.ts';
import { isSpecial } from './path.ts';
import type { Quota } from './quota.ts';
import { answer } from './requests.ts';
import { domainSession, type Store } from './store.ts';
import type { WatchEvent } from './watches.ts';
import { type Message, Parser, type ParserImage, texts } from './wire.ts';

/** A message as it was read, or as its last byte was taken by the domain. */
export interface TracedMessage {
  readonly direction: 'in' | 'out';
  readonly domain: number;
  /** As Xen names it without `XS_`; `**UNKNOWN**` if it does not. */
  readonly type: string;
  /** A character for each byte. */
  readonly payload: string;
}

/** Called for each message; it must leave the store alone. */
export type Observer = (message: TracedMessage) => void;

export interface ConnectionImage {
  readonly parser: ParserImage;
  readonly outgoing: OutgoingImage;
  readonly error: number;
}

/** Answers up to this many bytes are sent whatever the domain's memory, so that errors can be. */
const ALWAYS_SENT = 16;

export class Connection {
  readonly domain: number;
  readonly #store: Store;
  readonly #observer: Observer | undefined;
  readonly #parser = new Parser();
  readonly #outgoing = new Outgoing();
  #error: number = XENSTORE_ERROR.NONE;

  /** Connects a domain that is introduced, or will be by a `restore` of the store. */
  constructor(store: Store, domain: number, observer?: Observer) {
    this.#store = store;
    this.domain = domain;
    this.#observer = observer;
    store.listen(domainSession(domain), (event) => this.#sendEvent(event));
  }

  /** One of XENSTORE_ERROR: other than NONE, nothing more is read or written. */
  get error(): number {
    return this.#error;
  }

  /** How many bytes `receive` would take now; 0 while the domain must first take what is due. */
  get wanted(): number {
    const isOpen = this.#error === XENSTORE_ERROR.NONE && this.#session !== undefined;
    return isOpen && !this.#isStalled() ? this.#parser.missing : 0;
  }

  /** Takes bytes of requests, at most `wanted`, and does what they ask for. */
  receive(bytes: Uint8Array): void {
    const parsed = this.#parser.receive(bytes);
    if (parsed.kind === 'too long') {
      this.fail(XENSTORE_ERROR.PROTO);
    } else if (parsed.kind === 'message') {
      this.#process(parsed.message);
    }
  }

  /** Whether there are bytes for the domain to take. */
  get hasOutput(): boolean {
    return !this.#outgoing.isEmpty;
  }

  /** Takes away up to so many bytes of replies and events. */
  take(limit: number): Uint8Array {
    return this.#outgoing.take(limit, (message) => {
      this.#domains.addMemory(this.domain, -sizeOf(message));
      this.#trace('out', message);
    });
  }

  /** Ends the connection for an error, one of XENSTORE_ERROR, with all that is under way. */
  fail(error: number): void {
    this.reset();
    this.#error = error;
  }

  /** Begins anew, as when a domain is introduced: nothing read, nothing to send, no watches. */
  reset(): void {
    for (const message of this.#outgoing.clear()) {
      this.#domains.addMemory(this.domain, -sizeOf(message));
    }
    this.#error = XENSTORE_ERROR.NONE;
    this.#parser.restore({ received: new Uint8Array() });
    this.#session?.reset();
  }

  capture(): ConnectionImage {
    return {
      parser: this.#parser.capture(),
      outgoing: this.#outgoing.capture(),
      error: this.#error,
    };
  }

  /** Becomes what was captured; the store is restored apart from it. */
  restore(image: ConnectionImage): void {
    this.#parser.restore(image.parser);
    this.#outgoing.restore(image.outgoing);
    this.#error = image.error;
  }

  get #session() {
    return this.#store.session(domainSession(this.domain));
  }

  get #domains(): Domains {
    return this.#store.domains;
  }

  get #quota(): Quota {
    return this.#store.quota;
  }

  #isStalled(): boolean {
    // Unlike xenstored, which also counts requests whose events others have not taken yet: it drops
    // such events after 20 seconds, and no clock runs here.
    const { replies } = this.#outgoing;
    const isBound = this.#session?.isPrivileged === false;
    const owesTooMuch = isBound && replies >= this.#quota.outstanding;
    return owesTooMuch || this.#domains.isOverMemory(this.domain);
  }

  #process(message: Message): void {
    const session = this.#session;
    if (!session) {
      return;
    }
    this.#trace('in', message);
    const reply = answer(this.#store, session, message);
    this.#sendReply(reply);
    if (reply.type === XS.WATCH) {
      const [path = '', token = ''] = texts(message.payload);
      session.deliverFirstEvent(path, token);
    }
    this.#store.settle();
  }

  #sendReply(message: Message): void {
    const isShort = message.payload.length <= ALWAYS_SENT;
    if (isShort) {
      this.#domains.addMemory(this.domain, sizeOf(message));
    } else if (!this.#domains.tryMemory(this.domain, sizeOf(message))) {
      this.#sendReply({ ...message, type: XS.ERROR, payload: bytesOf('ENOMEM\0') });
      return;
    }
    this.#outgoing.push(message);
  }

  #sendEvent({ path, token }: WatchEvent): void {
    const payload = bytesOf(`${path}\0${token}\0`);
    const event = { type: XS.WATCH_EVENT, requestId: 0, transaction: 0, payload };
    const isKnown = !isSpecial(path) && this.#outgoing.hasEvent(payload);
    if (isKnown || payload.length > XENSTORE_PAYLOAD_MAX) {
      return;
    }
    if (this.#domains.tryMemory(this.domain, sizeOf(event))) {
      this.#outgoing.push(event);
    }
  }

  #trace(direction: 'in' | 'out', { type, payload }: Message): void {
    this.#observer?.({
      direction,
      domain: this.domain,
      type: nameOf(XS, type) ?? '**UNKNOWN**',
      payload: textOf(payload),
    });
  }
}

/** A line as xenstored's own trace has it, but for the connection and the time: `IN READ (path )`. */
export function traceLine({ direction, type, payload }: TracedMessage): string {
  return `${direction.toUpperCase()} ${type} (${payload.replaceAll('\0', ' ')})`;
}

function sizeOf({ payload }: Message): number {
  return xsd_sockmsg.size + payload.length;
}
