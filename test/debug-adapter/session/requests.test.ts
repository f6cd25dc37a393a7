/** What each request answers, on a guest that stands still at a line. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesOfBase64, toBase64 } from '../../../debug-adapter/session/base64.ts';
import { CAPABILITIES } from '../../../debug-adapter/session/capabilities.ts';
import { Client, FIRST, guestFile } from './client.ts';

const source = { path: '/elsewhere/upcalls/main.c' };
let client = new Client();
let frameId = 0;

/** Stands in `masks`, behind the first `send`. */
beforeAll(async () => {
  client = new Client();
  await client.launch({ kernel: guestFile('upcalls'), stopOnEntry: true });
  await client.ask('setBreakpoints', { source, breakpoints: [{ line: 46 }] });
  await client.begin();
  await client.go('continue');
  frameId = (await client.frames())[0]?.id ?? 0;
});

afterAll(() => client.dispose());

const evaluate = async (expression: string, context = 'watch') =>
  (await client.ask<DAP.EvaluateResponse['body']>('evaluate', { expression, context, frameId }))
    .result;

describe('evaluate', () => {
  test.each([
    ['result', '0'],
    ['masked_port + 2', '2'],
    ['first, second', '4'],
    ['(unsigned char)0x141', "65 'A'"],
    ['info->evtchn_upcall_pending', '0'],
    ['sizeof(struct shared_info)', '2344'],
    ['$esp == $sp', '1'],
    ['p2m(0x10e) == walk(info) >> 12', '0'],
    ['m2p(p2m(0x10e))', '0x10e'],
    ['xenstore("name")', '"debuggable"'],
  ])('%s is %s', async (expression, value) => {
    expect(await evaluate(expression)).toBe(value);
  });

  test('a call of the guest is refused with a sentence', async () => {
    const { success, message } = await client.send('evaluate', {
      expression: 'send(3)',
      context: 'watch',
      frameId,
    });
    expect({ success, message }).toMatchObject({ success: false });
    expect(message).toMatch(/call/);
  });

  test('a watch changes nothing, the console may', async () => {
    const refused = await client.send('evaluate', {
      expression: 'result = 5',
      context: 'watch',
      frameId,
    });
    expect(refused.success).toBe(false);
    expect(await evaluate('result = 5', 'repl')).toBe('5');
    expect(await evaluate('result')).toBe('5');
    expect(await evaluate('result = 0', 'repl')).toBe('0');
  });

  test.each([
    ['help', 'why PORT'],
    ['ports', 'ipi'],
    ['why 3', 'port connected'],
    ['walk info', 'level-1 table'],
    ['map', 'kernel'],
    ['grants', 'reference'],
    ['xenstore ls', 'console'],
    ['timers', 'systemTime'],
    ['disks', 'This domain has no disks.'],
    ['frame p2m(0x10e)', 'owner'],
  ])('the console knows “%s”', async (word, shown) => {
    expect(await evaluate(word, 'repl')).toContain(shown);
  });

  test('the trace begins when it is asked for', async () => {
    expect(await evaluate('trace 5', 'repl')).toContain('begins here');
  });
});

describe('variables', () => {
  test('are set by name, and shown anew', async () => {
    const { scopes } = await client.ask<DAP.ScopesResponse['body']>('scopes', { frameId });
    const { variablesReference = 0 } = scopes[0] ?? {};
    const set = await client.ask<DAP.SetVariableResponse['body']>('setVariable', {
      variablesReference,
      name: 'pending',
      value: '0x20',
    });
    expect(set.value).toBe('32');
    expect(await evaluate('pending')).toBe('32');
  });

  test('registers are set as well', async () => {
    const { scopes } = await client.ask<DAP.ScopesResponse['body']>('scopes', { frameId });
    const registers = scopes.find(({ name }) => name === 'Registers');
    await client.ask('setVariable', {
      variablesReference: registers?.variablesReference,
      name: 'esi',
      value: '0x1234',
    });
    expect(await evaluate('$esi')).toBe('4660');
  });

  test('an array gives the part that is asked for', async () => {
    const { variablesReference, indexedVariables } = await client.ask<DAP.EvaluateResponse['body']>(
      'evaluate',
      { expression: 'upcalls.per_port', context: 'watch', frameId },
    );
    expect(indexedVariables).toBe(1024);
    const { variables } = await client.ask<DAP.VariablesResponse['body']>('variables', {
      variablesReference,
      filter: 'indexed',
      start: 3,
      count: 2,
    });
    expect(variables.map(({ name, value }) => `${name} ${value}`)).toEqual(['[3] 1', '[4] 0']);
  });

  test('an expression is set', async () => {
    const set = await client.ask<DAP.SetExpressionResponse['body']>('setExpression', {
      expression: 'upcalls.per_port[7]',
      value: '2 + 3',
      frameId,
    });
    expect(set.value).toBe('5');
  });
});

