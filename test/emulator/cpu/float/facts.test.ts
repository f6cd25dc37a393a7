// SPDX-License-Identifier: MIT
/** What one would not guess about floating point on this processor, a fact a test. */
import { describe, expect, test } from 'vitest';
import {
  approximateReciprocal,
  approximateReciprocalRoot,
} from '../../../../emulator/cpu/float/approximation.ts';
import { arctangent } from '../../../../emulator/cpu/float/arctangent.ts';
import * as arithmetic from '../../../../emulator/cpu/float/arithmetic.ts';
import { decodeSingle } from '../../../../emulator/cpu/float/binary.ts';
import {
  blocks,
  blocksLoad,
  DE,
  DOWN,
  floatContext,
  IE,
  OE,
  PE,
  TOWARD_ZERO,
  UE,
  UP,
  ZE,
} from '../../../../emulator/cpu/float/context.ts';
import {
  narrow,
  narrowForStore,
  toInteger,
  widen,
} from '../../../../emulator/cpu/float/conversion.ts';
import { encodeDecimal } from '../../../../emulator/cpu/float/decimal.ts';
import { logarithm, powerMinusOne } from '../../../../emulator/cpu/float/logarithm.ts';
import { bitLength, INDEFINITE, integer, zero } from '../../../../emulator/cpu/float/real.ts';
import { nearestRemainder, truncatedRemainder } from '../../../../emulator/cpu/float/remainder.ts';
import { SINGLE } from '../../../../emulator/cpu/float/rounding.ts';
import { scale } from '../../../../emulator/cpu/float/scale.ts';
import { divideSingle, multiplySingle } from '../../../../emulator/cpu/float/single.ts';
import { cosine, sine, tangent } from '../../../../emulator/cpu/float/trigonometry.ts';
import { bytesOf, realOf, textOf } from './recorded.ts';

const ONE = integer(1n);
const LARGEST = realOf('7ffe:ffffffffffffffff');
const SMALLEST = realOf('0001:8000000000000000');
const DENORMAL = realOf('0000:0000000000000001');
const UNNORMAL = realOf('4000:0000000000000001');
const SIGNALING = realOf('7fff:a000000000000000');
const QUIET = realOf('ffff:c000000000000001');

describe('x87 arithmetic', () => {
  test('an unsupported encoding beats every NaN and gives the indefinite', () => {
    const context = floatContext();
    expect(arithmetic.add(QUIET, UNNORMAL, arithmetic.x87(context), context)).toBe(INDEFINITE);
    expect(context.flags).toBe(IE);
  });

  test('of a quiet and a signaling NaN the quiet one comes out', () => {
    const context = floatContext();
    const result = arithmetic.add(SIGNALING, QUIET, arithmetic.x87(context), context);
    expect(textOf(result)).toBe('ffff:c000000000000001');
    expect(context.flags).toBe(IE);
  });

  test('SSE takes the first NaN, signaling or not', () => {
    const context = floatContext();
    const result = arithmetic.add(SIGNALING, QUIET, arithmetic.SSE_SINGLE, context);
    expect(textOf(result)).toBe('7fff:e000000000000000');
  });

  test('a denormal divided by zero is a zero-divide and no denormal operand', () => {
    const context = floatContext();
    arithmetic.divide(DENORMAL, zero(false), arithmetic.x87(context), context);
    expect(context.flags).toBe(ZE);
  });

  test('the root of a negative denormal is invalid and no denormal operand', () => {
    const context = floatContext();
    const negative = realOf('8000:0000000000000001');
    arithmetic.squareRoot(negative, arithmetic.x87(context), context);
    expect(context.flags).toBe(IE);
  });

  test('a difference of equals is negative only when rounding down', () => {
    const signs = ([DOWN, UP, TOWARD_ZERO] as const).map((rounding) => {
      const context = floatContext({ rounding });
      return arithmetic.subtract(ONE, ONE, arithmetic.x87(context), context).negative;
    });
    expect(signs).toEqual([true, false, false]);
  });

  test('precision control shortens the significand but not the exponent', () => {
    const context = floatContext({ precision: 24 });
    const result = arithmetic.multiply(LARGEST, ONE, arithmetic.x87(context), context);
    expect(textOf(result)).toBe('7fff:8000000000000000');
    expect(context.flags).toBe(OE | PE);
  });

  test('an unmasked overflow delivers the result with its exponent less 0x6000', () => {
    const context = floatContext({ masks: 0x3f & ~OE });
    const result = arithmetic.multiply(LARGEST, LARGEST, arithmetic.x87(context), context);
    expect(textOf(result)).toBe('5ffe:fffffffffffffffe');
    expect(context.flags).toBe(OE | PE);
  });

  test('an unmasked underflow is met by exact results too', () => {
    const half = realOf('3ffe:8000000000000000');
    const context = floatContext({ masks: 0x3f & ~UE });
    const result = arithmetic.multiply(SMALLEST, half, arithmetic.x87(context), context);
    expect(textOf(result)).toBe('6000:8000000000000000');
    expect(context.flags).toBe(UE);
  });

  test('a blocked operation raises nothing beyond what blocks it', () => {
    const context = floatContext({ masks: 0x3f & ~DE });
    arithmetic.multiply(DENORMAL, SMALLEST, arithmetic.x87(context), context);
    expect(blocks(context)).toBe(true);
    expect(context.flags).toBe(DE);
  });
});

