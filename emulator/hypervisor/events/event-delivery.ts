/**
 * How an event arrives, stage by stage: first at the port, then, when the guest is entered the
 * next time, at its callback.
 *
 * The order of the stages is what guests rely on (Xen: `common/event_2l.c`, `arch/x86` exit path).
 */

import { shared_info, vcpu_info } from '../../abi/xen.ts';
import type { Domain } from '../domains/domain.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import { type Operation, runStages } from '../stage.ts';
import type { Xen } from '../xen.ts';

const PENDING = shared_info.offsets.evtchn_pending;
const MASK = shared_info.offsets.evtchn_mask;
const UPCALL_PENDING = vcpu_info.offsets.evtchn_upcall_pending;
const UPCALL_MASK = vcpu_info.offsets.evtchn_upcall_mask;
const SELECTOR = vcpu_info.offsets.evtchn_pending_sel;

/** Words of the bitmaps have so many ports each. */
const PORTS_A_WORD = 32;

/** The address of the word of a bitmap that has a port's bit. */
const wordAt = (domain: Domain, bitmap: number, port: number): number =>
  domain.fields.sharedInfo * 4096 + bitmap + 4 * (port >>> 5);

const bitOf = (port: number): number => (1 << (port & 31)) >>> 0;

/** Sets a bit with a write that everybody sees. Answers whether it was set before. */
function testAndSet(xen: Xen, address: number, bit: number): boolean {
  const before = xen.ram.read32(address);
  if (before & bit) {
    return true;
  }
  xen.ram.write32(address, (before | bit) >>> 0);
  return false;
}

export const isPending = (xen: Xen, domain: Domain, port: number): boolean =>
  (xen.ram.read32(wordAt(domain, PENDING, port)) & bitOf(port)) !== 0;

const isMasked = (xen: Xen, domain: Domain, port: number): boolean =>
  (xen.ram.read32(wordAt(domain, MASK, port)) & bitOf(port)) !== 0;

/** A port that is freed forgets its event (modern Xen). */
export function clearPending(xen: Xen, domain: Domain, port: number): void {
  const address = wordAt(domain, PENDING, port);
  xen.ram.write32(address, (xen.ram.read32(address) & ~bitOf(port)) >>> 0);
}

export interface Arrival {
  readonly xen: Xen;
  readonly target: Domain;
  readonly port: number;
  readonly notified: Vcpu;
  readonly domain: number;
  readonly vcpu: number;
}

/** What tells the notified virtual processor that one of its ports has an event. */
const ANNOUNCE: Operation<Arrival>['stages'] = [
  {
    name: 'test mask bit',
    rule: 'A masked port keeps its pending bit, and nobody is told.',
    run: ({ xen, target, port }) => (isMasked(xen, target, port) ? 'done' : 'next'),
  },
  {
    name: 'set selector bit',
    rule: 'The selector of the notified vCPU gets the bit of the word that the port is in. Was it set already, the guest has yet to look.',
    run({ xen, port, notified }) {
      const bit = (1 << (port / PORTS_A_WORD)) >>> 0;
      return testAndSet(xen, notified.info + SELECTOR, bit) ? 'done' : 'next';
    },
  },
  {
    name: 'set upcall_pending',
    rule: 'The vCPU is told that its selector has changed: the byte becomes exactly 1.',
    run({ xen, notified }) {
      const address = notified.info + UPCALL_PENDING;
      if (xen.ram.read8(address) !== 0) {
        return 'done';
      }
      xen.ram.write8(address, 1);
      return 'next';
    },
  },
  {
    name: 'wake vCPU',
    rule: 'A vCPU that sleeps wakes; one that runs is made to look when it is entered next.',
    run({ xen, notified }) {
      xen.scheduler.kick(notified);
      return 'next';
    },
  },
];

/** The words that the guest sees, as they are now. */
const arrivalFacts: Operation<Arrival>['facts'] = ({ xen, target, port, notified }) => ({
  port,
  pendingWord: xen.ram.read32(wordAt(target, PENDING, port)),
  maskWord: xen.ram.read32(wordAt(target, MASK, port)),
  ...notificationFacts(xen, notified),
});

