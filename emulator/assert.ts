/** What is thrown when the emulator itself is wrong; never for a guest's or a user's mistake. */
export class Defect extends Error {
  override readonly name = 'Defect';
}

/** Stops with a `Defect` when our own reasoning fails. On in release builds too. */
export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) {
    throw new Defect(sentence);
  }
}

/** The value, which our own reasoning says is there. */
export function present<T>(value: T | undefined, what: string): T {
  assert(value !== undefined, `${what} is missing`);
  return value;
}
