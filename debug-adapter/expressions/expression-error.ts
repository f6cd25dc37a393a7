/** What is wrong with an expression, or what kept it from a value: the only thing evaluation throws. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';

  /** Where in the text of the expression, from 0. */
  readonly position: number;

  constructor(position: number, sentence: string) {
    super(sentence);
    this.position = position;
  }
}

/** Runs what others wrote; what it throws becomes an error at a place of the expression. */
export function askedAt<Answer>(position: number, ask: () => Answer): Answer {
  try {
    return ask();
  } catch (error) {
    if (error instanceof ExpressionError) {
      throw error;
    }
    throw new ExpressionError(position, error instanceof Error ? error.message : String(error));
  }
}
