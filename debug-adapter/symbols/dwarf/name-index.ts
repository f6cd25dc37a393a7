/**
 * Which entries have a name: functions, variables, types and enumerators at the top of units.
 *
 * The pass over `.debug_info` makes no strings: it keeps a hash of each name, and who looks one up
 * compares the few entries that share it.
 */

import { type Die, DieCursor, type TextPlace } from './die.ts';
import type { Problems } from './dwarf-error.ts';
import { AT, TAG } from './numbers.ts';
import { textOf } from './section-reader.ts';
import { baseTypeKey } from './type-names.ts';
import type { Unit, Units } from './units.ts';

/** What an entry with a name is. */
export const ENTRY = {
  function: 1,
  /** Described once for all its inlined copies. */
  abstractFunction: 2,
  functionDeclaration: 3,
  variable: 4,
  variableDeclaration: 5,
  struct: 6,
  union: 7,
  enum: 8,
  /** Only `struct name;`, or the same of a union or enum. */
  structDeclaration: 9,
  unionDeclaration: 10,
  enumDeclaration: 11,
  typedef: 12,
  base: 13,
  /** The entry is that of the enumeration. */
  enumerator: 14,
} as const;

export type EntryKind = (typeof ENTRY)[keyof typeof ENTRY];

export interface NamedEntry {
  readonly unit: Unit;
  readonly die: Die;
  readonly kind: EntryKind;
}

/** Longer names are nobody's. */
const LONGEST_NAME = 4096;

/** How many entries refer to another one for their name, at most. */
const MOST_ORIGINS = 8;

export class NameIndex {
  readonly #units: Units;
  readonly #problems: Problems;
  #entries = new Entries();
  #isComplete = false;

  constructor(units: Units, problems: Problems) {
    this.#units = units;
    this.#problems = problems;
  }

  /** How many entries there are of a kind. */
  count(kind: EntryKind): number {
    return this.#indexed().count(kind);
  }

  /** Entries with a name, in the order of the file, those of the unit `near` first. */
  *named(name: string, kinds: readonly EntryKind[], near?: Unit): Generator<NamedEntry> {
    const entries = this.#indexed();
    const places = [...entries.withHash(hashOfText(name))].filter((at) =>
      kinds.includes(entries.kindAt(at)),
    );
    const nearby = near && places.filter((at) => this.#unitOf(entries.offsetAt(at)) === near);
    for (const at of nearby === undefined ? places : [...nearby, ...places]) {
      const found = this.#entryAt(entries.offsetAt(at), entries.kindAt(at));
      if (found !== undefined && this.#isNamed(found, name)) {
        yield found;
      }
    }
  }

  /** All entries of some kinds, in the order of the file. */
  *all(kinds: readonly EntryKind[]): Generator<NamedEntry> {
    const entries = this.#indexed();
    for (let at = 0; at < entries.length; at++) {
      if (kinds.includes(entries.kindAt(at))) {
        const found = this.#entryAt(entries.offsetAt(at), entries.kindAt(at));
        if (found !== undefined) {
          yield found;
        }
      }
    }
  }

  #isNamed({ die, kind }: NamedEntry, name: string): boolean {
    const matches = (text: string | undefined) =>
      text === name || (kind === ENTRY.base && baseTypeKey(text ?? '') === baseTypeKey(name));
    return this.#problems.guard(
      () =>
        kind === ENTRY.enumerator
          ? [...die.children()].some((child) => matches(child.text(AT.name)))
          : matches(nameOf(die, this.#units)),
      false,
    );
  }

  #unitOf(offset: number): Unit | undefined {
    return this.#units.containing(offset);
  }

  #entryAt(offset: number, kind: EntryKind): NamedEntry | undefined {
    return this.#problems.guard(() => {
      const die = this.#units.dieAt(offset);
      return { unit: die.unit, die, kind };
    }, undefined);
  }

  #indexed(): Entries {
    if (!this.#isComplete) {
      for (const unit of this.#units.all) {
        this.#problems.guard(() => this.#addUnit(unit), undefined);
      }
      this.#entries.finish();
      this.#isComplete = true;
    }
    return this.#entries;
  }

  #addUnit(unit: Unit): void {
    const cursor = new DieCursor(unit, unit.root.offset);
    let enumeration = 0;
    while (cursor.next()) {
      const kind = kindOf(cursor);
      if (kind !== undefined) {
        this.#add(cursor, kind, kind === ENTRY.enumerator ? enumeration : cursor.offset);
      }
      enumeration = cursor.tag === TAG.enumeration_type ? cursor.offset : enumeration;
      if (!holdsNames(cursor.tag)) {
        cursor.skipChildren();
      }
    }
  }

  #add(cursor: DieCursor, kind: EntryKind, offset: number): void {
    const place = cursor.textPlace(AT.name);
    if (place !== undefined) {
      const hash =
        kind === ENTRY.base
          ? hashOfText(textAt(place) ?? '')
          : hashOfBytes(place.section.bytes, place.start);
      this.#entries.add(hash, offset, kind);
      return;
    }
    const isNamedElsewhere =
      (kind <= ENTRY.variableDeclaration && cursor.has(AT.abstract_origin)) ||
      cursor.has(AT.specification);
    const name = isNamedElsewhere ? nameOf(cursor.die(), this.#units) : undefined;
    if (name !== undefined) {
      this.#entries.add(hashOfText(name), offset, kind);
    }
  }
}

/** Whose children have names that are known outside of it. */
function holdsNames(tag: number): boolean {
  switch (tag) {
    case TAG.compile_unit:
    case TAG.partial_unit:
    case TAG.skeleton_unit:
    case 0x41: // DW_TAG_type_unit
    case TAG.namespace:
    case TAG.module:
    case TAG.enumeration_type:
      return true;
    default:
      return false;
  }
}

