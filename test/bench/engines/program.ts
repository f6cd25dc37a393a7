/** Emulators that are programs of their own. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type Measurement, RUN_LIMIT_MS } from '../engine.ts';
import { processTree, treePeakBytes, treeSeconds } from '../host-process.ts';
import { milliseconds, Stopwatch } from '../stopwatch.ts';

export interface Command {
  readonly program: string;
  readonly options: readonly string[];
}

/** Of what a program printed before it failed. */
const EXCERPT_CHARACTERS = 400;

/**
 * Runs a program whose output is the guest's until the benchmark has ended.
 *
 * @param prepare puts what the program needs into a folder that lasts as long as the run
 */
export async function measureProgram(prepare: (folder: string) => Command): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-bench-'));
  try {
    return await measure(prepare(folder), folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure({ program, options }: Command, folder: string): Promise<Measurement> {
  const spawnedAt = milliseconds();
  const child = spawn(program, options, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const { pid } = child;
  const stopwatch = new Stopwatch({ seconds: () => (pid === undefined ? 0 : treeSeconds(pid)) });
  let said = '';
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString('latin1')).slice(-EXCERPT_CHARACTERS);
      for (const byte of bytes) {
        stopwatch.write(byte);
      }
    });
    child.stderr.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString('latin1')).slice(-EXCERPT_CHARACTERS);
    });
    child.on('error', reject);
    child.on('close', () => reject(new Error(`${program} ended too early. It said: ${said}`)));
    void stopwatch.finished.then(({ checksum, seconds, instructions, startedAt }) => {
      const peakBytes = pid === undefined ? undefined : treePeakBytes(pid);
      // The guest halts, and an emulator would wait forever; some do not heed a gentler signal.
      for (const member of pid === undefined ? [] : processTree(pid)) {
        kill(member);
      }
      child.removeAllListeners('close');
      child.on('close', () =>
        resolve({
          checksum,
          seconds,
          instructions,
          startSeconds: (startedAt - spawnedAt) / 1000,
          peakBytes,
        }),
      );
    });
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
