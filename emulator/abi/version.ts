/** What Xen says of itself: `xen/include/public/version.h`. */

import { xen_ulong_t } from './arch-x86-32.ts';
import { out, struct, text, uint32 } from './layout.ts';

/** Xen 3.0 has 0 to 6. */
export const XENVER = {
  /** Answers major << 16 | minor; guests also use it only to enter Xen. */
  version: 0,
  extraversion: 1,
  compile_info: 2,
  capabilities: 3,
  changeset: 4,
  platform_parameters: 5,
  get_features: 6,
  pagesize: 7,
  guest_handle: 8,
  commandline: 9,
  build_id: 10,
} as const;

/** Sizes of the C strings that some commands answer, their zero included. */
export const XEN_EXTRAVERSION_LEN = 16;
export const XEN_CAPABILITIES_INFO_LEN = 1024;
export const XEN_CHANGESET_INFO_LEN = 64;

export const xen_compile_info = struct('xen_compile_info', {
  compiler: out(text(64)),
  compile_by: out(text(16)),
  compile_domain: out(text(32)),
  compile_date: out(text(32)),
});

export const xen_platform_parameters = struct('xen_platform_parameters', {
  /** The first linear address that is Xen's. */
  virt_start: out(xen_ulong_t),
});

export const xen_feature_info = struct('xen_feature_info', {
  submap_idx: uint32,
  /** Bits by `XENFEAT`. */
  submap: out(uint32),
});

/** Without the bytes that follow. */
export const xen_build_id = struct('xen_build_id', { len: uint32 });
