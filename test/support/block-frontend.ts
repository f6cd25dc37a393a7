/**
 * The guest's side of one disk, with its back-end: it writes xenstore nodes, grants pages, puts
 * requests on the ring and takes responses off it.
 */

import {
  BLKIF_OP,
  blkif_request,
  blkif_request_discard,
  blkif_request_indirect,
  blkif_request_segment,
  blkif_response,
} from '../../emulator/abi/io/blkif.ts';
import { sring } from '../../emulator/abi/io/ring.ts';
import { present } from '../../emulator/assert.ts';
import {
  BlockBackend,
  type BlockDevice,
  type BlockObserver,
} from '../../emulator/devices/block/block-backend.ts';
import type { BlockHost } from '../../emulator/devices/block/block-host.ts';
import { type DomainDescription, makeDomainNodes } from '../../emulator/devices/domain-nodes.ts';
import type { JournalEntry } from '../../emulator/devices/journal.ts';
import { bytesOf } from '../../emulator/xenstore/bytes.ts';
import type { Session } from '../../emulator/xenstore/session.ts';
import { domainSession, Store } from '../../emulator/xenstore/store.ts';
import { GrantingDomain } from './granting-domain.ts';

export const FRONT = '/local/domain/1/device/vbd/51712';
export const BACK = '/local/domain/0/backend/vbd/1/51712';

export interface SegmentFields {
  readonly gref: number;
  readonly first_sect?: number;
  readonly last_sect?: number;
}

/** A domain with the least that a toolstack must know of it. */
const aDescription: DomainDescription = {
  id: 1,
  name: 'guest',
  uuid: '00000000-0000-0000-0000-000000000001',
  memory: { staticMax: 4096, target: 4096 },
  vcpus: { most: 1, online: 1 },
  image: { kernel: 'kernel' },
  store: { port: 1, frame: 1 },
  console: { port: 2, frame: 2 },
};

export class BlockFrontend {
  readonly domain = new GrantingDomain(1);
  readonly store = new Store();
  /** Domain 0's, to look around in xenstore. */
  readonly toolstack = this.store.connect('test', () => undefined);
  readonly journal: JournalEntry[] = [];
  /** What an observer heard of, as kinds and statuses. */
  readonly observed: string[] = [];
  readonly backend: BlockBackend;
  readonly disk: BlockHost;
  readonly port: number;
  readonly ringRef: number;
  readonly ring = new Uint8Array(4096);
  /** What i386 does not have behind the first four bytes of a request. */
  gap = 0;
  #consumer = 0;

  constructor(disk: BlockHost, device: Partial<BlockDevice> = {}) {
    this.disk = disk;
    this.store.introduceDomain(1);
    makeDomainNodes(this.toolstack, aDescription);
    this.backend = this.aBackend(disk, device);
    this.port = this.domain.openPort();
    this.ringRef = this.domain.grant('write', this.ring);
    this.backend.plug();
  }

  /** A back-end of this guest that nobody has plugged in. */
  aBackend(disk: BlockHost, device: Partial<BlockDevice> = {}): BlockBackend {
    const journal = { record: (entry: JournalEntry) => this.journal.push(entry) };
    const observer: BlockObserver = {
      answered: ({ kind }, { status }) => this.observed.push(`${kind} ${status}`),
    };
    return new BlockBackend(
      { domain: this.domain, store: this.store, journal, disk, observer },
      { id: 51712, dev: 'xvda', params: 'disk.img', ...device },
    );
  }

  get indices() {
    return sring.at(new DataView(this.ring.buffer));
  }

  /** The back-end's state, as the guest reads it. */
  get backState(): string | undefined {
    return this.toolstack.read(`${BACK}/state`);
  }

  setState(state: number): void {
    this.write('state', state);
  }

  /** Writes below the guest's half, with the guest's rights. */
  write(name: string, value: string | number): void {
    this.#asGuest((session) => session.write(`${FRONT}/${name}`, bytesOf(`${value}`)));
  }

  /** Removes the guest's half, with the guest's rights. */
  removeFrontend(): void {
    this.#asGuest((session) => session.rm(FRONT));
  }

  /** All nodes below a path, by their path from there, as the guest may list them. */
  below(path: string): Record<string, string> {
    const names = this.toolstack.directory(path) ?? [];
    return Object.fromEntries(
      names.flatMap((name) => [
        [name, this.toolstack.read(`${path}/${name}`) ?? ''],
        ...Object.entries(this.below(`${path}/${name}`)).map(([deeper, value]) => [
          `${name}/${deeper}`,
          value,
        ]),
      ]),
    );
  }

