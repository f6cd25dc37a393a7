/**
 * What all that inspection answers has in common. It is plain JSON: no classes, no bigints, no
 * infinities; a property that does not apply is absent. Integers that may need more than 53 bits are
 * hexadecimal strings.
 */

/** A part of a list that may be too long to be sent at once. */
export interface Rows<Row> {
  readonly rows: readonly Row[];
  /** The place of `rows[0]` in the whole list. */
  readonly first: number;
  /** How many there are in all; `first + rows.length` below it: there are more. */
  readonly total: number;
}

/** Which part of a list is wanted. */
export interface RowsWanted {
  /** From this place on; from the start when absent. */
  readonly first?: number;
  /** At most so many: 256 when absent, and never more than 4096. */
  readonly count?: number;
}

/** A place in a guest's code. */
export interface CodePlace {
  /** A linear address. */
  readonly address: number;
  /** As the symbols have it, such as `start_kernel+0x10`. Absent where none fits. */
  readonly symbol?: string | undefined;
}

/** A code segment and an offset: where the hypervisor enters a guest. */
export interface EntryPlace extends CodePlace {
  /** Selector of the code segment. */
  readonly cs: number;
}
