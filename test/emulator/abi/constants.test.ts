/** The declared numbers against those of Xen's headers, then and now. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { XEN_EMULATE_PREFIX } from '../../../emulator/abi/arch-x86-32.ts';
import { XSD_ERRORS } from '../../../emulator/abi/io/xs-wire.ts';
import { XEN_RUNSTATE_UPDATE } from '../../../emulator/abi/vcpu.ts';
import { constants } from './declarations.ts';

type Facts = Readonly<Record<string, number>>;

const facts: { readonly 'xen-3.0': Facts; readonly 'xen-4.23': Facts; readonly other: Facts } =
  JSON.parse(readFileSync(join(import.meta.dirname, 'constants.json'), 'utf8'));

const xen30 = facts['xen-3.0'];
const newest: Facts = { ...facts['xen-4.23'], ...facts.other };

/** Numbers that mean something else today. */
const changedSince30: Readonly<Record<string, number>> = { CALLBACKTYPE_sysenter: 5 };

/** Checked by tests of their own. */
const elsewhere = ['XEN_RUNSTATE_UPDATE', 'START_INFO_SIZE_3_0'];

test('every number is that of the newest headers, or of May 2006 if it is gone', () => {
  const compared = [...constants].filter(([name]) => !elsewhere.includes(name));
  expect(compared.length).toBeGreaterThan(500);
  expect(Object.fromEntries(compared)).toEqual({
    XENMEM_translate_gpfn_list: xen30['XENMEM_translate_gpfn_list'],
    ...newest,
  });
});

test('every number meant the same in May 2006, but for one', () => {
  const then = Object.keys(xen30).map((name) => [name, constants.get(name)]);
  expect(Object.fromEntries(then)).toEqual({ ...xen30, ...changedSince30 });
});

test('the mark of a runstate in change is the top bit of 64', () => {
  expect(XEN_RUNSTATE_UPDATE).toBe(0x8000_0000_0000_0000n);
});

test('the emulation prefix is ud2 and "xen"', () => {
  expect(String.fromCharCode(...XEN_EMULATE_PREFIX)).toBe('\x0f\x0bxen');
});

test('xenstore’s errors are errors of Xen', () => {
  expect(XSD_ERRORS.filter((name) => !constants.has(`XEN_${name}`))).toEqual([]);
});
