/**
 * Entries of debug information (DIEs): one thing of a program each, with attributes and children.
 *
 * An entry is read where it lies, each attribute anew when it is asked for, so that nothing is kept.
 */

import type { Abbreviation, AttributeShape } from './abbreviations.ts';
import { type FormValue, readForm, skipForm } from './forms.ts';
import { AT, FORM } from './numbers.ts';
import { type DebugSection, SectionReader } from './section-reader.ts';
import type { Unit } from './units.ts';

export class Die {
  readonly unit: Unit;
  /** Unique in the file. */
  readonly offset: number;
  readonly #abbreviation: Abbreviation;
  /** Where the attributes lie in the section. */
  readonly #attributes: number;

  constructor(unit: Unit, offset: number, abbreviation: Abbreviation, attributes: number) {
    this.unit = unit;
    this.offset = offset;
    this.#abbreviation = abbreviation;
    this.#attributes = attributes;
  }

  get tag(): number {
    return this.#abbreviation.tag;
  }

  get hasChildren(): boolean {
    return this.#abbreviation.hasChildren;
  }

  has(name: number): boolean {
    return this.#abbreviation.attributes.some((shape) => shape.name === name);
  }

  value(name: number): FormValue | undefined {
    return attributeAt(this.unit, this.#abbreviation, this.#attributes, name);
  }

  text(name: number): string | undefined {
    const value = this.value(name);
    return value?.kind === 'string' ? value.value : undefined;
  }

  /** A constant; `undefined` for one that is computed or not there. */
  number(name: number): number | undefined {
    const value = this.value(name);
    return value?.kind === 'constant' ? Number(value.value) : undefined;
  }

  address(name: number): number | undefined {
    const value = this.value(name);
    return value?.kind === 'address' ? value.value : undefined;
  }

  flag(name: number): boolean {
    const value = this.value(name);
    return value?.kind === 'flag' && value.value;
  }

  block(name: number): Uint8Array | undefined {
    const value = this.value(name);
    return value?.kind === 'block' ? value.bytes : undefined;
  }

  /** An offset into another section; before DWARF 4 it was written as a plain number. */
  sectionOffset(name: number): number | undefined {
    const value = this.value(name);
    if (value?.kind === 'offset') {
      return value.value;
    }
    const isOld = this.unit.version < 4;
    return isOld && value?.kind === 'constant' && (value.size ?? 0) >= 4
      ? Number(value.value)
      : undefined;
  }

  /** The offset of the entry that an attribute refers to. */
  reference(name: number): number | undefined {
    const value = this.value(name);
    return value?.kind === 'reference' ? value.value : undefined;
  }

  /** The direct children, from the first to the last. */
  *children(): Generator<Die> {
    if (!this.hasChildren) {
      return;
    }
    const cursor = new DieCursor(this.unit, this.offset);
    cursor.next();
    while (cursor.next() && cursor.depth > 0) {
      yield cursor.die();
      cursor.skipChildren();
    }
  }
}

/**
 * Walks the entries of a unit in their order, one after the other or past the children of some.
 *
 * `depth` counts from 0 at the first; the walk ends with the children of the first entry's parent.
 */
export class DieCursor {
  readonly #unit: Unit;
  readonly #reader: SectionReader;
  #abbreviation: Abbreviation | undefined;
  #start = 0;
  #attributes = 0;
  #depth = 0;

  /** `offset` is unique in the file. */
  constructor(unit: Unit, offset: number) {
    this.#unit = unit;
    const { entries, end } = unit.header;
    const position = offset - unit.sectionBase;
    this.#reader = new SectionReader(unit.section, position, end);
    if (position < entries || position >= end) {
      throw this.#reader.error('is no place for an entry');
    }
  }

  get tag(): number {
    return this.#abbreviation?.tag ?? 0;
  }

  get depth(): number {
    return this.#depth;
  }

  get hasChildren(): boolean {
    return this.#abbreviation?.hasChildren ?? false;
  }

  get offset(): number {
    return this.#unit.sectionBase + this.#start;
  }

  get abbreviation(): Abbreviation | undefined {
    return this.#abbreviation;
  }

