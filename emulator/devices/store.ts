/**
 * What devices and the toolstack need of xenstore: a privileged client inside the machine.
 *
 * It is domain 0's, so permissions and quotas do not bind it and nothing that it does fails. Paths are
 * absolute; values are read as Latin-1, a character for each byte.
 */

export interface StoreClient {
  /** The value of a node, or undefined if there is none. */
  read(path: string): string | undefined;

  /** Creates the node and those above it as needed, with the permissions of the one above. */
  write(path: string, value: string): void;

  /** Removes a node with all below it; one that is not there stays so. */
  remove(path: string): void;

  /** The names of the nodes directly below. */
  directory(path: string): readonly string[];

  /** The first permission names the owner and what all others may; the rest are exceptions. */
  setPermissions(path: string, permissions: readonly StorePermission[]): void;

  /**
   * Calls `changed` after each change of the node, of one below it, or the removal of one above it,
   * once the change is visible to all. Watches are not part of the store's state: who watches does
   * so again after a restore. Unlike a guest's watch, none fires by being made.
   */
  watch(path: string, changed: () => void): StoreWatch;
}

export interface StoreWatch {
  cancel(): void;
}

/** As in the protocol: none, read, write, both. */
export interface StorePermission {
  readonly access: 'n' | 'r' | 'w' | 'b';
  readonly domain: number;
}

/** Domain 0 owns the node and `domain` may read it. */
export function readableBy(domain: number): readonly StorePermission[] {
  return [
    { access: 'n', domain: 0 },
    { access: 'r', domain },
  ];
}

/** `domain` owns the node, and domain 0 may read it as it may all. */
export function ownedBy(domain: number): readonly StorePermission[] {
  return [{ access: 'n', domain }];
}

/** Writes several nodes below `directory`, in the order given. */
export function writeAll(
  store: StoreClient,
  directory: string,
  values: Readonly<Record<string, string | number>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    store.write(`${directory}/${name}`, `${value}`);
  }
}

/**
 * A number as guests write it: digits at the start of the text, perhaps behind blanks, as `sscanf`
 * of "%u" reads them.
 *
 * @returns undefined if there is no such number of 32 bits
 */
export function readNumber(store: StoreClient, path: string): number | undefined {
  const [, digits] = /^\s*(\d{1,10})/.exec(store.read(path) ?? '') ?? [];
  const value = Number(digits);
  return digits === undefined || value > 0xffff_ffff ? undefined : value;
}
