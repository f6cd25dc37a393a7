/** The rows of views over a machine that really runs, through the debug adapter. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MACHINE_EVENTS } from '../../../debug-adapter/debuggee/machine-events.ts';
import { deviceRows } from '../../../extension/views/device-rows.ts';
import { eventChannelRows, explanationItems } from '../../../extension/views/event-channel-rows.ts';
import { eventCounts, eventFilterRows } from '../../../extension/views/event-filter-rows.ts';
import { grantRows } from '../../../extension/views/grant-rows.ts';
import { filterOf, hypercallRows } from '../../../extension/views/hypercall-rows.ts';
import { machineRows } from '../../../extension/views/machine-rows.ts';
import type { Ask, EventBreakpoint, Row } from '../../../extension/views/row.ts';
import { timeRows } from '../../../extension/views/time-rows.ts';
import { xenstoreRows } from '../../../extension/views/xenstore-rows.ts';
import { Client, guestFile } from '../../debug-adapter/session/client.ts';

let client = new Client();
const ask: Ask = (name, given) => client.ask(name, given);
const never = (): boolean => false;

beforeEach(async () => {
  client = new Client();
  await client.launch({ kernel: guestFile('timers'), stopOnEntry: true });
  await client.begin();
});

afterEach(() => {
  client.dispose();
});

async function below(row: Row | undefined): Promise<readonly Row[]> {
  const children = row?.children ?? [];
  return typeof children === 'function' ? await children() : children;
}

/** To where a function breakpoint stops. */
async function runTo(name: string): Promise<void> {
  await client.ask('setFunctionBreakpoints', { breakpoints: [{ name }] });
  await client.go('continue');
}

/** The guest has done all that it does, and is still there. */
const runToEnd = (): Promise<void> => runTo('hypercall:sched_op/shutdown');

const texts = (rows: readonly Row[]): string[] =>
  rows.map(({ label, description }) => [label, description].filter(Boolean).join(': '));

/** Rows of all depths. */
async function everything(rows: readonly Row[]): Promise<Row[]> {
  const all: Row[] = [];
  for (const row of rows) {
    all.push(row, ...(await everything(await below(row))));
  }
  return all;
}

describe('the machine', () => {
  test('has the guest, its processor and where it stands', async () => {
    const rows = await machineRows(ask);
    expect(rows.map(({ id }) => id)).toEqual(['d0', 'd1', 'machine']);
    expect(rows[1]?.description).toBe('running, 32 MiB');
    const [vcpu] = await below(rows[1]);
    expect(vcpu?.label).toBe('vCPU 0');
    expect(vcpu?.description).toMatch(/^running, \w+/);
    expect(vcpu?.subject).toEqual({ kind: 'vcpu', domain: 1, vcpu: 0 });
  });
});

describe('event channels', () => {
  test('have a check-box that is a breakpoint of this domain’s port alone', async () => {
    await runTo('hypercall:set_timer_op');
    const asked: EventBreakpoint[] = [];
    const rows = await eventChannelRows(ask, (breakpoint) => asked.push(breakpoint) > 0);
    const ports = await below(rows.find(({ id }) => id === 'd1'));
    const timer = ports.find(({ description }) => description?.startsWith('VIRQ_TIMER'));
    expect(timer?.checkBox).toEqual({
      isChecked: true,
      sets: { name: `event-sent:${timer?.label}`, condition: 'domain == 1' },
    });
    expect(asked).toContainEqual(timer?.checkBox?.sets);
  });

  test('that the check-box sets, the adapter stops at', async () => {
    await runTo('hypercall:set_timer_op');
    const rows = await eventChannelRows(ask, never);
    const ports = await below(rows.find(({ id }) => id === 'd1'));
    const timer = ports.find(({ description }) => description?.startsWith('VIRQ_TIMER'));
    const { name, condition } = timer?.checkBox?.sets ?? { name: '' };
    const set = { breakpoints: [{ name, condition }] };
    const answer = await client.ask<{ breakpoints: { verified: boolean }[] }>(
      'setFunctionBreakpoints',
      set,
    );
    expect(answer.breakpoints[0]?.verified).toBe(true);
    expect((await client.go('continue')).reason).toBe('function breakpoint');
  });

  test('explain why an event is not delivered', async () => {
    const explanation = await ask('ringside/explainPort', { domain: 1, port: 1 });
    const items = explanationItems(explanation);
    expect(items).toHaveLength(explanation.conditions.length);
    expect(items.filter(({ label }) => label.startsWith('$(error)'))).toHaveLength(1);
  });
});

