/** What the probe guest prints, and what it is to print. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { guestsFolder } from './build.ts';

/** What real Xen answers, and the recording that says so. */
export interface Fact {
  readonly value: string;
  readonly recording: string;
}

/**
 * By name, what a domain other than the first with one vCPU is told. What belongs to one machine
 * (frame numbers, rates, the processor's model) is not among them but as a relation.
 */
export function probeFacts(): Readonly<Record<string, Fact>> {
  return JSON.parse(readFileSync(join(guestsFolder(), 'probe/facts.json'), 'utf8'));
}

/** The facts in a guest's output, by name. */
export function factsOf(output: string): Map<string, string> {
  const lines = output.matchAll(/^fact (\S+) = (.*?)\r?$/gm);
  return new Map([...lines].map(([, name = '', value = '']) => [name, value]));
}

/** Each fact that the output lacks or has otherwise, as a line for a person. */
export function wrongFacts(output: string): string[] {
  const printed = factsOf(output);
  return Object.entries(probeFacts())
    .filter(([name, { value }]) => printed.get(name) !== value)
    .map(
      ([name, { value, recording }]) =>
        `${name} = ${printed.get(name) ?? '(not printed)'}; real Xen: ${value} (${recording})`,
    );
}
