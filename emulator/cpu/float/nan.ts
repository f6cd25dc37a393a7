// SPDX-License-Identifier: MIT
/**
 * Which NaN comes out when NaNs go in.
 *
 * The two units disagree. The x87 prefers a quiet operand over a signaling one, then the larger
 * significand, then the positive sign; SSE takes its first operand, whatever the other is
 * (SDM 1 table 4-7). A signaling NaN is invalid to both, and leaves quieted.
 */
import { type FloatContext, IE } from './context.ts';
import { INDEFINITE, isSignaling, quiet, type Real } from './real.ts';

export type NanRule = (a: Real, b: Real, context: FloatContext) => Real;

/** Whether an operand keeps an operation from computing: a NaN, or no number at all. */
export function isNan(value: Real): boolean {
  return value.kind === 'nan' || value.kind === 'unsupported';
}

/** The indefinite NaN and IE. */
export function invalid(context: FloatContext): Real {
  context.flags |= IE;
  return INDEFINITE;
}

export const x87Nan: NanRule = (a, b, context) => {
  if (a.kind === 'unsupported' || b.kind === 'unsupported') return invalid(context);
  const aSignals = isSignaling(a);
  const bSignals = isSignaling(b);
  if (aSignals || bSignals) context.flags |= IE;
  if (b.kind !== 'nan') return quiet(a);
  if (a.kind !== 'nan') return quiet(b);
  if (aSignals !== bSignals) return quiet(aSignals ? b : a);
  if (a.significand !== b.significand) return quiet(a.significand > b.significand ? a : b);
  return quiet(a.negative ? b : a);
};

export const sseNan: NanRule = (a, b, context) => {
  if (isSignaling(a) || isSignaling(b)) context.flags |= IE;
  return quiet(a.kind === 'nan' ? a : b);
};
