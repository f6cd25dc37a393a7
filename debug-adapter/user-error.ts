/** What a user asked for and cannot have: a sentence that says what, where and what to do. */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** Whether it is worth a window of its own; else it is shown where the user asked. */
  readonly isShown: boolean;

  constructor(sentence: string, isShown = false) {
    super(sentence);
    this.isShown = isShown;
  }
}
