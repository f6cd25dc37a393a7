/**
 * The host's own processor as an oracle: builds hostcpu.c and streams cases through it.
 *
 * hostcpu answers a batch only after the whole of it has run, so two batches are
 * kept under way: one runs while the next is generated and encoded. Memory stays
 * bounded by these two, however long the stream of cases is.
 */

import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

import { projectRoot } from '../project-root.ts';
import {
  decodeResult,
  encodeBatch,
  encodeLdt,
  GREETING_BYTES,
  greetingComplaint,
  LDT_ANSWER_BYTES,
  type LdtEntry,
  MAX_BATCH,
  RESULT_BYTES,
  type SiliconCase,
  type SiliconResult,
} from './wire.ts';

const UNITS = ['hostcpu.c', 'worker.c', 'case-memory.c'];
const HEADERS = ['hostcpu.h', 'worker.h', 'case-memory.h'];
/** Without SSE the harness leaves the case's own registers alone between FXRSTOR and the case. */
const COMPILER_FLAGS =
  '-m32 -static -O2 -mno-sse -mfpmath=387 -fno-stack-protector -fno-pic -no-pie'.split(' ');

/** Why there is no silicon to compare with, in words for the user. */
export class NoSilicon extends Error {
  override readonly name = 'NoSilicon';
}

/** Compiles hostcpu unless this very source was compiled before; answers the program's path. */
function buildHostCpu(): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new NoSilicon(
      `The silicon oracle needs Linux on an x86-64 processor; this is ${process.platform} on ${process.arch}.`,
    );
  }
  const folder = join(projectRoot(), 'test/conformance/silicon');
  const hash = createHash('sha256').update(COMPILER_FLAGS.join(' '));
  for (const source of [...HEADERS, ...UNITS]) {
    hash.update(readFileSync(join(folder, source)));
  }
  const target = join(tmpdir(), `ringside-hostcpu-${hash.digest('hex').slice(0, 16)}`, 'hostcpu');
  if (!existsSync(target)) {
    compile(
      UNITS.map((unit) => join(folder, unit)),
      target,
    );
  }
  return target;
}

function compile(units: readonly string[], target: string): void {
  mkdirSync(join(target, '..'), { recursive: true });
  const unfinished = `${target}.${process.pid}`;
  try {
    execFileSync('gcc', [...COMPILER_FLAGS, '-o', unfinished, ...units], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new NoSilicon(
      `hostcpu does not build; a gcc that can make static 32-bit programs is needed (Debian: gcc-multilib).\n${said}`,
    );
  }
  // Two runs may build at once: whoever is last replaces the same program by itself.
  renameSync(unfinished, target);
}

/**
 * Runs cases in order and yields their results in order.
 *
 * @param ldt descriptors that exist for all of them
 */
export async function* runOnSilicon(
  cases: Iterable<SiliconCase>,
  ldt: readonly LdtEntry[] = [],
): AsyncGenerator<SiliconResult, void, undefined> {
  const program = spawn(buildHostCpu(), [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const output = new ByteReader(program);
  try {
    const complaint = greetingComplaint(await output.read(GREETING_BYTES));
    if (complaint) {
      throw new Error(complaint);
    }
    await loadLdt(program, output, ldt);
    const underWay: SiliconCase[][] = [];
    for (const batch of batches(cases)) {
      program.stdin.write(encodeBatch(batch));
      underWay.push(batch);
      if (underWay.length === 2) {
        yield* answers(output, underWay.shift() ?? []);
      }
    }
    for (const batch of underWay) {
      yield* answers(output, batch);
    }
  } finally {
    program.stdin.end();
    program.kill();
  }
}

async function loadLdt(
  program: ChildProcessByStdio<Writable, Readable, null>,
  output: ByteReader,
  ldt: readonly LdtEntry[],
): Promise<void> {
  program.stdin.write(encodeLdt(ldt));
  for (const entry of ldt) {
    const errno = (await output.read(LDT_ANSWER_BYTES)).readUInt32LE(0);
    if (errno !== 0) {
      throw new NoSilicon(
        `The host's kernel refuses LDT entry ${JSON.stringify(entry)}: errno ${errno}.`,
      );
    }
  }
}

async function* answers(
  output: ByteReader,
  batch: readonly SiliconCase[],
): AsyncGenerator<SiliconResult, void, undefined> {
  const bytes = await output.read(batch.length * RESULT_BYTES);
  for (const [index, subject] of batch.entries()) {
    yield decodeResult(bytes, index * RESULT_BYTES, subject);
  }
}

function* batches(cases: Iterable<SiliconCase>): Generator<SiliconCase[], void, undefined> {
  let batch: SiliconCase[] = [];
  for (const subject of cases) {
    batch.push(subject);
    if (batch.length === MAX_BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) {
    yield batch;
  }
}

/** Reads exact numbers of bytes from a program's output. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(program: ChildProcessByStdio<Writable, Readable, null>) {
    this.#chunks = program.stdout[Symbol.asyncIterator]();
    // The death of the program shows as the end of its output; a broken pipe adds nothing to that.
    program.stdin.on('error', () => {});
  }

  async read(bytes: number): Promise<Buffer> {
    while (this.#pendingBytes < bytes) {
      const { value, done } = await this.#chunks.next();
      if (done) {
        throw new NoSilicon('hostcpu ended before it had answered every case.');
      }
      this.#pending.push(value);
      this.#pendingBytes += value.length;
    }
    const all = this.#pending.length === 1 ? this.#pending[0] : Buffer.concat(this.#pending);
    const rest = all?.subarray(bytes) ?? Buffer.alloc(0);
    this.#pending = [rest];
    this.#pendingBytes = rest.length;
    return all?.subarray(0, bytes) ?? Buffer.alloc(0);
  }
}
