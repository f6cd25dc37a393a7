/**
 * The ports of one domain: the guest's interrupts.
 *
 * A port is a bit in `shared_info.evtchn_pending`. Sending sets the bit at the other end, and an
 * upcall tells the guest that some bit changed; many sends before the guest looks are one event.
 * Here is what each port is connected to; `event-delivery.ts` has how an event arrives.
 * Xen: `common/event_channel.c`, two-level ABI.
 */

import { EVTCHN_2L_NR_CHANNELS } from '../../abi/xen.ts';
import { copyOf } from '../../plain-data.ts';

export type Channel =
  | { readonly state: 'free' }
  /** Waits for `remoteDomain` to bind to it. */
  | { readonly state: 'unbound'; readonly remoteDomain: number }
  | { readonly state: 'interdomain'; readonly remoteDomain: number; readonly remotePort: number }
  | { readonly state: 'virq'; readonly virq: number }
  | { readonly state: 'ipi' };

const FREE: Channel = { state: 'free' };

/** What a checkpoint keeps. */
export interface EventChannelsImage {
  readonly channels: readonly [port: number, channel: Channel, vcpu: number][];
}

export class EventChannels {
  readonly #channels: Channel[] = new Array<Channel>(EVTCHN_2L_NR_CHANNELS).fill(FREE);
  /** Which virtual processor a port notifies. */
  readonly #vcpus = new Uint8Array(EVTCHN_2L_NR_CHANNELS);

  /** Whether a port can exist at all; port 0 exists but is never handed out. */
  isPort(port: number): boolean {
    return port < EVTCHN_2L_NR_CHANNELS;
  }

  at(port: number): Channel {
    return this.#channels[port] ?? FREE;
  }

  vcpuOf(port: number): number {
    return this.#vcpus[port] ?? 0;
  }

  /** The lowest free port, or undefined: there is none left. */
  lowestFree(): number | undefined {
    for (let port = 1; port < EVTCHN_2L_NR_CHANNELS; port++) {
      if (this.#channels[port] === FREE) {
        return port;
      }
    }
    return undefined;
  }

  connect(port: number, channel: Channel, vcpu = 0): void {
    this.#channels[port] = channel;
    this.#vcpus[port] = vcpu;
  }

  notify(port: number, vcpu: number): void {
    this.#vcpus[port] = vcpu;
  }

  free(port: number): void {
    this.#channels[port] = FREE;
    this.#vcpus[port] = 0;
  }

  /** The port that a virtual interrupt is bound to; per-vcpu ones on that virtual processor. */
  portOfVirq(virq: number, vcpu: number): number | undefined {
    for (let port = 1; port < EVTCHN_2L_NR_CHANNELS; port++) {
      const channel = this.#channels[port] as Channel;
      if (channel.state === 'virq' && channel.virq === virq && this.#vcpus[port] === vcpu) {
        return port;
      }
    }
    return undefined;
  }

  /** Ports in use, in order. */
  *[Symbol.iterator](): IterableIterator<[port: number, channel: Channel]> {
    for (const [port, channel] of this.#channels.entries()) {
      if (channel !== FREE) {
        yield [port, channel];
      }
    }
  }

  capture(): EventChannelsImage {
    return {
      channels: Array.from(this, ([port, channel]): [number, Channel, number] => [
        port,
        copyOf(channel),
        this.vcpuOf(port),
      ]),
    };
  }

  restore(image: EventChannelsImage): void {
    this.#channels.fill(FREE);
    this.#vcpus.fill(0);
    for (const [port, channel, vcpu] of image.channels) {
      this.connect(port, copyOf(channel), vcpu);
    }
  }
}
