/** Stores with domains in them, and guests that talk over a ring as a kernel's driver does. */

import { XS, xenstore_domain_interface } from '../../../emulator/abi/io/xs-wire.ts';
import { nameOf } from '../../../emulator/abi/names.ts';
import { bytesOf, textOf } from '../../../emulator/xenstore/bytes.ts';
import { Connection, type Observer } from '../../../emulator/xenstore/connection.ts';
import { type Ring, RingServer } from '../../../emulator/xenstore/ring-server.ts';
import type { Store } from '../../../emulator/xenstore/store.ts';
import { type Message, Parser, serialize } from '../../../emulator/xenstore/wire.ts';

export type Type = keyof typeof XS;

/** A page of memory as a ring, which counts how often the domain was notified. */
class RingPage implements Ring {
  readonly bytes = new Uint8Array(4096);
  readonly words = new DataView(this.bytes.buffer);
  readonly fields = xenstore_domain_interface.at(this.words);
  notifications = 0;

  readWord(offset: number): number {
    return this.words.getUint32(offset, true);
  }
  writeWord(offset: number, value: number): void {
    this.words.setUint32(offset, value, true);
  }
  readBytes(offset: number, length: number): Uint8Array {
    return this.bytes.slice(offset, offset + length);
  }
  writeBytes(offset: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, offset);
  }
  notify(): void {
    this.notifications += 1;
  }
}

/** A message as `TYPE payload`, NULs as `|`. */
export function messageText({ type, payload }: Message): string {
  return `${nameOf(XS, type) ?? type} ${textOf(payload).replaceAll('\0', '|')}`.trimEnd();
}

/** The driver in a domain: puts messages on its ring and takes those that come. */
export class Guest {
  readonly page = new RingPage();
  readonly connection: Connection;
  readonly server: RingServer;
  readonly #parser = new Parser();
  #lastRequest = 0;

  constructor(store: Store, domain: number, observer?: Observer) {
    if (!store.isIntroduced(domain)) {
      store.introduceDomain(domain);
    }
    this.connection = new Connection(store, domain, observer);
    this.server = new RingServer(this.page, this.connection);
  }

  /** Asks something and answers all that has come since, as `TYPE payload`, NULs as `|`. */
  ask(type: Type | number, payload = '', transaction = 0): string[] {
    this.send(type, payload, transaction);
    return this.receive();
  }

  send(type: Type | number, payload = '', transaction = 0): void {
    this.#lastRequest += 1;
    const number = typeof type === 'number' ? type : XS[type];
    const message = { type: number, requestId: this.#lastRequest, transaction };
    this.put(serialize({ ...message, payload: bytesOf(payload) }));
  }

  /** Puts bytes on the ring as fast as the other side takes them; gives up when it takes none. */
  put(bytes: Uint8Array): void {
    const { fields } = this.page;
    for (let done = 0; done < bytes.length; ) {
      const used = (fields.req_prod - fields.req_cons) >>> 0;
      const piece = bytes.subarray(done, done + 1024 - used);
      if (piece.length === 0) {
        return;
      }
      for (const [index, byte] of piece.entries()) {
        this.page.bytes[(fields.req_prod + index) % 1024] = byte;
      }
      fields.req_prod += piece.length;
      done += piece.length;
      this.server.service();
    }
  }

  /** Takes all that is due. */
  receive(): string[] {
    return this.receiveMessages().map(messageText);
  }

  receiveMessages(): Message[] {
    const messages: Message[] = [];
    const { fields } = this.page;
    for (this.server.service(); fields.rsp_cons !== fields.rsp_prod; this.server.service()) {
      const length = Math.min(
        this.#parser.missing,
        (fields.rsp_prod - fields.rsp_cons) >>> 0,
        1024 - (fields.rsp_cons % 1024),
      );
      const start = 1024 + (fields.rsp_cons % 1024);
      const parsed = this.#parser.receive(this.page.bytes.slice(start, start + length));
      fields.rsp_cons += length;
      if (parsed.kind === 'message') {
        messages.push(parsed.message);
      }
    }
    return messages;
  }
}