describe('memory', () => {
  const read = (memoryReference: string, count: number, offset = 0) =>
    client.ask<DAP.ReadMemoryResponse['body'] & object>('readMemory', {
      memoryReference,
      count,
      offset,
    });

  test('is the same by virtual, pseudo-physical and machine address', async () => {
    const virtual = await read('d1:va:0xc0100000', 64);
    const pseudo = await read('d1:pfn:0x100', 64);
    const frame = Number(await evaluate('p2m(0x100)'));
    const machine = await read(`ma:0x${(frame * 4096).toString(16)}`, 64);
    expect(bytesOfBase64(virtual.data ?? '')).toHaveLength(64);
    expect(pseudo.data).toBe(virtual.data);
    expect(machine.data).toBe(virtual.data);
  });

  test('that is not mapped is said', async () => {
    expect(await read('d1:va:0x80000000', 16)).toEqual({
      address: 'd1:va:0x80000000',
      unreadableBytes: 16,
    });
  });

  test('is written where it is mapped', async () => {
    const [, address = ''] = /^(0x[0-9a-f]+)/.exec(await evaluate('&upcalls.per_port[9]')) ?? [];
    const data = toBase64(Uint8Array.of(1, 2, 3, 4));
    const { bytesWritten } = await client.ask<DAP.WriteMemoryResponse['body'] & object>(
      'writeMemory',
      { memoryReference: `d1:va:${address}`, data },
    );
    expect(bytesWritten).toBe(4);
    expect(await evaluate('upcalls.per_port[9],x')).toBe('0x4030201');
  });

  test('a live page table is not written behind the hypervisor’s back', async () => {
    const table = Number(await evaluate('$cr3'));
    const { success, message } = await client.send('writeMemory', {
      memoryReference: `ma:0x${table.toString(16)}`,
      data: toBase64(Uint8Array.of(0)),
    });
    expect(success).toBe(false);
    expect(message).toMatch(/table: only a hypercall may change it/);
  });

  test('a reference that is none is refused', async () => {
    const { message } = await client.send('readMemory', { memoryReference: 'nowhere', count: 1 });
    expect(message).toMatch(/no memory reference/);
  });
});

describe('disassemble', () => {
  const listing = (args: object) =>
    client.ask<DAP.DisassembleResponse['body'] & object>('disassemble', {
      memoryReference: '0xc0100000',
      ...args,
    });

  test('gives as many as were asked for, forwards and backwards', async () => {
    const ahead = (await listing({ instructionCount: 20 })).instructions;
    expect(ahead).toHaveLength(20);
    const tenth = ahead[10]?.address;
    const behind = (
      await listing({ memoryReference: tenth, instructionOffset: -10, instructionCount: 20 })
    ).instructions;
    expect(behind.slice(0, 10).map(({ address }) => address)).toEqual(
      ahead.slice(0, 10).map(({ address }) => address),
    );
    expect(behind[10]?.address).toBe(tenth);
  });

  test('names symbols and source lines', async () => {
    const [first] = (await listing({ instructionCount: 1 })).instructions;
    expect(first).toMatchObject({ symbol: '_start', line: 95, location: { name: 'start.S' } });
  });

  test('says what is not mapped', async () => {
    const [first] = (await listing({ memoryReference: '0x80000000', instructionCount: 2 }))
      .instructions;
    expect(first).toMatchObject({ presentationHint: 'invalid' });
  });
});

test('completions name variables, registers and words of the console', async () => {
  const complete = async (text: string) =>
    (
      await client.ask<DAP.CompletionsResponse['body']>('completions', {
        text,
        column: text.length + 1,
        frameId,
      })
    ).targets.map(({ label }) => label);
  expect(await complete('masked')).toEqual(expect.arrayContaining(['masked_port', 'masked_vcpu']));
  expect(await complete('$e')).toEqual(expect.arrayContaining(['$eax', '$eflags']));
  expect(await complete('wa')).toContain('walk');
});

