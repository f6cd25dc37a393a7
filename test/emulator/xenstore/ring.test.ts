/** What a guest sees on its ring. Facts from Xen's docs/misc/xenstore.txt and xenstored 4.17. */

import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../../emulator/xenstore/bytes.ts';
import { type TracedMessage, traceLine } from '../../../emulator/xenstore/connection.ts';
import { Store } from '../../../emulator/xenstore/store.ts';
import { serialize } from '../../../emulator/xenstore/wire.ts';
import { Guest } from './a-store.ts';

/** A guest with a home that it may read, and in it `data`, which is its own. */
function aGuest(observed: TracedMessage[] = []) {
  const store = new Store();
  const tools = store.connect('tools', () => {});
  store.createDomain(1);
  tools.write('/local/domain/1/name', 'guest');
  tools.setPermissions('/local/domain/1', ['n0', 'r1']);
  tools.setPermissions('/local/domain/1/name', ['n0', 'r1']);
  tools.mkdir('/local/domain/1/data');
  tools.setPermissions('/local/domain/1/data', ['n1']);
  const guest = new Guest(store, 1, (message) => observed.push(message));
  return { store, tools, guest };
}

describe('reading and writing', () => {
  test('a value comes without a NUL', () => {
    const { guest } = aGuest();
    expect(guest.ask('READ', '/local/domain/1/name\0')).toEqual(['READ guest']);
  });

  test('a path without a slash in front begins at the domain’s home', () => {
    const { guest } = aGuest();
    expect(guest.ask('READ', 'name\0')).toEqual(['READ guest']);
  });

  test('writing creates what is missing on the way', () => {
    const { guest, tools } = aGuest();
    expect(guest.ask('WRITE', 'data/a/b\0value')).toEqual(['WRITE OK|']);
    expect(guest.ask('READ', 'data/a\0')).toEqual(['READ']);
    expect(tools.read('/local/domain/1/data/a/b')).toBe('value');
  });

  test('a value may hold NULs', () => {
    const { guest, tools } = aGuest();
    guest.ask('WRITE', 'data/a\0x\0y\0');
    expect(tools.read('/local/domain/1/data/a')).toBe('x\0y\0');
  });

  test('children are listed as they came', () => {
    const { guest } = aGuest();
    for (const name of ['z', 'a', 'm']) {
      guest.ask('MKDIR', `data/${name}\0`);
    }
    guest.ask('RM', 'data/a\0');
    guest.ask('MKDIR', 'data/a\0');
    expect(guest.ask('DIRECTORY', 'data\0')).toEqual(['DIRECTORY z|m|a|']);
  });

  test('mkdir leaves a value alone', () => {
    const { guest, tools } = aGuest();
    guest.ask('WRITE', 'data/a\0value');
    expect(guest.ask('MKDIR', 'data/a\0')).toEqual(['MKDIR OK|']);
    expect(tools.read('/local/domain/1/data/a')).toBe('value');
  });

  test('a missing node may be removed if its parent is there', () => {
    const { guest } = aGuest();
    expect(guest.ask('RM', 'data/none\0')).toEqual(['RM OK|']);
    expect(guest.ask('RM', 'data/none/below\0')).toEqual(['ERROR ENOENT|']);
  });

  test('removal takes all below along', () => {
    const { guest } = aGuest();
    guest.ask('WRITE', 'data/a/b/c\0x');
    guest.ask('RM', 'data/a\0');
    expect(guest.ask('READ', 'data/a/b/c\0')).toEqual(['ERROR ENOENT|']);
    expect(guest.ask('DIRECTORY', 'data\0')).toEqual(['DIRECTORY']);
  });

  test.each([
    ['READ', 'data/none\0', 'ENOENT'],
    ['READ', '/local/domain/2/name\0', 'EACCES'],
    ['READ', 'data/\0', 'EINVAL'],
    ['READ', 'data//a\0', 'EINVAL'],
    ['READ', 'data/+\0', 'EINVAL'],
    ['READ', 'data', 'EINVAL'],
    ['READ', 'data\0data\0', 'EINVAL'],
    ['READ', '', 'EINVAL'],
    ['READ', '\0', 'EINVAL'],
    ['READ', `data/${'a'.repeat(2048)}\0`, 'EINVAL'],
    ['WRITE', 'name\0other', 'EACCES'],
    ['WRITE', 'data/a', 'EINVAL'],
    ['RM', '/\0', 'EACCES'],
    ['MKDIR', '/tool/mine\0', 'EACCES'],
    ['SET_PERMS', 'name\0n1\0', 'EACCES'],
    ['SET_PERMS', 'data\0', 'EINVAL'],
    ['SET_PERMS', 'data\0x1\0', 'EINVAL'],
    ['SET_PERMS', 'data\0n\0', 'EINVAL'],
    ['SET_PERMS', 'data\0n77\0', 'ENOENT'],
    ['SET_PERMS', 'data\0n0\0', 'EPERM'],
    ['SET_PERMS', 'data\0n1\0r0\0r0\0r0\0r0\0r0\0', 'ENOSPC'],
    ['SET_PERMS', '@releaseDomain\0n1\0', 'EACCES'],
    ['SET_PERMS', '@other\0n1\0', 'EINVAL'],
    ['INTRODUCE', '2\x000\x001\0', 'EACCES'],
    ['RELEASE', '1\0', 'EACCES'],
    ['RESUME', '1\0', 'EACCES'],
    ['SET_TARGET', '1\x001\0', 'EACCES'],
    ['IS_DOMAIN_INTRODUCED', '1\0', 'EACCES'],
    ['CONTROL', 'help\0', 'EACCES'],
    ['WATCH_EVENT', 'data\0token\0', 'ENOSYS'],
    ['ERROR', 'EINVAL\0', 'ENOSYS'],
    [20, '1\0', 'ENOSYS'],
    [23, '', 'ENOSYS'],
    [0xffff_ffff, '', 'ENOSYS'],
    ['WATCH', 'data\0', 'EINVAL'],
    ['WATCH', 'data\0a\0b\0', 'EINVAL'],
    ['WATCH', '\0a\0', 'EINVAL'],
    ['UNWATCH', 'data\0a\0', 'ENOENT'],
    ['TRANSACTION_END', 'T\0', 'ENOENT'],
    ['TRANSACTION_END', 'X\0', 'EINVAL'],
    ['GET_DOMAIN_PATH', '1', 'EINVAL'],
    ['DIRECTORY_PART', 'data\0', 'EINVAL'],
  ] as const)('%s %j is %s', (type, payload, error) => {
    const { guest } = aGuest();
    expect(guest.ask(type, payload)).toEqual([`ERROR ${error}|`]);
  });

  test('an answer carries the request’s numbers, an error too', () => {
    const { guest } = aGuest();
    const payload = bytesOf('data\0');
    guest.put(serialize({ type: 2, requestId: 77, transaction: 0, payload }));
    guest.put(serialize({ type: 2, requestId: 78, transaction: 9, payload }));
    expect(guest.receiveMessages()).toMatchObject([
      { type: 2, requestId: 77, transaction: 0 },
      { type: 16, requestId: 78, transaction: 9, payload: bytesOf('ENOENT\0') },
    ]);
  });

  test('the path of a domain’s home is computed, whether or not there is such a domain', () => {
    const { guest } = aGuest();
    expect(guest.ask('GET_DOMAIN_PATH', '00042x\0')).toEqual(['GET_DOMAIN_PATH /local/domain/42|']);
  });

  test('a list of children can be had in parts, with the generation of the node', () => {
    const { guest, tools } = aGuest();
    const names = Array.from({ length: 400 }, (_, index) => `child-number-${index}`);
    for (const name of names) {
      tools.mkdir(`/local/domain/1/data/${name}`);
    }
    expect(guest.ask('DIRECTORY', 'data\0')).toEqual(['ERROR E2BIG|']);
    const list = names.map((name) => `${name}|`).join('');
    const [first = ''] = guest.ask('DIRECTORY_PART', 'data\x000\0');
    const [, generation, part = ''] = /^DIRECTORY_PART (\d+)\|(.*)$/.exec(first) ?? [];
    const [second] = guest.ask('DIRECTORY_PART', `data\0${part.length}\0`);
    expect(part.length).toBeGreaterThan(4000);
    expect(list.startsWith(part)).toBe(true);
    expect(second).toBe(`DIRECTORY_PART ${generation}|${list.slice(part.length)}|`);
    expect(guest.ask('DIRECTORY_PART', `data\0${list.length}\0`)).toEqual([
      `DIRECTORY_PART ${generation}||`,
    ]);
  });
});

