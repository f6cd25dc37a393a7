/** Virtual devices: the rings that a guest shares with its back-ends, and where each stands. */

import type { Rows } from './rows.ts';

export interface DevicesData {
  readonly domain: number;
  readonly console?: ConsoleData | undefined;
  readonly store?: StoreRingData | undefined;
  readonly disks: readonly BlockDeviceData[];
  readonly networks: readonly NetworkDeviceData[];
}

/** A queue of bytes. Its indices run freely, modulo 2^32. */
export interface ByteQueueData {
  readonly producer: number;
  readonly consumer: number;
  /** Bytes that it holds; absent while the indices make no sense. */
  readonly used?: number | undefined;
  /** Bytes that it can hold. */
  readonly size: number;
}

export interface ConsoleData {
  /** Absent: the back-end has let go. */
  readonly ring?: SharedPageData | undefined;
  /** To the guest, and from it. */
  readonly input?: ByteQueueData | undefined;
  readonly output?: ByteQueueData | undefined;
  /** Bytes that were typed and found no room in the ring yet. */
  readonly waiting: number;
}

export interface StoreRingData {
  readonly ring: SharedPageData;
  readonly requests: ByteQueueData;
  readonly responses: ByteQueueData;
  /** The word by which each side says that it does not go on: `XENSTORE_ERROR`, by its name. */
  readonly error: string;
}

/** The page of a ring, and the ports at its ends. */
export interface SharedPageData {
  readonly machineFrame: number;
  /** The grant by which the back-end has it; absent: by right of domain 0. */
  readonly reference?: number | undefined;
  /** The guest’s port and domain 0’s. The guest’s is absent while it has closed it. */
  readonly port?: number | undefined;
  readonly backendPort?: number | undefined;
}

/** Where the handshake of the two halves of a device stands. */
export interface XenbusData {
  readonly frontendPath: string;
  readonly backendPath: string;
  /** Names of `XenbusState`; `none` where the node is missing or no state. */
  readonly frontend: string;
  readonly backend: string;
}

export interface BlockDeviceData {
  /** As in xenstore: `vbd/51712`. */
  readonly device: string;
  /** The guest’s number of it, and the name that the toolstack gave it, such as `xvda`. */
  readonly id: number;
  readonly name: string;
  /** The image, as its user would recognise it. */
  readonly file: string;
  readonly mode: 'read and write' | 'read only';
  readonly isCdrom: boolean;
  /** Writes are kept in the machine. */
  readonly isOverlay: boolean;
  /** Sectors of 512 bytes. */
  readonly sectors: number;
  readonly xenbus: XenbusData;
  /** Absent while the two halves are not connected. */
  readonly ring?: BlockRingData | undefined;
  /** Absent while nobody counts. */
  readonly statistics?: RingStatistics | undefined;
}

export interface BlockRingData {
  readonly page: SharedPageData;
  /** How the front-end lays its requests out: `x86_32-abi`, `x86_64-abi`. */
  readonly protocol: string;
  /** Slots. */
  readonly size: number;
  /** In the page, written by the guest. Indices run freely, modulo 2^32. */
  readonly requestProducer: number;
  readonly responseEvent: number;
  /** In the page, written by the back-end, but a guest may have overwritten them. */
  readonly responseProducer: number;
  readonly requestEvent: number;
  /** The back-end’s own, which the guest cannot reach. */
  readonly requestConsumer: number;
  /** The guest claimed more requests than there are slots; nothing is served any more. */
  readonly isBroken: boolean;
  /** Requests that the guest has put on the ring and that have no response yet, at most `size`. */
  readonly inFlight: readonly BlockRequestData[];
}

export interface BlockRequestData {
  /** The index in the ring, before masking. */
  readonly index: number;
  readonly slot: number;
  /** The guest’s own, hexadecimal. */
  readonly id: string;
  /** `read`, `write`, `barrier`, `flush`, `discard`, or what is wrong with it. */
  readonly operation: string;
  /** First sector of 512 bytes, hexadecimal; absent where the operation has none. */
  readonly sector?: string | undefined;
  /** Of a discard: sectors, hexadecimal. */
  readonly count?: string | undefined;
  readonly segments: readonly BlockSegmentData[];
  /** Of an indirect request: references of the pages that hold its segments, and how many these are. */
  readonly indirect?: { readonly pages: readonly number[]; readonly segments: number } | undefined;
}

export interface BlockSegmentData {
  readonly reference: number;
  /** Sectors of 512 bytes in the granted page, both included. */
  readonly first: number;
  readonly last: number;
}

/** Counted since counting began. */
export interface RingStatistics {
  readonly requests: number;
  /** By operation, in the order of their first occurrence. */
  readonly byOperation: Readonly<Record<string, number>>;
  /** Those with a status other than okay. */
  readonly failed: number;
}

/** A network interface. There is no network back-end yet: lists of these are empty. */
export interface NetworkDeviceData {
  /** As in xenstore: `vif/0`. */
  readonly device: string;
  readonly id: number;
  /** Six pairs of hexadecimal digits with colons. */
  readonly mac: string;
  readonly xenbus: XenbusData;
  /** Absent while not connected. */
  readonly transmit?: NetworkRingData | undefined;
  readonly receive?: NetworkRingData | undefined;
  readonly statistics?: RingStatistics | undefined;
}

export interface NetworkRingData {
  readonly page: SharedPageData;
  readonly size: number;
  readonly requestProducer: number;
  readonly requestConsumer: number;
  readonly responseProducer: number;
  readonly responseEvent: number;
  readonly requestEvent: number;
  readonly isBroken: boolean;
}

/** What the journal of the machine holds, newest last. */
export type JournalRows = Rows<{
  readonly domain: number;
  readonly kind: string;
  readonly text: string;
  /** How often it happened. */
  readonly count: number;
}>;
