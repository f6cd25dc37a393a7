/** Network devices: `xen/include/public/io/netif.h`. */

import { grant_ref_t } from '../grant-table.ts';
import { array, bytes, int16, struct, uint8, uint16, union } from '../layout.ts';

/** `netif_tx_request.flags`; Xen 3.0 has the first two. */
export const NETTXF = {
  csum_blank: 1 << 0,
  data_validated: 1 << 1,
  more_data: 1 << 2,
  extra_info: 1 << 3,
} as const;

/** `netif_rx_response.flags`; Xen 3.0 has the first two. */
export const NETRXF = {
  data_validated: 1 << 0,
  csum_blank: 1 << 1,
  more_data: 1 << 2,
  extra_info: 1 << 3,
  gso_prefix: 1 << 4,
} as const;

/** The status of a response; above 0 that of a received packet is its length in bytes. */
export const NETIF_RSP = { OKAY: 0, ERROR: -1, DROPPED: -2, NULL: 1 } as const;

/** Slots that a backend must accept for one packet. */
export const XEN_NETIF_NR_SLOTS_MIN = 18;

/** Bytes of the largest packet. */
export const XEN_NETIF_MAX_TX_SIZE = 0xffff;

export const XEN_NETIF_EXTRA_TYPE = {
  NONE: 0,
  GSO: 1,
  MCAST_ADD: 2,
  MCAST_DEL: 3,
  HASH: 4,
} as const;

export const XEN_NETIF_EXTRA_FLAG = { MORE: 1 << 0 } as const;

export const XEN_NETIF_GSO_TYPE = { NONE: 0, TCPV4: 1, TCPV6: 2 } as const;

export const netif_tx_request = struct('netif_tx_request', {
  gref: grant_ref_t,
  /** In the granted frame, in bytes. */
  offset: uint16,
  flags: uint16,
  id: uint16,
  /** Of the whole packet in its first request, else of this piece; in bytes. */
  size: uint16,
});

export const netif_tx_response = struct('netif_tx_response', { id: uint16, status: int16 });

export const netif_rx_request = struct('netif_rx_request', {
  id: uint16,
  pad: uint16,
  gref: grant_ref_t,
});

export const netif_rx_response = struct('netif_rx_response', {
  id: uint16,
  /** In the frame, in bytes. */
  offset: uint16,
  flags: uint16,
  status: int16,
});

/** Takes the place of a request or response that `extra_info` announces. */
export const netif_extra_info = struct('netif_extra_info', {
  type: uint8,
  flags: uint8,
  u: union('netif_extra_info.u', {
    gso: struct('netif_extra_info.u.gso', {
      size: uint16,
      type: uint8,
      pad: uint8,
      features: uint16,
    }),
    mcast: struct('netif_extra_info.u.mcast', { addr: bytes(6) }),
    hash: struct('netif_extra_info.u.hash', { type: uint8, algorithm: uint8, value: bytes(4) }),
    pad: array(uint16, 3),
  }),
});

/** An entry of the transmit ring. */
export const netif_tx_sring_entry = union('netif_tx_sring_entry', {
  req: netif_tx_request,
  rsp: netif_tx_response,
});

/** An entry of the receive ring. */
export const netif_rx_sring_entry = union('netif_rx_sring_entry', {
  req: netif_rx_request,
  rsp: netif_rx_response,
});
