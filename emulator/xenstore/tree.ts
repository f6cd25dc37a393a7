/**
 * The nodes, by absolute path, and the count of generations.
 *
 * A node is never changed: a new one takes its place, so that whoever holds the old one holds what
 * it was. Children are listed in the order in which they were created, as xenstored lists them.
 */

import { ownedBy, type Permissions } from './permissions.ts';

export interface StoreNode {
  readonly value: Uint8Array;
  readonly permissions: Permissions;
  /** Last components of the children's paths, oldest first. */
  readonly children: readonly string[];
  /** Bytes of the list of children as it is sent: each name with a NUL. */
  readonly childrenSize: number;
  /** What the count was when the node was last written; no two writes have the same. */
  readonly generation: number;
}

export interface TreeImage {
  readonly nodes: readonly (readonly [path: string, node: StoreNode])[];
  readonly generation: number;
}

/** The store as it is when xenstored starts, in xenstored's order. */
const initialNodes = [
  ['/', ['tool']],
  ['/tool', ['xenstored']],
  ['/tool/xenstored', []],
] as const;

/** All nodes of the store. There always is a root, `/`. */
export class Tree {
  #nodes = new Map<string, StoreNode>();
  #generation = 0;

  constructor() {
    for (const [path, children] of initialNodes) {
      const node = withChildren(emptyNode(ownedBy(0)), children);
      this.set(path, { ...node, generation: this.nextGeneration() });
    }
  }

  /** The present count of generations. */
  get generation(): number {
    return this.#generation;
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Counts one up, and answers the new count. */
  nextGeneration(): number {
    this.#generation += 1;
    return this.#generation;
  }

  get(path: string): StoreNode | undefined {
    return this.#nodes.get(path);
  }

  /** Puts a node at a path. Its parent is the caller's business. */
  set(path: string, node: StoreNode): void {
    this.#nodes.set(path, node);
  }

  delete(path: string): void {
    this.#nodes.delete(path);
  }

  /** Plain data that `restore` takes; the tree may change after. */
  capture(): TreeImage {
    return { nodes: [...this.#nodes], generation: this.#generation };
  }

  restore(image: TreeImage): void {
    this.#nodes = new Map(image.nodes);
    this.#generation = image.generation;
  }
}

/** A node without value or children, not yet written. */
export function emptyNode(permissions: Permissions): StoreNode {
  return { value: new Uint8Array(), permissions, children: [], childrenSize: 0, generation: 0 };
}

/** The same node with other children. */
function withChildren(node: StoreNode, children: readonly string[]): StoreNode {
  const childrenSize = children.reduce((size, name) => size + name.length + 1, 0);
  return { ...node, children, childrenSize };
}

/** The same node with one child more, the last. */
export function withChild(node: StoreNode, name: string): StoreNode {
  return {
    ...node,
    children: [...node.children, name],
    childrenSize: node.childrenSize + name.length + 1,
  };
}

/** The same node without one of its children. */
export function withoutChild(node: StoreNode, name: string): StoreNode {
  return withChildren(
    node,
    node.children.filter((child) => child !== name),
  );
}

/**
 * Bytes of a node as xenstored stores it, which its quotas count: a header of 24 bytes and 8 bytes
 * for each permission (tools/xenstore/include/xenstore_lib.h, xs_tdb_record_hdr).
 */
export function recordSize(node: StoreNode): number {
  return 24 + 8 * node.permissions.length + node.value.length + node.childrenSize;
}

/** Bytes that a node counts for with the name that it is stored under; none when there is no node. */
export function storedSize(name: string, node: StoreNode | undefined): number {
  return node ? name.length + recordSize(node) : 0;
}
