/**
 * The two ways in which a front-end may lay out block requests, and their typed form.
 *
 * The layouts differ in one thing: on x86-64 the 64-bit fields are aligned to 8 bytes, so
 * everything behind the first four bytes stands four further. Responses differ in their padding
 * only. Sources: `xen/include/public/io/blkif.h` and `io/protocols.h`.
 */

import {
  BLKIF_DISCARD_SECURE,
  BLKIF_MAX_SEGMENTS_PER_REQUEST,
  BLKIF_OP,
  blkif_request,
  blkif_request_discard,
  blkif_request_indirect,
  blkif_request_segment,
  blkif_response,
} from '../../abi/io/blkif.ts';
import { PAGE_BYTES } from '../frontend.ts';

/** A layout of requests. */
export interface BlockProtocol {
  /** As the front-end's node `protocol` names it. */
  readonly name: 'x86_32-abi' | 'x86_64-abi';

  /** Bytes that i386 does not have between the first four and the id. */
  readonly gap: number;

  /** From one slot of the ring to the next. */
  readonly slotBytes: number;
}

/** That of a 32-bit guest, and of one that says nothing. */
export const i386Protocol: BlockProtocol = {
  name: 'x86_32-abi',
  gap: 0,
  slotBytes: blkif_request.size,
};

const x86_64Protocol: BlockProtocol = {
  name: 'x86_64-abi',
  gap: 4,
  slotBytes: blkif_request.size + 4,
};

/** @returns undefined for a protocol of another architecture */
export function protocolNamed(name: string): BlockProtocol | undefined {
  return [i386Protocol, x86_64Protocol].find((protocol) => protocol.name === name);
}

/** The most segments of an indirect request, which the back-end offers. */
export const MAX_INDIRECT_SEGMENTS = 256;

/** How many segments one page of an indirect request can describe. */
const SEGMENTS_PER_PAGE = PAGE_BYTES / blkif_request_segment.size;

/** A run of sectors in one granted page. */
export interface Segment {
  readonly gref: number;

  /** First and last sector of 512 bytes within the page, both included, unchecked. */
  readonly first: number;
  readonly last: number;
}

/** Where the segments stand: in the request, or in pages whose grants it names. */
export type SegmentList =
  | { readonly kind: 'direct'; readonly segments: readonly Segment[] }
  | { readonly kind: 'indirect'; readonly pages: readonly number[]; readonly count: number };

/**
 * Moves sectors between the disk and pages of the guest. A flush or barrier may have none; what it
 * has is written after what was written before is durable.
 */
export interface Transfer {
  readonly kind: 'read' | 'write' | 'flush' | 'barrier';

  /** The first, from the start of the disk. */
  readonly sector: bigint;
  readonly list: SegmentList;
}

/** Tells the disk that nobody needs these sectors any more. */
export interface Discard {
  readonly kind: 'discard';
  readonly sector: bigint;

  /** How many. */
  readonly count: bigint;

  /** Whether no copy of them may survive. */
  readonly isSecure: boolean;
}

/** What the response repeats. */
export interface RequestIdentity {
  /** The guest's own, of no meaning here. */
  readonly id: bigint;

  /** `BLKIF_OP`; of an indirect request the operation inside. */
  readonly operation: number;
}

/** A request, whose counts are sound and whose sectors and grants are still unchecked. */
export type BlockRequest = RequestIdentity &
  (
    | Transfer
    | Discard
    | { readonly kind: 'unknown' }
    | { readonly kind: 'malformed'; readonly problem: string }
  );

