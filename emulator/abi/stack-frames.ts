/**
 * What Xen pushes onto a guest kernel's stack, and what the `iret` hypercall pops from it.
 *
 * No header declares these: they are of `compat_create_bounce_frame` in Xen's
 * `arch/x86/x86_64/compat/entry.S` and `compat_iret` in `arch/x86/pv/iret.c`. Fields stand by
 * ascending address, from ESP. For an exception with an error code one more word lies below `eip`.
 */

import { struct, uint8, uint16, uint32 } from './layout.ts';

const returnAddress = {
  eip: uint32,
  cs: uint16,
  /** `evtchn_upcall_mask` as it was. */
  saved_upcall_mask: uint8,
  pad: uint8,
  /** IF is the inverse of `saved_upcall_mask`. */
  eflags: uint32,
} as const;

const stackPointer = { esp: uint32, ss: uint32 } as const;

const dataSegments = { es: uint32, ds: uint32, fs: uint32, gs: uint32 } as const;

/** Ring 1 was interrupted. */
export const bounce_frame_same_ring = struct('bounce_frame_same_ring', returnAddress);

/** Ring 2 or 3 was interrupted: the frame is on the stack that `stack_switch` has set. */
export const bounce_frame_from_user = struct('bounce_frame_from_user', {
  ...returnAddress,
  ...stackPointer,
});

/** Virtual-8086 mode was interrupted. */
export const bounce_frame_from_vm86 = struct('bounce_frame_from_vm86', {
  ...returnAddress,
  ...stackPointer,
  ...dataSegments,
});

/** What the failsafe callback finds below the frame: selectors, one of which could not be loaded. */
export const failsafe_prefix = struct('failsafe_prefix', {
  ds: uint32,
  es: uint32,
  fs: uint32,
  gs: uint32,
});

/**
 * `iret`'s: up to `esp` if it returns to ring 1, up to `es` if to ring 2 or 3, all if to virtual-8086
 * mode.
 */
export const iret_hypercall_frame = struct('iret_hypercall_frame', {
  eax: uint32,
  eip: uint32,
  cs: uint32,
  eflags: uint32,
  ...stackPointer,
  ...dataSegments,
});
