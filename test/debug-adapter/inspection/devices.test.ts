/** Rings, grants, xenstore and time as data: against the guest's memory and what happened to it. */

import { describe, expect, test } from 'vitest';
import { devicesOf } from '../../../debug-adapter/inspection/devices.ts';
import { grantMappings, grantTable } from '../../../debug-adapter/inspection/grant-tables.ts';
import { RingCounts } from '../../../debug-adapter/inspection/ring-counts.ts';
import {
  removeNode,
  storeConnections,
  storeNode,
  writeNode,
} from '../../../debug-adapter/inspection/store-view.ts';
import { timeData } from '../../../debug-adapter/inspection/time-view.ts';
import { TimerCounts } from '../../../debug-adapter/inspection/timer-counts.ts';
import { GTF, GTF_TYPE } from '../../../emulator/abi/grant-table.ts';
import { sring } from '../../../emulator/abi/io/ring.ts';
import { domainOf, emptyDisk, machineOf, runFor, runUntil, vcpuOf } from './machines.ts';

const PAGE = 4096;

describe('a block device', () => {
  const aDisk = () => machineOf({ guest: 'block', variant: 'direct', disk: emptyDisk });

  test('shows the handshake of both halves by name, and its ring when connected', () => {
    const machine = aDisk();
    const disk = () => devicesOf(machine, 1).disks[0];
    expect(disk()).toMatchObject({
      device: 'vbd/51712',
      name: 'xvda',
      sectors: 2048,
      mode: 'read and write',
      xenbus: { frontend: 'Initialising', backend: 'InitWait' },
    });
    expect(disk()?.ring).toBeUndefined();
    runUntil(machine, () => disk()?.xenbus.backend === 'Connected');
    const ring = disk()?.ring;
    const reference = Number(
      storeNode(machine, '/local/domain/1/device/vbd/51712/ring-ref')?.value,
    );
    const port = Number(
      storeNode(machine, '/local/domain/1/device/vbd/51712/event-channel')?.value,
    );
    expect(ring?.page).toMatchObject({ reference, port });
    expect(ring?.size).toBe(32);
    const entry = domainOf(machine).grants.entry(machine.xen.ram, reference);
    expect(ring?.page.machineFrame).toBe(entry?.frame);
  });

  test('shows the requests in flight that are answered next', () => {
    const machine = aDisk();
    const answered: string[] = [];
    machine.xen.probes.on('ring', (event) => {
      answered.push(event.kind === 'ring' ? event.request : '');
    });
    let seen = 0;
    for (let i = 0; i < 12; i++) {
      const flying = () => devicesOf(machine, 1).disks[0]?.ring?.inFlight ?? [];
      const produced = () => {
        const frame = devicesOf(machine, 1).disks[0]?.ring?.page.machineFrame;
        const at = (frame ?? 0) * PAGE + sring.offsets.req_prod;
        return frame === undefined ? 0 : machine.xen.ram.read32(at);
      };
      runUntil(machine, () => produced() - answered.length > 0 && flying().length > 0);
      const requests = flying();
      expect(requests.length).toBe(produced() - answered.length);
      runUntil(machine, () => answered.length >= seen + requests.length);
      expect(answered.slice(seen, seen + requests.length)).toEqual(
        requests.map(({ operation }) => operation.replace(/:.*| operation .*/, '')),
      );
      seen = answered.length;
    }
  });

  test('counts what was answered', () => {
    const machine = aDisk();
    const counts = new RingCounts(machine.xen.probes);
    let requests = 0;
    let failed = 0;
    machine.xen.probes.on('ring', (event) => {
      requests++;
      failed += event.kind === 'ring' && event.status !== 0 ? 1 : 0;
    });
    runFor(machine, 3_000_000);
    const statistics = devicesOf(machine, 1, counts).disks[0]?.statistics;
    expect(statistics).toMatchObject({ requests, failed });
    expect(requests).toBeGreaterThan(5);
    expect(failed).toBeGreaterThan(0);
    const { byOperation = {} } = statistics ?? {};
    expect(Object.values(byOperation).reduce((sum, count) => sum + count, 0)).toBe(requests);
  });
});

test('the console says how many bytes wait', () => {
  const machine = machineOf({ guest: 'console', variant: 'direct' });
  machine.consoleInput(1, new Uint8Array(1500).fill(65));
  const { console: data } = devicesOf(machine, 1);
  expect(data?.input).toMatchObject({ producer: 1024, consumer: 0, used: 1024, size: 1024 });
  expect(data?.waiting).toBe(1500 - 1024);
  expect(data?.output).toMatchObject({ used: 0, size: 2048 });
  expect(data?.ring?.machineFrame).toBe(machine.servicesOf(1)?.built.consoleFrame);
});

