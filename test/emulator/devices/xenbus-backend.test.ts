/** The handshake of a device, seen from xenstore: who writes which state when. */

import { describe, expect, test } from 'vitest';
import { imageDisk } from '../../../emulator/devices/block/block-host.ts';
import { bytesOf, textOf } from '../../../emulator/xenstore/bytes.ts';
import type { Session } from '../../../emulator/xenstore/session.ts';
import { domainSession } from '../../../emulator/xenstore/store.ts';
import { BACK, BlockFrontend, FRONT } from '../../support/block-frontend.ts';

const aDisk = () => imageDisk(new Uint8Array(32 * 512));
const aFrontend = () => new BlockFrontend(aDisk());

/** The device's connection to xenstore. */
const SESSION = 'backend vbd/1/51712';

const ERROR = '/local/domain/0/error/backend/vbd/1/51712/error';

describe('the toolstack makes a disk:', () => {
  test('the guest’s half, in the order of xl', () => {
    expect(Object.entries(aFrontend().below(FRONT))).toEqual([
      ['backend', BACK],
      ['backend-id', '0'],
      ['state', '1'],
      ['virtual-device', '51712'],
      ['device-type', 'disk'],
      ['trusted', '1'],
      ['protocol', 'x86_32-abi'],
    ]);
  });

  test('the back-end’s half, which waits for the guest at once', () => {
    expect(Object.entries(aFrontend().below(BACK))).toEqual([
      ['frontend', FRONT],
      ['params', 'disk.img'],
      ['frontend-id', '1'],
      ['online', '1'],
      ['removable', '0'],
      ['bootable', '1'],
      ['state', '2'],
      ['dev', 'xvda'],
      ['type', 'phy'],
      ['mode', 'r'],
      ['device-type', 'disk'],
      ['discard-enable', '0'],
      ['specification', 'xen'],
      ['hotplug-status', 'connected'],
    ]);
  });

  test('the guest owns its half, nodes included', () => {
    const { toolstack } = aFrontend();
    expect(toolstack.getPermissions(FRONT)).toEqual(['n1', 'r0']);
    expect(toolstack.getPermissions(`${FRONT}/state`)).toEqual(['n1', 'r0']);
  });

  test('of the other half it may only read', () => {
    const { toolstack } = aFrontend();
    expect(toolstack.getPermissions(BACK)).toEqual(['n0', 'r1']);
    expect(toolstack.getPermissions(`${BACK}/state`)).toEqual(['n0', 'r1']);
  });

  test('what the toolstack keeps for itself is as it was at the start', () => {
    const { toolstack } = aFrontend();
    expect(toolstack.read('/libxl/1/device/vbd/51712/state')).toBe('1');
    expect(toolstack.read('/libxl/1/device/vbd/51712/backend')).toBe(BACK);
  });
});

