/**
 * Machines with guests of ours are plain data at any moment: timers under way, several virtual
 * processors and domains, events and requests that wait.
 *
 * How the host divides a run and whether it looks makes no difference to it.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coldTier } from '../../emulator/cpu/cold-tier/cold-tier.ts';
import { Machine } from '../../emulator/machine/machine.ts';
import { domainPart, type GuestPart } from './run.ts';

const engine = coldTier();
/** Of what they execute, enough for most of what they try; and of several, for some turns. */
const ENDS = { alone: 3_000_000, together: 32_000_000 };

const disk = { size: 1 << 20, read: (_offset: number, length: number) => new Uint8Array(length) };

const machines: readonly (readonly GuestPart[])[] = [
  [
    { guest: 'timers', variant: 'direct' },
    { guest: 'scheduling', variant: 'direct' },
    { guest: 'upcalls', variant: 'direct' },
    { guest: 'smp', variant: 'direct', vcpus: 2 },
  ],
  [{ guest: 'smp', variant: 'direct', vcpus: 4 }],
  [{ guest: 'timers', variant: 'direct' }],
  [{ guest: 'scheduling', variant: 'direct' }],
  [{ guest: 'scheduling', variant: 'translated' }],
  [{ guest: 'upcalls', variant: 'direct' }],
  [{ guest: 'block', variant: 'direct', disk }],
  [{ guest: 'xenstore', variant: 'direct' }],
  [
    { guest: 'grants-server', variant: 'direct' },
    { guest: 'grants-client', variant: 'direct' },
    { guest: 'console', variant: 'direct', input: 'hello\n' },
  ],
];

function machineOf(parts: readonly GuestPart[]): Machine {
  const machine = new Machine(
    { domains: parts.map((part) => domainPart({ ...part, pages: 1024 })), engine },
    { consoleOutput: () => {}, emergencyOutput: () => {} },
  );
  for (const [index, { input }] of parts.entries()) {
    if (input !== undefined) {
      machine.consoleInput(index + 1, Buffer.from(input));
    }
  }
  return machine;
}

/** As far as it goes, past the ends of domains. Answers what a host sees of that. */
function runTo(machine: Machine, end: number, slice = Number.POSITIVE_INFINITY): string[] {
  const seen: string[] = [];
  while (machine.instructions < end) {
    const stop = machine.run(Math.min(end - machine.instructions, slice));
    if (stop.kind === 'shutdown') {
      seen.push(`domain ${stop.domain.id} ended at ${machine.instructions}`);
    } else if (stop.kind !== 'budget') {
      return [...seen, stop.kind];
    }
  }
  return seen;
}

const sum = ([left, right]: [number, number]): number => left + right;

const nameOf = (parts: readonly GuestPart[]): string =>
  parts.map(({ guest, variant, vcpus = 1 }) => `${guest}/${variant} (${vcpus})`).join(', ');

describe.each(machines.map((parts) => ({ name: nameOf(parts), parts })))('$name', ({ parts }) => {
  test('is the same in slices, looked at, and from images', { timeout: 120_000 }, () => {
    const end = parts.length === 1 ? ENDS.alone : ENDS.together;
    const whole = machineOf(parts);
    const calls: number[] = [];
    whole.xen.probes.on('hypercall', () => calls.push(whole.xen.cpu.instructionCount));
    const seen = runTo(whole, end);
    const hash = whole.hash();
    const property = fc.property(
      fc.oneof(
        fc.integer({ min: 1, max: end - 1 }),
        // Behind a call, when back-ends and timers have been given something to do.
        fc.tuple(fc.constantFrom(...calls), fc.integer({ min: 1, max: 200 })).map(sum),
      ),
      fc.oneof(fc.integer({ min: 23, max: 400 }), fc.integer({ min: 400, max: 20_000 })),
      (place, slice) => {
        const first = machineOf(parts);
        const before = runTo(first, place, slice);
        const second = machineOf(parts);
        for (const kind of Object.keys(second.xen.probes.wants)) {
          second.xen.probes.on(kind as 'trap', () => {});
        }
        second.restore(structuredClone(first.capture()));
        const after = runTo(second, end, slice);
        expect([...new Set([...before, ...after])]).toEqual(seen);
        expect(second.hash()).toBe(hash);
      },
    );
    fc.assert(property, { seed: 2006, numRuns: parts.length === 1 ? 6 : 3, endOnFailure: true });
  });
});
