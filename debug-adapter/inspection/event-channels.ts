/** The ports of a domain: what each is connected to, and what its bits say. */

import { nameOf } from '../../emulator/abi/names.ts';
import { EVTCHN_2L_NR_CHANNELS, VIRQ } from '../../emulator/abi/xen.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import { BACKEND_DOMAIN } from '../../emulator/hypervisor/domains/domain-builder.ts';
import type { Channel } from '../../emulator/hypervisor/events/event-channels.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type {
  EventChannelData,
  EventChannelsData,
  PeerData,
  UpcallData,
} from './data/event-channels.ts';
import type { RowsWanted } from './data/rows.ts';
import type { EventCounts } from './event-counts.ts';
import {
  bitmapWord,
  hasPortBit,
  notifiedBy,
  PORTS_A_WORD,
  selectorOf,
  upcallMaskOf,
  upcallPendingOf,
} from './port-bits.ts';
import { rowsOf } from './row-selection.ts';

const MOST_STRAY = 64;

type UsedChannel = Exclude<Channel, { state: 'free' }>;

/** All ports in use. @param counts absent: nobody counts */
export function eventChannels(
  machine: Machine,
  domain: Domain,
  wanted: RowsWanted,
  counts?: EventCounts,
): EventChannelsData {
  const { xen } = machine;
  const used = [...domain.events].filter(
    (entry): entry is [number, UsedChannel] => entry[1].state !== 'free',
  );
  const rows = rowsOf(used, wanted, ([port, channel]) =>
    channelData(machine, domain, port, channel, counts),
  );
  return {
    domain: domain.id,
    ...rows,
    strayPending: strayPending(xen, domain),
    vcpus: domain.vcpus.map(
      (vcpu): UpcallData => ({
        vcpu: vcpu.id,
        selector: selectorOf(xen, vcpu),
        upcallPending: upcallPendingOf(xen, vcpu),
        upcallMask: upcallMaskOf(xen, vcpu),
      }),
    ),
  };
}

/** One port; undefined where it is free. */
export function eventChannel(
  machine: Machine,
  domain: Domain,
  port: number,
  counts?: EventCounts,
): EventChannelData | undefined {
  const channel = domain.events.at(port);
  return channel.state === 'free' ? undefined : channelData(machine, domain, port, channel, counts);
}

function channelData(
  machine: Machine,
  domain: Domain,
  port: number,
  channel: UsedChannel,
  counts: EventCounts | undefined,
): EventChannelData {
  const sent = hasBits(domain) ? counts?.of(domain.id, port) : undefined;
  return {
    port,
    ...connection(machine, channel),
    vcpu: domain.events.vcpuOf(port),
    ...bitsOf(machine.xen, domain, port),
    sent: sent?.sent,
    sentMasked: sent?.masked,
    purpose: purposeOf(machine, domain, port, channel),
  };
}

/** Domain 0's back-ends are told of events without any bits. */
export const hasBits = (domain: Domain): boolean =>
  domain.listener === undefined && domain.fields.sharedInfo !== 0;

function bitsOf(
  xen: Xen,
  domain: Domain,
  port: number,
): Pick<EventChannelData, 'isPending' | 'isMasked' | 'isSelected'> {
  const notified = notifiedBy(domain, port);
  if (!hasBits(domain) || notified === undefined) {
    return {};
  }
  return {
    isPending: hasPortBit(xen, domain, 'evtchn_pending', port),
    isMasked: hasPortBit(xen, domain, 'evtchn_mask', port),
    isSelected: isSelected(selectorOf(xen, notified), port),
  };
}

/** Whether a selector has the bit of the word that a port is in. */
export const isSelected = (selector: number, port: number): boolean =>
  ((selector >>> Math.floor(port / PORTS_A_WORD)) & 1) !== 0;

function connection(
  machine: Machine,
  channel: UsedChannel,
): Pick<EventChannelData, 'type' | 'virq' | 'virqName' | 'peer'> {
  switch (channel.state) {
    case 'unbound':
      return { type: 'unbound', peer: peerData(machine, channel.remoteDomain) };
    case 'interdomain':
      return {
        type: 'interdomain',
        peer: peerData(machine, channel.remoteDomain, channel.remotePort),
      };
    case 'virq': {
      const { virq } = channel;
      return { type: 'virq', virq, virqName: nameOf(VIRQ, virq) };
    }
    case 'ipi':
      return { type: 'ipi' };
  }
}

function peerData(machine: Machine, domain: number, port?: number): PeerData {
  return { domain, port, who: whoStandsAt(machine, domain, port) };
}

/** Who hears of events at a port of another domain. */
function whoStandsAt(machine: Machine, domain: number, port: number | undefined): string {
  const other = machine.xen.domains.get(domain);
  if (other === undefined) {
    return `domain ${domain}, which is not in the machine`;
  }
  if (domain !== BACKEND_DOMAIN) {
    return other.identity.name;
  }
  const service = port === undefined ? undefined : serviceAt(machine, port);
  switch (service) {
    case undefined:
      return 'the back-ends';
    case 'xenstore':
      return 'xenstored';
    default:
      return `back-end of ${service}`;
  }
}

/** What a port of domain 0 is for: `xenstore`, `console`, `vbd/51712`. */
function serviceAt(machine: Machine, port: number): string | undefined {
  for (const id of machine.xen.domains.keys()) {
    const services = machine.servicesOf(id);
    if (services === undefined) {
      continue;
    }
    if (services.storePort === port) {
      return 'xenstore';
    }
    if (services.console.connection?.localPort === port) {
      return 'console';
    }
    const disk = services.disks.find(({ backend }) => backend.connection?.localPort === port);
    if (disk !== undefined) {
      return `vbd/${disk.part.id}`;
    }
  }
  return undefined;
}

function purposeOf(
  machine: Machine,
  domain: Domain,
  port: number,
  channel: Channel,
): string | undefined {
  if (domain.id === BACKEND_DOMAIN) {
    return serviceAt(machine, port);
  }
  const isToBackends = channel.state === 'interdomain' && channel.remoteDomain === BACKEND_DOMAIN;
  return isToBackends ? serviceAt(machine, channel.remotePort) : undefined;
}

/** Bits that a guest has set at ports which lead nowhere, or that an older connection left. */
function strayPending(xen: Xen, domain: Domain): number[] {
  const stray: number[] = [];
  if (!hasBits(domain)) {
    return stray;
  }
  for (let port = 0; port < EVTCHN_2L_NR_CHANNELS && stray.length < MOST_STRAY; port++) {
    const isFree = domain.events.at(port).state === 'free';
    const word = isFree ? bitmapWord(xen, domain, 'evtchn_pending', port >>> 5) : 0;
    if ((word >>> (port & 31)) & 1) {
      stray.push(port);
    }
  }
  return stray;
}
