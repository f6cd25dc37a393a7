/** The command line of `npm run bench`. */

import { parseArgs } from 'node:util';

export const usage = `npm run bench -- [options]

  --quick            one short run each, without interpreters
  --only a,b         these benchmarks alone
  --engines a,b      these emulators alone: ringside, v86, qemu, bochs
  --reps n           runs of each benchmark, of which the median counts (3)
  --markdown FILE    also writes the tables to a file
  --rebuild          builds the guest from its source first; needs gcc -m32
  --help`;

export interface Options {
  readonly isQuick: boolean;

  /** `undefined`: all. */
  readonly benchmarks: readonly string[] | undefined;
  readonly engines: readonly string[] | undefined;
  readonly repetitions: number;
  readonly markdownFile: string | undefined;
  readonly rebuilds: boolean;
  readonly wantsHelp: boolean;
}

/** Bad options from a user: a sentence for them. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads the options; names must be among those given here.
 *
 * @throws UsageError
 */
export function parseOptions(
  args: readonly string[],
  known: { readonly benchmarks: readonly string[]; readonly engines: readonly string[] },
): Options {
  const values = parsed(args);
  const isQuick = values.quick ?? false;
  const repetitions = Number(values.reps ?? (isQuick ? 1 : 3));
  if (!Number.isInteger(repetitions) || repetitions < 1) {
    throw new UsageError(`--reps takes a number from 1, not ${values.reps}.`);
  }
  return {
    isQuick,
    benchmarks: names('--only', values.only, known.benchmarks),
    engines: names('--engines', values.engines, known.engines),
    repetitions,
    markdownFile: values.markdown,
    rebuilds: values.rebuild ?? false,
    wantsHelp: values.help ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string' },
        engines: { type: 'string' },
        reps: { type: 'string' },
        markdown: { type: 'string' },
        rebuild: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function names(
  option: string,
  list: string | undefined,
  known: readonly string[],
): readonly string[] | undefined {
  const wanted = list?.split(',');
  const unknown = wanted?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`${option} knows no “${unknown}”, only ${known.join(', ')}.`);
  }
  return wanted;
}
