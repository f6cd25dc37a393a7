/** Text as the wire carries it: a character for each byte, whatever the bytes mean. */

/** The bytes of a text; of a character above U+00FF the low eight bits. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}

/** The text of bytes, which `bytesOf` turns back into the same bytes. */
export function textOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}
