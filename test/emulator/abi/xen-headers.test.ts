/** The declared structs and numbers against the headers that Debian installs, compiled now. */

import { beforeEach, expect, test } from 'vitest';
import { blkif_sring_entry } from '../../../emulator/abi/io/blkif.ts';
import { netif_rx_sring_entry, netif_tx_sring_entry } from '../../../emulator/abi/io/netif.ts';
import { ringLength, sring } from '../../../emulator/abi/io/ring.ts';
import * as stackFrames from '../../../emulator/abi/stack-frames.ts';
import { needs } from '../../support/oracle.ts';
import { constants, layouts, placesOf } from './declarations.ts';
import { askForLayouts, evaluate } from './xen-headers.ts';

beforeEach(needs('xen/xen.h'));

/** What Debian's Xen 4.17 does not declare: older, newer, or not of C. */
const absent = {
  layouts: [
    'xen_translate_gpfn_list',
    'callback_register_3_0',
    'callback_unregister_3_0',
    'e820entry',
    ...Object.keys(stackFrames),
    'sring', // In C each ring is a struct of its own, with its first entry.
  ],
  fields: ['xencons_interface.connection', 'xenstore_domain_interface.evtchn_port'],
  constants:
    /^(?:E820_.*|XENMEM_translate_gpfn_list|XENCONSOLE_.*|START_INFO_SIZE_3_0|HYPERCALL_VECTOR|TI_.*|MMU_UPDATE_PREEMPTED|XEN_EINTR|XEN_ERESTART)$/,
};

test('every struct has the size and the fields that gcc gives it', () => {
  const asked = [...layouts]
    .filter(([name]) => !absent.layouts.includes(name))
    .map(([name, layout]) => {
      const places = [...placesOf(layout, 'all')].filter(
        ([field]) => !absent.fields.includes(`${name}.${field}`),
      );
      // A field that is absent is the last: without it the struct ends where the field begins.
      const dropped = layout.fields.find(({ name: field }) =>
        absent.fields.includes(`${name}.${field}`),
      );
      return { name, kind: layout.shape.kind, size: dropped?.offset ?? layout.size, places };
    });
  const answers = askForLayouts(
    asked.map(({ name, kind, places }) => ({
      type: `${kind} ${name}`,
      fields: places.map(([field]) => field),
    })),
  );
  expect(asked.length).toBeGreaterThan(90);
  expect(asked.map(({ name, size, places }) => ({ name, size, places }))).toEqual(
    asked.map(({ name }, index) => ({
      name,
      size: answers[index]?.size,
      places: [...(answers[index]?.fields ?? [])],
    })),
  );
});

test.each(['blkif', 'netif_tx', 'netif_rx'])('the ring of %s begins as all do', (name) => {
  const type = `struct ${name}_sring`;
  const fields = sring.fields.map((field) => field.name);
  const [answer] = askForLayouts([{ type, fields: [...fields, 'ring'] }]);
  const places = [...(answer?.fields ?? [])];
  expect(places.slice(0, -1)).toEqual([...placesOf(sring, 'all')]);
  expect(places.at(-1)?.[1][0]).toBe(sring.size);
});

test.each([
  ['blkif', blkif_sring_entry],
  ['netif_tx', netif_tx_sring_entry],
  ['netif_rx', netif_rx_sring_entry],
] as const)('one page holds as many entries of %s as __RING_SIZE says', (name, entry) => {
  const [expected] = evaluate([`__CONST_RING_SIZE(${name}, 4096)`]);
  expect(ringLength(entry.size, 4096)).toBe(Number(expected));
});

test('every number has the value that gcc gives it', () => {
  const names = [...constants.keys()].filter((name) => !absent.constants.test(name));
  const values = evaluate(names);
  expect(names.length).toBeGreaterThan(350);
  expect(names.map((name) => [name, BigInt.asIntN(64, BigInt(constants.get(name) ?? 0))])).toEqual(
    names.map((name, index) => [name, values[index]]),
  );
});

test('a wrong field or number is an error of the compiler', () => {
  expect(() => evaluate(['EVTCHNOP_no_such_operation'])).toThrow('EVTCHNOP_no_such_operation');
});
