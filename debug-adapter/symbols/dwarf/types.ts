/**
 * Types of C from their entries.
 *
 * Everything that a type refers to is read when it is asked for, so types may refer to each other in
 * circles, and what is broken becomes `void`, no members, no parameters, with a problem noted.
 */

import {
  type ArrayType,
  type BaseType,
  type CompositeType,
  type CType,
  type EnumType,
  type FunctionType,
  type Member,
  type NamedType,
  type PointerType,
  type QualifiedType,
  sizeOf,
  VOID,
} from '../c-type.ts';
import type { Die } from './die.ts';
import type { Problems } from './dwarf-error.ts';
import { ENTRY, type EntryKind, type NameIndex, withAttribute } from './name-index.ts';
import { AT, ATE, TAG } from './numbers.ts';
import { SectionReader } from './section-reader.ts';
import type { Units } from './units.ts';

/** Of one array. */
const MOST_DIMENSIONS = 32;

/** How often a type is defined by another one with the same name, at most. */
const MOST_DEFINITIONS = 4;

export class Types {
  readonly units: Units;
  readonly names: NameIndex;
  readonly problems: Problems;
  readonly #types = new Map<number, CType>();

  constructor(units: Units, names: NameIndex, problems: Problems) {
    this.units = units;
    this.names = names;
    this.problems = problems;
  }

  /** The type that an attribute of an entry, or of its origins, refers to. */
  typeOf(die: Die, attribute: number = AT.type): CType {
    return this.problems.guard(() => {
      const value = withAttribute(die, attribute, this.units)?.value(attribute);
      switch (value?.kind) {
        case 'reference':
          return this.typeAt(this.units.dieAt(value.value));
        case 'signature': {
          const found = this.units.typeBySignature(value.value);
          return found === undefined ? VOID : this.typeAt(found);
        }
        default:
          return VOID;
      }
    }, VOID);
  }

  /** The type that an entry describes; `void` for an entry that describes none. */
  typeAt(die: Die): CType {
    const known = this.#types.get(die.offset);
    if (known !== undefined) {
      return known;
    }
    const type = this.#make(die);
    this.#types.set(die.offset, type);
    return type;
  }

  #make(die: Die): CType {
    switch (die.tag) {
      case TAG.base_type:
        return baseType(die);
      case TAG.pointer_type:
      case TAG.reference_type:
      case TAG.rvalue_reference_type:
        return new LazyPointer(die, this);
      case TAG.structure_type:
      case TAG.class_type:
        return new LazyComposite('struct', die, this);
      case TAG.union_type:
        return new LazyComposite('union', die, this);
      case TAG.enumeration_type:
        return new LazyEnum(die, this);
      case TAG.array_type:
        return arrayType(die, this);
      case TAG.typedef:
        return new LazyTypedef(die, this);
      case TAG.subroutine_type:
      case TAG.subprogram:
        return new LazyFunction(die, this);
      default:
        return this.#makeQualified(die);
    }
  }

  #makeQualified(die: Die): CType {
    switch (die.tag) {
      case TAG.const_type:
        return new LazyQualified('const', die, this);
      case TAG.volatile_type:
        return new LazyQualified('volatile', die, this);
      case TAG.restrict_type:
        return new LazyQualified('restrict', die, this);
      case TAG.atomic_type:
        return new LazyQualified('atomic', die, this);
      default:
        return VOID;
    }
  }
}

/** A value that is made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let value: { readonly made: T } | undefined;
  return () => {
    value ??= { made: make() };
    return value.made;
  };
}

function baseType(die: Die): BaseType {
  const encoding = encodingOf(die.number(AT.encoding));
  return {
    kind: 'base',
    name: die.text(AT.name) ?? '',
    size: sizeFrom(die),
    ...encoding,
  };
}

/** No type of C on the i386 is larger than its address space. */
const sizeFrom = (die: Die): number => {
  const size = die.number(AT.byte_size) ?? Math.ceil((die.number(AT.bit_size) ?? 0) / 8);
  return size >= 0 && size <= 2 ** 32 ? size : 0;
};

function encodingOf(encoding: number | undefined): Pick<BaseType, 'encoding' | 'isSigned'> {
  switch (encoding) {
    case ATE.boolean:
      return { encoding: 'boolean', isSigned: false };
    case ATE.float:
      return { encoding: 'float', isSigned: true };
    case ATE.signed:
      return { encoding: 'signed', isSigned: true };
    case ATE.signed_char:
      return { encoding: 'character', isSigned: true };
    case ATE.unsigned:
      return { encoding: 'unsigned', isSigned: false };
    case ATE.unsigned_char:
    case ATE.UTF:
      return { encoding: 'character', isSigned: false };
    default:
      return { encoding: 'other', isSigned: false };
  }
}

