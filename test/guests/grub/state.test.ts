/** A machine in which GRUB runs is plain data at any moment, and goes on from it as if it never stopped. */

import fc from 'fast-check';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { Digest } from '../../../emulator/plain-data.ts';
import { needs } from '../../support/oracle.ts';
import { ext2 } from './disk.ts';
import { type GrubPlan, GrubSession } from './session.ts';

vi.setConfig({ testTimeout: 120_000 });

beforeEach(needs('grub-i386-xen.bin', 'mke2fs'));

const disk = (): Uint8Array => ext2({ file: new Uint8Array(200_000).map((_, i) => i % 251) });
const COMMAND = 'sha256sum (xen/xvda)/file\n';
/** The prompt stands, and the command is typed. */
const TYPED = 60_000_000;
/** GRUB has begun to read the file, and is not done with it. */
const READING = TYPED + 4_000_000;
const READ = READING + 8_000_000;

function grub(plan: GrubPlan): Machine {
  return new GrubSession({ memory: 16, ...plan }).machine;
}

/** Runs to a count of instructions, in slices of a length, and types the command in its time. */
function runTo(machine: Machine, end: number, slice = Number.POSITIVE_INFINITY): void {
  while (machine.instructions < end) {
    const isTyped = machine.instructions >= TYPED;
    const next = isTyped ? end : Math.min(end, TYPED);
    machine.run(Math.min(next - machine.instructions, slice));
    if (!isTyped && machine.instructions === TYPED) {
      machine.consoleInput(1, Buffer.from(COMMAND));
    }
  }
}

/** Of a copy as another thread would get it, which must be equal. */
function digestOf(image: unknown): string {
  const digest = new Digest();
  digest.data(structuredClone(image));
  return digest.hex;
}

/** When GRUB makes hypercalls, from its entry until it has read. */
function callsOf(machine: Machine): number[] {
  const calls: number[] = [];
  machine.xen.probes.on('hypercall', () => calls.push(machine.xen.cpu.instructionCount));
  runTo(machine, READ);
  return calls;
}

/** Anywhere in the boot and while the file is read, and behind calls, when back-ends have work. */
const momentsAmong = (calls: readonly number[]) =>
  fc
    .tuple(
      fc.array(
        fc.constantFrom(...calls).map((call) => call + 100),
        { minLength: 3, maxLength: 3 },
      ),
      fc.array(fc.integer({ min: 1, max: TYPED }), { minLength: 2, maxLength: 2 }),
      fc.array(fc.integer({ min: READING, max: READ }), { minLength: 2, maxLength: 2 }),
    )
    .map((lists) => lists.flat().sort((left, right) => left - right));

test('it goes on from an image as it did without, in itself and in another', () => {
  const plan = { disk: disk() };
  const property = fc.property(
    momentsAmong(callsOf(grub(plan))),
    fc.integer({ min: 1000, max: 400_000 }),
    fc.integer({ min: 50, max: 5000 }),
    (places, length, slice) => {
      const machine = grub(plan);
      for (const place of places) {
        runTo(machine, place);
        const image = machine.capture();
        const before = digestOf(image);
        const end = place + length;
        runTo(machine, end);
        const hash = machine.hash();
        const other = grub(plan);
        other.xen.probes.on('hypercall-result', () => {});
        other.restore(image);
        runTo(other, end, slice);
        expect(other.hash(), `another machine from ${place} on in slices of ${slice}`).toBe(hash);
        expect(digestOf(image), "the image, which is nobody's to change").toBe(before);
        machine.restore(image);
        runTo(machine, end);
        expect(machine.hash(), `the same machine from ${place} on`).toBe(hash);
      }
    },
  );
  fc.assert(property, { seed: 1, numRuns: 1 });
});
