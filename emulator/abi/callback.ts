/** Registering the guest's entry points: `xen/include/public/callback.h`. */

import { xen_callback } from './arch-x86-32.ts';
import { struct, uint16, uint32 } from './layout.ts';

export const CALLBACKOP = { register: 0, unregister: 1 } as const;

/** Xen 3.0 has event, failsafe, 64-bit syscall, nmi, and 3 by the name of `sysenter`. */
export const CALLBACKTYPE = {
  event: 0,
  failsafe: 1,
  syscall: 2,
  sysenter_deprecated: 3,
  nmi: 4,
  sysenter: 5,
  syscall32: 7,
} as const;

/** `callback_register.flags`: entering there masks events. */
export const CALLBACKF = { mask_events: 1 << 0 } as const;

export const callback_register = struct('callback_register', {
  type: uint16,
  flags: uint16,
  address: xen_callback,
});

/** As in Xen 3.0, where there were no flags. */
export const callback_register_3_0 = struct('callback_register', {
  type: uint32,
  address: xen_callback,
});

export const callback_unregister = struct('callback_unregister', {
  type: uint16,
  _unused: uint16,
});

/** As in Xen 3.0. */
export const callback_unregister_3_0 = struct('callback_unregister', { type: uint32 });
