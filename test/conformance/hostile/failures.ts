/** What went wrong, as the suite prints it. */

const MOST = 10;

export class Failures {
  readonly #print: (line: string) => void;
  readonly #again: string;
  count = 0;

  /** @param again the command that shows the same failures */
  constructor(print: (line: string) => void, again: string) {
    this.#print = print;
    this.#again = again;
  }

  get isEnough(): boolean {
    return this.count >= MOST;
  }

  note(what: string, error: unknown): void {
    this.count++;
    this.#print(`${what}; again: ${this.#again}`);
    this.#print(`  ${error instanceof Error ? error.stack : String(error)}`);
  }
}

/** Carries something out, and notes what it throws and that it took too long. */
export function guarded(failures: Failures, what: string, act: () => void): void {
  const start = process.cpuUsage();
  try {
    act();
    const { user, system } = process.cpuUsage(start);
    if (user + system > LONGEST) {
      throw new Error(`It took ${(user + system) / 1e6} s.`);
    }
  } catch (error) {
    failures.note(what, error);
  }
}

/** Of processor time, in microseconds: nothing here is long. */
const LONGEST = 20_000_000;
