/**
 * The types of a C program, as its debug information tells them.
 *
 * Members and targets are read when they are asked for, since most structs of a kernel refer to most
 * others. Two types that the same unit declares are the same object.
 */

export interface BaseType {
  readonly kind: 'base';
  /** As the compiler has it: `long unsigned int`. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly encoding: 'signed' | 'unsigned' | 'boolean' | 'character' | 'float' | 'other';
  /** Of a character or integer. */
  readonly isSigned: boolean;
}

export interface PointerType {
  readonly kind: 'pointer';
  readonly size: number;
  /** `void` where it points to nothing in particular. */
  readonly target: CType;
}

export interface ArrayType {
  readonly kind: 'array';
  /** Of several dimensions, the elements are arrays. */
  readonly element: CType;
  /** `undefined`: not said, as in `int a[]`. */
  readonly count: number | undefined;
  readonly size: number;
}

export interface Member {
  /** Empty: an anonymous struct or union, whose members count as the outer one's. */
  readonly name: string;
  readonly type: CType;
  /** In bytes from the start of the struct. Of a bit-field: of the byte that its lowest bit lies in. */
  readonly offset: number;
  /** The lowest bit, counted in the little-endian bytes from `offset`, and how many there are. */
  readonly bits: { readonly first: number; readonly count: number } | undefined;
}

export interface CompositeType {
  readonly kind: 'struct' | 'union';
  /** The tag; `undefined`: it has none. */
  readonly name: string | undefined;
  readonly size: number;
  readonly members: readonly Member[];
  /** Only `struct name;` is known here, and no other unit says more. */
  readonly isIncomplete: boolean;
}

export interface EnumType {
  readonly kind: 'enum';
  readonly name: string | undefined;
  readonly size: number;
  readonly isSigned: boolean;
  readonly enumerators: readonly { readonly name: string; readonly value: number }[];
}

export interface NamedType {
  readonly kind: 'typedef';
  readonly name: string;
  readonly target: CType;
}

export interface QualifiedType {
  readonly kind: 'const' | 'volatile' | 'restrict' | 'atomic';
  readonly target: CType;
}

export interface FunctionType {
  readonly kind: 'function';
  readonly result: CType;
  readonly parameters: readonly CType[];
  readonly isVariadic: boolean;
}

export interface VoidType {
  readonly kind: 'void';
}

export type CType =
  | BaseType
  | PointerType
  | ArrayType
  | CompositeType
  | EnumType
  | NamedType
  | QualifiedType
  | FunctionType
  | VoidType;

export const VOID: VoidType = { kind: 'void' };

/** A type without typedefs and qualifiers around it. */
export function bare(type: CType): Exclude<CType, NamedType | QualifiedType> {
  let inner = type;
  // Hostile debug information may have a typedef of itself.
  for (let depth = 0; depth < MOST_LAYERS; depth++) {
    switch (inner.kind) {
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'atomic':
        inner = inner.target;
        break;
      default:
        return inner;
    }
  }
  return VOID;
}
const MOST_LAYERS = 100;

/** In bytes; 0 for what has no size. */
export function sizeOf(type: CType): number {
  const inner = bare(type);
  return inner.kind === 'void' || inner.kind === 'function' ? 0 : inner.size;
}
