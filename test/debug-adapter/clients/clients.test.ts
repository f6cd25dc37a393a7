/** Clients that no one here wrote debug a guest, with the adapter as a program of its own. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { guestsFolder } from '../../guests/build.ts';
import { needs } from '../../support/oracle.ts';
import { guestFile } from '../session/client.ts';
import { buildAdapter, type Server, startServer } from './adapter-program.ts';

const source = join(guestsFolder(), 'upcalls/main.c');
/** `quiet();` in the loop of `masks`; the next line is code as well. */
const LINE = 42;

let program: string;
let server: Server;

beforeAll(async () => {
  program = buildAdapter();
  server = await startServer(program);
});

afterAll(() => {
  server.stop();
  rmSync(dirname(program), { recursive: true });
});

test('the test client of VS Code’s makers hits a breakpoint, steps and sees the end', async () => {
  const client = new DebugClient('node', program, 'ringside');
  await client.start(server.port);
  try {
    const launch = { kernel: guestFile('upcalls') };
    await client.hitBreakpoint(launch, { path: source, line: LINE });
    const threadId = (await client.threadsRequest()).body.threads[0]?.id ?? 0;
    const { stackFrames } = (await client.stackTraceRequest({ threadId })).body;
    expect(stackFrames[0]).toMatchObject({ name: 'masks', line: LINE });
    await Promise.all([
      client.nextRequest({ threadId }),
      client.assertStoppedLocation('step', { line: LINE + 1 }),
    ]);
    await client.setBreakpointsRequest({ source: { path: source }, breakpoints: [] });
    const exited = client.waitForEvent('exited');
    await Promise.all([client.continueRequest({ threadId }), client.waitForEvent('terminated')]);
    expect((await exited).body).toEqual({ exitCode: 0 });
  } finally {
    await client.stop();
  }
});

describe('dap-mode of Emacs stops at a breakpoint, evaluates, steps and sees the end', () => {
  beforeEach(needs('emacs dap-mode'));

  test.each([
    {
      way: 'standard streams',
      connection: () => ({ RINGSIDE_NODE: process.execPath, RINGSIDE_PROGRAM: program }),
    },
    { way: 'TCP', connection: () => ({ RINGSIDE_PORT: String(server.port) }) },
  ])('over $way', ({ connection }) => {
    expect(emacsSays(connection()).slice(-4)).toEqual([
      `stopped in masks at line ${LINE}`,
      'masked_port is 0',
      `then line ${LINE + 1}`,
      'ended',
    ]);
  });
});

/** What the session in emacs.el prints. */
function emacsSays(connection: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-emacs-'));
  try {
    const env = {
      ...process.env,
      HOME: folder,
      RINGSIDE_FOLDER: folder,
      RINGSIDE_KERNEL: guestFile('upcalls'),
      RINGSIDE_SOURCE: source,
      RINGSIDE_LINE: String(LINE),
      ...connection,
    };
    const script = join(import.meta.dirname, 'emacs.el');
    const said = execFileSync('emacs', ['--batch', '-l', script], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: folder,
      timeout: 110_000,
    });
    return said.trim().split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
