/** Whatever a client sends, there is an answer for each request, and the session goes on. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { framed, MessageReader } from '../../../debug-adapter/session/wire.ts';
import { fuzzSession } from '../../conformance/debugger/session-fuzz.ts';
import { Client } from './client.ts';

describe('a stream', () => {
  function reading() {
    const messages: unknown[] = [];
    const garbage: string[] = [];
    const reader = new MessageReader({
      onMessage: (message) => messages.push(message),
      onGarbage: (problem) => garbage.push(problem),
    });
    return { reader, messages, garbage };
  }

  test('gives the same messages however it is divided', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (sent, sizes) => {
          const { reader, messages, garbage } = reading();
          const bytes = Buffer.concat(sent.map((message) => framed(message)));
          let at = 0;
          for (let i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            reader.push(new Uint8Array(bytes.subarray(at, at + size)));
            at += size;
          }
          expect(messages).toEqual(sent.map((message) => JSON.parse(JSON.stringify(message))));
          expect(garbage).toEqual([]);
        },
      ),
    );
  });

  test.each([
    ['Content-Length: x\r\n\r\n', 'no usable Content-Length'],
    ['Content-Length: 99999999999\r\n\r\n', 'no usable Content-Length'],
    ['Content-Length: 3\r\n\r\n{x}', 'not JSON'],
    ['y'.repeat(5000), 'without the end of a header'],
  ])('%j is told, and reading goes on', (text, problem) => {
    const { reader, messages, garbage } = reading();
    reader.push(new Uint8Array(Buffer.from(text)));
    reader.push(framed({ seq: 1 }));
    expect(garbage[0]).toContain(problem);
    expect(messages).toEqual([{ seq: 1 }]);
  });
});

test('messages of any form and requests with any arguments', { timeout: 120_000 }, async () => {
  const outcome = await fuzzSession({ cases: 1500, seed: 1, client: () => new Client() });
  expect(outcome.problems).toEqual([]);
  expect(outcome.answers).toBeGreaterThan(1000);
});
