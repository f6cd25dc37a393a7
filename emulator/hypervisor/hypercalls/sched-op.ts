/**
 * `HYPERVISOR_sched_op`, and its older form with plain numbers: giving up the processor.
 *
 * Xen: `common/sched/core.c`.
 */

import { ERRNO } from '../../abi/errno.ts';
import type { View } from '../../abi/layout.ts';
import {
  SCHEDOP,
  SHUTDOWN,
  SHUTDOWN_MAX,
  sched_poll,
  sched_remote_shutdown,
  sched_shutdown,
  sched_watchdog,
} from '../../abi/sched.ts';
import { DOMID, HYPERVISOR } from '../../abi/xen.ts';
import { NEVER } from '../domains/vcpu.ts';
import { isPending, needsDelivery, setUpcallMask, upcallMask } from '../events/event-delivery.ts';
import {
  type Caller,
  dispatch,
  type Hypercall,
  type Suboperations,
  suboperation,
  unimplemented,
} from '../hypercall.ts';

const MOST_POLLED = 128;
const WATCHDOGS = 2;
const SECOND = 1_000_000_000;

/** Lets others run: virtual processors, and the back-ends. */
function yieldProcessor({ xen }: Caller): number {
  xen.scheduler.chooseAgain();
  return 0;
}

/** Sleeps until an event is pending. Upcalls are unmasked first, in one act with going to sleep. */
function block({ xen, vcpu }: Caller): number {
  setUpcallMask(xen, vcpu, 0);
  if (!needsDelivery(xen, vcpu)) {
    xen.scheduler.block(vcpu);
  }
  return 0;
}

function shutdownWith({ xen, domain }: Caller, reason: number): number {
  if (reason > (domain.profile.hasSoftReset ? SHUTDOWN_MAX : SHUTDOWN.crash)) {
    return -ERRNO.EINVAL;
  }
  const isCrash = reason === SHUTDOWN.crash;
  xen.shutDown(domain, reason, isCrash ? 'it asked to be shut down as crashed.' : undefined);
  return 0;
}

const shutdown = (caller: Caller, { reason }: View<typeof sched_shutdown>): number =>
  shutdownWith(caller, reason);

/** Sleeps until one of some ports is pending, whether it is masked or not, or until a moment. */
function poll(caller: Caller, args: View<typeof sched_poll>): number {
  const { xen, domain, vcpu, memory } = caller;
  const { ports, nr_ports: count, timeout } = args;
  if (count > MOST_POLLED) {
    return -ERRNO.EINVAL;
  }
  if (domain.profile.pollNeedsMask && upcallMask(xen, vcpu) === 0) {
    return -ERRNO.EINVAL;
  }
  const list: number[] = [];
  for (let i = 0; i < count; i++) {
    const port = memory.read32((ports + 4 * i) >>> 0);
    if (port === undefined) {
      return -ERRNO.EFAULT;
    }
    if (!domain.events.isPort(port)) {
      return -ERRNO.EINVAL;
    }
    list.push(port);
  }
  const until = timeout === 0n ? NEVER : Number(timeout);
  const isReady = needsDelivery(xen, vcpu) || list.some((port) => isPending(xen, domain, port));
  if (isReady || until <= xen.clock.now) {
    return 0;
  }
  vcpu.polledPorts = list;
  vcpu.pollUntil = until;
  xen.scheduler.armed(vcpu, 'poll', until);
  xen.scheduler.block(vcpu);
  return 0;
}

function remoteShutdown({ xen }: Caller, args: View<typeof sched_remote_shutdown>): number {
  const { domain_id: id } = args;
  return id !== DOMID.SELF && !xen.domains.has(id) ? -ERRNO.ESRCH : -ERRNO.EPERM;
}

/** A watchdog that is not set again in time ends the domain. */
function watchdog({ xen, domain }: Caller, { id, timeout }: View<typeof sched_watchdog>): number {
  const { watchdogs } = domain.fields;
  if (id > WATCHDOGS) {
    return -ERRNO.EINVAL;
  }
  const index = id === 0 ? firstFree(watchdogs) : id - 1;
  if (id === 0 && timeout === 0) {
    return -ERRNO.EINVAL;
  }
  if (index === undefined) {
    return -ERRNO.ENOSPC;
  }
  if (id !== 0 && (watchdogs[index] ?? 0) === 0) {
    return -ERRNO.EINVAL;
  }
  watchdogs[index] = timeout === 0 ? 0 : xen.clock.now + timeout * SECOND;
  xen.scheduler.timersChanged();
  xen.lookAround();
  return id === 0 ? index + 1 : 0;
}

function firstFree(watchdogs: number[]): number | undefined {
  for (let i = 0; i < WATCHDOGS; i++) {
    watchdogs[i] ??= 0;
    if (watchdogs[i] === 0) {
      return i;
    }
  }
  return undefined;
}

const operations: Suboperations = new Map([
  suboperation(SCHEDOP, SCHEDOP.shutdown, sched_shutdown, shutdown),
  suboperation(SCHEDOP, SCHEDOP.poll, sched_poll, poll),
  suboperation(SCHEDOP, SCHEDOP.remote_shutdown, sched_remote_shutdown, remoteShutdown),
  suboperation(SCHEDOP, SCHEDOP.shutdown_code, sched_shutdown, shutdown),
  suboperation(SCHEDOP, SCHEDOP.watchdog, sched_watchdog, watchdog),
]);

export const schedOp: Hypercall = {
  number: HYPERVISOR.sched_op,
  name: 'sched_op',
  parameters: ['cmd', 'arg'],
  operations,
  commands: SCHEDOP,
  run(caller, command, argument) {
    switch (command) {
      case SCHEDOP.yield:
        return yieldProcessor(caller);
      case SCHEDOP.block:
        return block(caller);
      case SCHEDOP.pin_override:
        return -ERRNO.EPERM;
      default:
        return dispatch(operations, caller, command, argument, 'sched_op');
    }
  },
};

/** Number 6: the reason for a shutdown is the argument itself. */
export const schedOpCompat: Hypercall = {
  number: HYPERVISOR.sched_op_compat,
  name: 'sched_op_compat',
  parameters: ['cmd', 'arg'],
  commands: SCHEDOP,
  run(caller, command, argument) {
    switch (command) {
      case SCHEDOP.yield:
        return yieldProcessor(caller);
      case SCHEDOP.block:
        return block(caller);
      case SCHEDOP.shutdown:
        return shutdownWith(caller, argument & 0xff);
      default:
        unimplemented(caller, `sched_op_compat ${command}`);
        return -ERRNO.ENOSYS;
    }
  },
};
