/** What users and files give to the debugger, at random: only sentences for the user may come back. */

import { parseArgs } from 'node:util';
import { Guest } from '../../debug-adapter/expressions/a-guest.ts';
import { Failures, guarded } from '../hostile/failures.ts';
import { projectRoot } from '../project-root.ts';
import { Dice } from '../silicon/values.ts';
import { natural, UsageError } from '../usage.ts';
import { anyExpression } from './expressions.ts';
import { anyLaunch } from './launches.ts';
import { damagedFile } from './symbols.ts';

export const DEBUGGER_USAGE = `
  debugger [--cases N] [--seed S]
                 N files with damaged debug information, and ten times as many expressions and
                 launch configurations; a difference is an exception that is no sentence
`;

const DEFAULT_CASES = 1000;
/** Expressions and configurations for each file. */
const TEXTS = 10;
/** What files were given up may have left behind, in bytes. */
const MOST_MEMORY = 2 ** 30;

/** Damages files; answers what came of it. */
export function fuzzSymbols(cases: number, seed: number, failures: Failures) {
  const counts = { cases: 0, broken: 0, answers: 0 };
  for (let index = 0; index < cases && !failures.isEnough; index++) {
    guarded(failures, `file ${index}`, () => {
      damagedFile(projectRoot(), new Dice(seed + 104_729 * index), counts);
      const { heapUsed } = process.memoryUsage();
      if (heapUsed > MOST_MEMORY) {
        throw new Error(`The heap has ${heapUsed} bytes.`);
      }
    });
  }
  return counts;
}

/** Evaluates texts; answers what came of it. */
export function fuzzExpressions(cases: number, seed: number, failures: Failures) {
  const counts = { cases: 0, values: 0, refusals: 0 };
  for (let index = 0; index < cases && !failures.isEnough; index++) {
    guarded(failures, `expression ${index}`, () =>
      anyExpression(new Guest(), new Dice(seed + 104_729 * index), counts),
    );
  }
  return counts;
}

/** Checks configurations; answers what came of it. */
export function fuzzLaunches(cases: number, seed: number, failures: Failures) {
  const counts = { cases: 0, accepted: 0, refused: 0 };
  for (let index = 0; index < cases && !failures.isEnough; index++) {
    guarded(failures, `launch ${index}`, () => anyLaunch(new Dice(seed + 104_729 * index), counts));
  }
  return counts;
}

/** Runs what the arguments say; answers the number of failures and prints the closing line. */
export function runDebugger(args: readonly string[], print: (line: string) => void): number {
  const values = parse(args);
  const cases = natural(values.cases, '--cases') ?? DEFAULT_CASES;
  const seed = natural(values.seed, '--seed') ?? Number(process.hrtime.bigint() & 0xff_ffffn);
  print(`seed ${seed}`);
  const again = `npm run conformance -- debugger --cases ${cases} --seed ${seed}`;
  const failures = new Failures(print, again);
  const files = fuzzSymbols(cases, seed, failures);
  print(`symbols: ${files.cases} files, ${files.broken} found broken, ${files.answers} answers`);
  const texts = fuzzExpressions(cases * TEXTS, seed, failures);
  print(`expressions: ${texts.cases}, ${texts.values} values, ${texts.refusals} refusals`);
  const launches = fuzzLaunches(cases * TEXTS, seed, failures);
  print(`launches: ${launches.cases}, ${launches.accepted} accepted, ${launches.refused} refused`);
  print(`${cases} cases, ${failures.count} differences`);
  return failures.count;
}

function parse(args: readonly string[]): { cases?: string; seed?: string } {
  const type = 'string' as const;
  try {
    return parseArgs({ args: [...args], options: { cases: { type }, seed: { type } } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
