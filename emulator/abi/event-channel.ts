/** Event channels: `xen/include/public/event_channel.h`, with the two-level bitmaps only. */

import { array, type FieldType, out, struct, uint8, uint32, uint64, union } from './layout.ts';
import { domid_t } from './xen.ts';

export const evtchn_port_t: FieldType<number> = uint32;

export const EVTCHNOP = {
  bind_interdomain: 0,
  bind_virq: 1,
  bind_pirq: 2,
  close: 3,
  send: 4,
  status: 5,
  alloc_unbound: 6,
  bind_ipi: 7,
  bind_vcpu: 8,
  unmask: 9,
  reset: 10,
  init_control: 11,
  expand_array: 12,
  set_priority: 13,
} as const;

/** `evtchn_status.status`. */
export const EVTCHNSTAT = {
  closed: 0,
  unbound: 1,
  interdomain: 2,
  pirq: 3,
  virq: 4,
  ipi: 5,
} as const;

/** `evtchn_bind_pirq.flags`: the interrupt's line may be shared. */
export const BIND_PIRQ__WILL_SHARE = 1;

export const evtchn_alloc_unbound = struct('evtchn_alloc_unbound', {
  dom: domid_t,
  remote_dom: domid_t,
  port: out(evtchn_port_t),
});

export const evtchn_bind_interdomain = struct('evtchn_bind_interdomain', {
  remote_dom: domid_t,
  remote_port: evtchn_port_t,
  local_port: out(evtchn_port_t),
});

export const evtchn_bind_virq = struct('evtchn_bind_virq', {
  virq: uint32,
  vcpu: uint32,
  port: out(evtchn_port_t),
});

export const evtchn_bind_pirq = struct('evtchn_bind_pirq', {
  pirq: uint32,
  flags: uint32,
  port: out(evtchn_port_t),
});

export const evtchn_bind_ipi = struct('evtchn_bind_ipi', {
  vcpu: uint32,
  port: out(evtchn_port_t),
});

export const evtchn_close = struct('evtchn_close', { port: evtchn_port_t });

export const evtchn_send = struct('evtchn_send', { port: evtchn_port_t });

export const evtchn_status = struct('evtchn_status', {
  dom: domid_t,
  port: evtchn_port_t,
  /** One of `EVTCHNSTAT`, which says what `u` is. */
  status: out(uint32),
  vcpu: out(uint32),
  u: out(
    union('evtchn_status.u', {
      unbound: struct('evtchn_status.u.unbound', { dom: domid_t }),
      interdomain: struct('evtchn_status.u.interdomain', { dom: domid_t, port: evtchn_port_t }),
      pirq: uint32,
      virq: uint32,
    }),
  ),
});

export const evtchn_bind_vcpu = struct('evtchn_bind_vcpu', {
  port: evtchn_port_t,
  vcpu: uint32,
});

export const evtchn_unmask = struct('evtchn_unmask', { port: evtchn_port_t });

export const evtchn_reset = struct('evtchn_reset', { dom: domid_t });

export const evtchn_init_control = struct('evtchn_init_control', {
  control_gfn: uint64,
  offset: uint32,
  vcpu: uint32,
  link_bits: out(uint8),
  _pad: array(uint8, 7),
});

export const evtchn_expand_array = struct('evtchn_expand_array', { array_gfn: uint64 });

export const evtchn_set_priority = struct('evtchn_set_priority', {
  port: evtchn_port_t,
  priority: uint32,
});

/** The argument of hypercall 16, all commands in one. */
export const evtchn_op = struct('evtchn_op', {
  cmd: uint32,
  u: union('evtchn_op.u', {
    alloc_unbound: evtchn_alloc_unbound,
    bind_interdomain: evtchn_bind_interdomain,
    bind_virq: evtchn_bind_virq,
    bind_pirq: evtchn_bind_pirq,
    bind_ipi: evtchn_bind_ipi,
    close: evtchn_close,
    send: evtchn_send,
    status: evtchn_status,
    bind_vcpu: evtchn_bind_vcpu,
    unmask: evtchn_unmask,
  }),
});
