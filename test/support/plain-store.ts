/** A tree of nodes with permissions and watches, without the rules that xenstore adds for guests. */

import type { StoreClient, StorePermission, StoreWatch } from '../../emulator/devices/store.ts';

interface Node {
  value: string;
  permissions: readonly StorePermission[];
}

export class PlainStore implements StoreClient {
  readonly #nodes = new Map<string, Node>();
  readonly #watches = new Set<{ readonly path: string; readonly changed: () => void }>();

  constructor() {
    this.#nodes.set('', { value: '', permissions: [{ access: 'n', domain: 0 }] });
  }

  read(path: string): string | undefined {
    return this.#nodes.get(path)?.value;
  }

  write(path: string, value: string): void {
    this.#nodeAt(path).value = value;
    this.#fire(path);
  }

  remove(path: string): void {
    if (!this.#nodes.has(path)) {
      return;
    }
    for (const name of [...this.#nodes.keys()].filter((other) => isWithin(other, path))) {
      this.#nodes.delete(name);
    }
    this.#fire(path);
  }

  directory(path: string): readonly string[] {
    return [...this.#nodes.keys()]
      .filter((name) => parentOf(name) === path && name !== '')
      .map((name) => name.slice(path.length + 1));
  }

  setPermissions(path: string, permissions: readonly StorePermission[]): void {
    this.#nodeAt(path).permissions = permissions;
    this.#fire(path);
  }

  /** As a guest would see them: `n1`, `r0`. */
  permissions(path: string): string[] | undefined {
    return this.#nodes.get(path)?.permissions.map(({ access, domain }) => `${access}${domain}`);
  }

  watch(path: string, changed: () => void): StoreWatch {
    const watch = { path, changed };
    this.#watches.add(watch);
    return { cancel: () => this.#watches.delete(watch) };
  }

  get watches(): number {
    return this.#watches.size;
  }

  /** All nodes below a path, by their path from there. */
  below(path: string): Record<string, string> {
    return Object.fromEntries(
      [...this.#nodes]
        .filter(([name]) => isWithin(name, path) && name !== path)
        .map(([name, { value }]) => [name.slice(path.length + 1), value]),
    );
  }

  #nodeAt(path: string): Node {
    const found = this.#nodes.get(path);
    if (found !== undefined) {
      return found;
    }
    const { permissions } = this.#nodeAt(parentOf(path));
    const node = { value: '', permissions };
    this.#nodes.set(path, node);
    return node;
  }

  #fire(path: string): void {
    for (const watch of [...this.#watches]) {
      if (isWithin(path, watch.path) || isWithin(watch.path, path)) {
        watch.changed();
      }
    }
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function isWithin(path: string, top: string): boolean {
  return path === top || path.startsWith(`${top}/`);
}
