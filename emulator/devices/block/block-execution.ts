/**
 * Executes one block request: checks, pages, disk, status.
 *
 * Nothing happens before everything has been checked: a request with one bad segment or one refused
 * grant leaves the disk and the guest's pages as they were. The order of checks and the statuses
 * are those of Linux's blkback.
 */

import { BLKIF_RSP } from '../../abi/io/blkif.ts';
import { type FrontendDomain, type GrantedPage, PAGE_BYTES } from '../frontend.ts';
import { type BlockHost, SECTOR_BYTES } from './block-host.ts';
import {
  type BlockRequest,
  type Discard,
  parseSegments,
  type Segment,
  type SegmentList,
  segmentsOnPage,
  type Transfer,
} from './block-protocol.ts';

/** How a request ended: `BLKIF_RSP`, and what the user should know of a status other than 0. */
export interface Outcome {
  readonly status: number;
  readonly problem?: string;

  /** Whether the disk failed, and not the guest. */
  readonly isHostFailure?: true;
}

const SECTORS_PER_PAGE = PAGE_BYTES / SECTOR_BYTES;

const OKAY: Outcome = { status: BLKIF_RSP.OKAY };

export function execute(request: BlockRequest, disk: BlockHost, domain: FrontendDomain): Outcome {
  switch (request.kind) {
    case 'read':
    case 'write':
    case 'flush':
    case 'barrier':
      return transfer(request, disk, domain);
    case 'discard':
      return discard(request, disk);
    case 'unknown':
      return unsupported(`operation ${request.operation} is none of this interface`);
    case 'malformed':
      return error(request.problem);
  }
}

/** How many whole sectors the disk has. */
export function sectorsOf(disk: BlockHost): number {
  return Math.floor(disk.size / SECTOR_BYTES);
}

function transfer(request: Transfer, disk: BlockHost, domain: FrontendDomain): Outcome {
  const { kind, sector, list } = request;
  if (kind !== 'read' && disk.write === undefined) {
    const problem = `${kind} on a disk that is read-only`;
    return kind === 'write' ? error(problem) : unsupported(problem);
  }
  const segments = segmentsOf(list, domain);
  if (typeof segments === 'string') {
    return error(segments);
  }
  const count = segments.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (count > 0 && sector + BigInt(count) > BigInt(sectorsOf(disk))) {
    return error(beyondDisk(kind, sector, BigInt(count), disk));
  }
  return withPages(segments, kind === 'read' ? 'write' : 'read', domain, (pages) => {
    const offset = Number(sector) * SECTOR_BYTES;
    return kind === 'read'
      ? readInto(pages, disk, offset, count * SECTOR_BYTES)
      : writeFrom(pages, disk, offset, count * SECTOR_BYTES, kind);
  });
}

function discard({ sector, count, isSecure }: Discard, disk: BlockHost): Outcome {
  if (disk.write === undefined || disk.discard === undefined) {
    return unsupported('discard on a disk that cannot forget');
  }
  if (isSecure) {
    // Unlike blkback, which ignores the flag when it did not offer to keep the promise.
    return unsupported('secure discard, which was not offered');
  }
  if (sector + count > BigInt(sectorsOf(disk))) {
    return error(beyondDisk('discard', sector, count, disk));
  }
  return disk.discard(Number(sector) * SECTOR_BYTES, Number(count) * SECTOR_BYTES)
    ? OKAY
    : hostFailure('discard');
}

/** The segments with sound bounds, or what is wrong with them. */
function segmentsOf(list: SegmentList, domain: FrontendDomain): readonly Segment[] | string {
  const segments = list.kind === 'direct' ? list.segments : indirectSegments(list, domain);
  if (typeof segments === 'string') {
    return segments;
  }
  const bad = segments.find(({ first, last }) => last >= SECTORS_PER_PAGE || first > last);
  return bad === undefined
    ? segments
    : `segment with sectors ${bad.first} to ${bad.last} of a page that has ${SECTORS_PER_PAGE}`;
}

function indirectSegments(
  { pages, count }: Extract<SegmentList, { kind: 'indirect' }>,
  domain: FrontendDomain,
): readonly Segment[] | string {
  const segments: Segment[] = [];
  for (const [index, gref] of pages.entries()) {
    const page = domain.mapGrant(gref, 'read');
    if (page === undefined) {
      return `grant ${gref} with indirect segments was refused`;
    }
    segments.push(...parseSegments(page.readBytes(0, PAGE_BYTES), segmentsOnPage(count, index)));
    domain.unmapGrant(page);
  }
  return segments;
}

/** A part of a granted page. In bytes. */
interface Area {
  readonly page: GrantedPage;
  readonly start: number;
  readonly length: number;
}

/** Maps the pages of all segments, acts, and unmaps them; acts only if all grants allow it. */
function withPages(
  segments: readonly Segment[],
  access: 'read' | 'write',
  domain: FrontendDomain,
  act: (areas: readonly Area[]) => Outcome,
): Outcome {
  const areas: Area[] = [];
  let refused: number | undefined;
  for (const { gref, first, last } of segments) {
    const page = domain.mapGrant(gref, access);
    if (page === undefined) {
      refused = gref;
      break;
    }
    const length = (last - first + 1) * SECTOR_BYTES;
    areas.push({ page, start: first * SECTOR_BYTES, length });
  }
  const outcome =
    refused === undefined ? act(areas) : error(`grant ${refused} was refused for ${access}`);
  for (const { page } of areas) {
    domain.unmapGrant(page);
  }
  return outcome;
}

function readInto(
  areas: readonly Area[],
  disk: BlockHost,
  offset: number,
  length: number,
): Outcome {
  const bytes = disk.read(offset, length);
  if (bytes?.length !== length) {
    return hostFailure(`read of ${length} bytes at ${offset}`);
  }
  let at = 0;
  for (const area of areas) {
    area.page.writeBytes(area.start, bytes.subarray(at, at + area.length));
    at += area.length;
  }
  return OKAY;
}

function writeFrom(
  areas: readonly Area[],
  disk: BlockHost,
  offset: number,
  length: number,
  kind: 'write' | 'flush' | 'barrier',
): Outcome {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const area of areas) {
    bytes.set(area.page.readBytes(area.start, area.length), at);
    at += area.length;
  }
  if (kind !== 'write' && disk.flush?.() === false) {
    return hostFailure('flush');
  }
  if (length > 0 && disk.write?.(offset, bytes) !== true) {
    return hostFailure(`write of ${length} bytes at ${offset}`);
  }
  if (kind === 'barrier' && length > 0 && disk.flush?.() === false) {
    return hostFailure('flush');
  }
  return OKAY;
}

function beyondDisk(kind: string, sector: bigint, count: bigint, disk: BlockHost): string {
  return `${kind} of ${count} sectors from ${sector} on a disk of ${sectorsOf(disk)}`;
}

function error(problem: string): Outcome {
  return { status: BLKIF_RSP.ERROR, problem };
}

function unsupported(problem: string): Outcome {
  return { status: BLKIF_RSP.EOPNOTSUPP, problem };
}

function hostFailure(act: string): Outcome {
  return { status: BLKIF_RSP.ERROR, problem: `the disk failed to ${act}`, isHostFailure: true };
}
