/** Parts of long lists, so that no guest can make an answer that is too long to be sent. */

import type { Rows, RowsWanted } from './data/rows.ts';

const USUAL_COUNT = 256;
const MOST_ROWS = 4096;

/** Bounds that a client may have got wrong, put right. */
export function boundsOf({ first = 0, count = USUAL_COUNT }: RowsWanted): {
  readonly first: number;
  readonly count: number;
} {
  return {
    first: wholeNumber(first, 0),
    count: Math.min(wholeNumber(count, USUAL_COUNT), MOST_ROWS),
  };
}

const wholeNumber = (value: number, otherwise: number): number =>
  Number.isSafeInteger(value) && value >= 0 ? value : otherwise;

/** The wanted part of a list, of which only that part is made into rows. */
export function rowsOf<Item, Row>(
  items: readonly Item[],
  wanted: RowsWanted,
  rowOf: (item: Item) => Row,
): Rows<Row> {
  const { first, count } = boundsOf(wanted);
  return { rows: items.slice(first, first + count).map(rowOf), first, total: items.length };
}