describe('connecting:', () => {
  test('at state 3 the back-end maps the ring, binds the port and shows what the disk is', () => {
    const guest = aFrontend();
    guest.initialiseRing();
    guest.write('ring-ref', guest.ringRef);
    guest.write('event-channel', guest.port);
    expect(guest.backState).toBe('2');
    guest.setState(3);
    expect(guest.backState).toBe('4');
    expect(guest.domain.mappings).toBe(1);
    expect(guest.domain.isBound(guest.port)).toBe(true);
    expect(guest.toolstack.read(`${BACK}/sectors`)).toBe('32');
  });

  test('a front-end that goes straight to state 4 is served as well', () => {
    const guest = aFrontend();
    guest.write('ring-ref', guest.ringRef);
    guest.write('event-channel', guest.port);
    guest.setState(4);
    expect(guest.backState).toBe('4');
  });

  test('state 4 after 3 changes nothing', () => {
    const guest = aFrontend().connect();
    guest.setState(4);
    guest.setState(3);
    expect(guest.backState).toBe('4');
    expect(guest.domain.mappings).toBe(1);
  });

  test.each([
    { what: 'no ring', nodes: { 'ring-ref': '' }, says: /ring-ref" is no number of a grant/ },
    { what: 'a ring that is not granted', nodes: { 'ring-ref': 99 }, says: /Grant 99/ },
    { what: 'no port', nodes: { 'event-channel': 'x' }, says: /event-channel" is no number/ },
    { what: 'a number beyond 32 bits', nodes: { 'ring-ref': '4294967296' }, says: /ring-ref"/ },
    { what: 'a port that waits for nobody', nodes: { 'event-channel': 77 }, says: /Port 77/ },
    { what: 'a strange layout', nodes: { protocol: 'arm-abi' }, says: /"arm-abi"/ },
    { what: 'a ring of two pages', nodes: { 'ring-page-order': 1 }, says: /2\^1 pages/ },
    { what: 'two rings', nodes: { 'multi-queue-num-queues': 2 }, says: /2 rings/ },
  ])('with $what the back-end closes and says why', ({ nodes, says }) => {
    const guest = aFrontend().connect(nodes);
    expect(guest.backState).toBe('5');
    expect(guest.toolstack.read(ERROR)).toMatch(says);
    expect(guest.journal).toMatchObject(
      [{ kind: 'connection refused', domain: 1, device: 'vbd/51712', text: says }].map((entry) => ({
        ...entry,
        text: expect.stringMatching(says),
      })),
    );
    expect(guest.domain.mappings).toBe(0);
  });

  test('a ring that is granted for reading only is refused', () => {
    const guest = aFrontend();
    guest.connect({ 'ring-ref': guest.domain.grant('read') });
    expect(guest.backState).toBe('5');
  });

  test('after a refusal the front-end may try again', () => {
    const guest = aFrontend().connect({ 'ring-ref': 99 });
    guest.setState(6);
    guest.setState(1);
    expect(guest.connect().backState).toBe('4');
  });

  test('numbers may have blanks before and anything behind them', () => {
    const guest = aFrontend();
    guest.connect({ 'ring-ref': ` ${guest.ringRef}\n` });
    expect(guest.backState).toBe('4');
  });
});

test('a front-end of 2006 writes all it has in one transaction, state 3 included', () => {
  const guest = aFrontend();
  guest.initialiseRing();
  const session = guest.store.session(domainSession(1)) as Session;
  const transaction = session.startTransaction() as number;
  const nodes = { 'ring-ref': guest.ringRef, 'event-channel': guest.port, state: 3 };
  for (const [name, value] of Object.entries(nodes)) {
    session.write(`device/vbd/51712/${name}`, bytesOf(`${value}`), transaction);
    guest.store.settle();
    expect(guest.backState).toBe('2');
  }
  expect(session.endTransaction(transaction, true)).toBeUndefined();
  guest.store.settle();
  expect(guest.backState).toBe('4');
});

test('GRUB finds the back-end connected at its first look after state 3', () => {
  // What Debian's GRUB did on Xen 4.17, by the access log of its xenstored.
  const guest = aFrontend();
  const session = guest.store.session(domainSession(1)) as Session;
  const read = (path: string) => textOf(session.read(path) as Uint8Array);
  expect(session.directory('device/vbd')).toMatchObject({ children: ['51712'] });
  expect(read('device/vbd/51712/backend')).toBe(BACK);
  expect(read(`${BACK}/dev`)).toBe('xvda');
  expect(read('device/vbd/51712/backend-id')).toBe('0');
  guest.initialiseRing();
  guest.write('ring-ref', guest.ringRef);
  guest.write('event-channel', guest.port);
  guest.write('protocol', 'x86_32-abi');
  guest.write('state', 3);
  expect(read(`${BACK}/state`)).toBe('4');
  expect(read(`${BACK}/sectors`)).toBe('32');
  expect(read(`${BACK}/sector-size`)).toBe('512');
});

describe('closing:', () => {
  test('state 5 is answered by 5, and 6 by 6 with everything given back', () => {
    const guest = aFrontend().connect();
    guest.setState(5);
    expect(guest.backState).toBe('5');
    guest.setState(6);
    expect(guest.backState).toBe('6');
    expect(guest.domain.mappings).toBe(0);
    expect(guest.domain.isBound(guest.port)).toBe(false);
  });

  test('a boot loader closes, starts over, and the kernel finds the device as new', () => {
    const guest = aFrontend().connect();
    guest.setState(6);
    guest.setState(1);
    expect(guest.backState).toBe('2');
    expect(guest.connect().backState).toBe('4');
    expect(guest.domain.mappings).toBe(1);
  });

  test('a front-end that starts over without closing loses its connection', () => {
    const guest = aFrontend().connect();
    guest.setState(1);
    expect(guest.backState).toBe('2');
    expect(guest.domain.mappings).toBe(0);
  });

  test.each(['', 'closed', '0'])('a front-end in state "%s" is nobody', (state) => {
    const guest = aFrontend().connect();
    guest.write('state', state);
    expect(guest.backState).toBe('6');
    expect(guest.domain.mappings).toBe(0);
  });

  test('so is one that removed its half', () => {
    const guest = aFrontend().connect();
    guest.removeFrontend();
    expect(guest.backState).toBe('6');
  });

  test.each([2, 7, 8, 9, 4294967295])('state %i is no front-end’s', (state) => {
    const guest = aFrontend().connect();
    guest.setState(state);
    expect(guest.backState).toBe('5');
    expect(guest.toolstack.read(ERROR)).toContain(`state ${state}`);
  });
});

describe('unplugging:', () => {
  test('the guest is asked to let go, and when it has, both halves disappear', () => {
    const guest = aFrontend().connect();
    guest.backend.unplug();
    expect(guest.toolstack.read(`${BACK}/online`)).toBe('0');
    expect(guest.backState).toBe('5');
    guest.setState(6);
    expect(guest.toolstack.read(BACK)).toBeUndefined();
    expect(guest.toolstack.read(FRONT)).toBeUndefined();
    expect(guest.store.session(SESSION)?.watches).toEqual([]);
    expect(guest.domain.mappings).toBe(0);
  });

  test('a guest that has closed already is not asked', () => {
    const guest = aFrontend().connect();
    guest.setState(6);
    guest.backend.unplug();
    expect(guest.toolstack.read(BACK)).toBeUndefined();
  });

  test('a device that is to go does not start over and does not connect', () => {
    const guest = aFrontend();
    guest.backend.unplug();
    guest.setState(1);
    expect(guest.connect().backState).toBe('5');
  });

  test('a destroyed domain is not asked', () => {
    const guest = aFrontend().connect();
    guest.backend.remove();
    expect(guest.toolstack.read(BACK)).toBeUndefined();
    expect(guest.domain.mappings).toBe(0);
    guest.backend.remove();
    expect(guest.domain.mappings).toBe(0);
  });

  test('a disk may be plugged in again under its number', () => {
    const guest = aFrontend().connect();
    guest.backend.remove();
    guest.aBackend(guest.disk).plug();
    expect(guest.connect().backState).toBe('4');
    expect(guest.domain.mappings).toBe(1);
  });

  test('a guest that has removed its half is not asked', () => {
    const guest = aFrontend().connect();
    guest.removeFrontend();
    guest.backend.unplug();
    expect(guest.toolstack.read(BACK)).toBeUndefined();
  });

  test('directories of devices go with the last device', () => {
    const guest = aFrontend();
    guest.backend.remove();
    expect(guest.toolstack.read('/local/domain/0/backend/vbd/1')).toBeUndefined();
    expect(guest.toolstack.read('/local/domain/1/device/vbd')).toBeUndefined();
  });
});

describe('a restored back-end', () => {
  test('goes on with its connection', () => {
    const guest = aFrontend().connect();
    const image = structuredClone(guest.backend.capture());
    const again = guest.aBackend(guest.disk);
    again.restore(image);
    expect(again.capture()).toEqual(image);
    expect(guest.domain.mappings).toBe(1);
  });

  test('sees what the front-end does', () => {
    const guest = aFrontend();
    const image = structuredClone(guest.backend.capture());
    guest.backend.restore(image);
    expect(guest.connect().backState).toBe('4');
  });

  test('goes back with the store to a moment before it connected', () => {
    const guest = aFrontend();
    const store = structuredClone(guest.store.capture());
    const image = structuredClone(guest.backend.capture());
    guest.connect();
    guest.store.restore(store);
    guest.backend.restore(image);
    expect(guest.backState).toBe('2');
    guest.domain.raise(guest.port);
    expect(guest.backend.capture()).toEqual(image);
  });

  test('of a removed device watches nothing', () => {
    const guest = aFrontend();
    guest.backend.remove();
    guest.aBackend(guest.disk).restore(structuredClone(guest.backend.capture()));
    expect(guest.store.session(SESSION)?.watches).toEqual([]);
  });
});