  /** Goes to the next entry; says whether there is one. */
  next(): boolean {
    const reader = this.#reader;
    if (this.#abbreviation !== undefined) {
      this.#skipAttributes(this.#abbreviation);
      this.#depth += this.#abbreviation.hasChildren ? 1 : 0;
    }
    while (!reader.isAtEnd) {
      this.#start = reader.position;
      const code = reader.uleb();
      if (code !== 0) {
        const abbreviation = this.#unit.abbreviations.at(code);
        if (abbreviation === undefined) {
          throw reader.error(`has an entry of shape ${code}, which is not described`, this.#start);
        }
        this.#abbreviation = abbreviation;
        this.#attributes = reader.position;
        return true;
      }
      // Zeros end the children of an entry; the root's siblings would be padding.
      this.#depth -= 1;
      if (this.#depth < 0) {
        return false;
      }
      this.#abbreviation = undefined;
    }
    return false;
  }

  /** The next `next()` goes to the sibling of the present entry, or to the end of the siblings. */
  skipChildren(): void {
    if (this.#abbreviation?.hasChildren !== true) {
      return;
    }
    const sibling = this.#siblingPosition();
    if (sibling === undefined) {
      this.#walkChildren();
      return;
    }
    this.#abbreviation = undefined;
    this.#reader.position = sibling;
  }

  value(name: number): FormValue | undefined {
    const abbreviation = this.#abbreviation;
    return abbreviation && attributeAt(this.#unit, abbreviation, this.#attributes, name);
  }

  has(name: number): boolean {
    return this.#abbreviation?.attributes.some((shape) => shape.name === name) ?? false;
  }

  /** Where the text of an attribute lies; `undefined` when it is no text of this file. */
  textPlace(name: number): TextPlace | undefined {
    const shapes = this.#abbreviation?.attributes ?? [];
    for (let index = 0; index < shapes.length; index++) {
      const shape = shapes[index]!;
      if (shape.name === name) {
        const reader = new SectionReader(this.#unit.section, this.#attributes, this.#reader.end);
        moveTo(reader, shapes, index, this.#unit);
        return textPlace(reader, shape.form, this.#unit);
      }
    }
    return undefined;
  }

  die(): Die {
    if (this.#abbreviation === undefined) {
      throw this.#reader.error('has no entry');
    }
    return new Die(this.#unit, this.offset, this.#abbreviation, this.#attributes);
  }

  #skipAttributes(abbreviation: Abbreviation): void {
    const reader = this.#reader;
    reader.position = this.#attributes;
    if (abbreviation.size >= 0) {
      reader.skip(abbreviation.size);
      return;
    }
    for (const { form } of abbreviation.attributes) {
      skipForm(reader, form, this.#unit);
    }
  }

  /** A sibling that does not lie ahead would be walked to for ever. */
  #siblingPosition(): number | undefined {
    const value = this.value(AT.sibling);
    if (value?.kind !== 'reference') {
      return undefined;
    }
    const position = value.value - this.#unit.sectionBase;
    return position > this.#attributes && position < this.#reader.end ? position : undefined;
  }

  /** Stands at the end of the children as if they had been skipped. */
  #walkChildren(): void {
    const depth = this.#depth;
    const reader = this.#reader;
    let open = 0;
    let abbreviation = this.#abbreviation;
    for (;;) {
      if (abbreviation !== undefined) {
        this.#skipAttributes(abbreviation);
        open += abbreviation.hasChildren ? 1 : 0;
      }
      if (open === 0 || reader.isAtEnd) {
        break;
      }
      const start = reader.position;
      const code = reader.uleb();
      abbreviation = code === 0 ? undefined : this.#unit.abbreviations.at(code);
      if (code !== 0 && abbreviation === undefined) {
        throw reader.error(`has an entry of shape ${code}, which is not described`, start);
      }
      open -= code === 0 ? 1 : 0;
      this.#attributes = reader.position;
    }
    this.#abbreviation = undefined;
    this.#depth = depth;
  }
}

function attributeAt(
  unit: Unit,
  abbreviation: Abbreviation,
  attributes: number,
  name: number,
): FormValue | undefined {
  const shapes = abbreviation.attributes;
  for (let index = 0; index < shapes.length; index++) {
    const shape = shapes[index]!;
    if (shape.name === name) {
      const reader = new SectionReader(unit.section, attributes, unit.header.end);
      moveTo(reader, shapes, index, unit);
      return readForm(reader, shape.form, shape.implicit, unit);
    }
  }
  return undefined;
}

/** From the start of the attributes to one of them: by its offset, or past those before it. */
function moveTo(
  reader: SectionReader,
  shapes: readonly AttributeShape[],
  index: number,
  unit: Unit,
): void {
  let from = index;
  while (shapes[from]!.offset < 0) {
    from -= 1;
  }
  reader.skip(shapes[from]!.offset);
  for (; from < index; from++) {
    skipForm(reader, shapes[from]!.form, unit);
  }
}

/** The bytes of a name where they lie, without making a string of them. */
export interface TextPlace {
  readonly section: DebugSection;
  readonly start: number;
}

/** Where a reader of a value with a form finds its text; `undefined` when it is none. */
function textPlace(reader: SectionReader, form: number, unit: Unit): TextPlace | undefined {
  const indexed = (index: number): TextPlace => ({
    section: unit.sections.get('.debug_str'),
    start: unit.indexedStringOffset(index),
  });
  switch (form) {
    case FORM.string:
      return { section: reader.section, start: reader.position };
    case FORM.strp:
      return { section: unit.sections.get('.debug_str'), start: reader.offset(unit.offsetSize) };
    case FORM.line_strp:
      return {
        section: unit.sections.get('.debug_line_str'),
        start: reader.offset(unit.offsetSize),
      };
    case FORM.strx:
    case FORM.GNU_str_index:
      return indexed(reader.uleb());
    case FORM.strx1:
      return indexed(reader.u8());
    case FORM.strx2:
      return indexed(reader.u16());
    case FORM.strx3:
      return indexed(reader.u24());
    case FORM.strx4:
      return indexed(reader.u32());
    default:
      return undefined;
  }
}
