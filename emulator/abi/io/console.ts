/** The console's ring: `xen/include/public/io/console.h`. */

import { bytes, type FieldType, struct, uint8, uint32 } from '../layout.ts';

export const XENCONS_RING_IDX: FieldType<number> = uint32;

/** Indices run freely, modulo 2^32; a byte is at the index modulo the length of its buffer. */
export const xencons_interface = struct('xencons_interface', {
  /** To the guest. */
  in: bytes(1024),
  /** From the guest. */
  out: bytes(2048),
  in_cons: XENCONS_RING_IDX,
  in_prod: XENCONS_RING_IDX,
  out_cons: XENCONS_RING_IDX,
  out_prod: XENCONS_RING_IDX,
  /** One of `XENCONSOLE`. Newer than Xen 4.17, which leaves it 0. */
  connection: uint8,
});

export const XENCONSOLE = { CONNECTED: 0, DISCONNECTED: 1 } as const;
