/**
 * Messages as they lie on the ring: a header, `xsd_sockmsg`, and its payload.
 *
 * The stream of a guest's bytes has no marks, so a wrong length puts all that follows out of step;
 * a payload over the limit therefore ends the connection (Xen: tools/xenstore/xenstored_core.c,
 * handle_input).
 */

import { XENSTORE_PAYLOAD_MAX, xsd_sockmsg } from '../abi/io/xs-wire.ts';
import { assert } from '../assert.ts';
import { textOf } from './bytes.ts';

/** A message without its length, which is that of the payload. */
export interface Message {
  /** One of XS, or any number a guest made up. */
  readonly type: number;
  readonly requestId: number;
  readonly transaction: number;
  readonly payload: Uint8Array;
}

/** What a parser has of a message that is not complete. */
export interface ParserImage {
  readonly received: Uint8Array;
}

/** What a parser makes of more bytes. */
export type Parsed =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'too long'; readonly length: number };

/** Puts messages together from pieces of any size. */
export class Parser {
  /** The header, and when that is complete, the payload behind it. */
  #received = new Uint8Array(xsd_sockmsg.size + XENSTORE_PAYLOAD_MAX);
  #length = 0;

  /** Bytes that belong to the header or payload being received: never 0. */
  get missing(): number {
    const header = xsd_sockmsg.size - this.#length;
    return header > 0 ? header : header + this.#header().len;
  }

  /** Takes at most `missing` bytes. After `too long` there must be no more. */
  receive(bytes: Uint8Array): Parsed {
    assert(bytes.length <= this.missing, `${bytes.length} bytes, but ${this.missing} are missing`);
    this.#received.set(bytes, this.#length);
    this.#length += bytes.length;
    if (this.#length < xsd_sockmsg.size) {
      return { kind: 'incomplete' };
    }
    const { type, req_id: requestId, tx_id: transaction, len } = this.#header();
    if (len > XENSTORE_PAYLOAD_MAX) {
      return { kind: 'too long', length: len };
    }
    const end = xsd_sockmsg.size + len;
    if (this.#length < end) {
      return { kind: 'incomplete' };
    }
    this.#length = 0;
    const payload = this.#received.slice(xsd_sockmsg.size, end);
    return { kind: 'message', message: { type, requestId, transaction, payload } };
  }

  capture(): ParserImage {
    return { received: this.#received.slice(0, this.#length) };
  }

  restore({ received }: ParserImage): void {
    this.#received.set(received);
    this.#length = received.length;
  }

  #header(): ReturnType<typeof xsd_sockmsg.at> {
    return xsd_sockmsg.at(new DataView(this.#received.buffer));
  }
}

/** The bytes of a message. */
export function serialize({ type, requestId, transaction, payload }: Message): Uint8Array {
  const bytes = new Uint8Array(xsd_sockmsg.size + payload.length);
  Object.assign(xsd_sockmsg.at(new DataView(bytes.buffer)), {
    type,
    req_id: requestId,
    tx_id: transaction,
    len: payload.length,
  });
  bytes.set(payload, xsd_sockmsg.size);
  return bytes;
}

/** The texts in a payload that each end in a NUL, without it. What follows the last NUL is not one. */
export function texts(payload: Uint8Array): string[] {
  return textOf(payload).split('\0').slice(0, -1);
}

/** The text of a payload that has exactly one NUL, at its end; else `undefined`. */
export function onlyText(payload: Uint8Array): string | undefined {
  return payload.indexOf(0) === payload.length - 1 && payload.length > 0
    ? textOf(payload.subarray(0, -1))
    : undefined;
}
