/**
 * Functions of TypeScript that bodies may call: what is too long or too rare for generated code.
 *
 * A native faults by throwing `FAULT` after it has told the processor which fault, or by telling it
 * and returning; it must not have changed anything by then.
 */

import { assert, present } from '../assert.ts';
import type { Processor } from './processor.ts';

/** Answers a 32-bit value, if any; the values it gets are signed. */
// biome-ignore lint/suspicious/noConfusingVoidType: a native without an answer is an ordinary procedure
type Run = (cpu: Processor, ...values: number[]) => number | undefined | void;

export interface Native {
  /** Unique among natives: the name of the import. */
  readonly name: string;
  readonly parameters: number;
  readonly run: Run;
}

/** All natives by name: complete when the modules that declare them are loaded, constant then. */
const declared = new Map<string, Native>();

/** Declares a native; its parameters are all but the first of `run`. */
export function native(name: string, run: Run): Native {
  assert(!declared.has(name), `two natives are named ${name}`);
  const made = { name, parameters: run.length - 1, run };
  declared.set(name, made);
  return made;
}

export function nativeNamed(name: string): Native {
  return present(declared.get(name), `native ${name}`);
}

/** Thrown, as data, to leave a native when the guest has faulted. */
export const FAULT: unique symbol = Symbol('fault');
