/**
 * Domain 0 as far as there is one: the event ports of the back-ends.
 *
 * An event for domain 0 sets no bit and makes no upcall. Its port is queued, and when the
 * hypervisor gives the back-ends the processor, each port's receiver is called once, in the order
 * in which the ports were notified. Who receives is not state: after a machine was restored,
 * receivers are attached anew.
 */

import { Domain } from '../domains/domain.ts';
import { BACKEND_DOMAIN } from '../domains/domain-builder.ts';
import type { Profile } from '../domains/profile.ts';
import type { Xen } from '../xen.ts';

/** Who is told of events at a port. */
export interface PortReceiver {
  handleEvent(): void;
}

export interface BackendPortsImage {
  /** Ports that were notified and whose receivers were not called yet, in order. */
  readonly queue: readonly number[];
}

export class BackendPorts {
  /** Domain 0, without memory or virtual processors. */
  readonly domain: Domain;
  readonly #queue = new Set<number>();
  readonly #receivers = new Map<number, PortReceiver>();

  /** Makes domain 0, and takes the place of `xen.runBackends`. */
  constructor(xen: Xen, profile: Profile) {
    this.domain = new Domain({
      id: BACKEND_DOMAIN,
      name: 'Domain-0',
      profile,
      format: 'pae',
      model: 'direct',
      handle: new Uint8Array(16),
      vcpuCount: 0,
      maxPages: 0,
    });
    this.domain.listener = (port) => {
      this.#queue.add(port);
      xen.requestBackends();
    };
    xen.addDomain(this.domain);
    xen.runBackends = () => this.deliver();
  }

  /** From now on the receiver hears of events at the port. */
  attach(port: number, receiver: PortReceiver): void {
    this.#receivers.set(port, receiver);
  }

  /** Nobody hears of the port any more, nor of what has happened at it. */
  detach(port: number): void {
    this.#receivers.delete(port);
    this.#queue.delete(port);
  }

  /** Calls the receivers of the ports that were notified; what they cause comes the next time. */
  deliver(): void {
    const ports = [...this.#queue];
    this.#queue.clear();
    for (const port of ports) {
      this.#receivers.get(port)?.handleEvent();
    }
  }

  capture(): BackendPortsImage {
    return { queue: [...this.#queue] };
  }

  restore(image: BackendPortsImage): void {
    this.#queue.clear();
    for (const port of image.queue) {
      this.#queue.add(port);
    }
  }
}
