/**
 * The block back-end: one disk of one guest, as blkback in domain 0 would serve it.
 *
 * The front-end puts requests on a ring in a page that it grants; each is executed at once, in
 * order, and answered in the same slot. What is offered: barriers, cache flushes and discard if the
 * disk is able to, indirect segments. What is not: persistent grants (a front-end that asks for
 * them works without), rings of several pages, several rings. Source:
 * `xen/include/public/io/blkif.h`.
 */

import { VDISK } from '../../abi/io/blkif.ts';
import { XenbusState } from '../../abi/io/xenbus.ts';
import { present } from '../../assert.ts';
import { backendPath, type DeviceAddress, frontendPath } from '../device-nodes.ts';
import type { Channel, EventReceiver, FrontendDomain, GrantedPage } from '../frontend.ts';
import type { Journal, JournalKind } from '../journal.ts';
import { BackRing, type RingImage } from '../ring.ts';
import { type DeviceStore, readNumber, type StoreClient, writeNodes } from '../store.ts';
import { XenbusBackend, type XenbusBackendImage } from '../xenbus-backend.ts';
import { execute, type Outcome, sectorsOf } from './block-execution.ts';
import { type BlockHost, SECTOR_BYTES } from './block-host.ts';
import {
  type BlockProtocol,
  type BlockRequest,
  buildResponse,
  i386Protocol,
  MAX_INDIRECT_SEGMENTS,
  parseRequest,
  protocolNamed,
} from './block-protocol.ts';

/** What the toolstack says of a disk. */
export interface BlockDevice {
  /** The guest's device number, such as 51712 for xvda. */
  readonly id: number;

  /** The guest's name of it, such as `xvda`. */
  readonly dev: string;

  /** The image, as a user would recognise it. */
  readonly params: string;
  readonly isCdrom?: boolean;
  readonly isRemovable?: boolean;
}

/** What a device stands between. */
export interface BlockSurroundings {
  readonly domain: FrontendDomain;
  readonly store: DeviceStore;
  readonly journal: Journal;
  readonly disk: BlockHost;
  readonly observer?: BlockObserver;
}

/** Hears of what passes over the ring, for a trace or a breakpoint. */
export interface BlockObserver {
  /** Called when a request has been executed and its response is on its way. */
  answered(request: BlockRequest, outcome: Outcome): void;
}

export interface BlockBackendImage {
  readonly xenbus: XenbusBackendImage;
  readonly connection: ConnectionImage | undefined;
}

interface ConnectionImage {
  readonly ring: RingImage;
  readonly protocol: BlockProtocol['name'];

  /** Of the mapped ring. */
  readonly pageHandle: number;
  readonly localPort: number;
}

/** What is there between connect and disconnect. */
interface Connection {
  readonly ring: BackRing;
  readonly protocol: BlockProtocol;
  readonly page: GrantedPage;
  readonly channel: Channel;
}

export class BlockBackend implements EventReceiver {
  readonly #surroundings: BlockSurroundings;
  readonly #device: BlockDevice;
  readonly #address: DeviceAddress;
  readonly #xenbus: XenbusBackend;
  #connection: Connection | undefined;

  constructor(surroundings: BlockSurroundings, device: BlockDevice) {
    const { domain, store, journal } = surroundings;
    this.#surroundings = surroundings;
    this.#device = device;
    this.#address = { type: 'vbd', domain: domain.id, id: device.id };
    const driver = {
      connect: () => this.#connect(),
      connected: () => this.handleEvent(),
      disconnect: () => this.#disconnect(),
    };
    this.#xenbus = new XenbusBackend(store, this.#address, driver, journal);
  }

  /** Where the handshake stands, as a number of xenbus. */
  get state(): number {
    return this.#xenbus.state;
  }

  /** Makes the device, as the toolstack does when it builds the domain or attaches a disk. */
  plug(): void {
    const { id, dev, params, isCdrom = false, isRemovable = false } = this.#device;
    const deviceType = isCdrom ? 'cdrom' : 'disk';
    this.#xenbus.plug(
      {
        'backend-id': 0,
        state: XenbusState.Initialising,
        'virtual-device': id,
        'device-type': deviceType,
        trusted: 1,
        // Front-ends before Linux 2.6.26 rely on the toolstack to name their layout.
        protocol: i386Protocol.name,
      },
      {
        params,
        'frontend-id': this.#address.domain,
        online: 1,
        removable: Number(isRemovable),
        bootable: 1,
        state: XenbusState.Initialising,
        dev,
        type: 'phy',
        mode: this.#isWritable ? 'w' : 'r',
        'device-type': deviceType,
        'discard-enable': Number(this.#canDiscard),
        specification: 'xen',
        'hotplug-status': 'connected',
      },
    );
  }

  /** Asks the guest to let go of the disk; the device is removed when it has. */
  unplug(): void {
    this.#xenbus.unplug();
  }

  /** Removes the device at once: before its domain is destroyed, or when the guest lets it wait. */
  remove(): void {
    this.#xenbus.remove();
  }

  /** Serves what is on the ring: at most as many requests as it has slots. */
  handleEvent(): void {
    if (this.#connection === undefined) {
      return;
    }
    const { ring, channel } = this.#connection;
    let left = ring.size;
    do {
      left -= this.#serve(this.#connection, left);
      if (ring.publish()) {
        channel.notify();
      }
      // Only data that a request put on the ring itself can make this more than a second look.
    } while (ring.sleep() && left > 0);
    if (ring.isBroken) {
      this.#giveUp(`The ring claims more than its ${ring.size} requests; it is served no more.`);
    }
  }