  initialiseRing(): void {
    this.ring.fill(0);
    this.indices.req_event = 1;
    this.indices.rsp_event = 1;
    this.#consumer = 0;
  }

  /** What a front-end writes before the state, then state 3 and, as soon as that is answered, 4. */
  connect(nodes: Record<string, string | number> = {}): this {
    this.initialiseRing();
    const written = { 'ring-ref': this.ringRef, 'event-channel': this.port, ...nodes };
    for (const [name, value] of Object.entries(written)) {
      this.write(name, value);
    }
    this.setState(3);
    if (this.backState === '4') {
      this.setState(4);
    }
    return this;
  }

  /** Puts requests on the ring, each already laid out, and raises the event. */
  push(...requests: readonly Uint8Array[]): void {
    for (const request of requests) {
      const slot = this.#slot(this.indices.req_prod);
      slot.set(request.subarray(0, 4));
      slot.set(request.subarray(4), 4 + this.gap);
      this.indices.req_prod++;
    }
    this.domain.raise(this.port);
  }

  /** The responses since the last call. */
  responses(): { id: bigint; operation: number; status: number }[] {
    const taken = [];
    for (; this.#consumer !== this.indices.rsp_prod; this.#consumer++) {
      const slot = this.#slot(this.#consumer);
      const { id, operation, status } = blkif_response.at(
        new DataView(slot.buffer, slot.byteOffset),
      );
      taken.push({ id, operation, status });
    }
    this.indices.rsp_event = this.#consumer + 1;
    return taken;
  }

  /** Asks for one thing and gives the status of the answer, the only one there may be. */
  ask(request: Uint8Array): number | undefined {
    this.push(request);
    const [response, ...others] = this.responses();
    if (others.length > 0) {
      throw new Error('more than one response');
    }
    return response?.status;
  }

  #asGuest(act: (session: Session) => string | undefined): void {
    const error = act(present(this.store.session(domainSession(1)), 'the guest’s session'));
    if (error !== undefined) {
      throw new Error(`the guest gets ${error}`);
    }
    this.store.settle();
  }

  #slot(index: number): Uint8Array {
    const size = blkif_request.size + this.gap;
    return this.ring.subarray(64 + (index % 32) * size, 64 + (index % 32) * size + size);
  }
}

/** A request with segments in it. */
export function transfer(
  operation: number,
  sector: number | bigint,
  segments: readonly SegmentFields[] = [],
  id = 1n,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(blkif_request.size);
  const request = blkif_request.at(new DataView(bytes.buffer));
  request.operation = operation;
  request.nr_segments = segments.length;
  request.id = id;
  request.sector_number = BigInt(sector);
  for (const [index, segment] of segments.slice(0, 11).entries()) {
    request.seg.set(index, { first_sect: 0, last_sect: 7, ...segment });
  }
  return bytes;
}

/** A request whose segments are in pages of their own. */
export function indirect(
  operation: number,
  sector: number,
  count: number,
  grefs: readonly number[],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(blkif_request.size);
  const request = blkif_request_indirect.at(new DataView(bytes.buffer));
  request.operation = BLKIF_OP.INDIRECT;
  request.indirect_op = operation;
  request.nr_segments = count;
  request.id = 1n;
  request.sector_number = BigInt(sector);
  for (const [index, gref] of grefs.entries()) {
    request.indirect_grefs.set(index, gref);
  }
  return bytes;
}

/** A page full of segments, as an indirect request names it. */
export function segmentPage(segments: readonly SegmentFields[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4096);
  for (const [index, segment] of segments.entries()) {
    blkif_request_segment.write(new DataView(bytes.buffer), index * blkif_request_segment.size, {
      first_sect: 0,
      last_sect: 7,
      ...segment,
    });
  }
  return bytes;
}

export function discard(
  sector: number | bigint,
  count: number | bigint,
  flag = 0,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(blkif_request.size);
  const request = blkif_request_discard.at(new DataView(bytes.buffer));
  request.operation = BLKIF_OP.DISCARD;
  request.flag = flag;
  request.id = 1n;
  request.sector_number = BigInt(sector);
  request.nr_sectors = BigInt(count);
  return bytes;
}
