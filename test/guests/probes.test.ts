/** What the machine tells those who listen, on guests of ours that do a bit of everything. */

import { describe, expect, test } from 'vitest';
import { coldTier } from '../../emulator/cpu/cold-tier/cold-tier.ts';
import type { ProbeEvent, ProbeKind } from '../../emulator/hypervisor/probes.ts';
import { Machine } from '../../emulator/machine/machine.ts';
import { domainPart, type GuestPart } from './run.ts';

const engine = coldTier();
const disk = { size: 1 << 20, read: (_offset: number, length: number) => new Uint8Array(length) };

const KINDS: readonly ProbeKind[] = [
  ...(['hypercall', 'hypercall-result', 'stage', 'trap', 'upcall', 'event-sent'] as const),
  ...(['page-table-write', 'page-type', 'timer-set', 'timer', 'schedule', 'record'] as const),
  ...(['grant', 'ring', 'xenstore', 'domain-state'] as const),
];

function eventsOf(parts: readonly GuestPart[], kinds: readonly ProbeKind[]): ProbeEvent[] {
  const machine = new Machine(
    { domains: parts.map(domainPart), engine },
    { consoleOutput: () => {}, emergencyOutput: () => {} },
  );
  const events: ProbeEvent[] = [];
  for (const kind of kinds) {
    machine.xen.probes.on(kind, (event) => events.push(event));
  }
  for (let i = 0; i < 20; i++) {
    if (machine.run(1_000_000).kind === 'shutdown') {
      break;
    }
  }
  return events;
}

test('every kind of event is told of by some guest', { timeout: 60_000 }, () => {
  const guests: readonly (readonly GuestPart[])[] = [
    [{ guest: 'mmu', variant: 'direct' }],
    [{ guest: 'scheduling', variant: 'direct' }],
    [{ guest: 'block', variant: 'direct', disk }],
  ];
  const seen = new Set(guests.flatMap((parts) => eventsOf(parts, KINDS)).map(({ kind }) => kind));
  const missing = KINDS.filter((kind) => !seen.has(kind));
  // Grants are mapped by the back-end of the disk, on behalf of domain 0.
  expect(missing).toEqual([]);
});

test('checks of tables, descriptors and grants are stages too', () => {
  const guests: readonly GuestPart[] = [
    { guest: 'mmu', variant: 'direct' },
    { guest: 'descriptors', variant: 'direct' },
    { guest: 'block', variant: 'direct', disk },
  ];
  const operations = new Set(
    guests
      .flatMap((part) => eventsOf([part], ['stage']))
      .map((event) => (event.kind === 'stage' ? event.operation : '')),
  );
  for (const name of [
    ...['page-table update', 'mapping update', 'page-table pin'],
    ...['descriptor update', 'grant use', 'trap bounce', 'event arrival'],
  ]) {
    expect(operations).toContain(name);
  }
});

describe('an event on its way to the guest', () => {
  const events = eventsOf([{ guest: 'upcalls', variant: 'direct' }], ['stage']);
  const runs = events
    .filter((event) => event.kind === 'stage')
    .reduce<{ operation: string; stages: string[] }[]>((list, { operation, stage, ends }) => {
      const last = list.at(-1);
      if (last === undefined || last.operation !== operation || last.stages.at(-1)?.endsWith('.')) {
        list.push({ operation, stages: [] });
      }
      list.at(-1)?.stages.push(ends ? `${stage}.` : stage);
      return list;
    }, []);

  test('passes each stage of its arrival in the order that guests rely on', () => {
    const whole = runs.find(
      ({ operation, stages }) => operation === 'event arrival' && !stages.at(-1)?.endsWith('.'),
    );
    expect(whole?.stages.slice(0, 5)).toEqual([
      'set pending bit',
      'test mask bit',
      'set selector bit',
      'set upcall_pending',
      'wake vCPU',
    ]);
  });

  test('ends at the mask of its port', () => {
    expect(runs.map(({ stages }) => stages.join(', '))).toContain(
      'set pending bit, test mask bit.',
    );
  });

  test('enters the guest stage by stage', () => {
    const entered = runs.find(({ operation }) => operation === 'event upcall');
    expect(entered?.stages.slice(0, 5)).toEqual([
      'test upcall_pending and upcall_mask',
      'choose stack',
      'push frame',
      'set mask',
      'enter handler',
    ]);
  });
});
