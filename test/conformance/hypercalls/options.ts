/** The command line of the hostile guests. */

import { parseArgs } from 'node:util';

import { coldTier, compileColdTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import { natural, UsageError } from '../usage.ts';
import { fuzzHypercalls } from './run.ts';

const DEFAULT_CALLS = 1_000_000;
/** With fewer it may be chance that a call never succeeded. */
const ENOUGH = 200_000;

export const HYPERCALLS_USAGE = `
  hypercalls [--calls N] [--seed S] [--episode E] [--thorough] [--table]
                 N hypercalls with random arguments; a difference is an exception of ours, or wrong
                 books. One episode of a seed alone; a look at the books after each call; a table of
                 the outcomes
`;

/** Runs what the arguments say; answers the number of failures and prints the closing line. */
export function runHypercalls(args: readonly string[], print: (line: string) => void): number {
  const values = parse(args);
  const calls = natural(values.calls, '--calls') ?? DEFAULT_CALLS;
  const seed = natural(values.seed, '--seed') ?? Number(process.hrtime.bigint() & 0xff_ffffn);
  const episode = natural(values.episode, '--episode');
  print(`seed ${seed}`);
  const begin = process.cpuUsage();
  const engine = coldTier(compileColdTier());
  const result = fuzzHypercalls({
    calls,
    seed,
    episode,
    isThorough: values.thorough,
    engine,
    print,
  });
  const silent = result.calls < ENOUGH ? [] : result.outcomes.neverSucceeded;
  for (const name of silent) {
    print(`${name} never succeeded`);
  }
  const { user, system } = process.cpuUsage(begin);
  const seconds = (user + system) / 1e6;
  const { outcomes, crashes, episodes, failures } = result;
  if (values.table) {
    for (const line of outcomes.lines()) {
      print(line);
    }
  }
  print(
    `${result.calls} calls in ${episodes} episodes, ${(result.calls / seconds).toFixed()} a second, ` +
      `${crashes} domains ended, ${failures + silent.length} differences`,
  );
  return failures + silent.length;
}

function parse(args: readonly string[]) {
  const type = 'string' as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ calls: { type }, seed: { type }, episode: { type } },
        table: { type: 'boolean' },
        thorough: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
