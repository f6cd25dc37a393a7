/** Bytes as base64 (RFC 4648 §4), in which the protocol carries memory. */

import { UserError } from '../user-error.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES: ReadonlyMap<string, number> = new Map(
  [...ALPHABET].map((character, value) => [character, value]),
);

export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    const word = (a << 16) | (b << 8) | c;
    const digits = [word >>> 18, (word >>> 12) & 63, (word >>> 6) & 63, word & 63];
    const used = Math.min(bytes.length - i, 3) + 1;
    parts.push(digits.map((digit, k) => (k < used ? ALPHABET.charAt(digit) : '=')).join(''));
  }
  return parts.join('');
}

export function bytesOfBase64(text: string): Uint8Array {
  const digits = text.replace(/\s|=+$/g, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    const value = VALUES.get(digit);
    if (value === undefined) {
      throw new UserError(`The data is no base64: it has ${JSON.stringify(digit)}.`);
    }
    word = ((word << 6) | value) & 0xff_ffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (word >>> bits) & 0xff;
    }
  }
  return bytes;
}
