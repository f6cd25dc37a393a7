// SPDX-License-Identifier: MIT
/**
 * What an arithmetic operation reads from, and reports to, its control and status words.
 *
 * One record serves the x87 (control and status word) and SSE (MXCSR), whose six exceptions
 * have the same names, order and bits. Operations only ever *add* to `flags`: the caller clears
 * it before an instruction, looks at `blocks` before it writes a result, and merges the flags
 * into the sticky ones afterwards (SDM 1 §8.4, §11.5).
 */

/** Exceptions, at their bits in the x87 status word and in MXCSR. */
export const IE = 0x01;
export const DE = 0x02;
export const ZE = 0x04;
export const OE = 0x08;
export const UE = 0x10;
export const PE = 0x20;

/** Rounding, as encoded in the RC fields. */
export const NEAREST = 0;
export const DOWN = 1;
export const UP = 2;
export const TOWARD_ZERO = 3;
export type Rounding = typeof NEAREST | typeof DOWN | typeof UP | typeof TOWARD_ZERO;

/** Bits in an x87 significand after add, subtract, multiply, divide and square root. */
export type Precision = 24 | 53 | 64;

export interface FloatContext {
  rounding: Rounding;
  /** Precision control; SSE ignores it. */
  precision: Precision;
  /** Exceptions answered by a default result, at the bits of IE to PE. */
  masks: number;
  /** Exceptions met since the caller last cleared it. */
  flags: number;
  /** Whether the last inexact result was rounded away from zero: C1 of the x87. */
  roundedUp: boolean;
  /** MXCSR.DAZ: denormal operands count as zeroes, without a flag. SSE only. */
  denormalsAreZero: boolean;
  /** MXCSR.FTZ: tiny results become zeroes while underflow is masked. SSE only. */
  flushToZero: boolean;
}

/** A context as FNINIT and a reset MXCSR leave it: nearest, 64 bits, everything masked. */
export function floatContext(settings: Partial<FloatContext> = {}): FloatContext {
  return {
    rounding: NEAREST,
    precision: 64,
    masks: IE | DE | ZE | OE | UE | PE,
    flags: 0,
    roundedUp: false,
    denormalsAreZero: false,
    flushToZero: false,
    ...settings,
  };
}

/**
 * Whether an unmasked exception forbids the operation itself. Invalid, denormal and zero-divide
 * are found before computing: the destination keeps its value and no other flag may follow. In a
 * packed operation one such lane withholds OE, UE and PE of all the others (SDM 1 §11.5.3).
 */
export function blocks(context: FloatContext): boolean {
  return (context.flags & ~context.masks & (IE | DE | ZE)) !== 0;
}

/** Whether FLD leaves its register alone: a denormal gets loaded even when DE is unmasked. */
export function blocksLoad(context: FloatContext): boolean {
  return (context.flags & ~context.masks & IE) !== 0;
}

/** Whether a store to memory, unlike a result for a register, is withheld. */
export function blocksStore(context: FloatContext): boolean {
  return (context.flags & ~context.masks & (IE | OE | UE)) !== 0;
}

/** Whether an unmasked exception is pending: x87 error to report, or SSE #XM and no result. */
export function traps(context: FloatContext): boolean {
  return (context.flags & ~context.masks) !== 0;
}
