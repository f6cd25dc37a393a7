/** What a domain finds in xenstore when it starts, and what of it is its own. */

import { describe, expect, test } from 'vitest';
import {
  makeDomainNodes,
  removeDomainNodes,
  requestShutdown,
} from '../../../emulator/devices/domain-nodes.ts';
import { bytesOf } from '../../../emulator/xenstore/bytes.ts';
import { domainSession, Store } from '../../../emulator/xenstore/store.ts';

const HOME = '/local/domain/5';

const aDescription = {
  id: 5,
  name: 'debian',
  uuid: '00000000-0000-0000-0000-000000000005',
  memory: { staticMax: 131_072, target: 65_536 },
  vcpus: { most: 3, online: 2 },
  image: { kernel: '/boot/vmlinuz', commandLine: 'root=/dev/xvda' },
  store: { port: 1, frame: 0x1ff42 },
  console: { port: 2, frame: 0x1ff43 },
};

function aDomain() {
  const store = new Store();
  store.introduceDomain(5);
  const client = store.connect('toolstack', () => undefined);
  makeDomainNodes(client, aDescription);
  const guest = store.session(domainSession(5));
  return { client, guest };
}

test.each([
  ['domid', '5'],
  ['name', 'debian'],
  ['vm', '/vm/00000000-0000-0000-0000-000000000005'],
  ['memory/static-max', '131072'],
  ['memory/target', '65536'],
  ['memory/videoram', '0'],
  ['cpu/0/availability', 'online'],
  ['cpu/1/availability', 'online'],
  ['cpu/2/availability', 'offline'],
  ['store/port', '1'],
  ['store/ring-ref', '130882'],
  ['console/port', '2'],
  ['console/ring-ref', '130883'],
  ['console/limit', '1048576'],
  ['console/type', 'xenconsoled'],
  ['console/output', 'pty'],
  ['console/backend', '/local/domain/0/backend/console/5/0'],
  ['control/platform-feature-multiprocessor-suspend', '1'],
  ['control/platform-feature-xs_reset_watches', '1'],
  ['control/shutdown', ''],
])('%s is "%s", and the domain may read it', (name, value) => {
  const { client, guest } = aDomain();
  expect(client.read(`${HOME}/${name}`)).toBe(value);
  expect(guest?.read(name)).toEqual(bytesOf(value));
});

describe('permissions', () => {
  test.each([
    '',
    '/cpu',
    '/memory',
    '/device',
    '/device/suspend',
    '/control',
    '/store',
    '/console',
    '/console/ring-ref',
    '/control/platform-feature-xs_reset_watches',
  ])('the domain may only read its home%s', (name) => {
    const { client, guest } = aDomain();
    expect(client.getPermissions(`${HOME}${name}`)).toEqual(['n0', 'r5']);
    expect(guest?.write(`${HOME}${name}`, bytesOf('x'))).toBe('EACCES');
  });

  test.each([
    'control/shutdown',
    'control/sysrq',
    'control/feature-poweroff',
    'control/feature-reboot',
    'control/feature-suspend',
    'device/suspend/event-channel',
    'data',
    'drivers',
    'feature',
    'attr',
    'error',
  ])('%s is the domain’s own', (name) => {
    const { client, guest } = aDomain();
    expect(client.getPermissions(`${HOME}/${name}`)).toEqual(['n5']);
    expect(guest?.write(name, bytesOf('x'))).toBeUndefined();
  });

  test('what the toolstack keeps is not for the domain', () => {
    const { client, guest } = aDomain();
    expect(client.read('/libxl/5/type')).toBe('pv');
    expect(guest?.read('/libxl/5/type')).toBe('EACCES');
  });

  test('the image is for the domain to see', () => {
    const path = '/vm/00000000-0000-0000-0000-000000000005/image/cmdline';
    expect(aDomain().guest?.read(path)).toEqual(bytesOf('root=/dev/xvda'));
  });
});

test('a shutdown is asked for in the node that the domain empties', () => {
  const { client, guest } = aDomain();
  requestShutdown(client, 5, 'poweroff');
  expect(guest?.read('control/shutdown')).toEqual(bytesOf('poweroff'));
  guest?.write('control/shutdown', bytesOf(''));
  expect(client.read(`${HOME}/control/shutdown`)).toBe('');
});

test('nothing is left of a domain whose nodes are removed', () => {
  const { client } = aDomain();
  removeDomainNodes(client, aDescription);
  for (const parent of ['/local/domain', '/vm', '/libxl', '/local/domain/0/backend/console']) {
    expect(client.directory(parent)?.filter((name) => name !== '0')).toEqual([]);
  }
});

test('a domain that is made again has nothing of the one before', () => {
  const { client, guest } = aDomain();
  guest?.write('data/old', bytesOf('x'));
  makeDomainNodes(client, aDescription);
  expect(client.read(`${HOME}/data/old`)).toBeUndefined();
});
