/** Numbers by which a client asks again for what it was shown; they are good until the next stop. */

export class Handles<T> {
  readonly #values = new Map<number, T>();
  #next: number;

  /** @param first the first number, so that numbers of different kinds differ */
  constructor(first = 1) {
    this.#next = first;
  }

  add(value: T): number {
    const number = this.#next++;
    this.#values.set(number, value);
    return number;
  }

  at(number: number): T | undefined {
    return this.#values.get(number);
  }

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  /** Forgets all; numbers are not used again. */
  clear(): void {
    this.#values.clear();
  }
}
