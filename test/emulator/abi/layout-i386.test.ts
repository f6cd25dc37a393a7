/** The declared structs against what a C compiler made of Xen's headers, then and now. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { START_INFO_SIZE_3_0 } from '../../../emulator/abi/xen.ts';
import { type AnyLayout, layouts, placesOf } from './declarations.ts';

interface Fact {
  readonly size: number;
  readonly fields: Readonly<Record<string, readonly number[]>>;
}

type Facts = Readonly<Record<string, Fact>>;

const facts: { readonly 'xen-3.0': Facts; readonly 'xen-4.23': Facts; readonly other: Facts } =
  JSON.parse(readFileSync(join(import.meta.dirname, 'layout-i386.json'), 'utf8'));

const xen30 = facts['xen-3.0'];
const newest: Facts = { ...facts['xen-4.23'], ...facts.other };

/** Structs that no newer Xen has. */
const onlyIn30 = ['xen_translate_gpfn_list', 'callback_register_3_0', 'callback_unregister_3_0'];

/** Fields that Xen 3.0 did not have, or not so. */
const since30: Readonly<Record<string, readonly string[]>> = {
  arch_shared_info: ['p2m_cr3', 'p2m_vaddr', 'p2m_generation', 'wc_sec_hi'],
  mmuext_op: ['arg2.src_mfn'],
  netif_rx_request: ['pad'],
  shared_info: ['arch'],
  start_info: [
    'console',
    'console.domU',
    'console.domU.mfn',
    'console.domU.evtchn',
    'console.dom0',
    'console.dom0.info_off',
    'console.dom0.info_size',
    'first_p2m_pfn',
    'nr_p2m_frames',
  ],
  vcpu_register_runstate_memory_area: ['addr.h'],
  vcpu_time_info: ['flags', 'pad1'],
  xen_add_to_physmap: ['size'],
  xen_memory_reservation: ['mem_flags'],
  xencons_interface: ['connection'],
  xenstore_domain_interface: ['server_features', 'connection', 'error', 'evtchn_port'],
};

/** What stood in their places, with the size it had. */
const until30: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  shared_info: { arch: [2316, 12] },
  start_info: { console_mfn: [52, 4], console_evtchn: [56, 4] },
  vcpu_time_info: { pad1: [29, 3] },
  xen_memory_reservation: { address_bits: [12, 4] },
};

function inlinePlaces(layout: AnyLayout): Record<string, readonly number[]> {
  return Object.fromEntries(placesOf(layout, 'inline'));
}

const current = [...layouts].filter(([name]) => !onlyIn30.includes(name));

test.each(current)('%s is laid out as by the newest headers', (name, layout) => {
  expect({ size: layout.size, fields: inlinePlaces(layout) }).toEqual(newest[name]);
});

test('there is no struct in the facts that is not declared', () => {
  const known = [...Object.keys(xen30), ...Object.keys(newest)];
  expect(known.filter((name) => !layouts.has(name))).toEqual([]);
});

test.each(Object.entries(xen30))('%s is laid out as in May 2006', (name, fact) => {
  const layout = layouts.get(`${name}_3_0`) ?? layouts.get(name);
  const ours = inlinePlaces(layout as AnyLayout);
  for (const field of since30[name] ?? []) {
    expect(ours).toHaveProperty([field]);
    delete ours[field];
  }
  expect({ ...ours, ...until30[name] }).toEqual(fact.fields);
});

test.each(Object.entries(xen30))('%s only grew at its end since May 2006', (name, fact) => {
  const layout = layouts.get(`${name}_3_0`) ?? layouts.get(name);
  const { size, fields } = layout as AnyLayout;
  const grown = fields.filter((field) => field.offset + field.size > fact.size);
  const inner = name === 'shared_info' ? ['arch'] : [];
  expect(size).toBeGreaterThanOrEqual(fact.size);
  expect(grown.filter(({ offset }) => offset < fact.size).map((field) => field.name)).toEqual(
    inner,
  );
  expect(size > fact.size).toBe(grown.length > 0);
});

test('start_info of Xen 3.0 has the size that its compiler gave it', () => {
  expect(START_INFO_SIZE_3_0).toBe(xen30['start_info']?.size);
});
