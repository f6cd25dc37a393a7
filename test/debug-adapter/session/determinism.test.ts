/** However a machine is debugged, it comes to the same state: looking and stopping change nothing. */

import { describe, expect, test } from 'vitest';
import { Client, guestFile } from './client.ts';

const source = { path: '/x/upcalls/main.c' };

/** Runs to a breakpoint near the end; what the machine is then. */
async function stateAtEnd(act: (client: Client) => Promise<void>): Promise<unknown> {
  const client = new Client();
  await client.launch({ kernel: guestFile('upcalls'), memory: 16, stopOnEntry: true });
  await client.begin();
  await act(client);
  await client.ask('setExceptionBreakpoints', { filters: [] });
  await client.ask('setDataBreakpoints', { breakpoints: [] });
  await client.ask('setBreakpoints', { source, breakpoints: [] });
  await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'of_ring_3' }] });
  await client.go('continue');
  const state = await client.ask('ringside/hash');
  client.dispose();
  return state;
}

describe('the same state is reached', () => {
  const plain = stateAtEnd(() => Promise.resolve());

  test.each<[string, (client: Client) => Promise<void>]>([
    [
      'past each hypercall and upcall',
      async (client) => {
        const filters = ['hypercall', 'event-delivery', 'event-sent', 'page-table-write', 'timer'];
        await client.ask('setExceptionBreakpoints', { filters });
        for (let i = 0; i < 60; i++) {
          await client.go('continue');
        }
      },
    ],
    [
      'through the stages of hypercalls',
      async (client) => {
        await client.ask('setExceptionBreakpoints', { filters: ['hypercall'] });
        for (let i = 0; i < 12; i++) {
          await client.go('continue');
          await client.go('stepIn');
          await client.go('stepIn');
          await client.go('next');
          await client.go('stepOut');
        }
      },
    ],
    [
      'by steps over, into and out',
      async (client) => {
        await client.ask('setBreakpoints', { source, breakpoints: [{ line: 45 }] });
        await client.go('continue');
        for (let i = 0; i < 25; i++) {
          await client.go(['next', 'stepIn', 'stepOut', 'stepIn'][i % 4] ?? 'next');
        }
      },
    ],
    [
      'with false conditions and data breakpoints',
      async (client) => {
        await client.ask('setBreakpoints', {
          source,
          breakpoints: [{ line: 46, condition: 'masked_port == 77' }],
        });
        const { dataId } = await client.ask<{ dataId: string }>('dataBreakpointInfo', {
          name: 'upcalls.count',
        });
        await client.ask('setDataBreakpoints', { breakpoints: [{ dataId, accessType: 'write' }] });
        for (let i = 0; i < 5; i++) {
          await client.go('continue');
          await client.evaluate('walk $esp', 'repl');
          await client.scope('Xen');
        }
      },
    ],
  ])('%s', async (_how, act) => {
    expect(await stateAtEnd(act)).toEqual(await plain);
  });
});
