/**
 * What one requester has open in the store, and the operations that it may ask for.
 *
 * A requester is a domain on its ring or a device's back end in this emulator, which is privileged
 * like domain 0. Paths may be relative to the requester's home. Each operation takes the id of a
 * transaction, 0 for none, and answers ENOENT if there is no such transaction.
 */

import type { XsdError } from '../abi/io/xs-wire.ts';
import { assert } from '../assert.ts';
import { commit } from './commit.ts';
import { absolutePath, domainPath, isSpecial, isWatchable, parentOf } from './path.ts';
import { type Identity, type Permissions, RIGHT, rightsFor } from './permissions.ts';
import type { Quota } from './quota.ts';
import { Transaction, type TransactionImage } from './transactions.ts';
import type { StoreNode } from './tree.ts';
import { type Contents, isError, View } from './view.ts';
import { type Change, eventFor, type Watch, type WatchEvent } from './watches.ts';

/** What a session needs of the store around it. */
export interface Surroundings extends Contents {
  /** Tells all watches that hear of it. */
  announce(change: Change): void;
  /** Tells one session, by its name. */
  deliver(name: string, event: WatchEvent): void;
  /** Who may hear of a special event, and change this; `undefined` if there is none of the name. */
  specialPermissions(name: string): Permissions | undefined;
  setSpecialPermissions(name: string, permissions: Permissions): void;
}

export interface SessionImage {
  readonly name: string;
  readonly domain: number;
  readonly isPrivileged: boolean;
  readonly target: number | undefined;
  readonly watches: readonly Watch[];
  readonly transactions: readonly TransactionImage[];
  readonly lastTransaction: number;
}

export class Session implements Identity {
  readonly name: string;
  readonly domain: number;
  readonly isPrivileged: boolean;
  target: number | undefined;
  #watches: readonly Watch[] = [];
  #transactions: ReadonlyMap<number, Transaction> = new Map();
  #lastTransaction = 0;
  readonly #store: Surroundings;

  constructor(store: Surroundings, image: SessionImage) {
    this.#store = store;
    this.name = image.name;
    this.domain = image.domain;
    this.isPrivileged = image.isPrivileged;
    this.restore(image);
  }

  /** How much of the store it may use, unless it is privileged. */
  get quota(): Quota {
    return this.#store.quota;
  }

  get watches(): readonly Watch[] {
    return this.#watches;
  }

  /** Whether a transaction with this id is open. */
  hasTransaction(id: number): boolean {
    return this.#transactions.has(id);
  }

  /** The value of a node. */
  read(path: string, transaction = 0): Uint8Array | XsdError {
    const node = this.#get(path, RIGHT.read, transaction);
    return isError(node) ? node : node.value;
  }

  /** The names of a node's children, oldest first, and the generation of the node. */
  directory(
    path: string,
    transaction = 0,
  ): Pick<StoreNode, 'children' | 'childrenSize' | 'generation'> | XsdError {
    return this.#get(path, RIGHT.read, transaction);
  }

  getPermissions(path: string, transaction = 0): Permissions | XsdError {
    const node = this.#get(path, RIGHT.read, transaction);
    return isError(node) ? node : node.permissions;
  }

