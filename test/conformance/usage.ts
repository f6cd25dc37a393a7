/** Command lines of the conformance suites. */

/** A mistake in the command line, in words for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A number that is not negative, as an option's value; undefined if the option was not given. */
export function natural(text: string | undefined, option: string): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new UsageError(`${option} takes a number that is not negative, not "${text}".`);
  }
  return value;
}
