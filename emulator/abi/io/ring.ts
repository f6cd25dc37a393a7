/**
 * Shared rings of requests and responses: `xen/include/public/io/ring.h`.
 *
 * Indices run freely, modulo 2^32; the entry of an index is at the index modulo the ring's length. A
 * response takes an entry whose request has been consumed.
 */

import { bytes, type FieldType, struct, uint32 } from '../layout.ts';

export const RING_IDX: FieldType<number> = uint32;

/** What each ring begins with: `struct name##_sring`. Its entries follow at once. */
export const sring = struct('sring', {
  req_prod: RING_IDX,
  /** The consumer wants an event when `req_prod` passes this. */
  req_event: RING_IDX,
  rsp_prod: RING_IDX,
  /** The consumer wants an event when `rsp_prod` passes this. */
  rsp_event: RING_IDX,
  /** Private to one side. */
  pvt: bytes(4),
  __pad: bytes(44),
});

/**
 * How many entries fit: `__RING_SIZE`, the largest power of two.
 *
 * @param entrySize the larger of request and response, in bytes
 * @param size of the shared pages, in bytes
 */
export function ringLength(entrySize: number, size: number): number {
  return 2 ** Math.floor(Math.log2((size - sring.size) / entrySize));
}