class LazyPointer implements PointerType {
  readonly kind = 'pointer';
  readonly size: number;
  readonly #target: () => CType;

  constructor(die: Die, types: Types) {
    this.size = sizeFrom(die) || die.unit.addressSize;
    this.#target = once(() => types.typeOf(die));
  }

  get target(): CType {
    return this.#target();
  }
}

class LazyTypedef implements NamedType {
  readonly kind = 'typedef';
  readonly name: string;
  readonly #target: () => CType;

  constructor(die: Die, types: Types) {
    this.name = die.text(AT.name) ?? '';
    this.#target = once(() => types.typeOf(die));
  }

  get target(): CType {
    return this.#target();
  }
}

class LazyQualified implements QualifiedType {
  readonly kind: QualifiedType['kind'];
  readonly #target: () => CType;

  constructor(kind: QualifiedType['kind'], die: Die, types: Types) {
    this.kind = kind;
    this.#target = once(() => types.typeOf(die));
  }

  get target(): CType {
    return this.#target();
  }
}

class LazyFunction implements FunctionType {
  readonly kind = 'function';
  readonly #result: () => CType;
  readonly #rest: () => Pick<FunctionType, 'parameters' | 'isVariadic'>;

  constructor(die: Die, types: Types) {
    this.#result = once(() => types.typeOf(die));
    this.#rest = once(() => parametersOf(die, types));
  }

  get result(): CType {
    return this.#result();
  }

  get parameters(): readonly CType[] {
    return this.#rest().parameters;
  }

  get isVariadic(): boolean {
    return this.#rest().isVariadic;
  }
}

function parametersOf(die: Die, types: Types): Pick<FunctionType, 'parameters' | 'isVariadic'> {
  const parameters: CType[] = [];
  let isVariadic = false;
  types.problems.guard(() => {
    for (const child of die.children()) {
      if (child.tag === TAG.formal_parameter) {
        parameters.push(types.typeOf(child));
      }
      isVariadic ||= child.tag === TAG.unspecified_parameters;
    }
  }, undefined);
  return { parameters, isVariadic };
}

class LazyComposite implements CompositeType {
  readonly kind: 'struct' | 'union';
  readonly name: string | undefined;
  readonly #definition: () => Die | undefined;
  readonly #members: () => readonly Member[];

  constructor(kind: 'struct' | 'union', die: Die, types: Types) {
    this.kind = kind;
    this.name = die.text(AT.name);
    const entry = kind === 'struct' ? ENTRY.struct : ENTRY.union;
    this.#definition = once(() => definitionOf(die, entry, types));
    this.#members = once(() => {
      const definition = this.#definition();
      return definition === undefined ? [] : membersOf(definition, types);
    });
  }

  get size(): number {
    const definition = this.#definition();
    return definition === undefined ? 0 : sizeFrom(definition);
  }

  get members(): readonly Member[] {
    return this.#members();
  }

  get isIncomplete(): boolean {
    return this.#definition() === undefined;
  }
}

/** An entry that only declares a tag leads to the one that defines it, in whichever unit. */
function definitionOf(die: Die, kind: EntryKind, types: Types): Die | undefined {
  let current = die;
  for (let count = 0; count < MOST_DEFINITIONS; count++) {
    const signature = current.value(AT.signature);
    if (signature?.kind === 'signature') {
      const defined = types.units.typeBySignature(signature.value);
      if (defined === undefined) {
        return undefined;
      }
      current = defined;
    } else if (current.flag(AT.declaration)) {
      const name = current.text(AT.name);
      const [found] = name === undefined ? [] : types.names.named(name, [kind], die.unit);
      return found?.die;
    } else {
      return current;
    }
  }
  return undefined;
}

function membersOf(die: Die, types: Types): Member[] {
  const members: Member[] = [];
  types.problems.guard(() => {
    for (const child of die.children()) {
      // A static member of C++ is a variable; in DWARF 4 it is a member without a place.
      if (child.tag === TAG.member && !child.has(AT.external)) {
        members.push(memberFrom(child, types));
      }
    }
  }, undefined);
  return members;
}

function memberFrom(die: Die, types: Types): Member {
  const type = types.typeOf(die);
  const name = die.text(AT.name) ?? '';
  const offset = memberOffset(die);
  const count = die.number(AT.bit_size);
  if (count === undefined) {
    return { name, type, offset, bits: undefined };
  }
  const lowest = lowestBit(die, type, offset, count);
  return { name, type, offset: Math.floor(lowest / 8), bits: { first: lowest % 8, count } };
}

