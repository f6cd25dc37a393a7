import { describe, expect, test } from 'vitest';
import {
  modelFor,
  nameFrom,
  profileFor,
  tableFormatFor,
} from '../../../debug-adapter/configuration/configuration.ts';
import { readKernel } from '../../../emulator/image/kernel.ts';
import { aKernel, type KernelPlan } from '../../support/a-kernel.ts';

const legacy = 'GUEST_OS=linux,XEN_VER=xen-3.0,LOADER=generic,VIRT_BASE=0x0';

describe('what a kernel is started with', () => {
  test.each<{ what: string; plan: KernelPlan; answers: readonly string[] }>([
    { what: 'notes and PAE', plan: {}, answers: ['xen-4.17', 'direct', 'pae'] },
    {
      what: 'notes without PAE',
      plan: { notes: { PAE_MODE: 'no' } },
      answers: ['xen-3.0', 'direct', 'two-level'],
    },
    {
      what: 'notes and PAE or not',
      plan: { notes: { PAE_MODE: 'bimodal' } },
      answers: ['xen-4.17', 'direct', 'pae'],
    },
    {
      what: 'the legacy section',
      plan: { legacy: `${legacy},PAE=yes` },
      answers: ['xen-3.0', 'direct', 'pae'],
    },
    {
      what: 'the wish for translation',
      plan: { legacy: `${legacy},FEATURES=!writable_page_tables|!auto_translated_physmap` },
      answers: ['xen-3.0', 'translated', 'two-level'],
    },
    {
      what: 'translation only as a possibility',
      plan: { legacy: `${legacy},FEATURES=auto_translated_physmap` },
      answers: ['xen-3.0', 'direct', 'two-level'],
    },
  ])('with $what', ({ plan, answers }) => {
    const kernel = readKernel(aKernel(plan));
    expect([profileFor(kernel), modelFor(kernel), tableFormatFor(kernel)]).toEqual(answers);
  });
});

test.each([
  ['/boot/vmlinux', 'vmlinux'],
  ['C:\\guests\\db.cfg', 'db'],
  ['a.b.cfg', 'a.b'],
  ['/', 'guest'],
])('the domain of %s is called %s', (file, name) => {
  expect(nameFrom(file)).toBe(name);
});