test('breakpointLocations are the lines with code', async () => {
  const { breakpoints } = await client.ask<DAP.BreakpointLocationsResponse['body'] & object>(
    'breakpointLocations',
    { source, line: 38, endLine: 43 },
  );
  expect(breakpoints.map(({ line }) => line)).toEqual([38, 39, 40, 41, 42, 43]);
});

test('modules and loaded sources are those of the kernel', async () => {
  const { modules } = await client.ask<DAP.ModulesResponse['body']>('modules');
  expect(modules).toMatchObject([{ name: 'debuggable.elf', symbolStatus: /Lines/ }]);
  const { sources } = await client.ask<DAP.LoadedSourcesResponse['body']>('loadedSources');
  expect(sources.map(({ name }) => name)).toContain('events.c');
});

describe('breakpoints that cannot be', () => {
  test.each([
    [{ line: 42, condition: '1 +' }, /expect|end/i],
    [{ line: 42, hitCondition: 'often' }, /hit count/],
    [{ line: 42, logMessage: 'x is {' }, /\{|brace/],
  ])('%j: a sentence says why', async (asked, why) => {
    const { breakpoints } = await client.ask<DAP.SetBreakpointsResponse['body']>('setBreakpoints', {
      source,
      breakpoints: [asked],
    });
    expect(breakpoints[0]).toMatchObject({ verified: false, message: expect.stringMatching(why) });
  });

  test.each([
    ['no_such_function', /No function is called/],
    ['/(/', /no regular expression/],
  ])('%s', async (name, why) => {
    const { breakpoints } = await client.ask<DAP.SetFunctionBreakpointsResponse['body']>(
      'setFunctionBreakpoints',
      { breakpoints: [{ name }] },
    );
    expect(breakpoints[0]).toMatchObject({ verified: false, message: expect.stringMatching(why) });
  });

  test('an event’s condition on a field that no event has', async () => {
    const { breakpoints = [] } = await client.ask<
      DAP.SetExceptionBreakpointsResponse['body'] & object
    >('setExceptionBreakpoints', {
      filters: [],
      filterOptions: [{ filterId: 'hypercall', condition: 'prot == 3' }],
    });
    expect(breakpoints[0]).toMatchObject({ verified: false });
  });
});

test('each capability that is announced has a request that answers it', async () => {
  const byCapability: Readonly<Record<string, string>> = {
    supportsConfigurationDoneRequest: 'configurationDone',
    supportsFunctionBreakpoints: 'setFunctionBreakpoints',
    supportsSetVariable: 'setVariable',
    supportsSetExpression: 'setExpression',
    supportsGotoTargetsRequest: 'gotoTargets',
    supportsStepInTargetsRequest: 'stepInTargets',
    supportsCompletionsRequest: 'completions',
    supportsModulesRequest: 'modules',
    supportsRestartRequest: 'restart',
    supportsExceptionInfoRequest: 'exceptionInfo',
    supportsLoadedSourcesRequest: 'loadedSources',
    supportsTerminateRequest: 'terminate',
    supportsDataBreakpoints: 'setDataBreakpoints',
    supportsReadMemoryRequest: 'readMemory',
    supportsWriteMemoryRequest: 'writeMemory',
    supportsDisassembleRequest: 'disassemble',
    supportsCancelRequest: 'cancel',
    supportsBreakpointLocationsRequest: 'breakpointLocations',
    supportsInstructionBreakpoints: 'setInstructionBreakpoints',
  };
  const other = new Client();
  for (const [capability, request] of Object.entries(byCapability)) {
    expect(CAPABILITIES).toHaveProperty(capability, true);
    const { message = '' } = await other.send(request);
    expect(message, request).not.toContain('There is no request');
  }
  other.dispose();
});

test('what there is not is refused by name', async () => {
  expect((await client.send('fly')).message).toBe('There is no request "fly".');
});

test('goto goes on elsewhere', async () => {
  const { targets } = await client.ask<DAP.GotoTargetsResponse['body']>('gotoTargets', {
    source,
    line: 41,
  });
  await client.go('goto', { targetId: targets[0]?.id });
  expect((await client.stack(FIRST))[0]).toBe('masks (main.c:41)');
});