/** @param slot a copy of the whole slot */
export function parseRequest(protocol: BlockProtocol, slot: Uint8Array): BlockRequest {
  const bytes = withoutGap(protocol, slot);
  const { operation } = blkif_request.at(bytes);
  switch (operation) {
    case BLKIF_OP.READ:
      return parseTransfer('read', bytes);
    case BLKIF_OP.WRITE:
      return parseTransfer('write', bytes);
    case BLKIF_OP.WRITE_BARRIER:
      return parseTransfer('barrier', bytes);
    case BLKIF_OP.FLUSH_DISKCACHE:
      return parseTransfer('flush', bytes);
    case BLKIF_OP.DISCARD:
      return parseDiscard(bytes);
    case BLKIF_OP.INDIRECT:
      return parseIndirect(bytes);
    default:
      return { kind: 'unknown', operation, id: blkif_request.at(bytes).id };
  }
}

/** @param status `BLKIF_RSP` */
export function buildResponse({ id, operation }: RequestIdentity, status: number): Uint8Array {
  const bytes = new Uint8Array(blkif_response.size);
  const response = blkif_response.at(new DataView(bytes.buffer));
  response.id = id;
  response.operation = operation;
  response.status = status;
  return bytes;
}

/** The segments that a page of an indirect request describes, `count` from its start. */
export function parseSegments(page: Uint8Array, count: number): readonly Segment[] {
  const bytes = new DataView(page.buffer, page.byteOffset, page.byteLength);
  return Array.from({ length: count }, (_, index) =>
    segmentOf(blkif_request_segment.at(bytes, index * blkif_request_segment.size)),
  );
}

/** How many of `count` segments the indirect page `index` describes. */
export function segmentsOnPage(count: number, index: number): number {
  return Math.min(SEGMENTS_PER_PAGE, count - index * SEGMENTS_PER_PAGE);
}

function parseTransfer(kind: Transfer['kind'], bytes: DataView): BlockRequest {
  const request = blkif_request.at(bytes);
  const { id, operation, nr_segments, sector_number: sector } = request;
  const mayBeEmpty = kind === 'flush' || kind === 'barrier';
  if (nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST || (nr_segments === 0 && !mayBeEmpty)) {
    const problem = `${kind} of ${nr_segments} segments`;
    return { kind: 'malformed', id, operation, problem };
  }
  const segments = [...request.seg].slice(0, nr_segments).map(segmentOf);
  return { kind, id, operation, sector, list: { kind: 'direct', segments } };
}

function parseIndirect(bytes: DataView): BlockRequest {
  const request = blkif_request_indirect.at(bytes);
  const { id, indirect_op: operation, nr_segments: count, sector_number: sector } = request;
  if (operation !== BLKIF_OP.READ && operation !== BLKIF_OP.WRITE) {
    const problem = `indirect request for operation ${operation}`;
    return { kind: 'malformed', id, operation, problem };
  }
  if (count === 0 || count > MAX_INDIRECT_SEGMENTS) {
    const problem = `indirect request of ${count} segments`;
    return { kind: 'malformed', id, operation, problem };
  }
  const pages = [...request.indirect_grefs].slice(0, Math.ceil(count / SEGMENTS_PER_PAGE));
  const kind = operation === BLKIF_OP.READ ? 'read' : 'write';
  return { kind, id, operation, sector, list: { kind: 'indirect', pages, count } };
}

function parseDiscard(bytes: DataView): BlockRequest {
  const { id, operation, flag, sector_number, nr_sectors } = blkif_request_discard.at(bytes);
  return {
    kind: 'discard',
    id,
    operation,
    sector: sector_number,
    count: nr_sectors,
    isSecure: (flag & BLKIF_DISCARD_SECURE) !== 0,
  };
}

function segmentOf(segment: { gref: number; first_sect: number; last_sect: number }): Segment {
  return { gref: segment.gref, first: segment.first_sect, last: segment.last_sect };
}

/** The request as i386 lays it out. */
function withoutGap({ gap }: BlockProtocol, slot: Uint8Array): DataView {
  const bytes = new Uint8Array(slot.length - gap);
  bytes.set(slot.subarray(0, 4));
  bytes.set(slot.subarray(4 + gap), 4);
  return new DataView(bytes.buffer);
}
