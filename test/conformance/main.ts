/**
 * Compares the emulated processor with oracles that no one here wrote.
 *
 * Exit status: 0 no differences, 1 differences, 2 nothing was compared.
 */

import { DEBUGGER_USAGE, runDebugger } from './debugger/run.ts';
import { NoObjdump } from './disassembly/objdump.ts';
import { disassemblyOptions } from './disassembly/options.ts';
import { compareDisassembly, NoCode } from './disassembly/run.ts';
import { runFuzz } from './fuzz/options.ts';
import { HOSTILE_USAGE, runHostile } from './hostile/options.ts';
import { HYPERCALLS_USAGE, runHypercalls } from './hypercalls/options.ts';
import { NoBochs } from './rings/bochs.ts';
import { NoImage } from './rings/build.ts';
import { compareRings } from './rings/compare.ts';
import { runEmulated } from './rings/emulated.ts';
import { compareSilicon } from './silicon/compare.ts';
import { NoSilicon } from './silicon/host.ts';
import { SILICON_USAGE, siliconOptions } from './silicon/options.ts';
import { UsageError } from './usage.ts';

const USAGE = `Usage: npm run conformance -- <suite> [arguments]
${DEBUGGER_USAGE}
  disassembly [--opcodes] [--random N] [--seed S] <file>...
                 all code of ELF files, every opcode, N random bytes against objdump

  fuzz [--bytes N] [--seed S]
                 N random bytes as instructions in each ring; a difference is an exception of ours
${HOSTILE_USAGE}${HYPERCALLS_USAGE}
  rings [text]   privileged cases against Bochs; only those with the text in their name
${SILICON_USAGE}`;

/** What says that there is nothing to compare with. */
const UNAVAILABLE = [NoBochs, NoCode, NoImage, NoObjdump, NoSilicon];

/** Answers the number of differences. */
type Suite = (args: readonly string[]) => number | Promise<number>;

const SUITES = new Map<string, Suite>([
  ['debugger', (args) => runDebugger(args, console.log)],
  ['disassembly', (args) => compareDisassembly(disassemblyOptions(args, console.log))],
  ['fuzz', (args) => runFuzz(args, console.log)],
  ['hostile', (args) => runHostile(args, console.log)],
  ['hypercalls', (args) => runHypercalls(args, console.log)],
  ['rings', rings],
  ['silicon', (args) => compareSilicon(siliconOptions(args, console.log))],
]);

function rings(args: readonly string[]): number {
  const [only, ...more] = args;
  if (more.length > 0) {
    throw new UsageError(`rings takes one text at most, not ${args.length}.`);
  }
  return compareRings(runEmulated, { ...(only !== undefined && { only }), print: console.log });
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  const suite = SUITES.get(name ?? '');
  if (!suite) {
    const known = [...SUITES.keys()].join(', ');
    throw new UsageError(name ? `No suite "${name}": there is ${known}.` : 'Which suite?');
  }
  return (await suite(args)) > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
  } else if (UNAVAILABLE.some((kind) => error instanceof kind)) {
    console.error((error as Error).message);
  } else {
    throw error;
  }
  process.exitCode = 2;
}
