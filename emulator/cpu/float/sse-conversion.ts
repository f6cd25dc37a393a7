// SPDX-License-Identifier: MIT
/**
 * The CVT instructions of SSE and SSE2, lane by lane.
 *
 * A conversion to an integer never mentions denormals, not even in the flags; one between the
 * floating-point formats does. From 32-bit integers only binary32 can be inexact
 * (SDM 1 §11.5.2, table 11-1).
 */
import { encodeDouble, encodeSingle, type Float64 } from './binary.ts';
import { blocks, type FloatContext, type Rounding } from './context.ts';
import { narrow, toInteger, widen } from './conversion.ts';
import { doubleOperand } from './double.ts';
import { INDEFINITE, integer } from './real.ts';
import { DOUBLE, SINGLE } from './rounding.ts';
import { singleOperand } from './single.ts';

/** CVTSS2SD, CVTPS2PD. */
export function singleToDouble(bits: number, target: Float64, context: FloatContext): void {
  encodeDouble(widen(singleOperand(bits, context), context), target);
}

/** CVTSD2SS, CVTPD2PS. */
export function doubleToSingle(lane: Float64, context: FloatContext): number {
  const value = widen(doubleOperand(lane, context), context);
  return encodeSingle(blocks(context) ? INDEFINITE : narrow(value, SINGLE, context));
}

/** CVTSI2SS, CVTDQ2PS, CVTPI2PS. */
export function int32ToSingle(value: number, context: FloatContext): number {
  return encodeSingle(narrow(integer(BigInt(value | 0)), SINGLE, context));
}

/** CVTSI2SD, CVTDQ2PD, CVTPI2PD: always exact. */
export function int32ToDouble(value: number, target: Float64, context: FloatContext): void {
  encodeDouble(narrow(integer(BigInt(value | 0)), DOUBLE, context), target);
}

/** CVTSS2SI, CVTPS2DQ; CVTTSS2SI, CVTTPS2DQ with rounding towards zero. Unsigned 32 bits. */
export function singleToInt32(bits: number, rounding: Rounding, context: FloatContext): number {
  return Number(toInteger(singleOperand(bits, context), 32, rounding, context)) >>> 0;
}

/** CVTSD2SI, CVTPD2DQ; CVTTSD2SI, CVTTPD2DQ with rounding towards zero. Unsigned 32 bits. */
export function doubleToInt32(lane: Float64, rounding: Rounding, context: FloatContext): number {
  return Number(toInteger(doubleOperand(lane, context), 32, rounding, context)) >>> 0;
}
