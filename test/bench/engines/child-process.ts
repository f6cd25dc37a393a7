/**
 * Emulators that run inside Node.js: each run in a child process, which is this program again.
 *
 * So no run finds code compiled or memory grown by an earlier one.
 */

import { fork } from 'node:child_process';
import process from 'node:process';
import { indexOf, isAct } from '../benchmarks.ts';
import { type Engine, type EngineDescription, type Measurement, RUN_LIMIT_MS } from '../engine.ts';
import { selectingImage } from '../guest/image.ts';
import type { Prompt } from '../hypervisor/paravirtual.ts';
import { milliseconds, type Timing } from '../stopwatch.ts';

export interface HostedEngine extends EngineDescription {
  /** Runs an image from guest/image.ts to its end in this very process. */
  runHere(image: Uint8Array): Promise<Timing>;

  /** Lets a paravirtual guest repeat an act, in this very process. */
  runActHere?(act: string, times: number): Promise<Timing>;

  /** Nanoseconds that one single step takes, in this very process. */
  singleStepHere?(): Promise<number>;

  /** Starts GRUB in this very process. */
  grubHere?(): Prompt;
}

/** The option by which this program knows that it is a child. */
export const CHILD_OPTION = '--in-child';
/** What a child is asked for in place of a benchmark. */
const GRUB = 'grub';

type Answer =
  | { readonly timing: Timing; readonly peakBytes: number }
  | { readonly step: number }
  | { readonly prompt: Prompt };

/** Puts a child process between an engine and those who measure it. */
export function inChildProcess(hosted: HostedEngine): Engine {
  const { title } = hosted;
  const engine: Engine = {
    ...hosted,
    run: async (benchmark, scale): Promise<Measurement> => {
      const spawnedAt = milliseconds();
      const answer = await ask([title, benchmark, String(scale)]);
      if (!('timing' in answer)) {
        throw new Error(`${title} did not answer with a time.`);
      }
      const { startedAt, checksum, seconds, instructions } = answer.timing;
      const startSeconds = (startedAt - spawnedAt) / 1000;
      return { checksum, seconds, instructions, startSeconds, peakBytes: answer.peakBytes };
    },
  };
  const singleStep = async () => {
    const answer = await ask([title]);
    return 'step' in answer ? answer.step : Number.NaN;
  };
  const grub = async () => {
    const spawnedAt = milliseconds();
    const answer = await ask([title, GRUB]);
    if (!('prompt' in answer)) {
      throw new Error(`${title} did not answer with a prompt.`);
    }
    const { at, instructions } = answer.prompt;
    return { seconds: (at - spawnedAt) / 1000, instructions };
  };
  return {
    ...engine,
    ...(hosted.singleStepHere && { singleStep }),
    ...(hosted.grubHere && { grub }),
  };
}

/** What the child does: a run when a benchmark is named, GRUB's start, else single steps. */
export async function answerParent(
  engines: readonly HostedEngine[],
  [title, benchmark, scale]: readonly string[],
): Promise<void> {
  const engine = engines.find((candidate) => candidate.title === title);
  if (engine === undefined) {
    throw new Error(`There is no engine ${title}.`);
  }
  const answer = await answerOf(engine, benchmark, Number(scale));
  // What still runs in the engine must not hold the process.
  process.send?.(answer, () => process.exit());
}

async function answerOf(
  engine: HostedEngine,
  benchmark: string | undefined,
  scale: number,
): Promise<Answer> {
  if (benchmark === undefined) {
    return { step: (await engine.singleStepHere?.()) ?? Number.NaN };
  }
  if (benchmark === GRUB && engine.grubHere !== undefined) {
    return { prompt: engine.grubHere() };
  }
  const timing =
    isAct(benchmark) && engine.runActHere !== undefined
      ? await engine.runActHere(benchmark, scale)
      : await engine.runHere(selectingImage(indexOf(benchmark), scale));
  return { timing, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

function ask(request: readonly string[]): Promise<Answer> {
  const [, program = ''] = process.argv;
  const child = fork(program, [CHILD_OPTION, ...request], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    timeout: RUN_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  return new Promise((resolve, reject) => {
    child.on('message', (answer) => resolve(answer as Answer));
    child.on('error', reject);
    child.on('close', () => reject(new Error('The child process ended without an answer.')));
  });
}
