/** What devices refused or found broken, for the user to see: nothing fails silently. */

export interface Journal {
  /**
   * A misbehaving guest may cause any number of entries: whoever keeps them keeps a bounded number.
   */
  record(entry: JournalEntry): void;
}

export interface JournalEntry {
  readonly kind: JournalKind;

  /** The guest's. */
  readonly domain: number;

  /** As in xenstore: `vbd/51712`, `console/0`. */
  readonly device: string;

  /** A sentence that says what happened. */
  readonly text: string;
}

/**
 * - `ring broken`: indices or layout on a shared page make no sense;
 * - `request refused`: one request was answered with a failure;
 * - `connection refused`: a front-end wrote parameters that cannot be served;
 * - `host failed`: what stands behind the device failed.
 */
export type JournalKind = 'ring broken' | 'request refused' | 'connection refused' | 'host failed';
