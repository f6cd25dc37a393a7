/** Non-maskable interrupts of a domain: `xen/include/public/nmi.h`. */

import { unsigned_long } from './arch-x86-32.ts';
import { struct } from './layout.ts';

export const XENNMI = { register_callback: 0, unregister_callback: 1 } as const;

/** Bits of `arch_shared_info.nmi_reason`. */
export const XEN_NMIREASON = {
  io_error: 1 << 0,
  /** `parity_error` in Xen 3.0. */
  pci_serr: 1 << 1,
  unknown: 1 << 2,
} as const;

export const xennmi_callback = struct('xennmi_callback', {
  handler_address: unsigned_long,
  pad: unsigned_long,
});
