/**
 * Transactions: what one has read and written so far, apart from the tree until its end.
 *
 * A transaction does not see the store as it was at its start, but each node as it was when the
 * transaction first touched it. At the end every node that it read must still be the same, by its
 * generation; else nothing happens and the requester is told EAGAIN
 * (Xen: tools/xenstore/xenstored_transaction.c).
 */

import type { Permissions } from './permissions.ts';
import { type StoreNode, storedSize } from './tree.ts';

/** A node that a transaction has touched, under its path. */
export interface AccessedNode {
  /** The node as the transaction sees it; `undefined` when there is none. */
  node: StoreNode | undefined;
  /** Of the node in the tree when first touched; `undefined` when there was none. */
  readonly generation: number | undefined;
  /** Of the node in the tree when first touched: who lost access still learns of the change. */
  readonly permissions: Permissions | undefined;
  isModified: boolean;
  /** What the watches hear at the end: nothing, of this very path only, or of it as a change. */
  event: 'none' | 'exact' | 'change';
}

export interface TransactionImage {
  readonly id: number;
  readonly generation: number;
  readonly accessed: readonly (readonly [path: string, accessed: Readonly<AccessedNode>])[];
  readonly ownership: readonly (readonly [domain: number, nodes: number])[];
  readonly hasCreated: boolean;
  readonly hasFailed: boolean;
}

export class Transaction {
  /** What the requester names it by; never 0. */
  readonly id: number;
  /** The store's count at its start, under which xenstored files its copies of nodes. */
  readonly generation: number;
  readonly accessed: Map<string, AccessedNode>;
  /** By how much the number of nodes of each domain changes. */
  readonly ownership: Map<number, number>;
  /** Whether a node was created, so that quotas are checked at the end. */
  hasCreated: boolean;
  /** Whether something went wrong that cannot be undone: the end will be ENOMEM. */
  hasFailed: boolean;

  constructor(image: TransactionImage) {
    this.id = image.id;
    this.generation = image.generation;
    this.accessed = new Map(image.accessed.map(([path, node]) => [path, { ...node }]));
    this.ownership = new Map(image.ownership);
    this.hasCreated = image.hasCreated;
    this.hasFailed = image.hasFailed;
  }

  /** One that has done nothing. */
  static begin(id: number, generation: number): Transaction {
    const untouched = { accessed: [], ownership: [], hasCreated: false, hasFailed: false };
    return new Transaction({ id, generation, ...untouched });
  }

  /** Bytes that its copy of a node counts for; none when there is no node. */
  sizeOf(path: string, node: StoreNode | undefined): number {
    return node ? storedSize(`${this.generation}/${path}`, node) : 0;
  }

  addNodes(domain: number, count: number): void {
    this.ownership.set(domain, (this.ownership.get(domain) ?? 0) + count);
  }

  /** Remembers that watches must hear of a node. A change is not made less by an exact event. */
  queueEvent(path: string, isExact: boolean): void {
    const accessed = this.accessed.get(path);
    if (accessed === undefined) {
      this.hasFailed = true;
    } else if (!isExact) {
      accessed.event = 'change';
    } else if (accessed.event === 'none') {
      accessed.event = 'exact';
    }
  }

  capture(): TransactionImage {
    return {
      id: this.id,
      generation: this.generation,
      accessed: [...this.accessed].map(([path, accessed]) => [path, { ...accessed }] as const),
      ownership: [...this.ownership],
      hasCreated: this.hasCreated,
      hasFailed: this.hasFailed,
    };
  }
}
