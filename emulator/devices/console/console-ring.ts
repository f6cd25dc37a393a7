/**
 * The console back-end: two byte queues in one page, as xenconsoled serves them.
 *
 * What the guest writes goes to the host at once. What the user types waits in the machine's state
 * until the guest has made room, however long that takes, so nothing is lost. The page is the
 * guest's and its indices may be anything: while they make no sense nothing is moved, and as soon
 * as the guest has put them right the console goes on. Sources: `xen/include/public/io/console.h`,
 * `tools/console/daemon/io.c`.
 */

import { XENCONSOLE, xencons_interface } from '../../abi/io/console.ts';
import { assert, present } from '../../assert.ts';
import type { Channel, EventReceiver, FrontendDomain, GrantedPage } from '../frontend.ts';
import type { Journal } from '../journal.ts';

/** Where the guest's output goes. */
export interface ConsoleHost {
  write(bytes: Uint8Array): void;
}

export interface ConsoleImage {
  readonly connection: ConnectionImage | undefined;

  /** Input that did not fit into the ring yet. */
  readonly waiting: Uint8Array;

  /** Which of the two queues were out of order, so that each time is recorded once. */
  readonly broken: { readonly in: boolean; readonly out: boolean };
}

interface ConnectionImage {
  readonly pageHandle: number;
  readonly localPort: number;
}

interface Connection {
  readonly page: GrantedPage;
  readonly channel: Channel;
}

/** A byte queue in the page: its buffer and its two indices. */
interface Queue {
  readonly name: 'in' | 'out';
  readonly start: number;

  /** A power of two, in bytes. */
  readonly size: number;
  readonly consumer: number;
  readonly producer: number;
}

const offsets = xencons_interface.offsets;

/** To the guest. */
const input: Queue = {
  name: 'in',
  start: offsets.in,
  size: offsets.out - offsets.in,
  consumer: offsets.in_cons,
  producer: offsets.in_prod,
};

/** From the guest. */
const output: Queue = {
  name: 'out',
  start: offsets.out,
  size: offsets.in_cons - offsets.out,
  consumer: offsets.out_cons,
  producer: offsets.out_prod,
};

export class ConsoleRing implements EventReceiver {
  readonly #domain: FrontendDomain;
  readonly #host: ConsoleHost;
  readonly #journal: Journal;
  #connection: Connection | undefined;
  #waiting: Uint8Array = new Uint8Array(0);
  #broken = { in: false, out: false };

  constructor(domain: FrontendDomain, host: ConsoleHost, journal: Journal) {
    this.#domain = domain;
    this.#host = host;
    this.#journal = journal;
  }

  /**
   * Begins to serve the page that the domain builder made for the console.
   *
   * @param remotePort the guest's port, which waits for domain 0
   * @returns whether the port could be bound
   */
  connect(page: GrantedPage, remotePort: number): boolean {
    assert(this.#connection === undefined, 'a console is connected once');
    const channel = this.#domain.bindInterdomain(remotePort, this);
    if (channel === undefined) {
      return false;
    }
    this.#connection = { page, channel };
    // A guest that knows the field waits for it; to others it is a zero behind the ring.
    page.write8(offsets.connection, XENCONSOLE.CONNECTED);
    this.handleEvent();
    return true;
  }

  /** Ends the service, as when the domain is gone. Input that waits is kept for the next page. */
  disconnect(): void {
    this.#connection?.channel.close();
    this.#connection = undefined;
  }

  /** Takes what the user typed. */
  input(bytes: Uint8Array): void {
    const waiting = new Uint8Array(this.#waiting.length + bytes.length);
    waiting.set(this.#waiting);
    waiting.set(bytes, this.#waiting.length);
    this.#waiting = waiting;
    this.#fill();
  }

  /** How many bytes of input the guest has not taken off the queue, in the ring or before it. */
  get pendingInput(): number {
    const inRing = this.#connection && this.#used(this.#connection.page, input);
    return this.#waiting.length + (inRing ?? 0);
  }

  handleEvent(): void {
    this.#drain();
    this.#fill();
  }

  capture(): ConsoleImage {
    const connection = this.#connection;
    return {
      connection: connection && {
        pageHandle: connection.page.handle,
        localPort: connection.channel.localPort,
      },
      waiting: this.#waiting.slice(),
      broken: { ...this.#broken },
    };
  }

  /** Takes up an image. The domain's pages and ports must be of the same moment. */
  restore({ connection, waiting, broken }: ConsoleImage): void {
    this.#waiting = waiting.slice();
    this.#broken = { ...broken };
    this.#connection = connection && {
      page: present(
        this.#domain.grantedPage(connection.pageHandle),
        `mapping ${connection.pageHandle}`,
      ),
      channel: present(
        this.#domain.channel(connection.localPort, this),
        `local port ${connection.localPort}`,
      ),
    };
  }

  /** Moves all output to the host. */
  #drain(): void {
    if (this.#connection === undefined) {
      return;
    }
    const { page, channel } = this.#connection;
    const length = this.#checked(page, output);
    if (length === undefined || length === 0) {
      return;
    }
    const from = page.read32(output.consumer);
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const { start, length: part } of runs(output, from, length)) {
      bytes.set(page.readBytes(start, part), at);
      at += part;
    }
    page.write32(output.consumer, (from + length) >>> 0);
    channel.notify();
    this.#host.write(bytes);
  }

  /** Moves as much waiting input into the ring as it has room for. */
  #fill(): void {
    if (this.#connection === undefined || this.#waiting.length === 0) {
      return;
    }
    const { page, channel } = this.#connection;
    const used = this.#checked(page, input);
    const length = Math.min(this.#waiting.length, input.size - (used ?? input.size));
    if (length === 0) {
      return;
    }
    const from = page.read32(input.producer);
    let at = 0;
    for (const { start, length: part } of runs(input, from, length)) {
      page.writeBytes(start, this.#waiting.subarray(at, at + part));
      at += part;
    }
    page.write32(input.producer, (from + length) >>> 0);
    this.#waiting = this.#waiting.slice(length);
    channel.notify();
  }

  /** How many bytes a queue holds; undefined, with a record, while its indices make no sense. */
  #checked(page: GrantedPage, queue: Queue): number | undefined {
    const used = this.#used(page, queue);
    const isBroken = used === undefined;
    if (isBroken && !this.#broken[queue.name]) {
      this.#journal.record({
        kind: 'ring broken',
        domain: this.#domain.id,
        device: 'console/0',
        text: `"${queue.name}_prod" is ahead of "${queue.name}_cons" by more than ${queue.size}; nothing is moved until they fit.`,
      });
    }
    this.#broken[queue.name] = isBroken;
    return used;
  }

  #used(page: GrantedPage, queue: Queue): number | undefined {
    const used = (page.read32(queue.producer) - page.read32(queue.consumer)) >>> 0;
    return used > queue.size ? undefined : used;
  }
}

/** The one or two runs of the buffer that `length` bytes from an index take. */
function runs(
  { start, size }: Queue,
  index: number,
  length: number,
): readonly { readonly start: number; readonly length: number }[] {
  const first = index & (size - 1);
  const untilEnd = Math.min(length, size - first);
  return [
    { start: start + first, length: untilEnd },
    { start, length: length - untilEnd },
  ].filter((run) => run.length > 0);
}
