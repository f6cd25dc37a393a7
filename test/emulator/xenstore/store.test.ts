/** What back ends and the tool stack see of the store, and guests through what those do. */

import { describe, expect, test } from 'vitest';
import { defaultQuota } from '../../../emulator/xenstore/quota.ts';
import { Store } from '../../../emulator/xenstore/store.ts';
import type { WatchEvent } from '../../../emulator/xenstore/watches.ts';
import { Guest } from './a-store.ts';

/** A client that remembers what it heard, as `path token`. */
function aListener(store: Store, name = 'back end') {
  const heard: string[] = [];
  const client = store.connect(name, ({ path, token }: WatchEvent) => {
    heard.push(`${path} ${token}`);
  });
  return { client, heard };
}

function aStoreWithGuest() {
  const store = new Store();
  const { client, heard } = aListener(store);
  client.mkdir('/local/domain/1/data');
  store.createDomain(1);
  client.setPermissions('/local/domain/1', ['n0', 'r1']);
  client.setPermissions('/local/domain/1/data', ['n1']);
  return { store, client, heard, guest: new Guest(store, 1) };
}

describe('watches', () => {
  test('one is heard at once', () => {
    const { client, heard } = aStoreWithGuest();
    client.watch('/nowhere', 'token');
    expect(heard).toEqual(['/nowhere token']);
  });

  test('the guest has the reply before that event', () => {
    const { guest } = aStoreWithGuest();
    expect(guest.ask('WATCH', 'data\0t\0')).toEqual(['WATCH OK|', 'WATCH_EVENT data|t|']);
  });

  test('the event of the guest’s own change comes before the reply', () => {
    const { guest } = aStoreWithGuest();
    guest.ask('WATCH', 'data\0t\0');
    expect(guest.ask('WRITE', 'data/a\0x')).toEqual(['WATCH_EVENT data/a|t|', 'WRITE OK|']);
  });

  test('paths are told as they were written: from the home, or absolute', () => {
    const { guest } = aStoreWithGuest();
    guest.ask('WATCH', 'data\0relative\0');
    guest.ask('WATCH', '/local/domain/1/data\0absolute\0');
    expect(guest.ask('MKDIR', 'data/a\0').slice(0, -1)).toEqual([
      'WATCH_EVENT data/a|relative|',
      'WATCH_EVENT /local/domain/1/data/a|absolute|',
    ]);
  });

  test('a change of the node and below is heard, not one beside or above it', () => {
    const { client, heard } = aStoreWithGuest();
    client.watch('/a/b', 't');
    for (const path of ['/a/b', '/a/b/c/d', '/a/bc', '/a', '/']) {
      client.write(path, 'x');
    }
    expect(heard).toEqual(['/a/b t', '/a/b t', '/a/b/c/d t']);
  });

  test('a removal above is heard of each node that was there, the deepest first', () => {
    const { client, heard } = aStoreWithGuest();
    client.write('/a/b/c', 'x');
    client.watch('/a', 'above');
    client.watch('/a/b/c', 'deep');
    client.watch('/a/none', 'none');
    heard.length = 0;
    client.rm('/a');
    expect(heard).toEqual(['/a/b/c deep', '/a above']);
  });

  test('changed permissions are heard, by whoever loses the node too', () => {
    const { client, guest } = aStoreWithGuest();
    client.write('/x', '');
    client.setPermissions('/x', ['r0']);
    guest.ask('WATCH', '/x\0t\0');
    client.setPermissions('/x', ['n0']);
    expect(guest.receive()).toEqual(['WATCH_EVENT /x|t|']);
    client.write('/x', 'secret');
    expect(guest.receive()).toEqual([]);
  });

  test('the same event is not queued twice for a guest that does not take it', () => {
    const { client, guest } = aStoreWithGuest();
    guest.ask('WATCH', 'data\0t\0');
    client.write('/local/domain/1/data', '1');
    client.write('/local/domain/1/data', '2');
    expect(guest.receive()).toEqual(['WATCH_EVENT data|t|']);
  });

  test('after unwatch nothing is heard, and the same watch cannot be set twice', () => {
    const { client, heard } = aStoreWithGuest();
    client.watch('/a', 't');
    expect(client.watch('/a', 't')).toBe('EEXIST');
    client.unwatch('/a', 't');
    client.write('/a', 'x');
    expect(heard).toEqual(['/a t']);
  });

  test('a callback may ask for something, and is called again only when it is through', () => {
    const store = new Store();
    const order: string[] = [];
    const client = store.connect('back end', ({ path }) => {
      order.push(`begin ${path}`);
      if (path === '/a') {
        client.write('/b', 'x');
      }
      order.push(`end ${path}`);
    });
    client.watch('/a', 't');
    client.watch('/b', 't');
    order.length = 0;
    client.write('/a', 'x');
    expect(order).toEqual(['begin /a', 'end /a', 'begin /b', 'end /b']);
  });
});