test('grants in use show who uses them, on both sides', () => {
  const machine = machineOf(
    { guest: 'grants-server', variant: 'direct' },
    { guest: 'grants-client', variant: 'direct' },
  );
  const { xen } = machine;
  runUntil(machine, () => [...domainOf(machine, 2).grants.mappings()].length > 0, 8_000_000);
  const { rows: mappings } = grantMappings(domainOf(machine, 2));
  const [mapping] = mappings;
  expect(mapping?.granter).toBe(1);
  const table = grantTable(xen, domainOf(machine), { count: 4096 });
  expect(table.total).toBe((table.frames.length * PAGE) / 8);
  const granted = table.rows[mapping?.reference ?? 0];
  expect(granted?.use).toMatchObject({ domain: 2, machineFrame: mapping?.machineFrame });
  for (const { reference, flags, grantee, type, flagNames, use } of table.rows) {
    const word = xen.ram.read32(domainOf(machine).grants.entryAddress(reference) ?? 0);
    expect([flags, grantee]).toEqual([word & 0xffff, word >>> 16]);
    expect(type === 'permit access').toBe((word & 3) === GTF_TYPE.permit_access);
    expect(flagNames.includes('reading')).toBe((word & GTF.reading) !== 0);
    expect(use !== undefined).toBe((word & GTF.reading) !== 0);
  }
  const used = grantTable(xen, domainOf(machine), { usedOnly: true }).rows;
  expect(used.map(({ reference }) => reference)).toEqual(
    table.rows.filter(({ type }) => type !== 'invalid').map(({ reference }) => reference),
  );
  expect(used.slice(0, 2).map(({ reserved }) => reserved)).toEqual(['console', 'xenstore']);
});

describe('xenstore', () => {
  test('is a tree whose nodes are those that clients see', () => {
    const machine = machineOf({ guest: 'xenstore', variant: 'direct' });
    runFor(machine, 300_000);
    const client = machine.store.connect('toolstack', () => {});
    const paths = ['/'];
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      const node = storeNode(machine, path, { count: 4096 });
      expect(node?.children.rows.map(({ name }) => name)).toEqual(client.directory(path));
      expect(node?.value).toBe(client.read(path));
      const parent = path === '/' ? '' : path;
      paths.push(...(node?.children.rows ?? []).map(({ name }) => `${parent}/${name}`));
      for (const child of node?.children.rows ?? []) {
        const children = client.directory(`${parent}/${child.name}`);
        expect(child.hasChildren).toBe((children?.length ?? 0) > 0);
      }
    }
    expect(storeNode(machine, '/no/such/node')).toBeUndefined();
  });

  test('shows permissions and watches', () => {
    const machine = machineOf({ guest: 'block', variant: 'direct', disk: emptyDisk });
    const node = storeNode(machine, '/local/domain/1/device/vbd/51712');
    expect(node?.permissions).toEqual([
      { domain: 1, isOwner: true, access: 'none', isStale: false },
      { domain: 0, isOwner: false, access: 'read', isStale: false },
    ]);
    const back = storeConnections(machine).find(({ name }) => name === 'backend vbd/1/51712');
    expect(back?.watches.rows).toEqual([
      { path: '/local/domain/1/device/vbd/51712/state', token: 'frontend' },
    ]);
  });

  test('a value is written as it is shown, byte for byte', () => {
    const machine = machineOf({ guest: 'console', variant: 'direct' });
    const value = 'a\\x00\\xff\\\\b\\x0a ~[]';
    expect(writeNode(machine, '/test/node', value)).toEqual({ isDone: true });
    expect(storeNode(machine, '/test/node')).toMatchObject({ value, size: 10 });
    expect(machine.store.connect('toolstack', () => {}).read('/test/node')).toBe(
      'a\0\xff\\b\n ~[]',
    );
    expect(removeNode(machine, '/test')).toEqual({ isDone: true });
    expect(storeNode(machine, '/test/node')).toBeUndefined();
  });

  test.each([
    ['bad//path', 'x', 'EINVAL'],
    ['/test', 'a\\', 'EINVAL'],
    ['/test', '\u0100', 'EINVAL'],
    ['/test', 'x'.repeat(5000), 'E2BIG'],
  ])('%s is refused', (path, value, error) => {
    const machine = machineOf({ guest: 'console', variant: 'direct' });
    const before = machine.hash();
    expect(writeNode(machine, path, value)).toMatchObject({ isDone: false, error });
    expect(machine.hash()).toBe(before);
  });

  test('what is not there, and the root, are not removed', () => {
    const machine = machineOf({ guest: 'console', variant: 'direct' });
    const before = machine.hash();
    expect(removeNode(machine, '/nothing')).toMatchObject({ error: 'ENOENT' });
    expect(removeNode(machine, '/')).toMatchObject({ error: 'EINVAL' });
    expect(machine.hash()).toBe(before);
  });

  test('a change is an input: at the same count of instructions it makes the same machine', () => {
    const run = (isRestored: boolean) => {
      const machine = machineOf({ guest: 'xenstore', variant: 'direct' });
      runFor(machine, 100_000);
      writeNode(machine, '/local/domain/1/control/shutdown', 'poweroff');
      if (isRestored) {
        const other = machineOf({ guest: 'xenstore', variant: 'direct' });
        other.restore(structuredClone(machine.capture()));
        runFor(other, 200_000);
        return other.hash();
      }
      runFor(machine, 200_000);
      return machine.hash();
    };
    expect(run(false)).toBe(run(false));
    expect(run(true)).toBe(run(false));
  });

  test('a back-end acts on a state that a user writes', () => {
    const machine = machineOf({ guest: 'block', variant: 'direct', disk: emptyDisk });
    runUntil(machine, () => devicesOf(machine, 1).disks[0]?.xenbus.backend === 'Connected');
    writeNode(machine, '/local/domain/1/device/vbd/51712/state', '5');
    expect(devicesOf(machine, 1).disks[0]?.xenbus.backend).toBe('Closing');
  });
});

