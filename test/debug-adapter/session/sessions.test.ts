/** Whole sessions over guests of ours, as a user would see them: the texts in `golden/`. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { afterEach, expect, test } from 'vitest';
import { Client, FIRST, guestFile, Transcript } from './client.ts';

let client = new Client();

afterEach(() => {
  client.dispose();
  client = new Client();
});

async function begin(guest: string, set: (client: Client) => Promise<unknown>, args = {}) {
  await client.launch({ kernel: guestFile(guest), stopOnEntry: true, ...args });
  await set(client);
  await client.begin();
  return new Transcript(client);
}

const golden = (name: string): string => `golden/${name}.txt`;

const story = async (): Promise<string[]> => {
  const info = await client.ask<DAP.ExceptionInfoResponse['body']>('exceptionInfo', {
    threadId: FIRST,
  });
  return (info.details?.stackTrace ?? '').split('\n').map((line) => `        ${line}`);
};

test('a hypercall by name, with a condition on a field of its struct', async () => {
  const transcript = await begin('upcalls', (c) =>
    c.ask('setFunctionBreakpoints', {
      breakpoints: [{ name: 'hypercall:event_channel_op/send', condition: 'port == 4' }],
    }),
  );
  await transcript.go('continue');
  transcript.say(...(await story()));
  await transcript.go('continue');
  await expect(transcript.text).toMatchFileSnapshot(golden('hypercall'));
});

test('the stages of an event’s way to its handler', async () => {
  const transcript = await begin('upcalls', (c) =>
    c.ask('setFunctionBreakpoints', {
      breakpoints: [{ name: 'hypercall:event_channel_op/send', condition: 'port == 3' }],
    }),
  );
  await transcript.go('continue');
  for (let i = 0; i < 17; i++) {
    await transcript.go('stepIn');
    await transcript.show('Stage');
  }
  const [frame] = await client.frames();
  const source = { sourceReference: frame?.source?.sourceReference };
  if (source.sourceReference !== undefined) {
    const { content } = await client.ask<DAP.SourceResponse['body']>('source', { source });
    transcript.say('', content);
  }
  await transcript.go('stepIn');
  await transcript.go('stepOut');
  await expect(transcript.text).toMatchFileSnapshot(golden('event-delivery'));
});

test('before an upcall, through its stages to the handler', async () => {
  const transcript = await begin('upcalls', (c) =>
    c.ask('setExceptionBreakpoints', {
      filters: [],
      filterOptions: [{ filterId: 'event-delivery', condition: 'port == 3' }],
    }),
  );
  await transcript.go('continue');
  transcript.say(...(await story()));
  for (let i = 0; i < 5; i++) {
    await transcript.go('stepIn');
    await transcript.show('Stage');
  }
  await transcript.go('stepIn');
  await expect(transcript.text).toMatchFileSnapshot(golden('upcall'));
});

test('a line, steps over and into, variables and what sets them', async () => {
  const transcript = await begin('upcalls', (c) =>
    c.ask('setBreakpoints', {
      source: { path: '/home/user/kernel/upcalls/main.c' },
      breakpoints: [{ line: 42 }, { line: 46, condition: 'masked_port == 1', hitCondition: '2' }],
    }),
  );
  await transcript.go('continue');
  await transcript.show('Locals');
  await transcript.go('next');
  await transcript.go('next');
  await transcript.go('stepIn');
  await transcript.go('stepOut');
  await transcript.evaluate('info->evtchn_upcall_mask');
  await transcript.evaluate('*info');
  await transcript.evaluate('&upcalls.per_port[first]');
  await transcript.evaluate('masked_vcpu = 1');
  await transcript.evaluate('masked_vcpu');
  await client.ask('setBreakpoints', {
    source: { path: '/home/user/kernel/upcalls/main.c' },
    breakpoints: [{ line: 46, condition: 'masked_port == 1', hitCondition: '2' }],
  });
  await transcript.go('continue');
  await transcript.show('Locals');
  await expect(transcript.text).toMatchFileSnapshot(golden('lines'));
});

test('a page fault, from the instruction to the guest’s handler', async () => {
  const transcript = await begin('traps', (c) =>
    c.ask('setExceptionBreakpoints', { filters: ['page-fault'] }),
  );
  await transcript.go('continue');
  transcript.say(...(await story()));
  for (let i = 0; i < 4; i++) {
    await transcript.go('stepIn');
    await transcript.show('Stage');
  }
  await transcript.go('stepIn');
  await transcript.go('stepIn', { granularity: 'instruction' });
  await expect(transcript.text).toMatchFileSnapshot(golden('page-fault'));
});

test('data: a variable, an event port, a page-table entry, a register', async () => {
  const transcript = await begin('upcalls', () => Promise.resolve());
  const watch = async (names: readonly string[], accessType = 'write') => {
    const breakpoints = [];
    for (const name of names) {
      const info = await client.ask<DAP.DataBreakpointInfoResponse['body']>('dataBreakpointInfo', {
        name,
      });
      transcript.say('', `> watch ${name}: ${info.description}`);
      breakpoints.push({ dataId: info.dataId, accessType });
    }
    await client.ask('setDataBreakpoints', { breakpoints });
  };
  await watch(['first']);
  await transcript.go('continue');
  await watch(['evtchn:first']);
  await transcript.go('continue');
  await transcript.go('continue');
  await watch(['$ebx']);
  await transcript.go('continue');
  await watch([]);
  await expect(transcript.text).toMatchFileSnapshot(golden('data'));
});

test('a page-table entry that a hypercall changes', async () => {
  const transcript = await begin('mmu', (c) =>
    c.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'hypercall:update_va_mapping' }] }),
  );
  await transcript.go('continue');
  await transcript.evaluate('walk $ebx');
  await client.ask('setFunctionBreakpoints', { breakpoints: [] });
  const info = await client.ask<DAP.DataBreakpointInfoResponse['body']>('dataBreakpointInfo', {
    name: 'pte:$ebx',
  });
  transcript.say('', `> watch pte:$ebx: ${info.description}`);
  await client.ask('setDataBreakpoints', { breakpoints: [{ dataId: info.dataId }] });
  await transcript.go('continue');
  await expect(transcript.text).toMatchFileSnapshot(golden('page-table-entry'));
});

test('two virtual processors', async () => {
  const transcript = await begin(
    'smp',
    (c) => c.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'hypercall:vcpu_op/up' }] }),
    { vcpus: 2 },
  );
  await transcript.go('continue');
  await client.ask('setFunctionBreakpoints', { breakpoints: [{ name: 'secondary_start' }] });
  await transcript.go('continue');
  const { threads } = await client.ask<DAP.ThreadsResponse['body']>('threads');
  transcript.say(...threads.map(({ id, name }) => `${id} ${name}`));
  transcript.say(...(await client.stack(FIRST)).map((line) => `    ${line}`));
  await transcript.go('next', { threadId: FIRST + 1 });
  await transcript.go('next', { threadId: FIRST + 1 });
  await expect(transcript.text).toMatchFileSnapshot(golden('two-vcpus'));
});

test('what somebody types arrives at the guest', async () => {
  await client.launch({ kernel: guestFile('console') });
  const ended = client.event('terminated');
  await client.ask('configurationDone');
  await client.ask('ringside/consoleInput', { domain: 1, text: 'hello\nquit\n' });
  await ended;
  expect(client.output).toContain('echo: hello');
  expect(client.output).toContain('Test result: SUCCESS');
});

test('a guest that crashes is left to be looked at', async () => {
  const transcript = await begin(
    'crash',
    (c) => c.ask('setExceptionBreakpoints', { filters: ['domain-crash'] }),
    { commandLine: 'no-handler' },
  );
  await transcript.go('continue');
  transcript.say(...(await story()));
  await transcript.evaluate('$eip');
  const ended = client.event('terminated');
  await client.ask('continue', { threadId: FIRST });
  await ended;
  transcript.say('', client.output);
  await expect(transcript.text).toMatchFileSnapshot(golden('crash'));
});
