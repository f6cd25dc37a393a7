/**
 * A tree of which only the rows that are open count: a flat list, from which a window is drawn. What
 * is below a row is asked for when it is opened.
 */

export interface TreeRow {
  /** Unlike all others, and the same at the next look: what is open stays open. */
  readonly id: string;
  /** What it is, for its colour. */
  readonly kind: 'user' | 'kernel' | 'hypervisor' | 'hole' | 'entry' | 'detail';
  /** Texts, by column; a single one takes the whole row. Asked for when the row is drawn. */
  cells(): readonly string[];
  /** For a tooltip. */
  title?(): string;
  readonly children?: (() => Promise<readonly TreeRow[]>) | undefined;
  /** Opening all opens it as well: a range or a table, but not what is told of a page. */
  readonly isBranch?: boolean | undefined;
  /** Addresses that it covers, both included. */
  readonly span?: readonly [first: number, last: number] | undefined;
}

export interface OpenRow {
  readonly row: TreeRow;
  /** 0 at the top. */
  readonly depth: number;
  /** Among its siblings, from 1; and how many these are. */
  readonly position: number;
  readonly siblings: number;
  readonly isOpen: boolean;
}

/** Where opening everything ends, so that no guest can fill memory. */
const MOST_ROWS = 1_200_000;

export class OpenTree {
  #rows: readonly OpenRow[] = [];
  #open = new Set<string>();

  get rows(): readonly OpenRow[] {
    return this.#rows;
  }

  /** Another look: what was open is asked for again. */
  async setRoots(roots: readonly TreeRow[]): Promise<void> {
    const rows: OpenRow[] = [];
    await this.#append(rows, roots, 0, this.#open);
    this.#rows = rows;
  }

  forget(): void {
    this.#open = new Set();
    this.#rows = [];
  }

  async open(index: number): Promise<void> {
    const parent = this.#rows[index];
    if (parent === undefined || parent.isOpen || parent.row.children === undefined) {
      return;
    }
    this.#open.add(parent.row.id);
    await this.#replace(index, index + 1);
  }

  close(index: number): void {
    const parent = this.#rows[index];
    if (parent?.isOpen === true) {
      this.#open.delete(parent.row.id);
      const end = this.#endOf(index);
      this.#rows = [
        ...this.#rows.slice(0, index),
        { ...parent, isOpen: false },
        ...this.#rows.slice(end),
      ];
    }
  }

  /** Down to each page. */
  async openAll(index: number): Promise<void> {
    const parent = this.#rows[index];
    if (parent?.row.children !== undefined) {
      await this.#replace(index, this.#endOf(index), 'all');
    }
  }

  /** The index of the row that it is below; undefined at the top. */
  parentOf(index: number): number | undefined {
    const depth = this.#rows[index]?.depth ?? 0;
    for (let above = index - 1; depth > 0 && above >= 0; above--) {
      if ((this.#rows[above]?.depth ?? 0) < depth) {
        return above;
      }
    }
    return undefined;
  }

  /** The innermost open row that covers an address. */
  indexOfAddress(address: number): number | undefined {
    let found: number | undefined;
    for (const [index, { row }] of this.#rows.entries()) {
      const [first, last] = row.span ?? [1, 0];
      if (address >= first && address <= last) {
        found = index;
      }
    }
    return found;
  }

  /** Behind the last row below it. */
  #endOf(index: number): number {
    const depth = this.#rows[index]?.depth ?? 0;
    let end = index + 1;
    while (end < this.#rows.length && (this.#rows[end]?.depth ?? 0) > depth) {
      end++;
    }
    return end;
  }

  async #replace(index: number, end: number, whole?: 'all'): Promise<void> {
    const before = this.#rows;
    const parent = before[index]!;
    const inside: OpenRow[] = [];
    const children = (await parent.row.children?.()) ?? [];
    if (whole === 'all') {
      this.#open.add(parent.row.id);
    }
    await this.#append(inside, children, parent.depth + 1, this.#open, whole);
    // Another look may have come between: its rows are newer than ours.
    if (this.#rows === before) {
      this.#rows = before
        .slice(0, index)
        .concat({ ...parent, isOpen: true }, inside, before.slice(end));
    }
  }

  async #append(
    into: OpenRow[],
    rows: readonly TreeRow[],
    depth: number,
    open: Set<string>,
    whole?: 'all',
  ): Promise<void> {
    for (const [index, row] of rows.entries()) {
      const isWanted = open.has(row.id) || (whole === 'all' && row.isBranch === true);
      const isOpen = isWanted && row.children !== undefined && into.length < MOST_ROWS;
      into.push({ row, depth, position: index + 1, siblings: rows.length, isOpen });
      if (isOpen) {
        open.add(row.id);
        await this.#append(into, (await row.children?.()) ?? [], depth + 1, open, whole);
      }
    }
  }
}
