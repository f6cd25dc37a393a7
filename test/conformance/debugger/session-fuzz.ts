/**
 * A client that sends anything: messages that are none, requests with arguments of other kinds, numbers
 * and texts where nobody expects them. Each request has one answer, none of them a mistake of ours.
 */

import { guestFile } from '../../debug-adapter/session/client.ts';

interface FuzzedClient {
  raw(message: unknown): void;
  launch(args: object): Promise<void>;
  begin(): Promise<unknown>;
  send(command: string, args?: object): Promise<{ success?: boolean; message?: string }>;
  dispose(): void;
}

export interface SessionFuzz {
  readonly cases: number;
  readonly seed: number;
  client(): FuzzedClient;
}

export interface SessionOutcome {
  /** Requests that were answered. */
  readonly answers: number;
  /** What must not happen, a sentence each. */
  readonly problems: readonly string[];
}

/** A small generator of numbers, the same for the same seed. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 0x1_0000_0000) * limit);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

const COMMANDS = [
  ...['setBreakpoints', 'setFunctionBreakpoints', 'setInstructionBreakpoints', 'threads'],
  ...['setExceptionBreakpoints', 'dataBreakpointInfo', 'setDataBreakpoints', 'stackTrace'],
  ...['scopes', 'variables', 'setVariable', 'setExpression', 'evaluate', 'completions'],
  ...['readMemory', 'writeMemory', 'disassemble', 'source', 'loadedSources', 'modules'],
  ...['breakpointLocations', 'gotoTargets', 'goto', 'exceptionInfo', 'pause', 'next', 'stepIn'],
  ...['stepOut', 'continue', 'initialize', 'launch', 'attach', 'cancel', 'nothing'],
  ...['ringside/machine', 'ringside/eventChannels', 'ringside/explainPort', 'ringside/grants'],
  ...['ringside/walk', 'ringside/addressMap', 'ringside/tableEntries', 'ringside/frame'],
  ...['ringside/whoMaps', 'ringside/xenstore', 'ringside/xenstoreWrite', 'ringside/time'],
  ...['ringside/hypercalls', 'ringside/struct', 'ringside/stepping', 'ringside/consoleInput'],
] as const;

const KEYS = [
  ...['threadId', 'frameId', 'variablesReference', 'expression', 'context', 'memoryReference'],
  ...['count', 'offset', 'data', 'source', 'breakpoints', 'line', 'endLine', 'name', 'value'],
  ...['filters', 'filterOptions', 'instructionCount', 'instructionOffset', 'instructionReference'],
  ...['targetId', 'text', 'column', 'granularity', 'start', 'filter', 'domain', 'port', 'address'],
  ...['frame', 'level', 'path', 'vcpu', 'rows', 'first', 'isTracing', 'sourceReference', 'levels'],
  ...['startFrame', 'asAddress', 'bytes', 'condition', 'hitCondition', 'logMessage', 'mode'],
] as const;

const TEXTS = [
  ...['', '1 +', '((((', '$eax', 'first', '*(int *)0', 'evtchn(-1)', 'walk 0', 'd1:va:0x80000000'],
  ...['ma:0xffffffffff', 'd9:pfn:1', 'hypercall:*', 'event-sent:3', '/(/', '{', '{first}', '% 0'],
  ...['evtchn:3', 'pte:0xc0100000', 'xenstore:/', '\0', '\ud800', 'x'.repeat(3000), 'repl', '>= 2'],
  ...['masks', '/m.*/', 'hypercall', 'page-fault', 'instruction', 'shared_info', '/local', '..'],
] as const;

const NUMBERS = [
  0,
  1,
  -1,
  64,
  1000,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e300,
  0.5,
  -(2 ** 31),
  4096,
] as const;

function anything(dice: Dice, depth: number): unknown {
  switch (dice.below(depth > 3 ? 5 : 8)) {
    case 0:
      return dice.of(TEXTS);
    case 1:
      return dice.of(NUMBERS);
    case 2:
      return null;
    case 3:
      return dice.below(2) === 0;
    case 4:
      return dice.of(TEXTS);
    case 5:
      return Array.from({ length: dice.below(4) }, () => anything(dice, depth + 1));
    default:
      return anyArguments(dice, depth + 1);
  }
}

function anyArguments(dice: Dice, depth = 0): Record<string, unknown> {
  const count = dice.below(5);
  return Object.fromEntries(
    Array.from({ length: count }, () => [dice.of(KEYS), anything(dice, depth)]),
  );
}

/** Sends so many requests to a session over a guest that stands still, and garbage in between. */
export async function fuzzSession({
  cases,
  seed,
  client: make,
}: SessionFuzz): Promise<SessionOutcome> {
  const dice = new Dice(seed);
  const problems: string[] = [];
  let answers = 0;
  let client = make();
  const start = async (): Promise<void> => {
    client = make();
    await client.launch({ kernel: guestFile('upcalls'), stopOnEntry: true, memory: 8 });
    await client.begin();
  };
  await start();
  for (let i = 0; i < cases; i++) {
    if (dice.below(20) === 0) {
      client.raw(anything(dice, 0));
    }
    if (i % 500 === 499) {
      client.dispose();
      await start();
    }
    const command = dice.of(COMMANDS);
    const args = anyArguments(dice);
    const { success, message = '' } = await client.send(command, args);
    answers += 1;
    if (success !== true && message.includes('Ringside made a mistake')) {
      problems.push(`seed ${seed}, case ${i}: ${command} ${JSON.stringify(args)}: ${message}`);
    }
    if (
      command === 'continue' ||
      command === 'next' ||
      command === 'stepIn' ||
      command === 'stepOut'
    ) {
      await client.send('pause', { threadId: 64 });
    }
  }
  client.dispose();
  return { answers, problems };
}
