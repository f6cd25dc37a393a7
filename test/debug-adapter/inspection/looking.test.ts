/** Looking at a machine changes nothing in it, and what is seen is plain JSON. */

import { describe, expect, test } from 'vitest';
import { images } from '../../guests/build.ts';
import type { GuestPart } from '../../guests/run.ts';
import { emptyDisk, inspectorOf, lookAtEverything, looks, machineOf, runFor } from './machines.ts';

const together: readonly (readonly GuestPart[])[] = [
  [
    { guest: 'grants-server', variant: 'direct' },
    { guest: 'grants-client', variant: 'direct' },
    { guest: 'console', variant: 'direct', input: 'hello\n' },
  ],
  [
    { guest: 'smp', variant: 'direct', vcpus: 4 },
    { guest: 'translated', variant: 'translated' },
    { guest: 'mmu', variant: 'two-level' },
  ],
];
const alone = images()
  .filter(({ guest }) => guest !== 'probe' && guest !== 'bench')
  .map((image): readonly GuestPart[] => [
    image.guest === 'block' ? { ...image, disk: emptyDisk } : image,
  ]);

const nameOf = (parts: readonly GuestPart[]): string =>
  parts.map(({ guest, variant }) => `${guest}/${variant}`).join(', ');

describe.each([...together, ...alone].map((parts) => ({ name: nameOf(parts), parts })))(
  '$name',
  ({ parts }) => {
    test('is the same machine after everything was looked at, and goes on the same', () => {
      const machine = machineOf(...parts);
      const untouched = machineOf(...parts);
      for (const instructions of [1, 20_000, 170_001]) {
        runFor(machine, instructions);
        runFor(untouched, instructions);
        const inspector = inspectorOf(machine);
        inspector.trace.begin();
        const before = machine.hash();
        lookAtEverything(inspector);
        expect(machine.hash()).toBe(before);
        inspector.end();
        expect(before).toBe(untouched.hash());
      }
    });
  },
);

test('what is seen is what JSON can carry', () => {
  const machine = machineOf({ guest: 'block', variant: 'direct', disk: emptyDisk });
  runFor(machine, 400_000);
  const inspector = inspectorOf(machine);
  for (const [command, given] of looks(machine)) {
    const body = inspector.answer(command, given);
    expect(JSON.parse(JSON.stringify(body))).toEqual(body);
  }
});
