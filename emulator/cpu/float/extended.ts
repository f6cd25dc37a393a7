// SPDX-License-Identifier: MIT
/**
 * The 80-bit format of the x87 registers: sign, 15 bits of exponent, 64 of significand.
 *
 * Unlike in the other formats the leading bit is stored, so there are encodings in which it
 * contradicts the exponent. Exponent 0 with the bit set (a pseudo-denormal) still counts as a
 * number; a clear bit with any other exponent is unsupported and invalid in every operation that
 * computes (SDM 1 §8.2.2).
 */
import {
  finite,
  INDEFINITE,
  INTEGER_BIT,
  infinity,
  nan,
  order,
  type Real,
  shifted,
  UNSUPPORTED,
  zero,
} from './real.ts';
import { EXTENDED } from './rounding.ts';

/** The ten bytes, most significant first: sign with biased exponent, then the significand. */
export interface Float80 {
  /** 16 bits: the sign above a biased exponent. */
  signExponent: number;
  high: number;
  low: number;
}

const BIAS = 16383;
const SPECIAL = 0x7fff;

export function float80(signExponent = 0, high = 0, low = 0): Float80 {
  return { signExponent, high, low };
}

export function decodeExtended(value: Float80): Real {
  const { signExponent, high, low } = value;
  const negative = signExponent >= 0x8000;
  const biased = signExponent & 0x7fff;
  if ((high | low) === 0 && biased === 0) return zero(negative);
  if (high < 0x8000_0000 && biased !== 0) return UNSUPPORTED;
  const significand = (BigInt(high) << 32n) | BigInt(low);
  if (biased === SPECIAL) {
    return significand === INTEGER_BIT ? infinity(negative) : nan(negative, significand);
  }
  const exponent = (biased === 0 ? 1 : biased) - BIAS - 63;
  return finite(negative, exponent, significand, biased === 0);
}

/** Packs a value that `round` has brought into range. */
export function encodeExtended(value: Real, target: Float80): void {
  const sign = value.negative ? 0x8000 : 0;
  switch (value.kind) {
    case 'zero':
      write(target, sign, 0n);
      break;
    case 'infinity':
    case 'nan':
      write(target, sign | SPECIAL, value.significand);
      break;
    case 'unsupported':
      encodeExtended(INDEFINITE, target);
      break;
    case 'finite': {
      const leading = order(value);
      const top = Math.max(leading, EXTENDED.minimum);
      const biased = leading < EXTENDED.minimum ? 0 : leading + BIAS;
      write(target, sign | biased, shifted(value.significand, value.exponent - (top - 63)));
      break;
    }
  }
}

function write(target: Float80, signExponent: number, significand: bigint): void {
  target.signExponent = signExponent;
  target.high = Number(significand >> 32n);
  target.low = Number(significand & 0xffff_ffffn);
}
