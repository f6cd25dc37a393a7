/**
 * Why an event at a port does not arrive: what must hold, in the order in which the hypervisor asks.
 *
 * The rules are those of `event-delivery.ts` (arrival) and of the way into the guest, which looks at
 * NMIs, then at upcall_pending and upcall_mask of the running virtual processor.
 */

import { VECTOR } from '../../emulator/cpu/exceptions.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import { NEVER, type Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { PortCondition, PortConditionName, PortExplanation } from './data/event-channels.ts';
import { eventChannel, hasBits, isSelected } from './event-channels.ts';
import { stateOf } from './machine-view.ts';
import {
  hasPortBit,
  notifiedBy,
  PORTS_A_WORD,
  selectorOf,
  upcallMaskOf,
  upcallPendingOf,
} from './port-bits.ts';
import type { Symbols } from './symbols.ts';

interface Subject {
  readonly machine: Machine;
  readonly xen: Xen;
  readonly domain: Domain;
  readonly port: number;
  readonly vcpu: Vcpu;
  readonly symbols: Symbols;
}

interface Look {
  readonly condition: PortConditionName;
  /** Whether it holds, and the sentence that says what was seen. */
  look(subject: Subject): readonly [holds: boolean, detail: string];
  /** What a reader is told when it is the first that does not hold. */
  conclude(subject: Subject): string;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

const CONDITIONS: readonly Look[] = [
  {
    condition: 'domain runs',
    look: ({ domain }) =>
      domain.shutdown === undefined
        ? [true, `Domain ${domain.id} has not ended.`]
        : [false, `Domain ${domain.id} has ended; none of its virtual processors runs any more.`],
    conclude: ({ domain }) => `Domain ${domain.id} has ended, so nothing is delivered to it.`,
  },
  {
    condition: 'port connected',
    look: lookAtConnection,
    conclude: ({ port }) => `Nobody can send an event to port ${port}: nothing is connected to it.`,
  },
  {
    condition: 'event pending',
    look({ xen, domain, port }) {
      const isPending = hasPortBit(xen, domain, 'evtchn_pending', port);
      return [
        isPending,
        `Bit ${port} of shared_info.evtchn_pending is ${isPending ? 'set' : 'clear: no event was sent, or the guest has taken it'}.`,
      ];
    },
    conclude: ({ port }) => `There is no event at port ${port} to be delivered.`,
  },
  {
    condition: 'port unmasked',
    look({ xen, domain, port }) {
      const isMasked = hasPortBit(xen, domain, 'evtchn_mask', port);
      return [
        !isMasked,
        `Bit ${port} of shared_info.evtchn_mask is ${isMasked ? 'set' : 'clear'}.`,
      ];
    },
    conclude: ({ port }) =>
      `The guest has masked port ${port}: the event waits until EVTCHNOP_unmask, or until the guest clears the bit and looks itself.`,
  },
  {
    condition: 'selector set',
    look({ xen, vcpu, port }) {
      const selector = selectorOf(xen, vcpu);
      const bit = Math.floor(port / PORTS_A_WORD);
      const isSet = isSelected(selector, port);
      return [
        isSet,
        `evtchn_pending_sel of vCPU ${vcpu.id} is ${hex(selector)}: bit ${bit}, for ports ${bit * PORTS_A_WORD} to ${bit * PORTS_A_WORD + 31}, is ${isSet ? 'set' : 'clear'}.`,
      ];
    },
    conclude: ({ vcpu, port }) =>
      `vCPU ${vcpu.id} was not told to look at the word of port ${port}: the guest cleared the selector bit and left the event, or cleared the mask bit without EVTCHNOP_unmask. Its handler will not find the event until another one comes in that word.`,
  },
  {
    condition: 'upcall pending',
    look({ xen, vcpu }) {
      const value = upcallPendingOf(xen, vcpu);
      return [value !== 0, `evtchn_upcall_pending of vCPU ${vcpu.id} is ${value}.`];
    },
    conclude: ({ vcpu }) =>
      `vCPU ${vcpu.id} was not told that its selector has changed: the guest cleared evtchn_upcall_pending and has still to look at the selector.`,
  },
  {
    condition: 'callback registered',
    look({ vcpu, symbols, domain }) {
      const { cs, eip } = vcpu.eventCallback;
      const name = symbols(eip, domain.id);
      const isThere = cs !== 0 || eip !== 0;
      return [
        isThere,
        isThere
          ? `The event callback is ${hex(cs)}:${hex(eip)}${name === undefined ? '' : ` (${name})`}.`
          : `vCPU ${vcpu.id} has no event callback (set_callbacks, callback_op).`,
      ];
    },
    conclude: () =>
      'There is no event callback to enter: unmasking upcalls now would crash the domain.',
  },
  {
    condition: 'vCPU up',
    look({ vcpu }) {
      const notReady =
        vcpu.context === undefined ? 'was never initialised' : 'is down (VCPUOP_down)';
      return [vcpu.isUp, `vCPU ${vcpu.id} ${vcpu.isUp ? 'is up' : notReady}.`];
    },
    conclude: ({ vcpu, port }) =>
      `Port ${port} notifies vCPU ${vcpu.id}, which is not up; EVTCHNOP_bind_vcpu or VCPUOP_up would help.`,
  },
  {
    condition: 'vCPU awake',
    look: lookAtSleep,
    conclude: ({ vcpu, port }) =>
      vcpu.polledPorts === undefined || vcpu.polledPorts.includes(port)
        ? `vCPU ${vcpu.id} sleeps although an event would wake it: the bits were set by the guest itself, not by an event.`
        : `vCPU ${vcpu.id} waits in SCHEDOP_poll for other ports, and only these or the timeout end that.`,
  },
  {
    condition: 'no NMI first',
    look({ vcpu }) {
      const isFirst =
        vcpu.isNmiPending && !vcpu.isNmiMasked && vcpu.traps.addresses[VECTOR.nmi] !== 0;
      return [
        !isFirst,
        isFirst ? 'An NMI is pending, whose handler is entered first.' : 'No NMI comes before it.',
      ];
    },
    conclude: () => 'An NMI is entered first; the upcall follows when its handler allows.',
  },
  {
    condition: 'upcall unmasked',
    look({ xen, vcpu }) {
      const mask = upcallMaskOf(xen, vcpu);
      return [mask === 0, `evtchn_upcall_mask of vCPU ${vcpu.id} is ${mask}.`];
    },
    conclude: ({ vcpu }) =>
      `vCPU ${vcpu.id} has upcalls masked, as with interrupts disabled: it is delivered when the guest clears evtchn_upcall_mask and enters the hypervisor, or returns by iret.`,
  },
  {
    condition: 'vCPU has processor',
    look({ xen, vcpu }) {
      const state = stateOf(xen, vcpu);
      return [state === 'running', `vCPU ${vcpu.id} is ${state}.`];
    },
    conclude: ({ vcpu }) => `vCPU ${vcpu.id} takes the upcall as soon as its turn comes.`,
  },
];

function lookAtConnection({ machine, domain, port }: Subject): readonly [boolean, string] {
  const channel = eventChannel(machine, domain, port);
  if (channel === undefined) {
    const isPort = domain.events.isPort(port) && port > 0;
    return [false, isPort ? `Port ${port} is free.` : `There is no port ${port}.`];
  }
  const { type, peer, virq, virqName } = channel;
  switch (type) {
    case 'unbound':
      return [false, `Port ${port} waits for ${peer?.who} to bind to it.`];
    case 'interdomain':
      return [
        true,
        `Port ${port} is connected to port ${peer?.port} of domain ${peer?.domain}, ${peer?.who}.`,
      ];
    case 'virq':
      return [true, `Port ${port} is bound to VIRQ ${virqName ?? virq}.`];
    case 'ipi':
      return [true, `Port ${port} is bound for interprocessor interrupts of vCPU ${channel.vcpu}.`];
  }
}

function lookAtSleep({ vcpu }: Subject): readonly [boolean, string] {
  if (!vcpu.isBlocked) {
    return [true, `vCPU ${vcpu.id} does not sleep.`];
  }
  if (vcpu.polledPorts === undefined) {
    return [false, `vCPU ${vcpu.id} is blocked until an event comes.`];
  }
  const ports = vcpu.polledPorts.length === 0 ? 'no port' : `port ${vcpu.polledPorts.join(', ')}`;
  const until = vcpu.pollUntil === NEVER ? '' : ` or until ${vcpu.pollUntil} ns`;
  return [false, `vCPU ${vcpu.id} polls for ${ports}${until}.`];
}

/** The chain of conditions of an event's delivery, and what is missing. */
export function explainPort(
  machine: Machine,
  domain: Domain,
  port: number,
  symbols: Symbols,
): PortExplanation {
  const vcpu = notifiedBy(domain, port);
  if (!hasBits(domain) || vcpu === undefined) {
    return explainBackendPort(machine, domain, port);
  }
  const subject = { machine, xen: machine.xen, domain, port, vcpu, symbols };
  const conditions: PortCondition[] = [];
  let missing: Look | undefined;
  for (const each of CONDITIONS) {
    const [holds, detail] = each.look(subject);
    conditions.push({ condition: each.condition, holds, detail });
    missing ??= holds ? undefined : each;
    if (!(holds || domain.events.isPort(port))) {
      break;
    }
  }
  return {
    domain: domain.id,
    port,
    conditions,
    missing: missing?.condition,
    conclusion:
      missing?.conclude(subject) ??
      `vCPU ${vcpu.id} is entered at its event callback before its next instruction.`,
  };
}

function explainBackendPort(machine: Machine, domain: Domain, port: number): PortExplanation {
  const channel = eventChannel(machine, domain, port);
  const detail =
    channel === undefined
      ? `Port ${port} of domain ${domain.id} is free.`
      : `Port ${port} of domain ${domain.id} is ${channel.type}.`;
  const condition = {
    condition: 'port connected',
    holds: channel?.type === 'interdomain',
    detail,
  } as const;
  return {
    domain: domain.id,
    port,
    conditions: [condition],
    missing: condition.holds ? undefined : condition.condition,
    conclusion: condition.holds
      ? 'The back-ends are told of events without bits or upcalls, when they are next given the processor: within 20 µs of guest time.'
      : `Nobody can send an event to port ${port} of domain ${domain.id}.`,
  };
}
