/** Connecting ports of two domains, and what becomes of the other end when one is closed. */

import { ERRNO } from '../../abi/errno.ts';
import type { Domain } from '../domains/domain.ts';
import type { Xen } from '../xen.ts';
import { clearPending, raiseEvent } from './event-delivery.ts';

/**
 * Connects a new port of `local` to an unbound one of `remote` that waits for it. The local end
 * gets an event at once, since one may have been lost before. Answers the port or an errno.
 */
export function connectInterdomain(
  xen: Xen,
  local: Domain,
  remote: Domain,
  remotePort: number,
): number {
  if (!remote.events.isPort(remotePort)) {
    return -ERRNO.EINVAL;
  }
  const port = local.events.lowestFree();
  if (port === undefined) {
    return -ERRNO.ENOSPC;
  }
  const waiting = remote.events.at(remotePort);
  if (waiting.state !== 'unbound' || waiting.remoteDomain !== local.id) {
    return -ERRNO.EINVAL;
  }
  const notified = remote.events.vcpuOf(remotePort);
  local.events.connect(port, { state: 'interdomain', remoteDomain: remote.id, remotePort });
  const back = { state: 'interdomain', remoteDomain: local.id, remotePort: port } as const;
  remote.events.connect(remotePort, back, notified);
  raiseEvent(xen, local, port);
  return port;
}

/** The other end of a connection becomes unbound, so that it can be bound again. */
export function closePort(xen: Xen, domain: Domain, port: number): number {
  const channel = domain.events.at(port);
  if (channel.state === 'free') {
    return -ERRNO.EINVAL;
  }
  domain.events.free(port);
  if (domain.profile.closeClearsPending && domain.listener === undefined) {
    clearPending(xen, domain, port);
  }
  if (channel.state === 'interdomain') {
    const remote = xen.domains.get(channel.remoteDomain);
    const vcpu = remote?.events.vcpuOf(channel.remotePort) ?? 0;
    remote?.events.connect(channel.remotePort, { state: 'unbound', remoteDomain: domain.id }, vcpu);
  }
  return 0;
}
