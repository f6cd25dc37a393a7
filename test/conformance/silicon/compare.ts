/** Compares our processor with the host's, case by case, and tells what differs. */

import { instructionSet } from '../../../emulator/cpu/instruction-set.ts';
import { UsageError } from '../usage.ts';
import { Comparison, type Difference, instanceOf } from './comparison.ts';
import { CaseGenerator } from './generator.ts';
import { runOnSilicon } from './host.ts';
import { OurProcessor } from './ours.ts';
import { caseLines, caseOfToken, resultLines, tokenOf } from './replay.ts';
import { TEST_LDT } from './segments.ts';
import { hostVendor } from './vendors.ts';
import type { SiliconResult } from './wire.ts';

export interface SiliconOptions {
  readonly cases: number;
  readonly seed: number;
  readonly only?: string;
  readonly skip?: string;
  /** One case, in place of random ones, and everything about it. */
  readonly replay?: string;
  readonly print: (line: string) => void;
}

/** So many differences of one kind are printed each; the others are counted. */
const SHOWN = 2;

/** Differences by what they have in common: the form and the parts of the result. */
class Report {
  readonly #print: (line: string) => void;
  readonly #counts = new Map<string, number>();
  total = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  add(host: SiliconResult, differences: readonly Difference[]): void {
    const { subject } = host;
    this.total++;
    const decoded = instanceOf(instructionSet.map, subject)?.decoded;
    const form =
      decoded === undefined
        ? 'undecodable'
        : `${decoded.entry.instruction.mnemonic} [${decoded.entry.encoding.text}] size ${decoded.size}`;
    const end = host.outcome === 'fault' ? `vector ${host.vector}` : host.outcome;
    const kind = `${form}, ${end}: ${differences.map(({ part }) => part).join(', ')}`;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count <= SHOWN) {
      const parts = differences.map(({ part, host, ours }) => `${part} ${host} != ${ours}`);
      this.#print(`${form}, ${end}: ${parts.join('; ')} --replay ${tokenOf(subject)}`);
    }
  }

  summarize(): void {
    const sorted = [...this.#counts].sort(([, a], [, b]) => b - a);
    for (const [kind, count] of sorted) {
      this.#print(`${String(count).padStart(8)}  ${kind}`);
    }
  }
}

/** Answers the number of differences. */
export async function compareSilicon(options: SiliconOptions): Promise<number> {
  const { print, replay } = options;
  if (replay !== undefined) {
    return await replayOne(replay, print);
  }
  const began = process.hrtime.bigint();
  const generator = new CaseGenerator(instructionSet.map, options.seed, options);
  const ours = new OurProcessor();
  const comparison = new Comparison(instructionSet.map, hostVendor());
  const report = new Report(print);
  let cases = 0;
  for await (const host of runOnSilicon(generator.cases(options.cases), TEST_LDT)) {
    cases++;
    const differences = comparison.differences(host, ours.run(host.subject));
    if (differences.length > 0) {
      report.add(host, differences);
    }
  }
  report.summarize();
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  print(
    `${generator.entries.length} encodings, seed ${options.seed}, ${Math.round(cases / seconds)} cases a second`,
  );
  print(`${cases} cases, ${report.total} differences`);
  return report.total;
}

async function replayOne(token: string, print: (line: string) => void): Promise<number> {
  const subject = caseOfToken(token);
  if (subject === undefined) {
    throw new UsageError('The word after --replay is no case.');
  }
  const ours = new OurProcessor().run(subject);
  const hosts: SiliconResult[] = [];
  for await (const result of runOnSilicon([subject], TEST_LDT)) {
    hosts.push(result);
  }
  const host = hosts[0] as SiliconResult;
  const differences = new Comparison(instructionSet.map, hostVendor()).differences(host, ours);
  const section = (title: string, lines: readonly string[]): void => {
    print(`${title}:`);
    for (const line of lines) {
      print(`  ${line}`);
    }
  };
  section('case', caseLines(subject));
  section('host', resultLines(host));
  section('ours', resultLines(ours));
  for (const { part, host: theirs, ours: mine } of differences) {
    print(`${part}: ${theirs} != ${mine}`);
  }
  print(`1 cases, ${differences.length > 0 ? 1 : 0} differences`);
  return differences.length > 0 ? 1 : 0;
}
