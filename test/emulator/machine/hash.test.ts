/** The digest of a machine: the same for equal machines, however they came to be what they are. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { coldTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import { readKernel } from '../../../emulator/image/kernel.ts';
import { Machine } from '../../../emulator/machine/machine.ts';
import { imageFile } from '../../guests/build.ts';

const PAGE = 4096;
const PAGES = 2048;
const engine = coldTier();
const file = imageFile({ guest: 'bench', variant: 'direct' });
const kernel = readKernel(new Uint8Array(readFileSync(file)));

function aMachine(): Machine {
  const domain = {
    ...{ name: 'guest', uuid: '00000000-0000-0000-0000-000000000001', kernel, kernelFile: file },
    ...{ commandLine: '', pages: PAGES, maxPages: PAGES, vcpus: 1, onlineVcpus: 1, disks: [] },
    ...({ profile: 'xen-4.17', model: 'direct', format: 'pae' } as const),
  };
  return new Machine(
    { domains: [domain], engine },
    { consoleOutput: () => {}, emergencyOutput: () => {} },
  );
}

/** The last frame, which nobody has used yet. */
const untouched = ({ xen }: Machine): number => xen.ram.size - PAGE;

test('two runs of one guest are equal all the way', () => {
  const [one, other] = [aMachine(), aMachine()];
  for (let i = 0; i < 5; i++) {
    one.run(10_000);
    other.run(10_000);
    expect(one.hash()).toBe(other.hash());
  }
});

test('a machine that was restored has the digest of the one that was captured', () => {
  const original = aMachine();
  original.run(30_000);
  const copy = aMachine();
  copy.restore(original.capture());
  expect(copy.hash()).toBe(original.hash());
});

test('one byte makes a difference, and so does its place', () => {
  const machine = aMachine();
  const at = untouched(machine);
  const seen = new Set([machine.hash()]);
  for (const address of [at, at - PAGE, at - PAGE + 1]) {
    machine.xen.ram.write8(address, 1);
    seen.add(machine.hash());
    machine.xen.ram.write8(address, 0);
  }
  expect(seen.size).toBe(4);
});

test('a page of zeroes is the same whether somebody wrote them or nobody did', () => {
  const machine = aMachine();
  const before = machine.hash();
  machine.xen.ram.load(untouched(machine), new Uint8Array(PAGE));
  expect(machine.hash()).toBe(before);
});

test('after dirty tracking has begun anew, what was written before still counts', () => {
  const machine = aMachine();
  machine.xen.ram.write8(untouched(machine), 1);
  const before = machine.hash();
  machine.xen.cpu.takeDirtyFrames();
  expect(machine.hash()).toBe(before);
});
