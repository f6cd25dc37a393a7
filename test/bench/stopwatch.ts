/**
 * Listens to what the guest prints and takes the time.
 *
 * The guest says "S" when it starts, "B name" before and "E name checksum" after the benchmark.
 * Other lines are an emulator's own, which shares the channel.
 */

/** Something that only grows, read at the beginning and at the end. */
export interface Counters {
  seconds(): number;
  instructions?(): number;
}

export interface Timing {
  readonly name: string;
  readonly checksum: string;
  readonly seconds: number;
  readonly instructions: number | undefined;

  /** When the guest first gave a sign, in milliseconds since 1970. */
  readonly startedAt: number;
}

interface Sample {
  readonly seconds: number;
  readonly instructions: number | undefined;
}

const NEWLINE = 10;

/** A host clock with a fraction of a millisecond, comparable between processes. */
export function milliseconds(): number {
  return performance.timeOrigin + performance.now();
}

export class Stopwatch {
  /** What it was, as soon as the guest has said its last. */
  readonly finished: Promise<Timing>;
  readonly #counters: Counters;
  #resolve: (timing: Timing) => void = () => {};
  #line = '';
  #startedAt = Number.NaN;
  #begin: Sample | undefined;

  constructor(counters: Counters) {
    this.#counters = counters;
    this.finished = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Takes the next byte that the guest has printed; true when that was the last. */
  write(byte: number): boolean {
    if (byte !== NEWLINE) {
      this.#line += String.fromCharCode(byte);
      return false;
    }
    const [letter, name = '', checksum = ''] = this.#line.trim().split(' ');
    this.#line = '';
    switch (letter) {
      case 'S':
        this.#startedAt = milliseconds();
        return false;
      case 'B':
        this.#begin = this.#sample();
        return false;
      case 'E':
        return this.#end(name, checksum);
      default:
        return false;
    }
  }

  #end(name: string, checksum: string): boolean {
    const begin = this.#begin;
    if (begin === undefined || !/^[0-9a-f]{8}$/.test(checksum)) {
      return false;
    }
    const end = this.#sample();
    this.#resolve({
      name,
      checksum,
      seconds: end.seconds - begin.seconds,
      instructions:
        end.instructions === undefined || begin.instructions === undefined
          ? undefined
          : end.instructions - begin.instructions,
      startedAt: this.#startedAt,
    });
    return true;
  }

  #sample(): Sample {
    return {
      seconds: this.#counters.seconds(),
      instructions: this.#counters.instructions?.(),
    };
  }
}
