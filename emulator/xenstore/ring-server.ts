/**
 * The far end of a domain's ring: moves bytes between its page and its connection.
 *
 * The page is the guest's to write, so no index is believed: each is read once per move, and a
 * distance of more than the ring ends the connection (Xen: tools/xenstore/xenstored_domain.c,
 * readchn and writechn).
 */

import {
  XENSTORE_CONNECTION,
  XENSTORE_ERROR,
  XENSTORE_RING_SIZE,
  xenstore_domain_interface,
} from '../abi/io/xs-wire.ts';
import type { Connection } from './connection.ts';

/** The domain's page, a `xenstore_domain_interface`, and its event channel. Offsets in bytes. */
export interface Ring {
  readWord(offset: number): number;
  writeWord(offset: number, value: number): void;
  readBytes(offset: number, length: number): Uint8Array;
  writeBytes(offset: number, bytes: Uint8Array): void;
  /** Tells the domain that something on the page has changed. */
  notify(): void;
}

/** Whether bytes went in a direction, so that more may. */
type Move = 'moved' | 'nothing to move';

const { req, rsp, req_cons, req_prod, rsp_cons, rsp_prod, connection, error } =
  xenstore_domain_interface.offsets;

export class RingServer {
  readonly #ring: Ring;
  readonly #connection: Connection;

  constructor(ring: Ring, connected: Connection) {
    this.#ring = ring;
    this.#connection = connected;
  }

  /**
   * Empties the ring and begins anew, as when a domain is introduced; a domain that waits for a
   * reconnection is told that it is connected.
   */
  reset(): void {
    this.#connection.reset();
    for (const index of [req_cons, req_prod, rsp_cons, rsp_prod]) {
      this.#ring.writeWord(index, 0);
    }
    if (this.#ring.readWord(connection) === XENSTORE_CONNECTION.RECONNECT) {
      this.#ring.writeWord(connection, XENSTORE_CONNECTION.CONNECTED);
      this.#ring.notify();
    }
  }

  /**
   * Reads what the domain has asked and writes what it has room for, as far as both go; to be
   * called when its event channel is signalled, and when something may have sent it an event.
   */
  service(): void {
    let hasMoved = false;
    while (this.#moveIn() === 'moved' || this.#moveOut() === 'moved') {
      hasMoved = true;
    }
    if (hasMoved) {
      this.#ring.notify();
    }
  }

  #moveIn(): Move {
    const { wanted } = this.#connection;
    const consumer = this.#ring.readWord(req_cons);
    const filled = (this.#ring.readWord(req_prod) - consumer) >>> 0;
    if (wanted === 0 || filled === 0) {
      return 'nothing to move';
    }
    if (filled > XENSTORE_RING_SIZE) {
      return this.#fail(XENSTORE_ERROR.RINGIDX);
    }
    const start = consumer % XENSTORE_RING_SIZE;
    const length = Math.min(wanted, filled, XENSTORE_RING_SIZE - start);
    const bytes = this.#ring.readBytes(req + start, length);
    this.#ring.writeWord(req_cons, (consumer + length) >>> 0);
    this.#connection.receive(bytes);
    return this.#connection.error === XENSTORE_ERROR.NONE
      ? 'moved'
      : this.#fail(this.#connection.error);
  }

  #moveOut(): Move {
    const producer = this.#ring.readWord(rsp_prod);
    const filled = (producer - this.#ring.readWord(rsp_cons)) >>> 0;
    if (!this.#connection.hasOutput || filled === XENSTORE_RING_SIZE) {
      return 'nothing to move';
    }
    if (filled > XENSTORE_RING_SIZE) {
      return this.#fail(XENSTORE_ERROR.RINGIDX);
    }
    const start = producer % XENSTORE_RING_SIZE;
    const room = Math.min(XENSTORE_RING_SIZE - filled, XENSTORE_RING_SIZE - start);
    const bytes = this.#connection.take(room);
    this.#ring.writeBytes(rsp + start, bytes);
    this.#ring.writeWord(rsp_prod, (producer + bytes.length) >>> 0);
    return 'moved';
  }

  #fail(reason: number): Move {
    this.#connection.fail(reason);
    this.#ring.writeWord(error, reason);
    return 'nothing to move';
  }
}
