/**
 * Abbreviations: the shapes that the entries of a unit have (DWARF 5, 7.5.3).
 *
 * A table is read only as far as someone asks: the root of a unit is nearly always the first.
 */

import { type FormSizes, fixedSizeOf } from './forms.ts';
import { AT, FORM, TAG } from './numbers.ts';
import { type DebugSection, SectionReader } from './section-reader.ts';

/** One attribute of a shape. */
export interface AttributeShape {
  readonly name: number;
  readonly form: number;
  /** The value of `DW_FORM_implicit_const`. */
  readonly implicit: number;
  /** Where its value lies after the entry's code; -1 when what comes before varies in length. */
  readonly offset: number;
}

export interface Abbreviation {
  readonly code: number;
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly AttributeShape[];
  /** Of all attributes together; -1 when it varies. */
  readonly size: number;
}

/** No shape that a compiler makes comes near. */
const MOST_ATTRIBUTES = 1000;

/** The table at one offset, for units with the same sizes. */
export class AbbreviationTable {
  readonly #reader: SectionReader;
  readonly #sizes: FormSizes;
  readonly #budget: AbbreviationBudget;
  readonly #known = new Map<number, Abbreviation>();
  #isComplete = false;

  constructor(section: DebugSection, offset: number, sizes: FormSizes, budget: AbbreviationBudget) {
    this.#reader = new SectionReader(section, offset);
    this.#sizes = sizes;
    this.#budget = budget;
  }

  /** The shape with a code; `undefined` when the table has none. */
  at(code: number): Abbreviation | undefined {
    let found = this.#known.get(code);
    while (found === undefined && !this.#isComplete) {
      found = this.#readNext();
      found = found?.code === code ? found : undefined;
    }
    return found;
  }

  /** All shapes; reads the table to its end. */
  all(): Iterable<Abbreviation> {
    while (!this.#isComplete) {
      this.#readNext();
    }
    return this.#known.values();
  }

  #readNext(): Abbreviation | undefined {
    const reader = this.#reader;
    const start = reader.position;
    const code = reader.uleb();
    if (code === 0) {
      this.#isComplete = true;
      return undefined;
    }
    const tag = reader.uleb();
    const hasChildren = reader.u8() !== 0;
    const attributes: AttributeShape[] = [];
    let offset = 0;
    for (;;) {
      const name = reader.uleb();
      const form = reader.uleb();
      const implicit = form === FORM.implicit_const ? reader.sleb() : 0;
      if (name === 0 && form === 0) {
        break;
      }
      if (attributes.length === MOST_ATTRIBUTES) {
        throw reader.error('has an abbreviation with too many attributes', start);
      }
      attributes.push({ name, form, implicit, offset });
      const size = fixedSizeOf(form, this.#sizes);
      offset = size === undefined || offset === -1 ? -1 : offset + size;
    }
    this.#budget.spend(reader, start);
    const abbreviation = { code, tag, hasChildren, attributes, size: offset };
    // The first of two with the same code counts, as in binutils.
    if (!this.#known.has(code)) {
      this.#known.set(code, abbreviation);
    }
    return abbreviation;
  }
}

/**
 * Keeps a hostile file from having its tables read over and over: units may point into the middle of
 * tables, but the tables of a sound file do not overlap.
 */
export class AbbreviationBudget {
  #left: number;

  constructor(section: DebugSection) {
    this.#left = 8 * section.bytes.length;
  }

  spend(reader: SectionReader, start: number): void {
    this.#left -= reader.position - start;
    if (this.#left < 0) {
      throw reader.error('overlaps too much with other tables', start);
    }
  }
}

/** Whether a unit with these shapes can have code inlined from another unit. */
export function refersToOtherUnits(table: AbbreviationTable): boolean {
  for (const { tag, attributes } of table.all()) {
    if (tag === TAG.inlined_subroutine) {
      if (
        attributes.some(({ name, form }) => name === AT.abstract_origin && form === FORM.ref_addr)
      ) {
        return true;
      }
    }
  }
  return false;
}

/** Whether a variable's place may change while its function runs: the unit was optimised. */
export function hasLocationLists(table: AbbreviationTable, version: number): boolean {
  for (const { attributes } of table.all()) {
    const isList = ({ name, form }: AttributeShape) =>
      name === AT.location && isListForm(form, version);
    if (attributes.some(isList)) {
      return true;
    }
  }
  return false;
}

/** Before DWARF 4, offsets into other sections were written as plain numbers. */
function isListForm(form: number, version: number): boolean {
  return (
    form === FORM.sec_offset ||
    form === FORM.loclistx ||
    (version < 4 && (form === FORM.data4 || form === FORM.data8))
  );
}
