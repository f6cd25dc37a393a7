/** The guest that repeats acts of the hypervisor, as it is committed, and GRUB. */

import { beforeEach, describe, expect, test } from 'vitest';
import { needs } from '../../support/oracle.ts';
import { actIndexOf, benchmarks } from '../benchmarks.ts';
import { grubHere, runActHere } from './paravirtual.ts';

const acts = benchmarks.filter(({ kind }) => kind === 'act');

test.each(acts)(
  'the guest knows $name by its index, and it happens as often as asked',
  async ({ name }) => {
    expect(await runActHere(name, 256)).toMatchObject({ name, checksum: '00000100' });
  },
);

test('there is no act without an index', () => {
  expect(() => actIndexOf('list')).toThrow('There is no benchmark list.');
});

describe('GRUB', () => {
  beforeEach(needs('grub-i386-xen.bin'));

  test('comes to its prompt after the same number of instructions each time', () => {
    expect(grubHere().instructions).toBe(grubHere().instructions);
  });
});
