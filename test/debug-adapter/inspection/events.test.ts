/** Ports as data: against the bits in the guest's memory, and against what the hypervisor then does. */

import { describe, expect, test } from 'vitest';
import type { PortConditionName } from '../../../debug-adapter/inspection/data/event-channels.ts';
import { eventChannels } from '../../../debug-adapter/inspection/event-channels.ts';
import { EventCounts } from '../../../debug-adapter/inspection/event-counts.ts';
import { machineData } from '../../../debug-adapter/inspection/machine-view.ts';
import { explainPort } from '../../../debug-adapter/inspection/port-explanation.ts';
import { shared_info, VIRQ, vcpu_info } from '../../../emulator/abi/xen.ts';
import { NEVER } from '../../../emulator/hypervisor/domains/vcpu.ts';
import { raiseEvent } from '../../../emulator/hypervisor/events/event-delivery.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import type { GuestPart } from '../../guests/run.ts';
import { domainOf, emptyDisk, machineOf, noSymbols, runFor, runUntil, vcpuOf } from './machines.ts';

const PAGE = 4096;

const sharedWords = (machine: Machine, bitmap: 'evtchn_pending' | 'evtchn_mask'): number[] => {
  const start = domainOf(machine).fields.sharedInfo * PAGE + shared_info.offsets[bitmap];
  return Array.from({ length: 32 }, (_, i) => machine.xen.ram.read32(start + 4 * i));
};

test('each port shows its bits, its end and what stands there', () => {
  const machine = machineOf({ guest: 'block', variant: 'direct', disk: emptyDisk });
  runUntil(machine, () => machine.servicesOf(1)?.disks[0]?.backend.connection !== undefined);
  const domain = domainOf(machine);
  const { rows, total } = eventChannels(machine, domain, {});
  expect(rows.map(({ port }) => port)).toEqual([...domain.events].map(([port]) => port));
  expect(total).toBe(rows.length);
  const pending = sharedWords(machine, 'evtchn_pending');
  const masked = sharedWords(machine, 'evtchn_mask');
  for (const { port, isPending, isMasked } of rows) {
    expect(isPending).toBe((((pending[port >>> 5] ?? 0) >>> (port & 31)) & 1) === 1);
    expect(isMasked).toBe((((masked[port >>> 5] ?? 0) >>> (port & 31)) & 1) === 1);
  }
  const who = Object.fromEntries(rows.map(({ purpose, peer }) => [purpose ?? '', peer?.who]));
  expect(who).toMatchObject({
    xenstore: 'xenstored',
    console: 'back-end of console',
    'vbd/51712': 'back-end of vbd/51712',
  });
  const services = machineData(machine, noSymbols).domains[1]?.services;
  expect(rows.find(({ purpose }) => purpose === 'xenstore')?.port).toBe(services?.storePort);
  const [{ peer } = { peer: undefined }] = rows.filter(({ purpose }) => purpose === 'vbd/51712');
  const back = eventChannels(machine, domainOf(machine, 0), {}).rows;
  expect(back.find(({ port }) => port === peer?.port)).toMatchObject({
    purpose: 'vbd/51712',
    peer: { domain: 1 },
  });
  expect(back.every(({ isPending }) => isPending === undefined)).toBe(true);
});

test('counts are those of the events that were sent', () => {
  const machine = machineOf({ guest: 'upcalls', variant: 'direct' });
  const counts = new EventCounts(machine.xen.probes);
  const sent = new Map<number, number>();
  let masked = 0;
  machine.xen.probes.on('event-sent', (event) => {
    if (event.kind === 'event-sent') {
      sent.set(event.port, (sent.get(event.port) ?? 0) + 1);
      masked += event.isMasked ? 1 : 0;
    }
  });
  runFor(machine, 400_000);
  expect(sent.size).toBeGreaterThan(1);
  for (const [port, count] of sent) {
    expect(counts.of(1, port).sent).toBe(count);
  }
  const { rows } = eventChannels(machine, domainOf(machine), {}, counts);
  for (const { port, sent: shown } of rows) {
    expect(shown).toBe(sent.get(port) ?? 0);
  }
  const allMasked = [...sent.keys()].map((port) => counts.of(1, port).masked);
  expect(allMasked.reduce((sum, count) => sum + count, 0)).toBe(masked);
  expect(masked).toBeGreaterThan(0);
  counts.end();
  expect(machine.xen.probes.wants['event-sent']).toBe(true);
});

/** One thing that stops an event, made in the guest's memory or in what Xen knows of it. */
const obstacles: readonly (readonly [
  PortConditionName,
  (machine: Machine, port: number) => void,
])[] = [
  ['port unmasked', (machine, port) => setShared(machine, 'evtchn_mask', port)],
  [
    'selector set',
    ({ xen }, port) => {
      const { info } = xen.scheduler.loaded ?? { info: 0 };
      const at = info + vcpu_info.offsets.evtchn_pending_sel;
      xen.ram.write32(at, (xen.ram.read32(at) & ~(1 << (port >>> 5))) >>> 0);
    },
  ],
  ['upcall pending', (machine) => setByte(machine, 'evtchn_upcall_pending', 0)],
  [
    'callback registered',
    (machine) => {
      vcpuOf(machine).eventCallback = { cs: 0, eip: 0, masks: true };
    },
  ],
  ['upcall unmasked', (machine) => setByte(machine, 'evtchn_upcall_mask', 1)],
  [
    'vCPU up',
    (machine) => {
      vcpuOf(machine).isUp = false;
    },
  ],
  [
    'vCPU awake',
    (machine) => {
      Object.assign(vcpuOf(machine), { isBlocked: true, polledPorts: [7], pollUntil: NEVER });
    },
  ],
  [
    'domain runs',
    (machine) => {
      domainOf(machine).fields.shutdown = { reason: 0, sentence: undefined };
    },
  ],
  ['port connected', (machine, port) => domainOf(machine).events.free(port)],
  ['event pending', (machine, port) => setShared(machine, 'evtchn_pending', port, false)],
  [
    'no NMI first',
    (machine) => {
      const vcpu = vcpuOf(machine);
      vcpu.isNmiPending = true;
      vcpu.traps.addresses[2] = 0xc000_0000;
    },
  ],
];