function kindOf(cursor: DieCursor): EntryKind | undefined {
  switch (cursor.tag) {
    case TAG.subprogram:
      return functionKind(cursor);
    case TAG.variable:
      return cursor.has(AT.location) || cursor.has(AT.const_value)
        ? ENTRY.variable
        : ENTRY.variableDeclaration;
    case TAG.structure_type:
    case TAG.class_type:
      return cursor.has(AT.declaration) ? ENTRY.structDeclaration : ENTRY.struct;
    case TAG.union_type:
      return cursor.has(AT.declaration) ? ENTRY.unionDeclaration : ENTRY.union;
    case TAG.enumeration_type:
      return cursor.has(AT.declaration) ? ENTRY.enumDeclaration : ENTRY.enum;
    case TAG.typedef:
      return ENTRY.typedef;
    case TAG.base_type:
      return ENTRY.base;
    case TAG.enumerator:
      return ENTRY.enumerator;
    default:
      return undefined;
  }
}

function functionKind(cursor: DieCursor): EntryKind {
  if (cursor.has(AT.low_pc) || cursor.has(AT.ranges)) {
    return ENTRY.function;
  }
  return cursor.has(AT.inline) ? ENTRY.abstractFunction : ENTRY.functionDeclaration;
}

/** An entry, and those that it refers to for what it does not say itself. */
export function* origins(die: Die, units: Units): Generator<Die> {
  let current = die;
  for (let count = 0; count < MOST_ORIGINS; count++) {
    yield current;
    const next = current.reference(AT.abstract_origin) ?? current.reference(AT.specification);
    if (next === undefined) {
      return;
    }
    current = units.dieAt(next);
  }
}

/** The first of an entry and its origins that has an attribute. */
export function withAttribute(die: Die, name: number, units: Units): Die | undefined {
  for (const origin of origins(die, units)) {
    if (origin.has(name)) {
      return origin;
    }
  }
  return undefined;
}

export function nameOf(die: Die, units: Units): string | undefined {
  return die.text(AT.name) ?? withAttribute(die, AT.name, units)?.text(AT.name);
}

function textAt({ section, start }: TextPlace): string | undefined {
  const end = section.bytes.indexOf(0, start);
  return end === -1 || end - start > LONGEST_NAME ? undefined : textOf(section.bytes, start, end);
}

/** FNV-1a. Base types are found in all spellings, so what is hashed of them is a common one. */
function hashOfText(name: string): number {
  const text = baseTypeKey(name) ?? name;
  const isPlain = /^[\0-\x7f]*$/.test(text);
  const characters = isPlain ? text : unescaped(encodeURIComponent(text));
  let hash = FNV_BASIS;
  for (let index = 0; index < characters.length && index < HASHED_LENGTH; index++) {
    hash = Math.imul(hash ^ characters.charCodeAt(index), FNV_PRIME);
  }
  return hash;
}

/** One character for each escaped byte. */
const unescaped = (text: string): string =>
  text.replace(/%([0-9A-F]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );

/** Hot: once for each entry of the index. */
function hashOfBytes(bytes: Uint8Array, start: number): number {
  const end = Math.min(bytes.length, start + HASHED_LENGTH);
  let hash = FNV_BASIS;
  for (let at = start; at < end && bytes[at] !== 0; at++) {
    hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
  }
  return hash;
}

const FNV_BASIS = 0x811c_9dc5 | 0;
const FNV_PRIME = 0x0100_0193;
const HASHED_LENGTH = 256;

/** A hash table of columns: hash, offset of the entry, kind, and the next with the same bucket. */
class Entries {
  #hashes = new Int32Array(1024);
  #offsets = new Uint32Array(1024);
  #kinds = new Uint8Array(1024);
  #next = new Int32Array(0);
  #heads = new Int32Array(0);
  length = 0;

  add(hash: number, offset: number, kind: EntryKind): void {
    if (this.length === this.#hashes.length) {
      this.#grow(2 * this.length);
    }
    this.#hashes[this.length] = hash;
    this.#offsets[this.length] = offset;
    this.#kinds[this.length] = kind;
    this.length += 1;
  }

  /** Makes the buckets; nothing may be added after. */
  finish(): void {
    this.#grow(this.length);
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, this.length)));
    this.#heads = new Int32Array(size).fill(-1);
    this.#next = new Int32Array(this.length);
    for (let at = this.length - 1; at >= 0; at--) {
      const bucket = this.#hashes[at]! & (size - 1);
      this.#next[at] = this.#heads[bucket]!;
      this.#heads[bucket] = at;
    }
  }

  *withHash(hash: number): Generator<number> {
    let at = this.#heads[hash & (this.#heads.length - 1)]!;
    while (at !== -1) {
      if (this.#hashes[at] === hash) {
        yield at;
      }
      at = this.#next[at]!;
    }
  }

  kindAt(at: number): EntryKind {
    return this.#kinds[at]! as EntryKind;
  }

  offsetAt(at: number): number {
    return this.#offsets[at]!;
  }

  count(kind: EntryKind): number {
    let count = 0;
    for (let at = 0; at < this.length; at++) {
      count += this.#kinds[at] === kind ? 1 : 0;
    }
    return count;
  }

  #grow(size: number): void {
    const keep = Math.min(size, this.length);
    const hashes = new Int32Array(size);
    const offsets = new Uint32Array(size);
    const kinds = new Uint8Array(size);
    hashes.set(this.#hashes.subarray(0, keep));
    offsets.set(this.#offsets.subarray(0, keep));
    kinds.set(this.#kinds.subarray(0, keep));
    this.#hashes = hashes;
    this.#offsets = offsets;
    this.#kinds = kinds;
  }
}