describe('domains', () => {
  test('coming, shutting down and going are special events', () => {
    const store = new Store();
    const { client, heard } = aListener(store);
    client.watch('@introduceDomain', 'come');
    client.watch('@releaseDomain', 'go');
    heard.length = 0;
    store.introduceDomain(5);
    store.shutDownDomain(5);
    store.shutDownDomain(5);
    store.releaseDomain(5);
    expect(heard).toEqual(['@introduceDomain come', '@releaseDomain go', '@releaseDomain go']);
  });

  test('a guest hears special events only if it was let', () => {
    const { store, client, guest } = aStoreWithGuest();
    guest.ask('WATCH', '@releaseDomain\0t\0');
    store.introduceDomain(2);
    store.shutDownDomain(2);
    expect(guest.receive()).toEqual([]);
    client.setPermissions('@releaseDomain', ['n0', 'r1']);
    store.releaseDomain(2);
    expect(guest.receive()).toEqual(['WATCH_EVENT @releaseDomain|t|']);
  });

  test('what a domain owned goes with it', () => {
    const { store, client, guest } = aStoreWithGuest();
    guest.ask('WRITE', 'data/a/b\0x');
    store.releaseDomain(1);
    expect(client.directory('/local/domain/1')).toEqual([]);
    expect(guest.ask('READ', 'data\0')).toEqual([]);
  });
});

describe('transactions', () => {
  test('what one does is seen by it alone until its end', () => {
    const { client, heard } = aStoreWithGuest();
    client.watch('/a', 't');
    const id = client.startTransaction();
    client.write('/a', 'x', id);
    expect(client.read('/a', id)).toBe('x');
    expect(client.read('/a')).toBeUndefined();
    expect(heard).toHaveLength(1);
    expect(client.endTransaction(id, true)).toBeUndefined();
    expect(client.read('/a')).toBe('x');
    expect(heard).toEqual(['/a t', '/a t']);
  });

  test('one that is dropped leaves nothing', () => {
    const { client } = aStoreWithGuest();
    const id = client.startTransaction();
    client.write('/a', 'x', id);
    expect(client.endTransaction(id, false)).toBeUndefined();
    expect(client.read('/a')).toBeUndefined();
    expect(client.endTransaction(id, true)).toBe('ENOENT');
  });

  test('one whose nodes have changed meanwhile is EAGAIN, and does nothing', () => {
    const { client, guest } = aStoreWithGuest();
    guest.ask('TRANSACTION_START', '\0');
    guest.ask('READ', 'data\0', 1);
    guest.ask('WRITE', 'data/a\0x', 1);
    client.write('/local/domain/1/data', 'other');
    expect(guest.ask('TRANSACTION_END', 'T\0', 1)).toEqual(['ERROR EAGAIN|']);
    expect(client.directory('/local/domain/1/data')).toEqual([]);
  });

  test('one that touched other nodes is not disturbed', () => {
    const { client } = aStoreWithGuest();
    const id = client.startTransaction();
    client.write('/tool/a', 'x', id);
    client.write('/local/domain/1/data', 'other');
    expect(client.endTransaction(id, true)).toBeUndefined();
  });
});

