// SPDX-License-Identifier: MIT
/**
 * RCPPS and RSQRTPS: quick guesses, by definition not exact.
 *
 * The manual bounds the relative error by 1.5 × 2^-12 and leaves the bits to the maker, so that
 * processors differ. This one gives twelve bits of significand, rounded from the true value: an
 * error below 2^-12 on every machine that runs it. Neither instruction raises a flag, reads
 * MXCSR, or knows denormals: they are zeroes as operands and as results (SDM 2, RCPPS, RSQRTPS).
 */
const value = new Float32Array(1);
const bits = new Uint32Array(value.buffer);

const INFINITY = 0x7f80_0000;
const QUIET_BIT = 0x40_0000;
const INDEFINITE = 0xffc0_0000;
const SIGN = 0x8000_0000;

/** RCPSS of one lane. */
export function approximateReciprocal(pattern: number): number {
  const sign = pattern & SIGN;
  const magnitude = pattern & 0x7fff_ffff;
  if (magnitude > INFINITY) return (pattern | QUIET_BIT) >>> 0;
  if (magnitude < 0x80_0000) return (sign | INFINITY) >>> 0;
  if (magnitude === INFINITY) return sign >>> 0;
  return (sign | shortened(1 / numberOf(magnitude))) >>> 0;
}

/** RSQRTSS of one lane. */
export function approximateReciprocalRoot(pattern: number): number {
  const sign = pattern & SIGN;
  const magnitude = pattern & 0x7fff_ffff;
  if (magnitude > INFINITY) return (pattern | QUIET_BIT) >>> 0;
  if (magnitude < 0x80_0000) return (sign | INFINITY) >>> 0;
  if (sign !== 0) return INDEFINITE;
  if (magnitude === INFINITY) return 0;
  return shortened(1 / Math.sqrt(numberOf(magnitude)));
}

function numberOf(pattern: number): number {
  bits[0] = pattern;
  return value[0] ?? 0;
}

/** The bits of a positive number rounded to twelve bits of significand; 0 for a denormal. */
function shortened(number: number): number {
  value[0] = number;
  const pattern = bits[0] ?? 0;
  if (pattern < 0x80_0000) return 0;
  return (pattern + 0x800) & 0x7fff_f000;
}
