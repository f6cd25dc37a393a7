/**
 * `npm run bench`: how fast the processor is, beside other emulators on the same machine, and the
 * hypervisor.
 */

import { writeFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import process from 'node:process';
import { missing } from '../support/oracle.ts';
import { benchmarks } from './benchmarks.ts';
import type { Engine } from './engine.ts';
import { answerParent, CHILD_OPTION } from './engines/child-process.ts';
import { engines, hostedEngines } from './engines.ts';
import { rebuild } from './guest/build.ts';
import { tellsProcessorTime } from './host-process.ts';
import { type Options, parseOptions, UsageError, usage } from './options.ts';
import { failures, report } from './report.ts';
import { type Plan, survey } from './survey.ts';

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === CHILD_OPTION) {
    await answerParent(hostedEngines, args.slice(1));
    return;
  }
  const options = parseOptions(args, {
    benchmarks: benchmarks.map(({ name }) => name),
    engines: [...new Set(engines.map(({ name }) => name))],
  });
  if (options.wantsHelp) {
    console.log(usage);
    return;
  }
  if (options.rebuilds) {
    rebuild();
    console.log(
      'The guest is new. Instruction counts in test/bench/benchmarks.ts are of the old.\n',
    );
  }
  await measure(options);
}

async function measure(options: Options): Promise<void> {
  const wanted = engines.filter(({ name }) => options.engines?.includes(name) ?? true);
  const skipped = wanted.flatMap((engine) => {
    const reason = reasonToSkip(engine, options);
    return reason === undefined ? [] : [{ engine, reason }];
  });
  const noGrub = missing('grub-i386-xen.bin');
  const result = await survey({
    engines: wanted.filter((engine) => !skipped.some((skip) => skip.engine === engine)),
    benchmarks: benchmarks.filter(({ name }) => options.benchmarks?.includes(name) ?? true),
    isQuick: options.isQuick,
    repetitions: options.repetitions,
    hasGrub: noGrub === undefined,
    progress,
  });
  clearProgress();
  const text = report(result, {
    host: `${cpus()[0]?.model.trim()}, ${platform()} ${arch()}, Node.js ${process.versions.node}`,
    tellsProcessorTime,
    skipped: [
      ...skipped.map(({ engine, reason }) => `${engine.title}, ${reason}.`),
      ...(noGrub === undefined ? [] : [`GRUB’s start, ${noGrub}.`]),
    ],
  });
  console.log(text);
  if (options.markdownFile !== undefined) {
    writeFileSync(options.markdownFile, text);
  }
  if (failures(result).length > 0) {
    process.exitCode = 1;
  }
}

/** An interpreter that is asked for by name is measured in a hurry too. */
function reasonToSkip(engine: Engine, { isQuick, engines: asked }: Options): string | undefined {
  if (isQuick && engine.isInterpreter && asked === undefined) {
    return 'left out by --quick';
  }
  return engine.missing();
}

const progress: Plan['progress'] = (done, total, what) => {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[K${done}/${total} ${what}`);
  }
};

function clearProgress(): void {
  if (process.stderr.isTTY) {
    process.stderr.write('\r\x1b[K');
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) {
    throw error;
  }
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 1;
}