describe('loads and stores', () => {
  test('an unmasked denormal does not keep FLD from loading', () => {
    const context = floatContext({ masks: 0x3f & ~DE });
    expect(textOf(widen(decodeSingle(1), context))).toBe('3f6a:8000000000000000');
    expect(context.flags).toBe(DE);
    expect(blocksLoad(context)).toBe(false);
  });

  test('a store withheld by an unmasked overflow does not say it was inexact', () => {
    const context = floatContext({ masks: 0x3f & ~OE });
    narrowForStore(LARGEST, SINGLE, context);
    expect(context.flags).toBe(OE);
  });

  test('an SSE conversion that overflows unmasked does say so', () => {
    const context = floatContext({ masks: 0x3f & ~OE });
    narrow(LARGEST, SINGLE, context);
    expect(context.flags).toBe(OE | PE);
  });

  test('a tiny value that rounds up to the smallest normal number does not underflow', () => {
    const context = floatContext();
    narrow(realOf('3f80:ffffffffffffffff'), SINGLE, context);
    expect(context.flags).toBe(PE);
  });

  test('an integer that does not fit is invalid, not inexact', () => {
    const context = floatContext();
    expect(toInteger(realOf('400e:8000000000000001'), 16, 0, context)).toBe(-32768n);
    expect(context.flags).toBe(IE);
  });

  test('eighteen digits are the most that FBSTP stores', () => {
    const context = floatContext();
    expect(encodeDecimal(integer(1n - 10n ** 18n), context)).toEqual(
      bytesOf(`${'99'.repeat(9)}80`),
    );
    expect(context.flags).toBe(0);
    expect(encodeDecimal(integer(10n ** 18n), context)).toEqual(bytesOf('00000000000000c0ffff'));
    expect(context.flags).toBe(IE);
  });
});

describe('remainders and scaling', () => {
  test('a difference of 64 in the exponents leaves a remainder incomplete', () => {
    const three = integer(3n);
    const far = truncatedRemainder(realOf('4041:8000000000000000'), three, floatContext());
    const near = truncatedRemainder(realOf('403f:8000000000000000'), three, floatContext());
    expect(far.quotient).toBeUndefined();
    expect(near.quotient).toBe(Number((2n ** 64n / 3n) & 7n));
  });

  test('FPREM1 may give a remainder of the other sign', () => {
    const { value, quotient } = nearestRemainder(integer(5n), integer(3n), floatContext());
    expect(textOf(value)).toBe(textOf(integer(-1n)));
    expect(quotient).toBe(2);
  });

  test('FSCALE far out of range gives infinity even with overflow unmasked', () => {
    const context = floatContext({ masks: 0x3f & ~OE, rounding: DOWN });
    const result = scale(ONE, realOf('400f:8000000000000000'), context);
    expect(textOf(result)).toBe('7fff:8000000000000000');
    expect(context.flags).toBe(OE | PE);
    expect(context.roundedUp).toBe(true);
  });
});