function setShared(
  machine: Machine,
  bitmap: 'evtchn_pending' | 'evtchn_mask',
  port: number,
  isSet = true,
): void {
  const { sharedInfo } = domainOf(machine).fields;
  const at = sharedInfo * PAGE + shared_info.offsets[bitmap] + 4 * (port >>> 5);
  const bit = 1 << (port & 31);
  const before = machine.xen.ram.read32(at);
  machine.xen.ram.write32(at, (isSet ? before | bit : before & ~bit) >>> 0);
}

function setByte(
  { xen }: Machine,
  field: 'evtchn_upcall_pending' | 'evtchn_upcall_mask',
  value: number,
): void {
  xen.ram.write8((xen.scheduler.loaded?.info ?? 0) + vcpu_info.offsets[field], value);
}

/** A guest at a moment at which it takes an event before its next instruction, and one for it. */
function machineAboutToDeliver(part: GuestPart): { machine: Machine; port: number } {
  const machine = machineOf(part);
  const vcpu = vcpuOf(machine);
  const domain = domainOf(machine);
  const timer = () => domain.events.portOfVirq(VIRQ.TIMER, 0);
  runUntil(
    machine,
    () =>
      timer() !== undefined && vcpu.eventCallback.eip !== 0 && vcpu.runstate.state === 'running',
  );
  const port = timer() ?? 0;
  setShared(machine, 'evtchn_pending', port, false);
  setShared(machine, 'evtchn_mask', port, false);
  setByte(machine, 'evtchn_upcall_pending', 0);
  setByte(machine, 'evtchn_upcall_mask', 0);
  machine.xen.ram.write32(vcpu.info + vcpu_info.offsets.evtchn_pending_sel, 0);
  raiseEvent(machine.xen, domain, port);
  return { machine, port };
}

/** Whether the guest is entered at its event callback when it goes on. */
function isDelivered(machine: Machine): boolean {
  let upcalls = 0;
  const end = machine.xen.probes.on('upcall', () => {
    upcalls++;
  });
  machine.xen.scheduler.mustLook = true;
  machine.run(1);
  end();
  return upcalls > 0;
}

describe.each([
  { guest: 'timers', variant: 'direct' },
  { guest: 'timers', variant: 'translated' },
] as const)('$guest/$variant', (part) => {
  test('an event that nothing stops is delivered', () => {
    const { machine, port } = machineAboutToDeliver(part);
    const explanation = explainPort(machine, domainOf(machine), port, noSymbols);
    expect(explanation.missing).toBeUndefined();
    expect(explanation.conclusion).toContain('is entered at its event callback');
    expect(isDelivered(machine)).toBe(true);
  });

  test.each(obstacles)('%s: is missed, and nothing is delivered', (condition, hinder) => {
    const { machine, port } = machineAboutToDeliver(part);
    hinder(machine, port);
    const explanation = explainPort(machine, domainOf(machine), port, noSymbols);
    expect(explanation.missing).toBe(condition);
    expect(explanation.conditions.find((each) => each.condition === condition)?.holds).toBe(false);
    expect(explanation.conclusion.length).toBeGreaterThan(20);
  });
});

test('an event that is explained away does not arrive', () => {
  const stopping: readonly PortConditionName[] = [
    'upcall pending',
    'upcall unmasked',
    'vCPU awake',
  ];
  for (const [condition, hinder] of obstacles.filter(([name]) => stopping.includes(name))) {
    const { machine, port } = machineAboutToDeliver({ guest: 'timers', variant: 'direct' });
    hinder(machine, port);
    expect([condition, isDelivered(machine)]).toEqual([condition, false]);
  }
});

test('a vCPU that is crashed, blocked or running is said to be', () => {
  const machine = machineOf(
    { guest: 'crash', variant: 'direct', commandLine: 'no-handler' },
    { guest: 'smp', variant: 'direct', vcpus: 3 },
  );
  runFor(machine, 3_000_000);
  const { domains, running, systemTime, instructions } = machineData(machine, () => 'somewhere');
  const [, crash, smp] = domains;
  expect(instructions).toBe(machine.instructions);
  expect(systemTime).toBe(machine.xen.clock.now);
  expect(running).toEqual(
    machine.xen.scheduler.current && {
      domain: machine.xen.scheduler.current.domain.id,
      vcpu: machine.xen.scheduler.current.id,
    },
  );
  expect(crash).toMatchObject({ state: 'ended', shutdown: { reason: 3, name: 'crash' } });
  expect(crash?.shutdown?.sentence).toBe(
    machine.xen.journal.entries.find(({ kind }) => kind === 'crash')?.text,
  );
  expect(crash?.vcpus.map(({ state }) => state)).toEqual(['offline']);
  expect(smp?.vcpus.map(({ id }) => id)).toEqual([0, 1, 2]);
  expect(smp?.pages).toBe(machine.xen.frames.pagesOf(2));
});
