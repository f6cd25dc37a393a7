/**
 * The program `ringside`: guests from the command line.
 *
 * A guest's console is standard output and input; everything else goes to standard error. This and
 * the folder `program` are what knows Node.js.
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import process from 'node:process';
import { DomainError } from '../emulator/hypervisor/domains/domain-builder.ts';
import { KernelError } from '../emulator/image/kernel-error.ts';
import { Machine } from '../emulator/machine/machine.ts';
import type { DomainPart } from '../emulator/machine/parts.ts';
import { describeKernel } from './command-line/kernel-description.ts';
import { type Command, machineFor, parseCommandLine, USAGE } from './command-line/options.ts';
import { type EndReason, EXIT_CODE, endReason, outcomeLine } from './command-line/outcome.ts';
import { traceHypercalls } from './hypercall-trace.ts';
import { unwrapKernel } from './kernel-file/kernel-file.ts';
import { domainPart } from './machine-files.ts';
import { serveOnPort, serveOnStandardStreams } from './program/dap-server.ts';
import { files, preparedEngine, reason } from './program/host-files.ts';
import { UserError } from './user-error.ts';

type Run = Extract<Command, { kind: 'run' }>;

/** So many instructions between two looks at standard input. */
const SLICE = 4_000_000;
/** While somebody may still type, guest time does not run ahead of the host's by more, in ms. */
const AHEAD = 20;
const PACED_SLICE = 100_000;
/** How long to wait for the end of an input that is no terminal, before it counts as a dialogue. */
const INPUT_PATIENCE = 300;
const STANDARD_ERROR = 2;
const NOBODY_READS = 141;
/** The domain that the program is about. */
const DOMAIN = 1;

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(file, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') {
        // Whoever read has had enough, as `head` has; a shell's word for it is 128 + SIGPIPE.
        process.exit(NOBODY_READS);
      }
      if (code !== 'EAGAIN') {
        throw error;
      }
    }
  }
}

// ---- standard input

/** What has been typed and not been handed on, and whether more may come. */
class Input {
  readonly #chunks: Uint8Array[] = [];
  isOver = false;
  #wake: () => void = () => {};

  begin(): void {
    process.stdin.on('data', (chunk: Buffer) => {
      this.#chunks.push(new Uint8Array(chunk));
      this.#wake();
    });
    const end = (): void => {
      this.isOver = true;
      this.#wake();
    };
    process.stdin.on('end', end);
    process.stdin.on('error', end);
  }

  take(): Uint8Array[] {
    return this.#chunks.splice(0);
  }

  /** Until something is there, nothing can come any more, or so many milliseconds have passed. */
  wait(milliseconds: number): Promise<void> {
    if (this.isOver || this.#chunks.length > 0) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** A script that is all there before the machine starts makes each run the same. */
  async collect(): Promise<void> {
    if (process.stdin.isTTY) {
      return;
    }
    const until = Date.now() + INPUT_PATIENCE;
    while (!this.isOver && Date.now() < until) {
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
  }
}

const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

// ---- running

function partOf(command: Run): DomainPart {
  const text = command.isConfiguration
    ? new TextDecoder().decode(files.read(command.file))
    : undefined;
  const { configuration, warnings } = machineFor(command, text);
  for (const warning of warnings) {
    process.stderr.write(`${warning}\n`);
  }
  return domainPart(configuration, files);
}

async function run(command: Run): Promise<number> {
  const part = partOf(command);
  const machine = new Machine(
    { domains: [part], engine: preparedEngine() },
    {
      consoleOutput: (_domain, bytes) => writeAll(1, bytes),
      emergencyOutput: (domain, bytes) => emergency(domain, bytes),
    },
  );
  machine.xen.journal.onEntry = ({ text }) => {
    process.stderr.write(`${text}\n`);
  };
  const endTrace = beginTrace(machine, part, command.options.trace);
  const input = new Input();
  input.begin();
  await input.collect();
  const start = performance.now();
  const { end, sentence } = await untilEnd(machine, input, command.options.instructions);
  endTrace();
  const outcome = {
    reason: end,
    sentence,
    instructions: machine.instructions,
    seconds: (performance.now() - start) / 1000,
    hash: machine.hash(),
  };
  process.stderr.write(`${outcomeLine(outcome)}\n`);
  return EXIT_CODE[end];
}

/** Printed as Xen prints it: each line behind the domain's number. */
function emergency(domain: number, bytes: Uint8Array): void {
  const text = new TextDecoder('latin1').decode(bytes);
  process.stderr.write(text.replace(/^(?=.)/gm, `(d${domain}) `));
}

interface End {
  readonly end: EndReason;
  readonly sentence: string | undefined;
}

async function untilEnd(machine: Machine, input: Input, limit = Infinity): Promise<End> {
  const began = performance.now();
  for (;;) {
    for (const bytes of input.take()) {
      machine.consoleInput(DOMAIN, bytes);
    }
    const left = limit - machine.instructions;
    if (left <= 0) {
      return { end: 'instructions', sentence: undefined };
    }
    const slice = input.isOver ? SLICE : PACED_SLICE;
    const stop = machine.run(Math.min(slice, left));
    if (stop.kind === 'shutdown') {
      const { reason: code = 0, sentence } = stop.domain.shutdown ?? {};
      return { end: endReason(code), sentence };
    }
    if (stop.kind === 'idle') {
      if (input.isOver) {
        return { end: 'idle', sentence: undefined };
      }
      await input.wait(2 ** 30);
    } else if (!input.isOver) {
      const ahead = machine.xen.clock.skipped / 1e6 - (performance.now() - began);
      await (ahead > AHEAD ? input.wait(ahead) : breathe());
    }
  }
}

/** Answers what ends the trace. */
function beginTrace(machine: Machine, part: DomainPart, file: string | undefined): () => void {
  if (file === undefined) {
    return () => {};
  }
  const handle = file === '-' ? STANDARD_ERROR : openTrace(file);
  const encoder = new TextEncoder();
  const symbols = (address: number): string | undefined => {
    const symbol = part.kernel.symbols.symbolAt(address);
    return symbol && `${symbol.name}+0x${symbol.offset.toString(16)}`;
  };
  const stop = traceHypercalls(machine, symbols, (line) => {
    writeAll(handle, encoder.encode(`${line}\n`));
  });
  return () => {
    stop();
    if (handle !== STANDARD_ERROR) {
      closeSync(handle);
    }
  };
}

function openTrace(file: string): number {
  try {
    return openSync(file, 'w');
  } catch (error) {
    throw new UserError(`${file} cannot be written: ${reason(error)}.`);
  }
}

async function main(): Promise<number> {
  const command = parseCommandLine(process.argv.slice(2));
  switch (command.kind) {
    case 'help':
      process.stdout.write(USAGE);
      return 0;
    case 'info': {
      const file = unwrapKernel(files.read(command.kernel), command.kernel);
      process.stdout.write(describeKernel(command.kernel, file));
      return 0;
    }
    case 'dap':
      await (command.port === undefined ? serveOnStandardStreams() : serveOnPort(command.port));
      return 0;
    case 'run':
      return await run(command);
  }
}

const isUsersMistake = (error: unknown): error is Error =>
  [UserError, KernelError, DomainError, RangeError].some((kind) => error instanceof kind);

try {
  process.exitCode = await main();
} catch (error) {
  if (!isUsersMistake(error)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT_CODE.userError;
}
process.stdin.destroy();