  /** Sets the value of a node, which is created with its ancestors if it is not there. */
  write(path: string, value: Uint8Array, transaction = 0): XsdError | undefined {
    return this.#within(path, transaction, (view, absolute, open) => {
      const found = view.get(absolute, RIGHT.write);
      if (isError(found)) {
        return found === 'ENOENT' ? this.#create(view, absolute, value, open) : found;
      }
      const node = { ...found, value };
      return view.write(absolute, node) ?? this.#announce({ path: absolute, node }, open);
    });
  }

  /** Creates a node with its ancestors unless it is there. */
  mkdir(path: string, transaction = 0): XsdError | undefined {
    return this.#within(path, transaction, (view, absolute, open) => {
      const found = view.get(absolute, RIGHT.write);
      if (isError(found)) {
        const value = new Uint8Array();
        return found === 'ENOENT' ? this.#create(view, absolute, value, open) : found;
      }
      return undefined;
    });
  }

  /** Removes a node with all below it. One that is not there is no error if its parent is there. */
  rm(path: string, transaction = 0): XsdError | undefined {
    return this.#within(path, transaction, (view, absolute, open) => {
      const found = view.get(absolute, RIGHT.write);
      if (isError(found)) {
        const isDone = found === 'ENOENT' && !isError(view.read(parentOf(absolute)));
        return isDone ? undefined : found;
      }
      if (absolute === '/') {
        return 'EINVAL';
      }
      return view.remove(absolute, (removed, node, isExact) => {
        this.#announce({ path: removed, node, isExact }, open);
      });
    });
  }

  /** Sets who may do what. Only its owner may, and only a privileged requester may give it away. */
  setPermissions(path: string, wanted: Permissions, transaction = 0): XsdError | undefined {
    if (!this.isPrivileged && wanted.length > this.#store.quota.permissions) {
      return 'ENOSPC';
    }
    const permissions = this.#store.domains.checked(wanted);
    if (permissions[0].isStale) {
      return 'ENOENT';
    }
    if (isSpecial(path)) {
      return this.#setSpecialPermissions(path, permissions);
    }
    return this.#within(path, transaction, (view, absolute, open) => {
      const node = view.get(absolute, RIGHT.write | RIGHT.owner);
      if (isError(node)) {
        return node;
      }
      const oldPermissions = node.permissions;
      if (!this.isPrivileged && permissions[0].domain !== oldPermissions[0].domain) {
        return 'EPERM';
      }
      const change = { path: absolute, node: { ...node, permissions }, oldPermissions };
      return view.setPermissions(absolute, node, permissions) ?? this.#announce(change, open);
    });
  }

  /** Sets a watch. The first event, `firstEvent`, is for the caller to deliver after its answer. */
  watch(path: string, token: string): XsdError | undefined {
    const absolute = this.absolute(path);
    if (!isWatchable(absolute)) {
      return 'EINVAL';
    }
    if (this.#watches.some((each) => each.path === absolute && each.token === token)) {
      return 'EEXIST';
    }
    if (!this.isPrivileged && this.#watches.length > this.#store.quota.watches) {
      return 'E2BIG';
    }
    if (!this.#store.domains.tryMemory(this.domain, absolute.length + token.length)) {
      return 'ENOMEM';
    }
    const watch = { path: absolute, token, isRelative: absolute !== path };
    this.#watches = [...this.#watches, watch];
    return undefined;
  }

  /** Sends the event that every watch hears once at the start. The watch must be there. */
  deliverFirstEvent(path: string, token: string): void {
    const absolute = this.absolute(path);
    const watch = this.#watches.find((each) => each.path === absolute && each.token === token);
    assert(watch !== undefined, `the watch of ${path} that was just set is missing`);
    this.#store.deliver(this.name, eventFor(watch, this.domain, absolute));
  }

  /** Removes a watch: ENOENT if there is none of this path and token. */
  unwatch(path: string, token: string): XsdError | undefined {
    const absolute = this.absolute(path);
    const isMeant = (each: Watch) => each.path === absolute && each.token === token;
    if (!this.#watches.some(isMeant)) {
      return 'ENOENT';
    }
    this.#watches = this.#watches.filter((each) => !isMeant(each));
    this.#store.domains.addMemory(this.domain, -absolute.length - token.length);
    return undefined;
  }

  /** Opens a transaction and answers its id. */
  startTransaction(): number | XsdError {
    if (!this.isPrivileged && this.#transactions.size > this.#store.quota.transactions) {
      return 'ENOSPC';
    }
    do {
      this.#lastTransaction = (this.#lastTransaction + 1) >>> 0;
    } while (this.#lastTransaction === 0 || this.#transactions.has(this.#lastTransaction));
    const generation = this.#store.tree.nextGeneration();
    const opened = Transaction.begin(this.#lastTransaction, generation);
    this.#transactions = new Map([...this.#transactions, [opened.id, opened]]);
    return opened.id;
  }

  /** Closes a transaction whatever the answer: EAGAIN if what it read has changed meanwhile. */
  endTransaction(id: number, takesEffect: boolean): XsdError | undefined {
    const transaction = this.#transactions.get(id);
    if (!transaction) {
      return 'ENOENT';
    }
    this.#close(transaction);
    return takesEffect
      ? commit(transaction, this.isPrivileged, this.#store, (change) =>
          this.#store.announce(change),
        )
      : undefined;
  }

  /** Removes all watches and drops all transactions. */
  reset(): void {
    for (const { path, token } of this.#watches) {
      this.#store.domains.addMemory(this.domain, -path.length - token.length);
    }
    this.#watches = [];
    for (const transaction of this.#transactions.values()) {
      this.#close(transaction);
    }
  }

  /** The absolute path of what the requester wrote. */
  absolute(path: string): string {
    return absolutePath(domainPath(this.domain), path);
  }

  capture(): SessionImage {
    return {
      name: this.name,
      domain: this.domain,
      isPrivileged: this.isPrivileged,
      target: this.target,
      watches: this.#watches,
      transactions: [...this.#transactions.values()].map((each) => each.capture()),
      lastTransaction: this.#lastTransaction,
    };
  }

  /** Takes an image of the session with the same name. */
  restore(image: SessionImage): void {
    this.target = image.target;
    this.#watches = image.watches;
    this.#transactions = new Map(
      image.transactions.map((each) => [each.id, new Transaction(each)] as const),
    );
    this.#lastTransaction = image.lastTransaction;
  }

  #get(path: string, rights: number, transaction: number): StoreNode | XsdError {
    return this.#within(path, transaction, (view, absolute) => view.get(absolute, rights));
  }

  /** Does something in a transaction, or outside of any, with a path made absolute. */
  #within<Result>(
    path: string,
    id: number,
    operation: (view: View, path: string, open: Transaction | undefined) => Result,
  ): Result | XsdError {
    const open = this.#transactions.get(id);
    if (id !== 0 && !open) {
      return 'ENOENT';
    }
    return operation(new View(this.#store, this, open), this.absolute(path), open);
  }

  #create(
    view: View,
    path: string,
    value: Uint8Array,
    open: Transaction | undefined,
  ): XsdError | undefined {
    const node = view.create(path, value);
    return isError(node) ? node : this.#announce({ path, node }, open);
  }

  /** Tells of a change, at once or at the end of the transaction. */
  #announce(change: Partial<Change> & { path: string }, open: Transaction | undefined): undefined {
    const isExact = change.isExact ?? false;
    if (open) {
      open.queueEvent(change.path, isExact);
    } else {
      this.#store.announce({ ...change, isExact });
    }
  }

  #setSpecialPermissions(name: string, permissions: Permissions): XsdError | undefined {
    const present = this.#store.specialPermissions(name);
    if (!present) {
      return 'EINVAL';
    }
    const needed = RIGHT.write | RIGHT.owner;
    if ((rightsFor(this, present) & needed) !== needed) {
      return 'EACCES';
    }
    this.#store.setSpecialPermissions(name, permissions);
    return undefined;
  }

  #close(transaction: Transaction): void {
    const size = [...transaction.accessed].reduce(
      (sum, [path, { node }]) => sum + transaction.sizeOf(path, node),
      0,
    );
    this.#store.domains.addMemory(this.domain, -size);
    const others = [...this.#transactions].filter(([id]) => id !== transaction.id);
    this.#transactions = new Map(others);
  }
}
