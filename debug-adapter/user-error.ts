/** What a user asked for and cannot have: a sentence that says what, where and what to do. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
