/**
 * Block devices: `xen/include/public/io/blkif.h`.
 *
 * These are the layouts of a 32-bit frontend (`x86_32-abi`); a 64-bit one places `id` differently.
 * Sectors are 512 bytes whatever the disk's are.
 */

import { grant_ref_t } from '../grant-table.ts';
import { array, type FieldType, int16, struct, uint8, uint16, uint64, union } from '../layout.ts';

/** The number of the virtual device, as in xenstore. */
export const blkif_vdev_t: FieldType<number> = uint16;

/** In units of 512 bytes. */
export const blkif_sector_t: FieldType<bigint> = uint64;

/** Xen 3.0 has the first two. */
export const BLKIF_OP = {
  READ: 0,
  WRITE: 1,
  WRITE_BARRIER: 2,
  FLUSH_DISKCACHE: 3,
  RESERVED_1: 4,
  DISCARD: 5,
  INDIRECT: 6,
} as const;

export const BLKIF_RSP = { OKAY: 0, ERROR: -1, EOPNOTSUPP: -2 } as const;

export const BLKIF_MAX_SEGMENTS_PER_REQUEST = 11;
export const BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST = 8;

/** `blkif_request_discard.flag`. */
export const BLKIF_DISCARD_SECURE = 1;

/** Bits of the backend's `info` node. */
export const VDISK = { CDROM: 1, REMOVABLE: 2, READONLY: 4 } as const;

export const blkif_request_segment = struct('blkif_request_segment', {
  gref: grant_ref_t,
  /** Sectors of the granted frame, both included. */
  first_sect: uint8,
  last_sect: uint8,
});

export const blkif_request = struct('blkif_request', {
  operation: uint8,
  nr_segments: uint8,
  handle: blkif_vdev_t,
  id: uint64,
  sector_number: blkif_sector_t,
  seg: array(blkif_request_segment, BLKIF_MAX_SEGMENTS_PER_REQUEST),
});

export const blkif_request_discard = struct('blkif_request_discard', {
  operation: uint8,
  flag: uint8,
  handle: blkif_vdev_t,
  id: uint64,
  sector_number: blkif_sector_t,
  nr_sectors: uint64,
});

export const blkif_request_indirect = struct('blkif_request_indirect', {
  operation: uint8,
  /** `BLKIF_OP.READ` or `WRITE`. */
  indirect_op: uint8,
  nr_segments: uint16,
  id: uint64,
  sector_number: blkif_sector_t,
  handle: blkif_vdev_t,
  /** Frames full of `blkif_request_segment`. */
  indirect_grefs: array(grant_ref_t, BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST),
  pad: uint64,
});

export const blkif_response = struct('blkif_response', {
  id: uint64,
  operation: uint8,
  status: int16,
});

/** An entry of the ring. */
export const blkif_sring_entry = union('blkif_sring_entry', {
  req: blkif_request,
  rsp: blkif_response,
});
