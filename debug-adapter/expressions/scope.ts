/**
 * What an expression needs to know of the place that it is evaluated at.
 *
 * Whoever stops the guest provides it: names from debug information, registers of a frame, memory
 * as the guest sees it. Addresses are the guest's virtual ones, 32 bits, unsigned.
 */

import type { CType } from '../symbols/c-type.ts';
import type { Bits } from './scalar-bytes.ts';

export type Location =
  /** An object in memory. In conditions `address` is asked again at each hit, so it may be a getter. */
  | { readonly kind: 'memory'; readonly address: number }
  /** Held elsewhere; `write` takes all bytes of the value, and throws a sentence when it cannot. */
  | { readonly kind: 'register'; readonly write?: (bytes: Uint8Array) => void }
  /** A result, or a constant. */
  | { readonly kind: 'none' };

/** A typed piece of the guest, or a result. */
export interface Value {
  readonly kind: 'value';
  readonly type: CType;
  readonly location: Location;
  /**
   * Known bytes, as long as the type. What is in memory has none, and is read when it is needed;
   * what is not in memory and has none either is optimized out. In conditions asked at each hit.
   */
  readonly bytes?: Uint8Array | undefined;
  /** The same as `bytes`, unsigned, where these are four: a quick way to registers. May be a getter. */
  readonly word?: number;
  /** Of a bit-field: `location` and `bytes` are those from the byte that its lowest bit lies in. */
  readonly bits?: Bits | undefined;
}

/** A result with a structure of its own, as functions of the host give it. */
export interface Tree {
  readonly kind: 'tree';
  /** One line. */
  readonly summary: string;
  /** Asked for when someone looks. Names are unique. */
  children(): readonly { readonly name: string; readonly value: Result }[];
  /** What it counts as in arithmetic; without one it has no number. */
  readonly value?: Value | undefined;
}

export type Result = Value | Tree;

export interface HostParameter {
  readonly name: string;
  /** What the argument is turned into: a number (64 bits if safe), a text, or the value as it is. */
  readonly kind: 'number' | 'text' | 'value';
  readonly isOptional?: boolean;
}

export type HostArgument = number | string | Result;

/** A function that the debugger offers to expressions, like `evtchn(3)`. It changes nothing. */
export interface HostFunction {
  readonly name: string;
  readonly parameters: readonly HostParameter[];
  /** One sentence, for completion. */
  readonly summary?: string;
  /** Gets at most as many arguments as there are parameters; throws a sentence when it cannot. */
  call(args: readonly HostArgument[]): Result;
}

export interface Memory {
  /** `undefined`: not all of it can be read. Never longer than 64 KiB. */
  read(address: number, length: number): Uint8Array | undefined;
  /** A quick way to one unsigned word anywhere; `undefined`: it cannot be read. */
  read32?(address: number): number | undefined;
  /** Throws a sentence when not all of it can be written. */
  write(address: number, bytes: Uint8Array): void;
}

export interface ScopeName {
  readonly name: string;
  readonly kind: 'variable' | 'register' | 'function' | 'type';
}

export interface ExpressionScope {
  /** Variables, functions (`type` is a function's, `location` its code) and enumerators. */
  variable(name: string): Value | undefined;
  /** `u32`, `struct task`, `union u`, `enum state`. */
  typeNamed(name: string): CType | undefined;
  /** `eax` for `$eax`. */
  register(name: string): Value | undefined;
  function(name: string): HostFunction | undefined;
  readonly memory: Memory;
  /** `name+0x10`, or `undefined` far from all symbols. */
  symbolAt(address: number): string | undefined;
  /** For completion: names that begin so, registers without `$`. */
  names?(prefix: string): Iterable<ScopeName>;
}

/** For `parseExpression`: names that are types here and that no variable hides. */
export function typeNamesOf(
  scope: Pick<ExpressionScope, 'typeNamed' | 'variable'>,
): (name: string) => boolean {
  return (name) => scope.typeNamed(name) !== undefined && scope.variable(name) === undefined;
}