describe('machine events', () => {
  test('are all there, once', async () => {
    const groups = eventFilterRows(await eventCounts(ask), never, []);
    const rows = (await Promise.all(groups.map(below))).flat();
    expect(rows.map(({ id }) => id).sort()).toEqual(MACHINE_EVENTS.map(({ id }) => id).sort());
  });

  test('have check-boxes that the adapter understands', async () => {
    const rows = await everything(eventFilterRows({}, never, ['hypercall:mmu_update']));
    const breakpoints = rows.flatMap(({ checkBox }) => (checkBox ? [checkBox.sets] : []));
    expect(breakpoints).toHaveLength(MACHINE_EVENTS.length + 1);
    const answer = await client.ask<{ breakpoints: { verified: boolean }[] }>(
      'setFunctionBreakpoints',
      { breakpoints },
    );
    expect(answer.breakpoints.map(({ verified }) => verified)).not.toContain(false);
  });

  test('are counted', async () => {
    await client.ask('ringside/traceHypercalls', { isTracing: true });
    await runToEnd();
    const { timer = 0, hypercall = 0, ...counts } = await eventCounts(ask);
    expect(timer).toBeGreaterThan(0);
    expect(hypercall).toBeGreaterThan(0);
    expect(counts['event-sent']).toBeGreaterThan(0);
    expect(counts['domain-crash']).toBe(0);
  });
});

test('the grant table has what the toolstack reserved', async () => {
  const rows = await grantRows(ask);
  const entries = await below(rows.find(({ id }) => id === 'd1'));
  expect(entries.map(({ label }) => label)).toContain('0 console');
});

test('devices are the console and the ring of xenstore, each with two queues', async () => {
  const [guest] = await deviceRows(ask);
  const devices = await below(guest);
  expect(devices.map(({ label }) => label)).toEqual(['Console', 'XenStore ring']);
  expect(texts(await below(devices[1]))).toEqual([
    'Requests: 0 of 1024 bytes',
    'Responses: 0 of 1024 bytes',
  ]);
});

test('xenstore opens node by node', async () => {
  let rows = await xenstoreRows(ask);
  for (const name of ['local', 'domain', '1']) {
    rows = await below(rows.find(({ label }) => label === name));
  }
  const node = rows.find(({ label }) => label === 'name');
  expect(node?.subject).toEqual({
    kind: 'node',
    path: '/local/domain/1/name',
    value: node?.description,
  });
});

test('time has the clocks and, of each processor, what fired', async () => {
  await runToEnd();
  const rows = await timeRows(ask);
  expect(rows.map(({ label }) => label)).toEqual([
    'System time',
    'Wall clock',
    'Next deadline',
    'Domain 1',
  ]);
  const [vcpu] = await below(rows[3]);
  const labels = (await below(vcpu)).map(({ label }) => label);
  expect(labels).toEqual(expect.arrayContaining(['Fired', 'Run states']));
});

describe('the trace of hypercalls', () => {
  beforeEach(async () => {
    await client.ask('ringside/traceHypercalls', { isTracing: true });
    await runToEnd();
  });

  test('is newest first, and older calls come a page at a time', async () => {
    const { seen } = await ask('ringside/hypercalls', { count: 0 });
    let rows = await hypercallRows(ask, {});
    const calls: string[] = [];
    for (;;) {
      calls.push(...rows.filter(({ id }) => id.startsWith('call')).map(({ id }) => id));
      const more = rows.find(({ id }) => id.startsWith('before'));
      if (more === undefined) {
        break;
      }
      rows = await below(more);
    }
    expect(calls).toEqual(Array.from({ length: seen }, (_, n) => `call ${seen - 1 - n}`));
  });

  test('is filtered by words of names', async () => {
    const rows = await hypercallRows(ask, filterOf('set_timer_op d1'));
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ label }) => label !== 'set_timer_op' && label[0] !== '2')).toEqual([]);
  });

  test('tells where each call came from', async () => {
    const [row] = await hypercallRows(ask, {});
    expect(row?.subject).toMatchObject({ kind: 'place', domain: 1 });
    expect(row?.description).toMatch(/ ← \w+/);
  });
});

test('ids of rows are unlike each other in every view', async () => {
  await client.ask('ringside/traceHypercalls', { isTracing: true });
  await runToEnd();
  const views = [
    machineRows(ask),
    eventChannelRows(ask, never),
    grantRows(ask),
    deviceRows(ask),
    xenstoreRows(ask),
    timeRows(ask),
    hypercallRows(ask, {}),
  ];
  for (const view of await Promise.all(views)) {
    const ids = (await everything(view)).map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  }
});
