/** The wire protocol of XenStore and its ring: `xen/include/public/io/xs_wire.h`. */

import { bytes, type FieldType, struct, uint32 } from '../layout.ts';

/** `xsd_sockmsg.type`. */
export const XS = {
  /** `DEBUG` in Xen 3.0. */
  CONTROL: 0,
  DIRECTORY: 1,
  READ: 2,
  GET_PERMS: 3,
  WATCH: 4,
  UNWATCH: 5,
  TRANSACTION_START: 6,
  TRANSACTION_END: 7,
  INTRODUCE: 8,
  RELEASE: 9,
  GET_DOMAIN_PATH: 10,
  WRITE: 11,
  MKDIR: 12,
  RM: 13,
  SET_PERMS: 14,
  WATCH_EVENT: 15,
  ERROR: 16,
  IS_DOMAIN_INTRODUCED: 17,
  RESUME: 18,
  SET_TARGET: 19,
  RESET_WATCHES: 21,
  DIRECTORY_PART: 22,
} as const;

/** The names that a message of `XS.ERROR` may carry, in the order of `xsd_errors`. */
export const XSD_ERRORS = [
  'EINVAL',
  'EACCES',
  'EEXIST',
  'EISDIR',
  'ENOENT',
  'ENOMEM',
  'ENOSPC',
  'EIO',
  'ENOTEMPTY',
  'ENOSYS',
  'EROFS',
  'EBUSY',
  'EAGAIN',
  'EISCONN',
  'E2BIG',
  'EPERM',
] as const;

/** An error as XenStore names it. */
export type XsdError = (typeof XSD_ERRORS)[number];

/** What each message begins with. */
export const xsd_sockmsg = struct('xsd_sockmsg', {
  /** One of `XS`. */
  type: uint32,
  /** The answer carries that of the request. */
  req_id: uint32,
  /** 0 outside a transaction. */
  tx_id: uint32,
  /** Of what follows, in bytes: up to `XENSTORE_PAYLOAD_MAX`. */
  len: uint32,
});

export const XENSTORE_RING_SIZE = 1024;

/** In bytes. More ends the connection. */
export const XENSTORE_PAYLOAD_MAX = 4096;

/** Bytes of a path. More is an error. */
export const XENSTORE_ABS_PATH_MAX = 3072;
export const XENSTORE_REL_PATH_MAX = 2048;

export const XENSTORE_RING_IDX: FieldType<number> = uint32;

/**
 * The page shared with XenStore. Indices run freely, modulo 2^32. Xen 3.0 ends before
 * `server_features`.
 */
export const xenstore_domain_interface = struct('xenstore_domain_interface', {
  /** From the guest. */
  req: bytes(XENSTORE_RING_SIZE),
  /** To the guest: answers and events of watches. */
  rsp: bytes(XENSTORE_RING_SIZE),
  req_cons: XENSTORE_RING_IDX,
  req_prod: XENSTORE_RING_IDX,
  rsp_cons: XENSTORE_RING_IDX,
  rsp_prod: XENSTORE_RING_IDX,
  /** Bits of `XENSTORE_SERVER_FEATURE`. */
  server_features: uint32,
  /** `XENSTORE_CONNECTION`. */
  connection: uint32,
  /** One of `XENSTORE_ERROR`. */
  error: uint32,
  /** Newer than Xen 4.17. */
  evtchn_port: uint32,
});

export const XENSTORE_SERVER_FEATURE = { RECONNECTION: 1 << 0, ERROR: 1 << 1 } as const;

/** `xenstore_domain_interface.connection`: `XENSTORE_CONNECTED` and so on. */
export const XENSTORE_CONNECTION = { CONNECTED: 0, RECONNECT: 1 } as const;

export const XENSTORE_ERROR = { NONE: 0, COMM: 1, RINGIDX: 2, PROTO: 3 } as const;
