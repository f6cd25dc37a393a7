/** How often each call had which outcome, and which of them never did what it is for. */

import { ERRNO } from '../../../emulator/abi/errno.ts';
import { nameOf } from '../../../emulator/abi/names.ts';

/** Errnos end here; what is below is an answer. */
const LAST_ERRNO = -4095;

export class Outcomes {
  readonly #counts = new Map<string, Map<string, number>>();

  count(name: string, outcome: string): void {
    let row = this.#counts.get(name);
    if (row === undefined) {
      row = new Map();
      this.#counts.set(name, row);
    }
    row.set(outcome, (row.get(outcome) ?? 0) + 1);
  }

  /** Names of calls that were made and never succeeded. */
  get failures(): string[] {
    return [...this.#counts]
      .filter(([, row]) => !row.has('ok'))
      .map(([name]) => name)
      .sort();
  }

  /** A line for each call: its outcomes, the most frequent first. */
  lines(): string[] {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, row]) => {
        const outcomes = [...row].sort(([, a], [, b]) => b - a);
        return `${name.padEnd(44)} ${outcomes.map(([what, n]) => `${what} ${n}`).join(', ')}`;
      });
  }
}

/** An answer as a word: `ok`, or the name of an errno. */
export function wordFor(answer: number): string {
  return answer < 0 && answer > LAST_ERRNO ? (nameOf(ERRNO, -answer) ?? `errno ${-answer}`) : 'ok';
}