describe('permissions', () => {
  test('a new node has its parent’s, and its creator as owner', () => {
    const { guest, tools } = aGuest();
    tools.setPermissions('/local/domain/1/data', ['n1', 'r0']);
    guest.ask('MKDIR', 'data/a\0');
    tools.mkdir('/local/domain/1/data/b');
    expect(guest.ask('GET_PERMS', 'data/a\0')).toEqual(['GET_PERMS n1|r0|']);
    expect(tools.getPermissions('/local/domain/1/data/b')).toEqual(['n1', 'r0']);
  });

  test('the first entry’s letter is for everyone without an entry', () => {
    const { store, tools, guest } = aGuest();
    const other = new Guest(store, 2);
    guest.ask('WRITE', 'data/a\0x');
    expect(other.ask('READ', '/local/domain/1/data/a\0')).toEqual(['ERROR EACCES|']);
    guest.ask('SET_PERMS', 'data/a\0r1\0');
    expect(other.ask('READ', '/local/domain/1/data/a\0')).toEqual(['READ x']);
    guest.ask('SET_PERMS', 'data/a\0r1\0n2\0');
    expect(other.ask('READ', '/local/domain/1/data/a\0')).toEqual(['ERROR EACCES|']);
    expect(tools.getPermissions('/local/domain/1/data/a')).toEqual(['r1', 'n2']);
  });

  test('an entry is not for a later domain with the same number', () => {
    const { store, tools, guest } = aGuest();
    store.introduceDomain(2);
    guest.ask('WRITE', 'data/a\0x');
    guest.ask('SET_PERMS', 'data/a\0n1\0r2\0');
    expect(new Guest(store, 2).ask('READ', '/local/domain/1/data/a\0')).toEqual(['READ x']);
    store.releaseDomain(2);
    // As in xenstored, only a write in between makes the later domain younger than the node.
    tools.write('/tool/other', 'x');
    expect(new Guest(store, 2).ask('READ', '/local/domain/1/data/a\0')).toEqual(['ERROR EACCES|']);
  });

  test('a domain may act for the one that it is set to target', () => {
    const { store, guest } = aGuest();
    const helper = new Guest(store, 3);
    guest.ask('WRITE', 'data/a\0x');
    expect(store.setTarget(3, 1)).toBeUndefined();
    expect(helper.ask('READ', '/local/domain/1/data/a\0')).toEqual(['READ x']);
  });
});

