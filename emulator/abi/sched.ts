/** Scheduling: `xen/include/public/sched.h`. */

import { guest_handle } from './arch-x86-32.ts';
import { int32, struct, uint32, uint64 } from './layout.ts';
import { domid_t } from './xen.ts';

/** Of hypercall 6, which takes its argument as a plain number, only the first three. */
export const SCHEDOP = {
  yield: 0,
  block: 1,
  shutdown: 2,
  poll: 3,
  remote_shutdown: 4,
  shutdown_code: 5,
  watchdog: 6,
  pin_override: 7,
} as const;

/** Why a domain shuts down. */
export const SHUTDOWN = {
  poweroff: 0,
  reboot: 1,
  suspend: 2,
  crash: 3,
  watchdog: 4,
  soft_reset: 5,
} as const;

export const SHUTDOWN_MAX = 5;

export const sched_shutdown = struct('sched_shutdown', { reason: uint32 });

export const sched_poll = struct('sched_poll', {
  /** Where the ports are, an `evtchn_port_t` each. */
  ports: guest_handle,
  nr_ports: uint32,
  /** System time in nanoseconds; 0 for none. */
  timeout: uint64,
});

export const sched_remote_shutdown = struct('sched_remote_shutdown', {
  domain_id: domid_t,
  reason: uint32,
});

export const sched_watchdog = struct('sched_watchdog', {
  /** 0 for a new one. */
  id: uint32,
  /** In seconds; 0 destroys it. */
  timeout: uint32,
});

export const sched_pin_override = struct('sched_pin_override', { pcpu: int32 });
