/** Steps into one call of several, and runs of one virtual processor alone. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Client, FIRST, guestFile } from './client.ts';

const SECOND = FIRST + 1;
const source = { path: '/elsewhere/smp/main.c' };

let client = new Client();
beforeEach(async () => {
  client = new Client();
  await client.launch({ kernel: guestFile('smp'), vcpus: 2 });
});
afterEach(() => client.dispose());

async function stopAt(line: number): Promise<void> {
  await client.ask('setBreakpoints', { source, breakpoints: [{ line }] });
  await client.begin();
}

async function targets(threadId: number): Promise<readonly DAP.StepInTarget[]> {
  const [top] = await client.frames(threadId);
  const body = await client.ask<DAP.StepInTargetsResponse['body']>('stepInTargets', {
    frameId: top?.id,
  });
  return body.targets;
}

const top = async (threadId: number): Promise<string | undefined> =>
  (await client.stack(threadId))[0];

/** `set_timer(now() + MILLISECONDS(5));` */
const TWO_CALLS = 52;

test('a line lists its calls, and each can be stepped into', async () => {
  await stopAt(TWO_CALLS);
  const calls = await targets(SECOND);
  expect(calls.map(({ label, line }) => [label, line])).toEqual([
    ['now', TWO_CALLS],
    ['set_timer', TWO_CALLS],
  ]);
  await client.go('stepIn', { threadId: SECOND, targetId: calls[1]?.id });
  expect(await top(SECOND)).toMatch(/^set_timer \(/);
});

test('the hypervisor is a target where an instruction calls it', async () => {
  await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'hypercall:vcpu_op' }] });
  await client.begin();
  const calls = await targets(FIRST);
  expect(calls.map(({ label }) => label)).toEqual(['the hypervisor: int $0x82']);
  await client.go('stepIn', { targetId: calls[0]?.id });
  expect(await top(FIRST)).toMatch(/^Xen: fetch number and arguments \(hypercall\)/);
  expect(await targets(FIRST)).toEqual([]);
});

test('a caller has nothing to step into, and a target must have been listed', async () => {
  await stopAt(TWO_CALLS);
  const frames = await client.frames(SECOND);
  const caller = await client.ask<DAP.StepInTargetsResponse['body']>('stepInTargets', {
    frameId: frames[1]?.id,
  });
  expect(caller.targets).toEqual([]);
  const { success, message } = await client.send('stepIn', { threadId: SECOND, targetId: 99 });
  expect({ success, message }).toEqual({
    success: false,
    message: 'There is no call 99 to step into.',
  });
});

test('one virtual processor goes on alone until the next stop', async () => {
  // The second waits for the first to go on: while (stage == 1) block();
  await stopAt(47);
  const before = await top(FIRST);
  await client.ask('setBreakpoints', { source, breakpoints: [] });
  const { allThreadsContinued } = await client.ask<{ allThreadsContinued: boolean }>('continue', {
    threadId: SECOND,
    singleThread: true,
  });
  expect(allThreadsContinued).toBe(false);
  const stopped = client.event<DAP.StoppedEvent['body']>('stopped');
  await client.ask('pause', { threadId: SECOND });
  await stopped;
  expect(await top(FIRST)).toBe(before);
  const { threads } = await client.ask<DAP.ThreadsResponse['body']>('threads');
  expect(threads.map(({ name }) => name)).toEqual([
    'debuggable (d1) vCPU 0, runnable',
    'debuggable (d1) vCPU 1, blocked',
  ]);
  const ended = client.event('terminated');
  await client.ask('continue', { threadId: SECOND });
  await ended;
  expect(client.output).toContain('Test result: SUCCESS');
});

test('a step alone leaves the others where they are', async () => {
  await stopAt(47);
  const before = await top(FIRST);
  await client.go('next', { threadId: SECOND, singleThread: true });
  expect(await top(SECOND)).toMatch(/main.c:48/);
  expect(await top(FIRST)).toBe(before);
});