describe('transcendental functions', () => {
  test('the sine of the register nearest to pi shows a pi of 66 bits', () => {
    const result = sine(realOf('4000:c90fdaa22168c235'), floatContext());
    expect(result && textOf(result)).toBe('bfbf:8000000000000000');
  });

  test('arguments of 2^63 and more are left as they are', () => {
    for (const operation of [sine, cosine, tangent]) {
      expect(operation(realOf('403e:8000000000000000'), floatContext())).toBeUndefined();
      expect(operation(realOf('403d:ffffffffffffffff'), floatContext())).toBeDefined();
    }
  });

  test('a logarithm known exactly still counts as inexact', () => {
    const context = floatContext();
    expect(textOf(logarithm(integer(8n), ONE, context))).toBe(textOf(integer(3n)));
    expect(context.flags).toBe(PE);
  });

  test('F2XM1 gives back what lies outside its range', () => {
    const context = floatContext();
    expect(textOf(powerMinusOne(integer(5n), context))).toBe(textOf(integer(5n)));
    expect(context.flags).toBe(PE);
  });

  test('FPATAN of two negative infinities is minus three quarters of pi', () => {
    const infinity = realOf('ffff:8000000000000000');
    const result = arctangent(infinity, infinity, floatContext());
    expect(textOf(result)).toBe('c000:96cbe3f9990e91a8');
  });
});

describe('approximations', () => {
  const number = new Float32Array(1);
  const bits = new Uint32Array(number.buffer);

  function worstError(approximate: (bits: number) => number, exact: (x: number) => number): number {
    let worst = 0;
    for (let pattern = 0x3f80_0000; pattern < 0x4080_0000; pattern += 997) {
      bits[0] = pattern;
      const expected = exact(number[0] ?? 0);
      bits[0] = approximate(pattern);
      worst = Math.max(worst, Math.abs((number[0] ?? 0) / expected - 1));
    }
    return worst;
  }

  test('a reciprocal is off by no more than 1.5 × 2^-12', () => {
    expect(worstError(approximateReciprocal, (x) => 1 / x)).toBeLessThan(1.5 * 2 ** -12);
  });

  test('a reciprocal root is off by no more than 1.5 × 2^-12', () => {
    const exact = (x: number) => 1 / Math.sqrt(x);
    expect(worstError(approximateReciprocalRoot, exact)).toBeLessThan(1.5 * 2 ** -12);
  });

  test('a denormal has an infinite reciprocal, and infinity has zero', () => {
    expect(approximateReciprocal(0x8000_0001)).toBe(0xff80_0000);
    expect(approximateReciprocal(0xff80_0000)).toBe(0x8000_0000);
  });

  test('a negative number has no reciprocal root', () => {
    expect(approximateReciprocalRoot(0xbf80_0000)).toBe(0xffc0_0000);
  });
});

test('a tiny product that rounds up to the smallest normal number underflows', () => {
  const context = floatContext();
  expect(multiplySingle(0x0080_0001, 0x3f7f_fffe, context)).toBe(0x0080_0000);
  expect(context.flags).toBe(PE);
  context.flags = 0;
  expect(divideSingle(0x067f_ffff, 0x4580_0000, context)).toBe(0x0080_0000);
  expect(context.flags).toBe(UE | PE);
});

test('a bit length is not fooled by the conversion to a double', () => {
  expect(bitLength(2n ** 64n - 1n)).toBe(64);
  expect(bitLength(2n ** 64n)).toBe(65);
});
