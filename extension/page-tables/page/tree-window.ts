/**
 * The tree on the page: of all open rows, only those that can be seen are elements. Arrow keys, Home,
 * End, Page Up, Page Down, Enter and `*` work as in VS Code's own trees.
 */

import type { OpenRow, OpenTree } from '../open-tree.ts';

/** Pixels, as the style has it. */
const ROW_HEIGHT = 22;
/** Rows drawn above and below what is seen. */
const MARGIN = 10;

interface TreeParts {
  readonly tree: HTMLElement;
  readonly space: HTMLElement;
  readonly window: HTMLElement;
}

export class TreeWindow {
  readonly #parts: TreeParts;
  readonly #model: OpenTree;
  readonly #onTrouble: (error: unknown) => void;
  #selected = 0;
  #isBusy = false;

  constructor(parts: TreeParts, model: OpenTree, onTrouble: (error: unknown) => void) {
    this.#parts = parts;
    this.#model = model;
    this.#onTrouble = onTrouble;
    parts.tree.addEventListener('scroll', () => this.draw());
    parts.tree.addEventListener('keydown', (event) => this.#key(event));
    parts.window.addEventListener('click', (event) => this.#click(event));
    new ResizeObserver(() => this.draw()).observe(parts.tree);
  }

  get #height(): number {
    return this.#parts.tree.clientHeight;
  }

  draw(): void {
    const { tree, space, window: drawn } = this.#parts;
    const { rows } = this.#model;
    this.#selected = Math.max(0, Math.min(this.#selected, rows.length - 1));
    space.style.height = `${rows.length * ROW_HEIGHT}px`;
    const first = Math.max(0, Math.floor(tree.scrollTop / ROW_HEIGHT) - MARGIN);
    const last = Math.min(rows.length, first + Math.ceil(this.#height / ROW_HEIGHT) + 2 * MARGIN);
    drawn.style.transform = `translateY(${first * ROW_HEIGHT}px)`;
    const elements = rows
      .slice(first, last)
      .map((row, offset) => this.#element(row, first + offset));
    drawn.replaceChildren(...elements);
    if (rows.length > 0) {
      tree.setAttribute('aria-activedescendant', `row-${this.#selected}`);
    }
  }

  #element({ row, depth, position, siblings, isOpen }: OpenRow, index: number): HTMLElement {
    const element = document.createElement('div');
    element.id = `row-${index}`;
    element.className = `row ${row.kind}${index === this.#selected ? ' selected' : ''}`;
    element.setAttribute('role', 'treeitem');
    element.setAttribute('aria-level', `${depth + 1}`);
    element.setAttribute('aria-posinset', `${position}`);
    element.setAttribute('aria-setsize', `${siblings}`);
    element.setAttribute('aria-selected', `${index === this.#selected}`);
    const cells = row.cells();
    element.title = [row.title?.(), cells.at(-1)].filter((text) => text !== undefined).join('\n');
    const twistie = document.createElement('span');
    twistie.className =
      row.children === undefined ? 'twistie' : `twistie ${isOpen ? 'open' : 'shut'}`;
    if (row.children !== undefined) {
      element.setAttribute('aria-expanded', `${isOpen}`);
    }
    cells.forEach((text, column) => {
      const cell = document.createElement('span');
      cell.className = cells.length === 1 ? 'cell whole' : 'cell';
      if (column === 0) {
        cell.style.paddingLeft = `${depth * 12}px`;
        cell.append(twistie);
      }
      cell.append(text);
      element.append(cell);
    });
    return element;
  }

  /** Selects a row and brings it into sight. */
  select(index: number): void {
    const { tree } = this.#parts;
    this.#selected = Math.max(0, Math.min(index, this.#model.rows.length - 1));
    const top = this.#selected * ROW_HEIGHT;
    if (top < tree.scrollTop) {
      tree.scrollTop = top;
    } else if (top + ROW_HEIGHT > tree.scrollTop + this.#height) {
      tree.scrollTop = top + ROW_HEIGHT - this.#height;
    }
    this.draw();
  }

  #click({ target }: MouseEvent): void {
    const element = target instanceof Element ? target.closest('.row') : null;
    if (element !== null) {
      this.select(Number(element.id.slice('row-'.length)));
      void this.#toggle();
    }
  }

  async #toggle(): Promise<void> {
    const index = this.#selected;
    if (this.#model.rows[index]?.isOpen === true) {
      this.#model.close(index);
      this.draw();
    } else {
      await this.#while(() => this.#model.open(index));
    }
  }

  /** One thing after another: what is open must not change while rows are asked for. */
  async #while(work: () => Promise<void>): Promise<void> {
    if (this.#isBusy) {
      return;
    }
    this.#isBusy = true;
    this.#parts.tree.setAttribute('aria-busy', 'true');
    try {
      await work();
    } catch (error) {
      this.#onTrouble(error);
    } finally {
      this.#isBusy = false;
      this.#parts.tree.removeAttribute('aria-busy');
      this.draw();
    }
  }

  #key(event: KeyboardEvent): void {
    const index = this.#selected;
    const page = Math.max(1, Math.floor(this.#height / ROW_HEIGHT) - 1);
    const row = this.#model.rows[index];
    const acts: Readonly<Record<string, () => void>> = {
      ArrowDown: () => this.select(index + 1),
      ArrowUp: () => this.select(index - 1),
      PageDown: () => this.select(index + page),
      PageUp: () => this.select(index - page),
      Home: () => this.select(0),
      End: () => this.select(this.#model.rows.length - 1),
      Enter: () => void this.#toggle(),
      ' ': () => void this.#toggle(),
      '*': () => void this.#while(() => this.#model.openAll(index)),
      ArrowRight: () => (row?.isOpen === true ? this.select(index + 1) : void this.#toggle()),
      ArrowLeft: () =>
        row?.isOpen === true
          ? void this.#toggle()
          : this.select(this.#model.parentOf(index) ?? index),
    };
    const act = acts[event.key];
    if (act !== undefined && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      act();
    }
  }
}
