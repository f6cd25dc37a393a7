/** The command line of the hostile guests that do more than call. */

import { parseArgs } from 'node:util';

import { coldTier, compileColdTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import { natural, UsageError } from '../usage.ts';
import { fuzzCode } from './code.ts';
import { fuzzDevices } from './devices.ts';
import { Failures } from './failures.ts';
import { fuzzKernels } from './kernels.ts';

export const HOSTILE_USAGE = `
  hostile [--episodes N] [--seed S]
                 guests that write anything into rings and messages, execute anything, or are
                 damaged files; a difference is an exception of ours, or wrong books
`;

const DEFAULT_EPISODES = 200;
/** Damaged files for each episode, of which few become machines: these take long to make. */
const FILES = 20;

/** Runs what the arguments say; answers the number of failures and prints the closing line. */
export function runHostile(args: readonly string[], print: (line: string) => void): number {
  const values = parse(args);
  const episodes = natural(values.episodes, '--episodes') ?? DEFAULT_EPISODES;
  const seed = natural(values.seed, '--seed') ?? Number(process.hrtime.bigint() & 0xff_ffffn);
  print(`seed ${seed}`);
  const again = `npm run conformance -- hostile --episodes ${episodes} --seed ${seed}`;
  const failures = new Failures(print, again);
  const engine = coldTier(compileColdTier());
  const { acts, answers, output, responses } = fuzzDevices(episodes, seed, engine, failures);
  print(
    `devices: ${acts} acts, ${answers} messages of xenstore, ${output} bytes of output, ` +
      `${responses} responses of disks`,
  );
  const machines = Math.ceil(episodes / 4);
  const { refused, unfit, ran } = fuzzKernels(episodes * FILES, machines, seed, engine, failures);
  print(`kernels: ${refused} files refused, ${unfit} that fit no machine, ${ran} that ran`);
  print(`code: ${fuzzCode(episodes, seed, engine, failures)} pieces`);
  print(`${episodes} episodes, ${failures.count} differences`);
  return failures.count;
}

function parse(args: readonly string[]): { episodes?: string; seed?: string } {
  const type = 'string' as const;
  try {
    return parseArgs({ args: [...args], options: { episodes: { type }, seed: { type } } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
