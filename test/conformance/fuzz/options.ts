/** The command line of the fuzzer. */

import { parseArgs } from 'node:util';

import { natural, UsageError } from '../usage.ts';
import { fuzz } from './run.ts';

const DEFAULT_BYTES = 10_000_000;

/** Runs what the arguments say; answers the number of failures and prints the closing line. */
export function runFuzz(args: readonly string[], print: (line: string) => void): number {
  const { bytes, seed } = parse(args);
  const amount = natural(bytes, '--bytes') ?? DEFAULT_BYTES;
  const chosen = natural(seed, '--seed') ?? Number(process.hrtime.bigint() & 0xff_ffffn);
  print(`seed ${chosen}`);
  const failures = fuzz({ bytes: amount, seed: chosen, print });
  print(`${4 * amount} cases, ${failures} differences`);
  return failures;
}

function parse(args: readonly string[]): { bytes?: string; seed?: string } {
  const type = 'string' as const;
  try {
    return parseArgs({ args: [...args], options: { bytes: { type }, seed: { type } } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