/** In bits from the start of the struct. */
function lowestBit(die: Die, type: CType, offset: number, count: number): number {
  const fromStart = die.number(AT.data_bit_offset);
  if (fromStart !== undefined) {
    return Math.max(0, fromStart);
  }
  // The old way counts from the highest bit of the unit that the field is stored in.
  const fromTop = die.number(AT.bit_offset) ?? 0;
  const unit = die.number(AT.byte_size) ?? sizeOf(type);
  return Math.max(0, 8 * (offset + unit) - fromTop - count);
}

const OP_PLUS_UCONST = 0x23;

/** A constant; in DWARF 2 an expression that adds one. */
function memberOffset(die: Die): number {
  const value = die.value(AT.data_member_location);
  if (value?.kind === 'constant') {
    return Number(value.value);
  }
  if (value?.kind !== 'block') {
    return 0;
  }
  const reader = new SectionReader({ name: 'a member', bytes: value.bytes });
  return reader.u8() === OP_PLUS_UCONST ? reader.uleb() : 0;
}

class LazyEnum implements EnumType {
  readonly kind = 'enum';
  readonly name: string | undefined;
  readonly #shape: () => Omit<EnumType, 'kind' | 'name'>;

  constructor(die: Die, types: Types) {
    this.name = die.text(AT.name);
    this.#shape = once(() => {
      const definition = definitionOf(die, ENTRY.enum, types);
      return definition === undefined
        ? { size: sizeFrom(die), isSigned: false, enumerators: [] }
        : enumShape(definition, types);
    });
  }

  get size(): number {
    return this.#shape().size;
  }

  get isSigned(): boolean {
    return this.#shape().isSigned;
  }

  get enumerators(): EnumType['enumerators'] {
    return this.#shape().enumerators;
  }
}

function enumShape(die: Die, types: Types): Omit<EnumType, 'kind' | 'name'> {
  const size = sizeFrom(die) || sizeOf(types.typeOf(die));
  const found: { name: string; value: number }[] = [];
  types.problems.guard(() => {
    for (const child of die.children()) {
      if (child.tag === TAG.enumerator) {
        found.push({ name: child.text(AT.name) ?? '', value: child.number(AT.const_value) ?? 0 });
      }
    }
  }, undefined);
  const underlying = die.has(AT.type) ? types.typeOf(die) : undefined;
  const isSigned =
    found.some(({ value }) => value < 0) || (underlying?.kind === 'base' && underlying.isSigned);
  const limit = 2 ** (8 * size - 1);
  const enumerators = found.map(({ name, value }) => ({
    name,
    // Numbers of a fixed size are written without their sign.
    value: isSigned && value >= limit ? value - 2 * limit : value,
  }));
  return { size, isSigned, enumerators };
}

/** One dimension of an array; of several, the first is the outermost. */
class LazyArray implements ArrayType {
  readonly kind = 'array';
  readonly count: number | undefined;
  readonly #element: () => CType;

  constructor(count: number | undefined, element: () => CType) {
    this.count = count;
    this.#element = once(element);
  }

  get element(): CType {
    return this.#element();
  }

  get size(): number {
    const size = (this.count ?? 0) * elementSize(this.element);
    return size <= 2 ** 32 ? size : 0;
  }
}

/** An array of itself, which a hostile file may have, must not be measured for ever. */
function elementSize(element: CType): number {
  let scale = 1;
  let inner = element;
  for (let depth = 0; depth < MOST_DIMENSIONS; depth++) {
    switch (inner.kind) {
      case 'array':
        scale *= inner.count ?? 0;
        inner = inner.element;
        break;
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'atomic':
        inner = inner.target;
        break;
      default:
        return scale * sizeOf(inner);
    }
  }
  return 0;
}

function arrayType(die: Die, types: Types): CType {
  const counts: (number | undefined)[] = [];
  types.problems.guard(() => {
    for (const child of die.children()) {
      if (child.tag === TAG.subrange_type && counts.length < MOST_DIMENSIONS) {
        counts.push(countOf(child));
      }
    }
  }, undefined);
  const [first, ...more] = counts;
  const element = more.reduceRight<() => CType>(
    (inner, count) => () => new LazyArray(count, inner),
    () => types.typeOf(die),
  );
  return new LazyArray(first, element);
}

/** `undefined`: not said, or found out when the program runs. */
function countOf(subrange: Die): number | undefined {
  const count = subrange.number(AT.count);
  if (count !== undefined) {
    return count >= 0 && count <= 2 ** 32 ? count : undefined;
  }
  const bound = subrange.number(AT.upper_bound);
  if (bound === undefined) {
    return undefined;
  }
  // The bound of an array without elements is -1, which older compilers write without its sign.
  return bound === -1 || bound === 0xffff_ffff
    ? 0
    : bound >= 0 && bound < 2 ** 32
      ? bound + 1
      : undefined;
}
