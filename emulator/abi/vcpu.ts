/** Virtual CPUs: `xen/include/public/vcpu.h`. */

import { guest_handle, unsigned_long } from './arch-x86-32.ts';
import { array, int32, out, struct, uint32, uint64, union } from './layout.ts';

/** Xen 3.0 has the first six. */
export const VCPUOP = {
  initialise: 0,
  up: 1,
  down: 2,
  is_up: 3,
  get_runstate_info: 4,
  register_runstate_memory_area: 5,
  set_periodic_timer: 6,
  stop_periodic_timer: 7,
  set_singleshot_timer: 8,
  stop_singleshot_timer: 9,
  register_vcpu_info: 10,
  send_nmi: 11,
  get_physid: 12,
  register_vcpu_time_memory_area: 13,
} as const;

export const RUNSTATE = { running: 0, runnable: 1, blocked: 2, offline: 3 } as const;

/** Bit of `state_entry_time` while Xen changes the rest, with `VMASST_TYPE.runstate_update_flag`. */
export const XEN_RUNSTATE_UPDATE = 1n << 63n;

/** `vcpu_set_singleshot_timer.flags`: a time that is past is an error, `-ERRNO.ETIME`. */
export const VCPU_SSHOTTMR_future = 1;

export const vcpu_runstate_info = struct('vcpu_runstate_info', {
  /** One of `RUNSTATE`. */
  state: out(int32),
  /** System time when it was entered, in nanoseconds. */
  state_entry_time: out(uint64),
  /** Nanoseconds spent in each state. */
  time: out(array(uint64, 4)),
});

export const vcpu_register_runstate_memory_area = struct('vcpu_register_runstate_memory_area', {
  addr: union('vcpu_register_runstate_memory_area.addr', {
    /** Linear address of a `vcpu_runstate_info`. */
    h: guest_handle,
    v: unsigned_long,
    p: uint64,
  }),
});

export const vcpu_set_periodic_timer = struct('vcpu_set_periodic_timer', { period_ns: uint64 });

export const vcpu_set_singleshot_timer = struct('vcpu_set_singleshot_timer', {
  /** System time in nanoseconds. */
  timeout_abs_ns: uint64,
  flags: uint32,
});

export const vcpu_register_vcpu_info = struct('vcpu_register_vcpu_info', {
  mfn: uint64,
  /** In the frame, in bytes. */
  offset: uint32,
  rsvd: uint32,
});

export const vcpu_get_physid = struct('vcpu_get_physid', {
  /** The ACPI id in the upper half, the APIC id in the lower. */
  phys_id: out(uint64),
});

export const vcpu_register_time_memory_area = struct('vcpu_register_time_memory_area', {
  addr: union('vcpu_register_time_memory_area.addr', {
    /** Linear address of a `vcpu_time_info`. */
    h: guest_handle,
    v: unsigned_long,
    p: uint64,
  }),
});