describe('memory that a guest can make us keep is bounded:', () => {
  test('events that it does not take', () => {
    const { store, client, guest } = aStoreWithGuest();
    guest.ask('WATCH', `data\0${'t'.repeat(4000)}\0`);
    for (let index = 0; index < 2000; index += 1) {
      client.write(`/local/domain/1/data/${index}`, 'x');
    }
    expect(store.domains.memoryOf(1)).toBeLessThan(store.quota.memory);
    const events = guest.receive();
    expect(events.length).toBeGreaterThan(600);
    expect(events.length).toBeLessThan(660);
  });

  test('what a privileged one writes', () => {
    const store = new Store({ ...defaultQuota, privilegedMemory: 100_000 });
    const guest = new Guest(store, 0);
    for (let index = 0; index < 100; index += 1) {
      guest.ask('WRITE', `/${index}\0${'x'.repeat(4000)}`);
    }
    expect(guest.ask('WRITE', `/other\0${'x'.repeat(4000)}`)).toEqual(['ERROR EIO|']);
    expect(store.domains.memoryOf(0)).toBeLessThan(100_000);
  });

  test('what it wrote, watches and transacts is counted, and given back', () => {
    const { store, guest } = aStoreWithGuest();
    const before = store.domains.memoryOf(1);
    guest.ask('WATCH', 'data\0t\0');
    guest.ask('WRITE', 'data/a\0x');
    guest.ask('TRANSACTION_START', '\0');
    guest.ask('WRITE', 'data/b\0x', 1);
    guest.ask('WRITE', 'data/a\0longer', 1);
    expect(store.domains.memoryOf(1)).toBeGreaterThan(before + 200);
    guest.ask('TRANSACTION_END', 'T\0', 1);
    guest.ask('RM', 'data/a\0');
    guest.ask('RM', 'data/b\0');
    guest.ask('UNWATCH', 'data\0t\0');
    expect(store.domains.memoryOf(1)).toBe(before);
    expect(store.domains.nodesOf(1)).toBe(1);
  });
});

describe('an image', () => {
  test('brings back everything, half a message and open transactions too', () => {
    const { store, guest } = aStoreWithGuest();
    guest.ask('WATCH', 'data\0t\0');
    guest.ask('TRANSACTION_START', '\0');
    guest.ask('WRITE', 'data/a\0x', 1);
    guest.put(new Uint8Array([2, 0, 0, 0, 9]));
    const image = structuredClone({
      store: store.capture(),
      connection: guest.connection.capture(),
    });

    const later = new Store();
    later.restore(image.store);
    const { heard, client } = aListener(later);
    const again = new Guest(later, 1);
    again.connection.restore(image.connection);
    client.watch('/local/domain/1/data', 'b');
    again.put(new Uint8Array([0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0]));
    again.put(new TextEncoder().encode('data\0'));
    expect(again.receive()).toEqual(['READ']);
    expect(again.ask('TRANSACTION_END', 'T\0', 1)).toEqual([
      'WATCH_EVENT data/a|t|',
      'TRANSACTION_END OK|',
    ]);
    expect(heard).toContain('/local/domain/1/data/a b');
  });

  test('is the same for the same history, and after a restore', () => {
    const image = aStoreWithGuest().store.capture();
    expect(aStoreWithGuest().store.capture()).toEqual(image);
    const other = new Store();
    other.restore(image);
    expect(other.capture()).toEqual(image);
  });

  test('is not changed by what happens after', () => {
    const { store, client } = aStoreWithGuest();
    const id = client.startTransaction();
    const image = store.capture();
    const copy = structuredClone(image);
    client.write('/a', 'x', id);
    client.endTransaction(id, true);
    client.watch('/a', 't');
    store.releaseDomain(1);
    expect(image).toEqual(copy);
  });
});
