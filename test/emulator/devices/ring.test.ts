/** The back-end's side of a shared ring against a guest that keeps the rules, and one that does not. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sring } from '../../../emulator/abi/io/ring.ts';
import { BackRing } from '../../../emulator/devices/ring.ts';
import { plainPage } from '../../support/granting-domain.ts';

const SLOT = 108;

/** A ring as `SHARED_RING_INIT` leaves it, from any index on. */
function aRing({ start = 0 } = {}) {
  const bytes = new Uint8Array(4096);
  const indices = sring.at(new DataView(bytes.buffer));
  indices.req_prod = start;
  indices.rsp_prod = start;
  indices.req_event = start + 1;
  indices.rsp_event = start + 1;
  const ring = BackRing.attach(plainPage(1, bytes), SLOT);
  const slot = (index: number) => bytes.subarray(64 + (index % 32) * SLOT);
  return { bytes, indices, ring, slot };
}

test('32 block requests of i386 fit into a page', () => {
  expect(aRing().ring.size).toBe(32);
});

test('an empty ring gives nothing', () => {
  expect(aRing().ring.take()).toBeUndefined();
});

test('requests come in order, each as a copy of its slot', () => {
  const { indices, ring, slot } = aRing();
  slot(0).fill(0xa0, 0, SLOT);
  slot(1).fill(0xa1, 0, SLOT);
  indices.req_prod = 2;
  const first = ring.take();
  slot(0).fill(0xff, 0, SLOT);
  expect(first).toEqual(new Uint8Array(SLOT).fill(0xa0));
  expect(ring.take()).toEqual(new Uint8Array(SLOT).fill(0xa1));
  expect(ring.take()).toBeUndefined();
});

test('what a front-end asked before the back-end came is still to be answered', () => {
  const bytes = new Uint8Array(4096);
  sring.at(new DataView(bytes.buffer)).req_prod = 1;
  expect(BackRing.attach(plainPage(1, bytes), SLOT).take()).toBeDefined();
});

test('a response is seen when it is published, not before', () => {
  const { indices, ring, slot } = aRing();
  indices.req_prod = 1;
  ring.take();
  ring.respond(Uint8Array.of(7, 8));
  expect(indices.rsp_prod).toBe(0);
  ring.publish();
  expect(indices.rsp_prod).toBe(1);
  expect([...slot(0).subarray(0, 2)]).toEqual([7, 8]);
});

describe('the front-end is notified', () => {
  test.each([
    { when: 'when the response is the one it waits for', event: 1, notify: true },
    { when: 'when that one is among several', event: 3, notify: true },
    { when: 'not when it waits for a later one', event: 4, notify: false },
    { when: 'not when it has seen that one', event: 0, notify: false },
  ])('$when', ({ event, notify }) => {
    const { indices, ring } = aRing();
    indices.req_prod = 3;
    indices.rsp_event = event;
    for (let index = 0; index < 3; index++) {
      ring.take();
      ring.respond(new Uint8Array(12));
    }
    expect(ring.publish()).toBe(notify);
  });
});

test('before it sleeps it asks for an event with the next request', () => {
  const { indices, ring } = aRing({ start: 5 });
  expect(ring.sleep()).toBe(false);
  expect(indices.req_event).toBe(6);
});

test('it does not sleep while there are requests', () => {
  const { indices, ring } = aRing();
  indices.req_prod = 1;
  expect(ring.sleep()).toBe(true);
});

test('indices run through the end of 32 bits', () => {
  const start = 0xffff_ffff;
  const { indices, ring, slot } = aRing({ start });
  slot(31).fill(1, 0, SLOT);
  slot(0).fill(2, 0, SLOT);
  indices.req_prod = 1;
  expect([ring.take()?.[0], ring.take()?.[0], ring.take()]).toEqual([1, 2, undefined]);
  ring.respond(new Uint8Array(12));
  ring.respond(new Uint8Array(12));
  expect(ring.publish()).toBe(true);
  expect(indices.rsp_prod).toBe(1);
});

test('a full ring is fine', () => {
  const { indices, ring } = aRing();
  indices.req_prod = 32;
  const taken = Array.from({ length: 33 }, () => ring.take());
  expect(taken.filter((request) => request !== undefined)).toHaveLength(32);
  expect(ring.isBroken).toBe(false);
});

test.each([33, 0x8000_0000, 0xffff_ffff])('%i requests break it for good', (produced) => {
  const { indices, ring } = aRing();
  indices.req_prod = produced;
  expect(ring.take()).toBeUndefined();
  expect(ring.isBroken).toBe(true);
  indices.req_prod = 1;
  expect(ring.take()).toBeUndefined();
});

test('a request that is not answered holds its slot', () => {
  const { indices, ring } = aRing();
  indices.req_prod = 32;
  ring.take();
  indices.req_prod = 33;
  expect(ring.take()).toBeUndefined();
  expect(ring.isBroken).toBe(true);
});

test('a guest that writes over the responses’ index changes nothing for the back-end', () => {
  const { indices, ring, slot } = aRing();
  indices.req_prod = 1;
  ring.take();
  indices.rsp_prod = 17;
  ring.respond(Uint8Array.of(9));
  ring.publish();
  expect(indices.rsp_prod).toBe(1);
  expect(slot(0)[0]).toBe(9);
});

test('a restored ring goes on where it stood', () => {
  const { bytes, indices, ring } = aRing();
  indices.req_prod = 2;
  ring.take();
  ring.respond(new Uint8Array(12));
  const image = structuredClone(ring.capture());
  const again = BackRing.restore(plainPage(2, bytes), SLOT, image);
  expect(again.take()).toBeDefined();
  expect(again.take()).toBeUndefined();
  expect(again.capture()).toEqual({ requestConsumer: 2, responseProducer: 1, broken: false });
});

test('whatever the page holds, no more requests come than there are slots', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      fc.array(fc.tuple(fc.nat(15), fc.nat(255)), { maxLength: 200 }),
      (header, pokes) => {
        const bytes = new Uint8Array(4096);
        bytes.set(header);
        const ring = BackRing.attach(plainPage(1, bytes), SLOT);
        let taken = 0;
        for (const [at, value] of [...pokes, ...pokes]) {
          bytes[at] = value;
          taken += Number(ring.take() !== undefined);
          ring.publish();
          ring.sleep();
        }
        expect(taken).toBeLessThanOrEqual(ring.size);
      },
    ),
  );
});
