import { expect, test } from 'vitest';
import { type Benchmark, benchmarks } from './benchmarks.ts';
import type { Engine, Measurement } from './engine.ts';
import { failures, geometricMean, markdownTable, report } from './report.ts';
import { median, survey } from './survey.ts';

const [list] = benchmarks as [Benchmark];
const loop = benchmarks.find(({ kind }) => kind === 'loop')!;
const act = benchmarks.find(({ kind }) => kind === 'act')!;

/** An emulator that needs so many seconds, one after another, and computes what it should. */
function anEngine(seconds: readonly number[], differences: Partial<Engine & Measurement> = {}) {
  const scales: number[] = [];
  const engine: Engine = {
    name: 'an-engine',
    title: 'an engine',
    isInterpreter: false,
    isHypervisor: false,
    missing: () => undefined,
    version: () => '1.0',
    run: async (name, scale) => {
      const { short, long } = benchmarks.find((benchmark) => benchmark.name === name)!;
      scales.push(scale);
      return {
        seconds: seconds[scales.length - 1]!,
        checksum: (scale === short.scale ? short : long).checksum,
        instructions: undefined,
        startSeconds: 0.25,
        peakBytes: 164 << 20,
        ...differences,
      };
    },
    ...differences,
  };
  return { engine, scales };
}

function surveyOf(engines: readonly Engine[], plan: Partial<Parameters<typeof survey>[0]> = {}) {
  return survey({
    engines,
    benchmarks: [list],
    isQuick: false,
    repetitions: 3,
    hasGrub: true,
    progress: () => {},
    ...plan,
  });
}

const surroundings = { host: 'a host', tellsProcessorTime: true, skipped: ['QEMU, not there.'] };

test('of several runs the median counts', async () => {
  const { engine } = anEngine([3, 1, 2]);
  const result = await surveyOf([engine]);
  expect(result.outcome(engine, list)).toMatchObject({ median: { seconds: 2 } });
});

test('of an even number the lower of the two in the middle counts', () => {
  expect(median([4, 1, 3, 2], (value) => value)).toBe(2);
  expect(median([], Number)).toBeUndefined();
});

test('an interpreter gets one short run', async () => {
  const { engine, scales } = anEngine([1], { isInterpreter: true });
  await surveyOf([engine]);
  expect(scales).toEqual([list.short.scale]);
});

test('a translator gets long runs unless in a hurry', async () => {
  const patient = anEngine([1, 1, 1]);
  await surveyOf([patient.engine]);
  expect(patient.scales).toEqual(Array(3).fill(list.long.scale));
  const hurried = anEngine([1]);
  await surveyOf([hurried.engine], { isQuick: true, repetitions: 1 });
  expect(hurried.scales).toEqual([list.short.scale]);
});

test('a wrong checksum is a failure, and no time is shown', async () => {
  const { engine } = anEngine([1], { checksum: '00000000' });
  const result = await surveyOf([engine]);
  const failure = `list on an engine: computed 00000000 instead of ${list.long.checksum}`;
  expect(failures(result)).toEqual([failure]);
  const text = report(result, surroundings);
  expect(text).toContain(`**Failed:** ${failure}`);
  expect(text).toMatch(/\| list +\| +– \|/);
});

test('an emulator that breaks down is a failure', async () => {
  const { engine } = anEngine([1], { run: () => Promise.reject(new Error('it broke')) });
  expect(failures(await surveyOf([engine]))).toEqual(['list on an engine: it broke']);
});

test('rates come from the instructions that an emulator has counted itself', async () => {
  const { engine } = anEngine([2, 2, 2], { instructions: 6e6 });
  expect(report(await surveyOf([engine]), surroundings)).toMatch(/\| list +\| +3 \|/);
});

test('else from those that are recorded with the image', async () => {
  const { engine } = anEngine([1, 1, 1]);
  const millions = (list.long.instructions / 1e6).toFixed(0);
  expect(report(await surveyOf([engine]), surroundings)).toContain(`${millions} |`);
});

test('a loop is shown in nanoseconds an operation', async () => {
  const { engine } = anEngine([loop.long.scale * 500e-9]);
  const result = await surveyOf([engine], { benchmarks: [loop], repetitions: 1 });
  expect(report(result, surroundings)).toMatch(/ring 0 +\| +500 \|/);
});

test('the last table has single steps, the start, and memory without the guest’s', async () => {
  const { engine } = anEngine([1, 1, 1], { singleStep: () => Promise.resolve(12.34) });
  const text = report(await surveyOf([engine]), surroundings);
  expect(text).toMatch(/single step, ns +\| +12\.3 \|/);
  expect(text).toMatch(/first guest instruction, ms +\| +250 \|/);
  expect(text).toMatch(/most memory .* \| +100 \|/);
});

test('acts of the hypervisor are asked of emulators that are one, and have a table of their own', async () => {
  const bare = anEngine([]);
  const hypervisor = anEngine([act.long.scale * 700e-9], {
    title: 'a hypervisor',
    isHypervisor: true,
  });
  const result = await surveyOf([bare.engine, hypervisor.engine], {
    benchmarks: [act],
    repetitions: 1,
  });
  expect(bare.scales).toEqual([]);
  expect(hypervisor.scales).toEqual([act.long.scale]);
  const text = report(result, surroundings);
  expect(text).toMatch(/hypervisor, nanoseconds each\n\n\| +\| a hypervisor \|/);
  expect(text).toMatch(/null hypercall +\| +700 \|/);
});

test('GRUB’s start is measured where there is GRUB and a hypervisor', async () => {
  const grub = () => Promise.resolve({ seconds: 1.234, instructions: 26e6 });
  const { engine } = anEngine([1, 1, 1], { grub });
  const text = report(await surveyOf([engine]), surroundings);
  expect(text).toMatch(/GRUB’s prompt, s +\| +1\.23 \|/);
  expect(text).toMatch(/instructions to it, millions +\| +26\.00 \|/);
  const without = report(await surveyOf([engine], { hasGrub: false }), surroundings);
  expect(without).toMatch(/GRUB’s prompt, s +\| +– \|/);
});

test('what was left out is named with the reason', async () => {
  expect(report(await surveyOf([]), surroundings)).toContain('Skipped: QEMU, not there.');
});

test('ratios are those of the first emulator to each', async () => {
  const fast = anEngine([1, 1, 1]);
  const slow = anEngine([4, 4, 4], { title: 'a slow engine' });
  const text = report(await surveyOf([fast.engine, slow.engine]), surroundings);
  expect(text).toMatch(/\*\*an engine ÷ this\*\* +\| +1\.00 \| +4\.00 \|/);
});

test('the geometric mean of nothing is nothing', () => {
  expect(geometricMean([1, 100])).toBeCloseTo(10);
  expect(geometricMean([])).toBeUndefined();
});

test('a table has its numbers to the right', () => {
  const rows = [
    ['', 'a'],
    ['long name', '10'],
  ];
  expect(markdownTable(rows)).toBe(
    ['|           |   a |', '| --------- | --: |', '| long name |  10 |'].join('\n'),
  );
});