  capture(): BlockBackendImage {
    const connection = this.#connection;
    return {
      xenbus: this.#xenbus.capture(),
      connection: connection && {
        ring: connection.ring.capture(),
        protocol: connection.protocol.name,
        pageHandle: connection.page.handle,
        localPort: connection.channel.localPort,
      },
    };
  }

  /** Takes up an image. The store, the domain's grants and its ports must be of the same moment. */
  restore(image: BlockBackendImage): void {
    this.#xenbus.restore(image.xenbus);
    this.#connection = image.connection && this.#restored(image.connection);
  }

  get #isWritable(): boolean {
    return this.#surroundings.disk.write !== undefined;
  }

  get #canDiscard(): boolean {
    return this.#isWritable && this.#surroundings.disk.discard !== undefined;
  }

  /** Answers up to `most` requests and says how many there were. */
  #serve({ ring, protocol }: Connection, most: number): number {
    const { disk, domain, observer } = this.#surroundings;
    for (let served = 0; served < most; served++) {
      const slot = ring.take();
      if (slot === undefined) {
        return served;
      }
      const request = parseRequest(protocol, slot);
      const outcome = execute(request, disk, domain);
      const { status, problem, isHostFailure } = outcome;
      if (problem !== undefined) {
        const kind = isHostFailure ? 'host failed' : 'request refused';
        this.#record(kind, `Request ${request.id} got status ${status}: ${problem}.`);
      }
      ring.respond(buildResponse(request, status));
      observer?.answered(request, outcome);
    }
    return most;
  }

  #connect(): string | undefined {
    const { domain } = this.#surroundings;
    const parameters = readParameters(this.#xenbus.client, frontendPath(this.#address));
    if (typeof parameters === 'string') {
      return parameters;
    }
    const { ringRef, eventChannel, protocol } = parameters;
    const page = domain.mapGrant(ringRef, 'write');
    if (page === undefined) {
      return `Grant ${ringRef}, which is to hold the ring, was refused.`;
    }
    const channel = domain.bindInterdomain(eventChannel, this);
    if (channel === undefined) {
      domain.unmapGrant(page);
      return `Port ${eventChannel} does not wait for domain 0.`;
    }
    const ring = BackRing.attach(page, protocol.slotBytes);
    this.#connection = { ring, protocol, page, channel };
    this.#publish();
    return undefined;
  }

  /** What a front-end reads when it sees that the back-end is connected. */
  #publish(): void {
    const { disk } = this.#surroundings;
    const { isCdrom = false, isRemovable = false } = this.#device;
    const writable = Number(this.#isWritable);
    const discard = { 'discard-granularity': SECTOR_BYTES, 'discard-alignment': 0 };
    writeNodes(this.#xenbus.client, backendPath(this.#address), {
      'feature-flush-cache': writable,
      'feature-barrier': writable,
      ...(this.#canDiscard ? { ...discard, 'discard-secure': 0, 'feature-discard': 1 } : {}),
      'feature-max-indirect-segments': MAX_INDIRECT_SEGMENTS,
      sectors: sectorsOf(disk),
      info:
        (isCdrom ? VDISK.CDROM : 0) |
        (isRemovable ? VDISK.REMOVABLE : 0) |
        (this.#isWritable ? 0 : VDISK.READONLY),
      'sector-size': SECTOR_BYTES,
      'physical-sector-size': SECTOR_BYTES,
    });
  }

  #disconnect(): void {
    if (this.#connection !== undefined) {
      const { channel, page } = this.#connection;
      this.#connection = undefined;
      channel.close();
      this.#surroundings.domain.unmapGrant(page);
    }
  }

  #giveUp(text: string): void {
    this.#disconnect();
    this.#xenbus.fail('ring broken', text);
  }

  #record(kind: JournalKind, text: string): void {
    const { domain, journal } = this.#surroundings;
    journal.record({ kind, domain: domain.id, device: `vbd/${this.#device.id}`, text });
  }

  #restored({ ring, protocol, pageHandle, localPort }: ConnectionImage): Connection {
    const { domain } = this.#surroundings;
    const named = present(protocolNamed(protocol), `protocol ${protocol}`);
    const page = present(domain.grantedPage(pageHandle), `mapping ${pageHandle}`);
    const channel = present(domain.channel(localPort, this), `local port ${localPort}`);
    return { ring: BackRing.restore(page, named.slotBytes, ring), protocol: named, page, channel };
  }
}

/** What the front-end writes before it connects. */
interface Parameters {
  readonly ringRef: number;
  readonly eventChannel: number;
  readonly protocol: BlockProtocol;
}

/** @returns a sentence if something is missing or cannot be served */
function readParameters(client: StoreClient, path: string): Parameters | string {
  const pageOrder = readNumber(client, `${path}/ring-page-order`) ?? 0;
  if (pageOrder !== 0) {
    return `The front-end wants a ring of 2^${pageOrder} pages, which was not offered.`;
  }
  const queues = readNumber(client, `${path}/multi-queue-num-queues`) ?? 1;
  if (queues !== 1) {
    return `The front-end wants ${queues} rings, which was not offered.`;
  }
  const ringRef = readNumber(client, `${path}/ring-ref`);
  if (ringRef === undefined) {
    return `"${path}/ring-ref" is no number of a grant.`;
  }
  const eventChannel = readNumber(client, `${path}/event-channel`);
  if (eventChannel === undefined) {
    return `"${path}/event-channel" is no number of a port.`;
  }
  const name = client.read(`${path}/protocol`) ?? i386Protocol.name;
  const protocol = protocolNamed(name);
  if (protocol === undefined) {
    return `The front-end lays out requests by "${name}", which is unknown here.`;
  }
  return { ringRef, eventChannel, protocol };
}
