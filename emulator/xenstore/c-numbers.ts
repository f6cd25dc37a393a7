/**
 * Numbers as C's library reads them from text, since xenstored leaves that to the library and so
 * accepts whatever it does: blanks and a sign in front, and for `atoi` anything behind.
 */

/** A `long` has 64 bits where xenstored runs; larger magnitudes are cut to its ends. */
function asUnsignedInt(magnitude: string, isNegative: boolean): number {
  const value = BigInt(magnitude) * (isNegative ? -1n : 1n);
  const limit = 1n << 63n;
  const long = value < -limit ? -limit : value >= limit ? limit - 1n : value;
  return Number(BigInt.asUintN(32, long));
}

/** As `(unsigned int)atoi(text)`: 0 when no number stands in front. */
export function atoi(text: string): number {
  const [, sign, digits = '0'] = /^[ \t-\r]*([-+]?)(\d+)/.exec(text) ?? [];
  return asUnsignedInt(digits, sign === '-');
}

/** As `(unsigned int)strtol(text, &end, 0)` where `end` must be the end: else `undefined`. */
export function strtol(text: string): number | undefined {
  const found = /^[ \t-\r]*([-+]?)(0x[\da-f]+|0[0-7]*|[1-9]\d*)$/i.exec(text);
  if (found === null) {
    return undefined;
  }
  const [, sign, digits = '0'] = found;
  const isOctal = /^0[0-7]+$/.test(digits);
  return asUnsignedInt(isOctal ? `0o${digits.slice(1)}` : digits, sign === '-');
}
