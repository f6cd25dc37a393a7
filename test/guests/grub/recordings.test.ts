/** What GRUB asks of the hypervisor and of xenstore, against recordings of real Xen. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { nameOf } from '../../../emulator/abi/names.ts';
import { HYPERVISOR } from '../../../emulator/abi/xen.ts';
import type { ProbeEvent } from '../../../emulator/hypervisor/probes.ts';
import { traceLine } from '../../../emulator/xenstore/connection.ts';
import { needs } from '../../support/oracle.ts';
import { guestsFolder } from '../build.ts';
import { ext2 } from './disk.ts';
import { GrubSession } from './session.ts';

vi.setConfig({ testTimeout: 120_000 });

beforeEach(needs('grub-i386-xen.bin', 'mke2fs'));

/** As much memory as the recorded domain had: GRUB maps all of it. */
const MEMORY = 64;

/** Lines of a recording, without what its head says of it. */
function recording(name: string): string[] {
  const text = readFileSync(join(guestsFolder(), 'grub', name), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** From the first instruction to `halt`. */
function recordedSession(prepare: (session: GrubSession) => void): GrubSession {
  const session = new GrubSession({ memory: MEMORY, disk: ext2({}) });
  prepare(session);
  session.untilPrompt();
  session.command('ls', 'ls (xen/xvda)/', 'halt');
  return session;
}

/** Neighbours that are equal become one, by whatever `join` makes of so many. */
function joinRuns(lines: readonly string[], joined: (line: string, count: number) => string) {
  const runs: { line: string; count: number }[] = [];
  for (const line of lines) {
    const last = runs.at(-1);
    if (last?.line === line) {
      last.count++;
    } else {
      runs.push({ line, count: 1 });
    }
  }
  return runs.map(({ line, count }) => joined(line, count));
}

type Call = Extract<ProbeEvent, { kind: 'hypercall' }>;

/** Set in the count of a list of which some requests have been done: the call is no new one. */
const CONTINUES = 0x8000_0000;
const POLLING = 'polling';

/** A call as the recording has it; undefined for one that goes on with the call before it. */
function callToken({ number, arguments: [first = 0, second = 0, third = 0] }: Call) {
  const name = nameOf(HYPERVISOR, number) ?? String(number);
  switch (name) {
    case 'event_channel_op':
    case 'sched_op':
      return POLLING;
    case 'grant_table_op':
      return `${name} ${first} ${third}`;
    case 'mmu_update':
    case 'mmuext_op':
      return second & CONTINUES ? undefined : `${name} ${second}`;
    default:
      return name;
  }
}

test('GRUB makes the hypercalls that real Xen saw, in the same order', () => {
  const tokens: string[] = [];
  recordedSession(({ machine }) => {
    machine.xen.probes.on('hypercall', (event) => {
      const token = event.kind === 'hypercall' ? callToken(event) : undefined;
      tokens.push(...(token === undefined ? [] : [token]));
    });
  });
  const ours = joinRuns(tokens, (token, count) =>
    token === POLLING || count === 1 ? token : `${token} x${count}`,
  );
  expect(ours).toEqual(recording('xen-4.17-hypercalls.txt'));
});

/** Pairs of question and answer; of polls of the back-end's state only the last. */
function withoutPolls(lines: readonly string[]): string[] {
  const exchanges = lines.flatMap((line, i) =>
    line.startsWith('IN ') ? [{ question: line, answer: lines[i + 1] }] : [],
  );
  return exchanges
    .filter(
      ({ question }, i) =>
        !(question.endsWith('/state )') && exchanges[i + 1]?.question === question),
    )
    .flatMap(({ question, answer = '' }) => [question, answer]);
}

test('GRUB and xenstore say to each other what they said under real Xen', () => {
  const lines: string[] = [];
  recordedSession(({ machine }) => {
    machine.xen.probes.on('xenstore', (event) => {
      if (event.kind === 'xenstore') {
        lines.push(traceLine(event));
      }
    });
  });
  expect(withoutPolls(lines)).toEqual(withoutPolls(recording('xen-4.17-xenstore.txt')));
});