describe('the ring', () => {
  test('a message over 4096 bytes ends the connection, and the page says why', () => {
    const { guest } = aGuest();
    guest.ask('WATCH', 'data\0token\0');
    const header = serialize({
      type: 2,
      requestId: 1,
      transaction: 0,
      payload: new Uint8Array(4097),
    });
    guest.put(header.subarray(0, 16));
    expect(guest.page.fields.error).toBe(3);
    expect(guest.ask('READ', 'name\0')).toEqual([]);
  });

  test.each([
    ['req_prod', 1025],
    ['req_cons', 0x8000_0000],
  ] as const)('a senseless %s ends the connection, and the page says why', (index, value) => {
    const { guest } = aGuest();
    guest.page.fields[index] = value;
    guest.server.service();
    expect(guest.page.fields.error).toBe(2);
  });

  test('a senseless index of answers ends the connection once there is one', () => {
    const { guest } = aGuest();
    guest.page.fields.rsp_cons = 5;
    guest.server.service();
    expect(guest.page.fields.error).toBe(0);
    guest.send('READ', 'name\0');
    expect(guest.page.fields.error).toBe(2);
  });

  test('indices run over 2^32', () => {
    const { guest } = aGuest();
    const { fields } = guest.page;
    fields.req_cons = fields.req_prod = fields.rsp_cons = fields.rsp_prod = 0xffff_fff8;
    expect(guest.ask('READ', 'name\0')).toEqual(['READ guest']);
    expect(fields.req_cons).toBe(13);
  });

  test('the guest is notified of what was read and written, and of nothing else', () => {
    const { guest } = aGuest();
    guest.ask('READ', 'name\0');
    expect(guest.page.notifications).toBe(1);
    guest.server.service();
    expect(guest.page.notifications).toBe(1);
  });

  test('with 20 answers not taken, no request is read until one is', () => {
    const { guest } = aGuest();
    for (let count = 0; count < 60; count += 1) {
      guest.send('GET_PERMS', 'data\0');
    }
    const { fields } = guest.page;
    // The ring holds 53 answers of 19 bytes and the beginning of one of the 20 that wait.
    expect((fields.req_prod - fields.req_cons) >>> 0).toBe(0);
    for (let count = 0; count < 60; count += 1) {
      guest.send('GET_PERMS', 'data\0');
    }
    expect((fields.req_prod - fields.req_cons) >>> 0).toBe((120 - 53 - 20) * 21);
    expect(guest.receive()).toHaveLength(120);
  });

  test('introducing anew empties the ring and forgets the watches', () => {
    const { guest, tools } = aGuest();
    guest.ask('WATCH', 'data\0token\0');
    guest.page.fields.connection = 1;
    guest.server.reset();
    tools.write('/local/domain/1/data', 'x');
    expect(guest.receive()).toEqual([]);
    expect(guest.page.fields).toMatchObject({ req_prod: 0, rsp_prod: 0, connection: 0 });
  });

  test('messages can be traced as xenstored does', () => {
    const observed: TracedMessage[] = [];
    const { guest } = aGuest(observed);
    guest.ask('READ', 'name\0');
    guest.ask('WATCH', 'data\0token\0');
    guest.ask(23);
    expect(observed.map(traceLine)).toEqual([
      'IN READ (name )',
      'OUT READ (guest)',
      'IN WATCH (data token )',
      'OUT WATCH (OK )',
      'OUT WATCH_EVENT (data token )',
      'IN **UNKNOWN** ()',
      'OUT ERROR (ENOSYS )',
    ]);
  });
});
