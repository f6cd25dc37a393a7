/** C's own types on i386: `int`, `long` and pointers have 32 bits, `long long` has 64. */

import type { BaseType, CType, PointerType } from '../symbols/c-type.ts';

const integer = (name: string, size: number, isSigned: boolean): BaseType => ({
  kind: 'base',
  name,
  size,
  encoding: isSigned ? 'signed' : 'unsigned',
  isSigned,
});

const character = (name: string, isSigned: boolean): BaseType => ({
  kind: 'base',
  name,
  size: 1,
  encoding: 'character',
  isSigned,
});

const float = (name: string, size: number): BaseType => ({
  kind: 'base',
  name,
  size,
  encoding: 'float',
  isSigned: true,
});

export const BOOL: BaseType = {
  kind: 'base',
  name: '_Bool',
  size: 1,
  encoding: 'boolean',
  isSigned: false,
};
export const CHAR = character('char', true);
export const SIGNED_CHAR = character('signed char', true);
export const UNSIGNED_CHAR = character('unsigned char', false);
export const SHORT = integer('short int', 2, true);
export const UNSIGNED_SHORT = integer('short unsigned int', 2, false);
export const INT = integer('int', 4, true);
export const UNSIGNED_INT = integer('unsigned int', 4, false);
export const LONG = integer('long int', 4, true);
export const UNSIGNED_LONG = integer('long unsigned int', 4, false);
export const LONG_LONG = integer('long long int', 8, true);
export const UNSIGNED_LONG_LONG = integer('long long unsigned int', 8, false);
export const FLOAT = float('float', 4);
export const DOUBLE = float('double', 8);
export const LONG_DOUBLE = float('long double', 12);

export const pointerTo = (target: CType): PointerType => ({ kind: 'pointer', size: 4, target });
