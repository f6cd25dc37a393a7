/**
 * Guests that send anything: nothing is thrown, what is kept stays within the quota, and answers do
 * not depend on the pieces in which requests come or answers are taken.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { XENSTORE_ERROR } from '../../../emulator/abi/io/xs-wire.ts';
import { bytesOf } from '../../../emulator/xenstore/bytes.ts';
import { Connection } from '../../../emulator/xenstore/connection.ts';
import { Store } from '../../../emulator/xenstore/store.ts';
import { serialize } from '../../../emulator/xenstore/wire.ts';
import { Guest } from './a-store.ts';

function aStore(): Store {
  const store = new Store();
  const client = store.connect('tools', () => {});
  store.introduceDomain(1);
  client.mkdir('/local/domain/1/data');
  client.setPermissions('/local/domain/1', ['n0', 'r1']);
  client.setPermissions('/local/domain/1/data', ['n1']);
  client.watch('/local/domain/1/data', 'tools');
  return store;
}

const anEdge = fc.constantFrom(0, 1, 2, 9, 16, 4096, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff);

const aWord = fc.oneof(fc.nat({ max: 24 }), anEdge);

/** Well-formed as far as the length goes, so that what follows is understood. */
const aMessage = fc
  .record({
    type: fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 23 }) }, { weight: 1, arbitrary: aWord }),
    requestId: aWord,
    transaction: fc.oneof(
      { weight: 2, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: aWord },
    ),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(
          fc.constantFrom('data', 'data/a', '/', '@releaseDomain', 'T', 'n1', 'r0', 't', '', '1'),
          { maxLength: 5 },
        )
        .chain((words) => fc.constantFrom(words.join('\0'), `${words.join('\0')}\0`))
        .map(bytesOf),
      fc
        .nat({ max: 4096 })
        .map((length) => bytesOf(`data/b\0${'x'.repeat(length)}`).slice(0, 4096)),
    ),
  })
  .map(serialize);

const aHeader = fc.array(aWord, { minLength: 4, maxLength: 4 }).map((words) => {
  const bytes = new DataView(new ArrayBuffer(16));
  for (const [index, word] of words.entries()) {
    bytes.setUint32(4 * index, word, true);
  }
  return new Uint8Array(bytes.buffer);
});

const aStream = fc
  .array(
    fc.oneof(
      { weight: 20, arbitrary: aMessage },
      { weight: 1, arbitrary: aHeader },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
    ),
    { maxLength: 40 },
  )
  .map((pieces) => Uint8Array.from(pieces.flatMap((piece) => [...piece])));

/** Feeds a connection in pieces and answers all that it says, taking it away at once. */
function answersTo(stream: Uint8Array, pieces: readonly number[], taken: number): number[] {
  const connection = new Connection(aStore(), 1);
  const output: number[] = [];
  for (let done = 0, turn = 0; done < stream.length; turn += 1) {
    const size = Math.min(connection.wanted, pieces[turn % pieces.length] ?? 1);
    if (size === 0) {
      break;
    }
    connection.receive(stream.subarray(done, done + size));
    done += size;
    while (connection.hasOutput) {
      output.push(...connection.take(taken));
    }
  }
  return output;
}

test('answers are the same in whatever pieces requests come and answers go', () => {
  const someSizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(aStream, someSizes, fc.integer({ min: 1, max: 99 }), (stream, sizes, taken) => {
      expect(answersTo(stream, sizes, taken)).toEqual(answersTo(stream, [8192], 8192));
    }),
    { numRuns: 200 },
  );
});

test('a ring full of anything throws nothing and stays within the quota', () => {
  const aPoke = fc.tuple(
    fc.constantFrom('req_cons', 'req_prod', 'rsp_cons', 'rsp_prod', 'connection', 'error'),
    fc.oneof(fc.nat({ max: 3000 }), anEdge),
  );
  const aStep = fc.oneof({ weight: 6, arbitrary: aStream }, { weight: 1, arbitrary: aPoke });
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 12 }), (steps) => {
      const store = aStore();
      const guest = new Guest(store, 1);
      for (const step of steps) {
        if (step instanceof Uint8Array) {
          guest.put(step);
        } else {
          const [field, value] = step;
          guest.page.fields[field] = value;
          guest.server.service();
        }
        // A request that is under way may go over it by what its answer needs.
        expect(store.domains.memoryOf(1)).toBeLessThan(store.quota.memory + 8192);
      }
      expect(Object.values(XENSTORE_ERROR)).toContain(guest.connection.error);
      expect(store.connect('other', () => {}).read('/tool')).toBe('');
    }),
    { numRuns: 150 },
  );
});

test('what is counted as kept for a guest is what is kept', () => {
  fc.assert(
    fc.property(aStream, (stream) => {
      const store = aStore();
      const before = store.domains.memoryOf(1);
      const connection = new Connection(store, 1);
      for (let done = 0; done < stream.length && connection.wanted > 0; ) {
        const size = connection.wanted;
        connection.receive(stream.subarray(done, done + size));
        done += size;
      }
      connection.reset();
      const client = store.connect('tools', () => {});
      client.rm('/local/domain/1');
      client.rm('/tool/mine');
      expect(store.domains.nodesOf(1)).toBe(0);
      expect(store.domains.memoryOf(1)).toBe(before - '/local/domain/1/data'.length - 32);
    }),
    { numRuns: 200 },
  );
});