/** What vcpu_info says of events. */
const notificationFacts = (xen: Xen, { id, info, isBlocked }: Vcpu) => ({
  vcpu: id,
  evtchn_pending_sel: xen.ram.read32(info + SELECTOR),
  evtchn_upcall_pending: xen.ram.read8(info + UPCALL_PENDING),
  evtchn_upcall_mask: xen.ram.read8(info + UPCALL_MASK),
  vcpuState: isBlocked ? 'blocked' : 'runs',
});

const EVENT_ARRIVAL: Operation<Arrival> = {
  name: 'event arrival',
  facts: arrivalFacts,
  stages: [
    {
      name: 'set pending bit',
      rule: 'The bit of the port in shared_info.evtchn_pending is set. Was it set already, this event and the one before are one.',
      run: ({ xen, target, port }) =>
        testAndSet(xen, wordAt(target, PENDING, port), bitOf(port)) ? 'done' : 'next',
    },
    ...ANNOUNCE,
  ],
};

const EVENT_UNMASK: Operation<Arrival> = {
  name: 'event unmask',
  facts: arrivalFacts,
  stages: [
    {
      name: 'clear mask bit',
      rule: 'The bit of the port in shared_info.evtchn_mask is cleared. A port that was not masked needs no more.',
      run({ xen, target, port }) {
        const address = wordAt(target, MASK, port);
        const before = xen.ram.read32(address);
        if (!(before & bitOf(port))) {
          return 'done';
        }
        xen.ram.write32(address, (before & ~bitOf(port)) >>> 0);
        return 'next';
      },
    },
    {
      name: 'test pending bit',
      rule: 'An event that came while the port was masked is announced now.',
      run: ({ xen, target, port }) => (isPending(xen, target, port) ? 'next' : 'done'),
    },
    ...ANNOUNCE,
  ],
};

function arrival(xen: Xen, target: Domain, port: number): Arrival {
  const id = target.events.vcpuOf(port);
  const notified = (target.vcpus[id] ?? target.vcpus[0]) as Vcpu;
  return { xen, target, port, notified, domain: target.id, vcpu: notified.id };
}

/** An event arrives at a port. */
export function raiseEvent(xen: Xen, target: Domain, port: number): void {
  if (target.listener !== undefined) {
    target.listener(port);
    return;
  }
  if (target.fields.sharedInfo === 0) {
    return;
  }
  const context = arrival(xen, target, port);
  runStages(EVENT_ARRIVAL, context, xen.probes);
  // Whoever polls for the port wakes up, masked or not.
  xen.scheduler.wakePollers(target, port);
  if (xen.probes.wants['event-sent']) {
    const { domain, vcpu } = context;
    const masked = isMasked(xen, target, port);
    xen.probes.emit({ kind: 'event-sent', domain, vcpu, port, isMasked: masked });
  }
}

export function unmaskEvent(xen: Xen, target: Domain, port: number): void {
  runStages(EVENT_UNMASK, arrival(xen, target, port), xen.probes);
}

/** A virtual interrupt, which goes nowhere while no port is bound to it. */
export function raiseVirq(xen: Xen, vcpu: Vcpu, virq: number): void {
  const port = vcpu.domain.events.portOfVirq(virq, vcpu.id);
  if (port !== undefined) {
    raiseEvent(xen, vcpu.domain, port);
  }
}

/** Whether the upcall would be made if the guest were entered now. */
export const needsDelivery = (xen: Xen, vcpu: Vcpu): boolean =>
  xen.ram.read8(vcpu.info + UPCALL_PENDING) !== 0 && xen.ram.read8(vcpu.info + UPCALL_MASK) === 0;

/** Whether an NMI or the upcall comes before the guest's next instruction. */
export const isEntryDue = (xen: Xen, vcpu: Vcpu): boolean =>
  (vcpu.isNmiPending && !vcpu.isNmiMasked) || needsDelivery(xen, vcpu);

export const upcallMask = (xen: Xen, vcpu: Vcpu): number => xen.ram.read8(vcpu.info + UPCALL_MASK);

export function setUpcallMask(xen: Xen, vcpu: Vcpu, mask: number): void {
  xen.ram.write8(vcpu.info + UPCALL_MASK, mask);
}

/** A vcpu_info that has just been put elsewhere: everything counts as changed. */
export function markAllPending(xen: Xen, vcpu: Vcpu): void {
  xen.ram.write32(vcpu.info + SELECTOR, 0xffff_ffff);
  xen.ram.write8(vcpu.info + UPCALL_PENDING, 1);
  xen.scheduler.kick(vcpu);
}
