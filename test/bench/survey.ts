/** Runs every benchmark on every emulator and keeps the medians. */

import type { Benchmark, Run } from './benchmarks.ts';
import type { Engine, GrubStart, Measurement } from './engine.ts';

export interface Subject {
  readonly engine: Engine;
  readonly version: string;

  /** Nanoseconds; `undefined` where nobody asks. */
  readonly singleStep: number | undefined;

  /** `undefined` where there is no hypervisor or no GRUB. */
  readonly grub: GrubStart | undefined;
}

/** How a benchmark went on an emulator. */
export type Outcome =
  | { readonly run: Run; readonly median: Measurement }
  | { readonly failure: string };

export interface Survey {
  readonly subjects: readonly Subject[];
  readonly benchmarks: readonly Benchmark[];
  outcome(engine: Engine, benchmark: Benchmark): Outcome | undefined;
}

export interface Plan {
  readonly engines: readonly Engine[];
  readonly benchmarks: readonly Benchmark[];
  readonly isQuick: boolean;
  readonly repetitions: number;
  readonly hasGrub: boolean;

  /** Hears of each run before it starts. */
  progress(done: number, total: number, what: string): void;
}

interface Cell {
  readonly engine: Engine;
  readonly benchmark: Benchmark;
  readonly run: Run;
  readonly repetitions: number;
  readonly measurements: Measurement[];
  failure: string | undefined;
}

export async function survey(plan: Plan): Promise<Survey> {
  const cells = plan.benchmarks.flatMap((benchmark) =>
    plan.engines
      .filter(({ isHypervisor }) => isHypervisor || benchmark.kind !== 'act')
      .map((engine) => emptyCell(plan, engine, benchmark)),
  );
  await fill(plan, cells);
  const subjects: Subject[] = [];
  for (const engine of plan.engines) {
    const singleStep = await engine.singleStep?.();
    const grub = plan.hasGrub ? await engine.grub?.() : undefined;
    subjects.push({ engine, version: engine.version(), singleStep, grub });
  }
  return {
    subjects,
    benchmarks: plan.benchmarks,
    outcome: (engine, benchmark) => {
      const cell = cells.find((one) => one.engine === engine && one.benchmark === benchmark);
      return cell === undefined ? undefined : outcomeOf(cell);
    },
  };
}

/** The middle one, of an even number the lower of the two. */
export function median<T>(values: readonly T[], by: (value: T) => number): T | undefined {
  const sorted = [...values].sort((a, b) => by(a) - by(b));
  return sorted[(sorted.length - 1) >> 1];
}

function emptyCell(plan: Plan, engine: Engine, benchmark: Benchmark): Cell {
  const isShort = plan.isQuick || engine.isInterpreter;
  return {
    engine,
    benchmark,
    run: isShort ? benchmark.short : benchmark.long,
    repetitions: engine.isInterpreter ? 1 : plan.repetitions,
    measurements: [],
    failure: undefined,
  };
}

/** Emulators take turns, so that what else the machine does meets all of them alike. */
async function fill(plan: Plan, cells: readonly Cell[]): Promise<void> {
  const total = cells.reduce((sum, cell) => sum + cell.repetitions, 0);
  let done = 0;
  for (const benchmark of plan.benchmarks) {
    for (let repetition = 0; repetition < plan.repetitions; repetition++) {
      for (const cell of cells) {
        if (cell.benchmark === benchmark && repetition < cell.repetitions) {
          plan.progress(done, total, `${benchmark.name} on ${cell.engine.title}`);
          await runOnce(cell);
          done += 1;
        }
      }
    }
  }
}

async function runOnce(cell: Cell): Promise<void> {
  const { engine, benchmark, run } = cell;
  if (cell.failure !== undefined) {
    return;
  }
  try {
    const measurement = await engine.run(benchmark.name, run.scale);
    if (measurement.checksum === run.checksum) {
      cell.measurements.push(measurement);
    } else {
      cell.failure = `computed ${measurement.checksum} instead of ${run.checksum}`;
    }
  } catch (error) {
    cell.failure = error instanceof Error ? error.message : String(error);
  }
}

function outcomeOf(cell: Cell): Outcome {
  const { engine, benchmark, run, failure } = cell;
  const measurement = median(cell.measurements, ({ seconds }) => seconds);
  if (failure !== undefined || measurement === undefined) {
    return { failure: `${benchmark.name} on ${engine.title}: ${failure ?? 'was not run'}` };
  }
  return { run, median: measurement };
}
