/** What executes decoded instructions. */

import type { Processor } from './processor.ts';

export interface Engine {
  /**
   * Executes instructions from a record on, at most `budget`, which is also in the state and may
   * be shortened there. Answers the record that is next; the state says what is left and why it
   * ended.
   */
  run(record: number, budget: number): number;
}

export type EngineMaker = (processor: Processor) => Engine;
