/** The command line of the comparison with silicon. */

import { parseArgs } from 'node:util';

import { natural, UsageError } from '../usage.ts';
import type { SiliconOptions } from './compare.ts';

export const SILICON_USAGE = `  silicon [--cases N] [--seed S] [--only NAME,…] [--skip NAME,…] | --replay HEX
                 random cases of user mode against this computer's own processor
`;

const DEFAULT_CASES = 300_000;

/** A seed of its own for each run, unless one is given, so that time finds what one seed does not. */
export function siliconOptions(
  args: readonly string[],
  print: (line: string) => void,
): SiliconOptions {
  const { values } = parse(args);
  const { only, skip, replay } = values;
  return {
    cases: natural(values.cases, '--cases') ?? DEFAULT_CASES,
    seed: natural(values.seed, '--seed') ?? Number(process.hrtime.bigint() & 0xffff_ffffn),
    ...(only !== undefined && { only }),
    ...(skip !== undefined && { skip }),
    ...(replay !== undefined && { replay }),
    print,
  };
}

function parse(args: readonly string[]) {
  const type = 'string' as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        cases: { type },
        seed: { type },
        only: { type },
        skip: { type },
        replay: { type },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