describe('time', () => {
  test('is what the guest works out from its vcpu_time_info', () => {
    const machine = machineOf({ guest: 'smp', variant: 'direct', vcpus: 2 });
    runFor(machine, 700_000);
    const { systemTime, tsc, domains } = timeData(machine.xen);
    expect([tsc, systemTime]).toEqual([machine.xen.clock.now, machine.xen.clock.now]);
    for (const { runstate, timeInfo } of domains.flatMap(({ vcpus }) => vcpus)) {
      if (timeInfo.version > 0) {
        expect(timeInfo.extrapolated).toBe(systemTime);
      }
      const { running, runnable, blocked, offline } = runstate;
      expect(running + runnable + blocked + offline).toBe(systemTime);
    }
  });

  test.each([
    ['timers', { ticks: 11, singleShots: 9, pollTimeouts: 0 }],
    ['scheduling', { ticks: 0, singleShots: 5, pollTimeouts: 2 }],
  ] as const)('the timers of %s that fire are counted by kind', (guest, expected) => {
    const machine = machineOf({ guest, variant: 'direct' });
    const counts = new TimerCounts(machine.xen);
    const fired = { tick: 0, 'single-shot': 0, poll: 0 };
    machine.xen.probes.on('timer', (event) => {
      if (event.kind === 'timer') {
        fired[event.timer]++;
      }
    });
    runFor(machine, 300_000_000);
    expect(counts.of(1, 0)).toMatchObject(expected);
    expect(fired).toEqual({
      tick: expected.ticks,
      'single-shot': expected.singleShots,
      poll: expected.pollTimeouts,
    });
  });

  test('a tick that comes three periods after the last one has swallowed two', () => {
    const { xen } = machineOf({ guest: 'timers', variant: 'direct' });
    const counts = new TimerCounts(xen);
    const tick = (at: number) =>
      xen.probes.emit({ kind: 'timer', domain: 1, vcpu: 0, timer: 'tick', at });
    for (const at of [10_000_000, 20_000_000, 52_000_000, 62_000_000]) {
      tick(at);
    }
    expect(counts.of(1, 0)).toMatchObject({ ticks: 4, ticksSkipped: 2 });
    xen.probes.emit({ kind: 'timer-set', domain: 1, vcpu: 0, timer: 'tick', at: 200_000_000 });
    tick(200_000_000);
    expect(counts.of(1, 0)).toMatchObject({ ticks: 5, ticksSkipped: 2 });
  });

  test('a timer that is set is shown with what remains', () => {
    const machine = machineOf({ guest: 'timers', variant: 'direct' });
    for (let i = 0; i < 100_000 && !Number.isFinite(vcpuOf(machine).timerAt); i++) {
      runFor(machine, 1000);
    }
    const [domain] = timeData(machine.xen).domains;
    const at = vcpuOf(machine).timerAt;
    const shot = domain?.vcpus[0]?.timers.find(({ timer }) => timer === 'single-shot');
    expect(shot).toMatchObject({ at, remaining: at - machine.xen.clock.now });
  });
});
