/** What views say of what a test guest does not have: figures, escapes, disks, filters. */

import { describe, expect, test } from 'vitest';
import { diskRow } from '../../../extension/views/device-rows.ts';
import { portRow } from '../../../extension/views/event-channel-rows.ts';
import { duration, grouped, memorySize } from '../../../extension/views/figures.ts';
import { callRow, described, filterOf } from '../../../extension/views/hypercall-rows.ts';
import { escaped, tooltipOf } from '../../../extension/views/markdown.ts';

test.each([
  [0, '0 ns'],
  [999, '999 ns'],
  [1500, '1.5 µs'],
  [2_000_000, '2 ms'],
  [-1_234_567_890, '-1.235 s'],
])('%i ns is %s', (nanoseconds, text) => {
  expect(duration(nanoseconds)).toBe(text);
});

test.each([
  [512, '512 bytes'],
  [4096, '4 KiB'],
  [33_554_432, '32 MiB'],
  [1.5 * 2 ** 30, '1.5 GiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(memorySize(bytes)).toBe(text);
});

test('digits are grouped', () => {
  expect([7, 1234, 1_234_567].map(grouped)).toEqual(['7', '1,234', '1,234,567']);
});

describe('a tooltip', () => {
  test('shows what a guest wrote as text, not as a link, a picture or HTML', () => {
    const text = escaped('[x](command:evil) ![y](https://a/b) <img src=x> | `z`\n# h');
    expect(text).not.toMatch(/(?<!\\)[[\]()<>|`!#]/);
    expect(text).not.toContain('\n');
  });

  test('is a table of names and values', () => {
    const row = { id: 'a', label: 'A', note: 'Why', details: [['x', '1']] as const };
    expect(tooltipOf(row)).toBe('**A**\n\nWhy\n\n| | |\n|:--|:--|\n| x | 1 |');
  });

  test('is not there where the row says it all', () => {
    expect(tooltipOf({ id: 'a', label: 'A' })).toBeUndefined();
  });
});

test.each([
  ['', {}],
  ['mmu_update', { name: 'mmu_update' }],
  ['grant_table_op EINVAL d2', { name: 'grant_table_op', errno: 'EINVAL', domain: 2 }],
  ['failed', { errno: 'any' }],
])('the filter %j', (text, filter) => {
  expect(filterOf(text)).toEqual(filter);
});

test('structs of a call are told on one line, cut where long', () => {
  expect(described({ dom: 1, list: [1, 2] })).toBe('{dom: 1, list: {0: 1, 1: 2}}');
  expect(described('x'.repeat(500)).length).toBeLessThan(130);
});

test('a failed call says which error, and has its struct below it', () => {
  const { icon, description, children } = callRow({
    ...{ sequence: 3, instructions: 10, domain: 1, vcpu: 0, name: 'event_channel_op' },
    ...{ number: 32, operation: 'send', isNested: false, isContinued: false, result: -22 },
    ...{ errno: 'EINVAL', arguments: { arg: { port: 9 } }, caller: { address: 0x100000 } },
  });
  expect(icon?.name).toBe('error');
  expect(description).toBe('= −EINVAL ← 0x00100000');
  expect(children).toMatchObject([
    { label: 'arg', children: [{ label: 'port', description: '9' }] },
  ]);
});

describe('a port', () => {
  const port = { port: 5, type: 'ipi', vcpu: 1 } as const;

  test.each([
    [{ isPending: false, isMasked: false }, 'bell'],
    [{ isPending: false, isMasked: true }, 'bell-slash'],
    [{ isPending: true, isMasked: false }, 'bell-dot'],
    [{ isPending: true, isMasked: true }, 'bell-slash-dot'],
  ])('with %j has the icon %s', (bits, name) => {
    expect(portRow(1, { ...port, ...bits }, () => false).icon?.name).toBe(name);
  });

  test('says where its event is held', () => {
    const bits = { isPending: true, isMasked: false, isSelected: false };
    expect(portRow(1, { ...port, ...bits, sent: 2 }, () => false).description).toBe(
      'IPI, vCPU 1, pending, not selected, 2 sent',
    );
  });
});

test('a disk tells its requests in flight, with their segments', () => {
  const page = { machineFrame: 16, reference: 8, port: 4, backendPort: 9 };
  const row = diskRow(1, {
    ...{ device: 'vbd/51712', id: 51712, name: 'xvda', file: 'a.img', mode: 'read and write' },
    ...{ isCdrom: false, isOverlay: true, sectors: 2048 },
    xenbus: {
      ...{ frontendPath: 'f', backendPath: 'b', frontend: 'Connected', backend: 'Connected' },
    },
    ring: {
      ...{ page, protocol: 'x86_32-abi', size: 32, requestProducer: 3, responseEvent: 3 },
      ...{ responseProducer: 2, requestEvent: 4, requestConsumer: 2, isBroken: false },
      inFlight: [
        {
          ...{ index: 2, slot: 2, id: '0x7', operation: 'write', sector: '0x10' },
          segments: [{ reference: 20, first: 0, last: 7 }],
        },
      ],
    },
    statistics: { requests: 3, byOperation: { read: 2, write: 1 }, failed: 0 },
  });
  const [xenbus, ring, flight, statistics] = row.children as NonNullable<
    Exclude<typeof row.children, () => unknown>
  >;
  expect(row.description).toBe('vbd/51712, 1 MiB, read and write');
  expect(xenbus?.icon?.color).toBe('charts.green');
  expect(ring?.description).toBe('requests 2 of 3 taken, responses up to 2');
  expect(flight?.children).toMatchObject([
    { label: 'write', description: 'sector 0x10, 8 sectors in 1' },
  ]);
  expect(statistics?.description).toBe('2 read, 1 write');
});
