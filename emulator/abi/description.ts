/** Any struct of the ABI as plain data, for traces and for a debugger's tree of variables. */

import { assert } from '../assert.ts';
import type { FieldType } from './layout.ts';

/**
 * Integers are numbers, or hexadecimal strings where a number could not hold them exactly; raw bytes
 * are pairs of hexadecimal digits; each member of a union is there.
 */
export type Description =
  | number
  | string
  | readonly Description[]
  | { readonly [field: string]: Description };

/**
 * What lies at `offset`, read as `type`, which may be a layout or the type of one field. All of it must
 * lie in `memory`.
 */
export function describe(type: FieldType<unknown>, memory: DataView, offset = 0): Description {
  assert(
    offset >= 0 && offset + type.size <= memory.byteLength,
    `${type.size} bytes at ${offset} do not lie in ${memory.byteLength}`,
  );
  const { shape } = type;
  switch (shape.kind) {
    case 'unsigned':
    case 'signed':
      return exactly(type.read(memory, offset) as number | bigint);
    case 'text':
      return type.read(memory, offset) as string;
    case 'bytes':
      return Array.from(type.read(memory, offset) as Uint8Array, hexadecimalPair).join(' ');
    case 'array':
      return Array.from({ length: shape.length }, (_, index) =>
        describe(shape.element, memory, offset + index * shape.element.size),
      );
    case 'struct':
    case 'union':
      return Object.fromEntries(
        shape.fields.map((field) => [
          field.name,
          describe(field.type, memory, offset + field.offset),
        ]),
      );
  }
}

function exactly(value: number | bigint): number | string {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : hexadecimal(BigInt(value));
}

function hexadecimal(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

function hexadecimalPair(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
