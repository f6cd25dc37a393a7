/**
 * `HYPERVISOR_event_channel_op`, and its older form with one struct for all commands.
 *
 * Xen: `common/event_channel.c`.
 */

import { ERRNO } from '../../abi/errno.ts';
import {
  EVTCHNOP,
  EVTCHNSTAT,
  evtchn_alloc_unbound,
  evtchn_bind_interdomain,
  evtchn_bind_ipi,
  evtchn_bind_pirq,
  evtchn_bind_vcpu,
  evtchn_bind_virq,
  evtchn_close,
  evtchn_init_control,
  evtchn_op,
  evtchn_reset,
  evtchn_send,
  evtchn_status,
  evtchn_unmask,
} from '../../abi/event-channel.ts';
import type { View } from '../../abi/layout.ts';
import { DOMID, HYPERVISOR, NR_VIRQS, PER_VCPU_VIRQS } from '../../abi/xen.ts';
import type { Domain } from '../domains/domain.ts';
import { raiseEvent, unmaskEvent } from '../events/event-delivery.ts';
import { closePort, connectInterdomain } from '../events/event-ports.ts';
import {
  type Caller,
  dispatch,
  dispatchCompat,
  type Hypercall,
  type Suboperations,
  suboperation,
  unimplemented,
} from '../hypercall.ts';

/** The domain that a call is about: the caller itself, or another that it has no right to. */
function subject({ xen, domain }: Caller, id: number): Domain | number {
  if (id === DOMID.SELF || id === domain.id) {
    return domain;
  }
  return xen.domains.has(id) ? -ERRNO.EPERM : -ERRNO.ESRCH;
}

/** Opens a port that `remote_dom` may later bind to. */
function allocUnbound(caller: Caller, args: View<typeof evtchn_alloc_unbound>): number {
  const domain = subject(caller, args.dom);
  if (typeof domain === 'number') {
    return domain;
  }
  const port = domain.events.lowestFree();
  if (port === undefined) {
    return -ERRNO.ENOSPC;
  }
  const remoteDomain = args.remote_dom === DOMID.SELF ? caller.domain.id : args.remote_dom;
  domain.events.connect(port, { state: 'unbound', remoteDomain });
  args.port = port;
  return 0;
}

/** Connects a new port to one that another domain holds open for the caller. */
function bindInterdomain(caller: Caller, args: View<typeof evtchn_bind_interdomain>): number {
  const { xen, domain } = caller;
  const id = args.remote_dom === DOMID.SELF ? domain.id : args.remote_dom;
  const remote = xen.domains.get(id);
  if (remote === undefined) {
    return -ERRNO.ESRCH;
  }
  const port = connectInterdomain(xen, domain, remote, args.remote_port);
  if (port < 0) {
    return port;
  }
  args.local_port = port;
  return 0;
}

function bindVirq(caller: Caller, args: View<typeof evtchn_bind_virq>): number {
  const { events, vcpus } = caller.domain;
  const { virq, vcpu } = args;
  if (virq >= NR_VIRQS) {
    return -ERRNO.EINVAL;
  }
  if (!PER_VCPU_VIRQS.includes(virq) && vcpu !== 0) {
    return -ERRNO.EINVAL;
  }
  if (vcpus[vcpu] === undefined) {
    return -ERRNO.ENOENT;
  }
  if (isVirqBound(caller.domain, virq, vcpu)) {
    return -ERRNO.EEXIST;
  }
  const port = events.lowestFree();
  if (port === undefined) {
    return -ERRNO.ENOSPC;
  }
  events.connect(port, { state: 'virq', virq }, vcpu);
  args.port = port;
  return 0;
}

/** A global one may notify another virtual processor by now, and is bound all the same. */
function isVirqBound({ events }: Domain, virq: number, vcpu: number): boolean {
  if (PER_VCPU_VIRQS.includes(virq)) {
    return events.portOfVirq(virq, vcpu) !== undefined;
  }
  return [...events].some(([, channel]) => channel.state === 'virq' && channel.virq === virq);
}

function bindIpi({ domain }: Caller, args: View<typeof evtchn_bind_ipi>): number {
  if (domain.vcpus[args.vcpu] === undefined) {
    return -ERRNO.ENOENT;
  }
  const port = domain.events.lowestFree();
  if (port === undefined) {
    return -ERRNO.ENOSPC;
  }
  domain.events.connect(port, { state: 'ipi' }, args.vcpu);
  args.port = port;
  return 0;
}

/** No domain but domain 0 has physical interrupts. */
function bindPirq({ domain }: Caller): number {
  return domain.profile.unknownOperation === 'EINVAL' ? -ERRNO.EINVAL : -ERRNO.EPERM;
}

function close({ xen, domain }: Caller, { port }: View<typeof evtchn_close>): number {
  return closePort(xen, domain, port);
}

/** Raises the event at the other end of `port`. */
function send({ xen, domain }: Caller, { port }: View<typeof evtchn_send>): number {
  const channel = domain.events.at(port);
  switch (channel.state) {
    case 'interdomain': {
      const remote = xen.domains.get(channel.remoteDomain);
      if (remote !== undefined) {
        raiseEvent(xen, remote, channel.remotePort);
      }
      return 0;
    }
    case 'ipi':
      raiseEvent(xen, domain, port);
      return 0;
    case 'unbound':
      // Nobody is listening yet: the event is dropped, and that is success.
      return 0;
    case 'free':
    case 'virq':
      return -ERRNO.EINVAL;
  }
}

