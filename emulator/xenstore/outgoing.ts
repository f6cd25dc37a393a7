/**
 * Messages that a domain has not taken yet, in order.
 *
 * An event that is already waiting is not queued again, so what a guest leaves lying must be found
 * at once however long the queue is: its events are kept as texts too.
 */

import { XS } from '../abi/io/xs-wire.ts';
import { textOf } from './bytes.ts';
import { type Message, serialize } from './wire.ts';

export interface OutgoingImage {
  readonly messages: readonly Message[];
  readonly taken: number;
}

export class Outgoing {
  #messages: Message[] = [];
  /** Bytes of the first message that have already been taken. */
  #taken = 0;
  #replies = 0;
  /** How many events with this payload wait. */
  readonly #events = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** How many of the messages are replies. */
  get replies(): number {
    return this.#replies;
  }

  /** Whether an event with this payload waits, which may already be taken in part. */
  hasEvent(payload: Uint8Array): boolean {
    return this.#events.has(textOf(payload));
  }

  push(message: Message): void {
    this.#messages.push(message);
    this.#count(message, 1);
  }

  /** Takes bytes away, at most so many, and tells of each message that is thereby complete. */
  take(limit: number, onComplete: (message: Message) => void): Uint8Array {
    const bytes = new Uint8Array(limit);
    let length = 0;
    for (let first = this.#messages[0]; first && length < limit; first = this.#messages[0]) {
      const rest = serialize(first).subarray(this.#taken);
      const piece = rest.subarray(0, limit - length);
      bytes.set(piece, length);
      length += piece.length;
      this.#taken += piece.length;
      if (piece.length === rest.length) {
        this.#messages.shift();
        this.#taken = 0;
        this.#count(first, -1);
        onComplete(first);
      }
    }
    return bytes.subarray(0, length);
  }

  /** Drops everything, and answers what that was. */
  clear(): readonly Message[] {
    const { messages } = this.capture();
    this.restore({ messages: [], taken: 0 });
    return messages;
  }

  capture(): OutgoingImage {
    return { messages: [...this.#messages], taken: this.#taken };
  }

  restore({ messages, taken }: OutgoingImage): void {
    this.#messages = [];
    this.#taken = taken;
    this.#replies = 0;
    this.#events.clear();
    for (const message of messages) {
      this.push(message);
    }
  }

  #count({ type, payload }: Message, change: 1 | -1): void {
    if (type !== XS.WATCH_EVENT) {
      this.#replies += change;
      return;
    }
    const text = textOf(payload);
    const count = (this.#events.get(text) ?? 0) + change;
    if (count === 0) {
      this.#events.delete(text);
    } else {
      this.#events.set(text, count);
    }
  }
}
