/**
 * Functions of TypeScript that bodies may call: what is too long or too rare for generated code.
 *
 * A native faults by throwing `FAULT` after it has told the processor which fault; it must not
 * have changed anything by then.
 */

import type { Processor } from './processor.ts';

export interface Native {
  /** Unique among natives: the name of the import. */
  readonly name: string;
  readonly parameters: number;
  readonly run: (cpu: Processor, ...values: number[]) => number | undefined | void;
}

/** Declares a native; its parameters are all but the first of `run`. */
export function native(
  name: string,
  run: (cpu: Processor, ...values: number[]) => number | undefined | void,
): Native {
  return { name, parameters: run.length - 1, run };
}

/** Thrown, as data, to leave a native when the guest has faulted. */
export const FAULT: unique symbol = Symbol('fault');