function status(caller: Caller, args: View<typeof evtchn_status>): number {
  const domain = subject(caller, args.dom);
  if (typeof domain === 'number') {
    return domain;
  }
  if (!domain.events.isPort(args.port)) {
    return -ERRNO.EINVAL;
  }
  const channel = domain.events.at(args.port);
  args.vcpu = domain.events.vcpuOf(args.port);
  switch (channel.state) {
    case 'free':
      args.status = EVTCHNSTAT.closed;
      break;
    case 'unbound':
      args.status = EVTCHNSTAT.unbound;
      args.u.unbound.dom = channel.remoteDomain;
      break;
    case 'interdomain':
      args.status = EVTCHNSTAT.interdomain;
      args.u.interdomain.dom = channel.remoteDomain;
      args.u.interdomain.port = channel.remotePort;
      break;
    case 'virq':
      args.status = EVTCHNSTAT.virq;
      args.u.virq = channel.virq;
      break;
    case 'ipi':
      args.status = EVTCHNSTAT.ipi;
      break;
  }
  return 0;
}

/** Chooses the virtual processor that a port notifies. */
function bindVcpu({ domain }: Caller, { port, vcpu }: View<typeof evtchn_bind_vcpu>): number {
  if (domain.vcpus[vcpu] === undefined) {
    return -ERRNO.ENOENT;
  }
  const channel = domain.events.at(port);
  switch (channel.state) {
    case 'unbound':
    case 'interdomain':
      domain.events.notify(port, vcpu);
      return 0;
    case 'virq':
      if (PER_VCPU_VIRQS.includes(channel.virq)) {
        return -ERRNO.EINVAL;
      }
      domain.events.notify(port, vcpu);
      return 0;
    case 'free':
    case 'ipi':
      return -ERRNO.EINVAL;
  }
}

function unmask({ xen, domain }: Caller, { port }: View<typeof evtchn_unmask>): number {
  if (!domain.events.isPort(port)) {
    return -ERRNO.EINVAL;
  }
  unmaskEvent(xen, domain, port);
  return 0;
}

/** Closes all ports, the ones for console and xenstore too. */
function reset(caller: Caller, { dom }: View<typeof evtchn_reset>): number {
  const domain = subject(caller, dom);
  if (typeof domain === 'number') {
    return domain;
  }
  for (const [port] of [...domain.events]) {
    closePort(caller.xen, domain, port);
  }
  return 0;
}

/** Bytes of a control block, which must not cross a page. */
const CONTROL_BLOCK = 72;

/**
 * The FIFO interface is not offered: what is wrong is refused as by real Xen, and what is right
 * with -ENOSYS, on which guests stay with the two-level one.
 */
function initControl(caller: Caller, args: View<typeof evtchn_init_control>): number {
  const { domain } = caller;
  if (domain.vcpus[args.vcpu] === undefined) {
    return -ERRNO.ENOENT;
  }
  const isMisplaced = args.offset > 4096 - CONTROL_BLOCK || args.offset % 8 !== 0;
  const frame = domain.machineFrame(Number(args.control_gfn));
  const owner = frame === undefined ? undefined : caller.xen.frames.owner[frame];
  if (isMisplaced || owner !== domain.id) {
    return -ERRNO.EINVAL;
  }
  return unimplemented(caller, 'event_channel_op init_control');
}

const operations: Suboperations = new Map([
  suboperation(EVTCHNOP, EVTCHNOP.alloc_unbound, evtchn_alloc_unbound, allocUnbound),
  suboperation(EVTCHNOP, EVTCHNOP.bind_interdomain, evtchn_bind_interdomain, bindInterdomain),
  suboperation(EVTCHNOP, EVTCHNOP.bind_virq, evtchn_bind_virq, bindVirq),
  suboperation(EVTCHNOP, EVTCHNOP.bind_ipi, evtchn_bind_ipi, bindIpi),
  suboperation(EVTCHNOP, EVTCHNOP.bind_pirq, evtchn_bind_pirq, bindPirq),
  suboperation(EVTCHNOP, EVTCHNOP.close, evtchn_close, close),
  suboperation(EVTCHNOP, EVTCHNOP.send, evtchn_send, send),
  suboperation(EVTCHNOP, EVTCHNOP.status, evtchn_status, status),
  suboperation(EVTCHNOP, EVTCHNOP.bind_vcpu, evtchn_bind_vcpu, bindVcpu),
  suboperation(EVTCHNOP, EVTCHNOP.unmask, evtchn_unmask, unmask),
  suboperation(EVTCHNOP, EVTCHNOP.reset, evtchn_reset, reset),
  suboperation(EVTCHNOP, EVTCHNOP.init_control, evtchn_init_control, initControl),
]);

export const eventChannelOp: Hypercall = {
  number: HYPERVISOR.event_channel_op,
  name: 'event_channel_op',
  parameters: ['cmd', 'arg'],
  operations,
  commands: EVTCHNOP,
  run: (caller, command, argument) =>
    dispatch(operations, caller, command, argument, 'event_channel_op'),
};

/** What there was when commands came in the struct. */
const compatOperations: Suboperations = new Map(
  [...operations].filter(([command]) => command <= EVTCHNOP.unmask),
);

/** Number 16. */
export const eventChannelOpCompat: Hypercall = {
  number: HYPERVISOR.event_channel_op_compat,
  name: 'event_channel_op_compat',
  parameters: ['op'],
  run: (caller, argument) =>
    dispatchCompat(evtchn_op, compatOperations, caller, argument, (command) =>
      unimplemented(caller, `event_channel_op_compat ${command}`),
    ),
};
