/** A survey as tables in Markdown, aligned so that they can be read as they are. */

import type { Benchmark } from './benchmarks.ts';
import type { Engine, GrubStart, Measurement } from './engine.ts';
import { MEMORY_SIZE } from './guest/image.ts';
import { median, type Survey } from './survey.ts';

export interface Surroundings {
  /** Processor, operating system, Node.js. */
  readonly host: string;
  readonly tellsProcessorTime: boolean;

  /** Emulators that were left out, each with the reason. */
  readonly skipped: readonly string[];
}

const MEGABYTE = 1024 * 1024;
const NOTHING = '–';

export function report(survey: Survey, surroundings: Surroundings): string {
  return [
    preamble(survey, surroundings),
    ...section('Instructions per second, in millions', kernelTable(survey)),
    ...section('Acts of the system, nanoseconds each', loopTable(survey, 'loop')),
    ...section('Acts of the hypervisor, nanoseconds each', loopTable(survey, 'act')),
    ...section('Besides', propertyTable(survey)),
    ...failures(survey).map((failure) => `**Failed:** ${failure}\n`),
    ...surroundings.skipped.map((line) => `Skipped: ${line}\n`),
  ].join('\n');
}

/** What went wrong, a sentence each. */
export function failures({ subjects, benchmarks, outcome }: Survey): string[] {
  return benchmarks.flatMap((benchmark) =>
    subjects.flatMap(({ engine }) => {
      const result = outcome(engine, benchmark);
      return result !== undefined && 'failure' in result ? [result.failure] : [];
    }),
  );
}

export function geometricMean(values: readonly number[]): number | undefined {
  if (values.length === 0) {
    return undefined;
  }
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Rows of cells, the first of which is the head; numbers stand to the right. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const padded = rows.map((row) =>
    line(
      row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      ),
    ),
  );
  const rule = line(
    widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)),
  );
  return [padded[0], rule, ...padded.slice(1)].join('\n');
}

function preamble({ subjects }: Survey, { host, tellsProcessorTime }: Surroundings): string {
  const versions = subjects.map(({ engine, version }) => `${engine.title} ${version}`);
  const time = tellsProcessorTime ? 'Time is that on the processor.' : 'Time is by the clock.';
  return `${versions.join(', ')} on ${host}. ${time}\n`;
}

function section(title: string, table: string | undefined): string[] {
  return table === undefined ? [] : [`### ${title}\n\n${table}\n`];
}

function kernelTable(survey: Survey): string | undefined {
  const kernels = survey.benchmarks.filter(({ kind }) => kind === 'kernel');
  if (kernels.length === 0) {
    return undefined;
  }
  const engines = survey.subjects.map(({ engine }) => engine);
  const rate = (engine: Engine, kernel: Benchmark) => millionsPerSecond(survey, engine, kernel);
  const row = (kernel: Benchmark) => [
    kernel.title,
    ...engines.map((engine) => shown(rate(engine, kernel), 0)),
  ];
  const inMean = kernels.filter(({ isApart }) => !isApart);
  const means = engines.map((engine) =>
    geometricMean(inMean.map((kernel) => rate(engine, kernel)).filter(isNumber)),
  );
  const [reference] = engines;
  const ratios = engines.map((engine) =>
    geometricMean(
      inMean
        .map((kernel) => quotient(reference && rate(reference, kernel), rate(engine, kernel)))
        .filter(isNumber),
    ),
  );
  return markdownTable([
    ['', ...engines.map(({ title }) => title)],
    ...inMean.map(row),
    ['**geometric mean**', ...means.map((mean) => shown(mean, 0))],
    [`**${reference?.title} ÷ this**`, ...ratios.map((ratio) => shown(ratio, 2))],
    ...kernels.filter(({ isApart }) => isApart).map(row),
  ]);
}

/** Counted by our own engine where it ran the same, else as recorded with the image. */
function millionsPerSecond(survey: Survey, engine: Engine, kernel: Benchmark): number | undefined {
  const result = survey.outcome(engine, kernel);
  if (result === undefined || 'failure' in result) {
    return undefined;
  }
  const { run, median: measurement } = result;
  const counts = survey.subjects
    .map((subject) => survey.outcome(subject.engine, kernel))
    .map((other) =>
      other !== undefined && 'run' in other && other.run === run
        ? other.median.instructions
        : undefined,
    );
  const instructions = counts.find(isNumber) ?? run.instructions;
  return instructions / measurement.seconds / 1e6;
}

/** Acts of the hypervisor, in columns of those that are one. */
function loopTable(survey: Survey, kind: 'loop' | 'act'): string | undefined {
  const loops = survey.benchmarks.filter((benchmark) => benchmark.kind === kind);
  const engines = survey.subjects
    .map(({ engine }) => engine)
    .filter(({ isHypervisor }) => isHypervisor || kind === 'loop');
  if (loops.length === 0 || engines.length === 0) {
    return undefined;
  }
  const nanoseconds = (engine: Engine, loop: Benchmark) => {
    const result = survey.outcome(engine, loop);
    return result === undefined || 'failure' in result
      ? undefined
      : (result.median.seconds / result.run.scale) * 1e9;
  };
  return markdownTable([
    ['', ...engines.map(({ title }) => title)],
    ...loops.map((loop) => [
      loop.title,
      ...engines.map((engine) => {
        const value = nanoseconds(engine, loop);
        return shown(value, value !== undefined && value < 100 ? 1 : 0);
      }),
    ]),
  ]);
}

function propertyTable(survey: Survey): string {
  const measurements = (engine: Engine): Measurement[] =>
    survey.benchmarks.flatMap((benchmark) => {
      const result = survey.outcome(engine, benchmark);
      return result !== undefined && 'median' in result ? [result.median] : [];
    });
  const start = (engine: Engine) => {
    const middle = median(measurements(engine), ({ startSeconds }) => startSeconds);
    return middle && middle.startSeconds * 1000;
  };
  const memory = (engine: Engine) => {
    const peaks = measurements(engine)
      .map(({ peakBytes }) => peakBytes)
      .filter(isNumber);
    return peaks.length === 0 ? undefined : (Math.max(...peaks) - MEMORY_SIZE) / MEGABYTE;
  };
  const row = (title: string, value: (engine: Engine) => number | undefined) => [
    title,
    ...survey.subjects.map(({ engine }) => shown(value(engine), 0)),
  ];
  return markdownTable([
    ['', ...survey.subjects.map(({ engine }) => engine.title)],
    ['single step, ns', ...survey.subjects.map(({ singleStep }) => shown(singleStep, 1))],
    row('start of the process to first guest instruction, ms', start),
    row('most memory beyond the guest’s, MB', memory),
    ['start of the process to GRUB’s prompt, s', ...prompts(survey, ({ seconds }) => seconds)],
    ['instructions to it, millions', ...prompts(survey, ({ instructions }) => instructions / 1e6)],
  ]);
}

function prompts({ subjects }: Survey, value: (start: GrubStart) => number): string[] {
  return subjects.map(({ grub }) => shown(grub && value(grub), 2));
}

function quotient(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b;
}

function shown(value: number | undefined, decimals: number): string {
  return value === undefined || !Number.isFinite(value) ? NOTHING : value.toFixed(decimals);
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined;
}
