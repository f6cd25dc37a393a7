/**
 * The store as one requester sees it, in one of its transactions or outside of any.
 *
 * Here are the rules of xenstored that need no session: what an error may give away, what a new
 * node inherits, and what each write costs (Xen: tools/xenstore/xenstored_core.c; the names of its
 * functions are given where ours do their work).
 */

import type { XsdError } from '../abi/io/xs-wire.ts';
import { present } from '../assert.ts';
import type { Domains } from './domains.ts';
import { childOf, isValidPath, leafOf, parentOf } from './path.ts';
import { type Identity, type Permissions, rightsFor } from './permissions.ts';
import type { Quota } from './quota.ts';
import type { AccessedNode, Transaction } from './transactions.ts';
import {
  emptyNode,
  recordSize,
  type StoreNode,
  storedSize,
  type Tree,
  withChild,
  withoutChild,
} from './tree.ts';

/** Told of each removed node, before its parent is written. Exact events are for its own watches. */
export type OnRemoved = (path: string, node: StoreNode, isExact: boolean) => void;

/** What a view needs of the store around it. */
export interface Contents {
  readonly tree: Tree;
  readonly domains: Domains;
  readonly quota: Quota;
}

/** Results of operations are never strings, so a string is an error. */
export function isError<T>(result: T | XsdError): result is XsdError {
  return typeof result === 'string';
}

export class View {
  readonly #contents: Contents;
  readonly #identity: Identity;
  readonly #transaction: Transaction | undefined;

  constructor(contents: Contents, identity: Identity, transaction?: Transaction) {
    this.#contents = contents;
    this.#identity = identity;
    this.#transaction = transaction;
  }

  /** The node, whoever may read it: ENOENT, or ENOSPC in a transaction that is full (read_node). */
  read(path: string): StoreNode | 'ENOENT' | 'ENOSPC' {
    const { tree, domains } = this.#contents;
    const found = this.#transaction?.accessed.get(path);
    if (found) {
      return found.node ? domains.refreshed(found.node) : 'ENOENT';
    }
    const stored = tree.get(path);
    const node = stored && domains.refreshed(stored);
    if (this.#transaction && this.#access(this.#transaction, path, node) === undefined) {
      return 'ENOSPC';
    }
    return node ?? 'ENOENT';
  }

  /** The node if all of the rights are given, else what the requester may know (get_node). */
  get(path: string, rights: number): StoreNode | XsdError {
    if (!isValidPath(path)) {
      return 'EINVAL';
    }
    const node = this.read(path);
    if (node === 'ENOSPC') {
      return node;
    }
    if (node !== 'ENOENT' && (this.rights(node) & rights) === rights) {
      return node;
    }
    // Whether a node is there may only be known to those whom the nearest node above lets in.
    const ancestor = this.#nearestAncestor(path);
    if (isError(ancestor)) {
      return ancestor;
    }
    return node === 'ENOENT' && (this.rights(ancestor) & rights) !== 0 ? 'ENOENT' : 'EACCES';
  }

  /** What the requester may do with a node. */
  rights(node: StoreNode): number {
    return rightsFor(this.#identity, node.permissions);
  }

  /** Puts a changed node in the place of the one that is there (write_node). */
  write(path: string, node: StoreNode, isFree = false): XsdError | undefined {
    const { tree, domains, quota } = this.#contents;
    const transaction = this.#transaction;
    const written = domains.refreshed({ ...node, generation: tree.nextGeneration() });
    const size = recordSize(written);
    const isTooBig = !(isFree || this.#identity.isPrivileged) && size >= quota.nodeSize;
    const error = isTooBig ? 'ENOSPC' : this.#store(path, written, isFree);
    if (error && transaction) {
      transaction.hasFailed = true;
    }
    return error;
  }

  /** Creates a node with all its missing ancestors (create_node). None of them may be there. */
  create(path: string, value: Uint8Array): StoreNode | XsdError {
    const built = this.#construct(path);
    if (isError(built)) {
      return built;
    }
    if (this.#transaction) {
      this.#transaction.hasCreated = true;
    }
    const created = new Map(built);
    const first = { ...present(created.get(path), 'the node to create'), value };
    created.set(path, first);
    const existing = [...created.keys()].at(-1);
    const written: string[] = [];
    for (const [each, node] of created) {
      const isNew = each !== existing;
      const error = (isNew ? this.#checkCount() : undefined) ?? this.write(each, node);
      if (error) {
        this.#takeBack(written);
        return error;
      }
      if (isNew) {
        this.#addNodes(node, 1);
        written.push(each);
      }
    }
    return first;
  }

  /** Gives a node other permissions, by which it may get another owner. */
  setPermissions(path: string, node: StoreNode, permissions: Permissions): XsdError | undefined {
    const error = this.write(path, { ...node, permissions });
    if (!error) {
      this.#addNodes(node, -1);
      this.#addNodes({ ...node, permissions }, 1);
    }
    return error;
  }

  /**
   * Removes a node that is there with all below it, the deepest first, and tells of each: of those
   * below as exact events, of the node itself as a change (rm_node).
   */
  remove(path: string, onRemoved: OnRemoved): XsdError | undefined {
    if (isError(this.read(parentOf(path)))) {
      return 'EINVAL';
    }
    for (const each of this.#below(path)) {
      const node = this.read(each);
      if (isError(node)) {
        return 'EIO';
      }
      this.#contents.tree.nextGeneration();
      this.#delete(each);
      onRemoved(each, node, each !== path);
      this.#addNodes(node, -1);
      const parent = this.read(parentOf(each));
      if (isError(parent)) {
        return 'EIO';
      }
      this.write(parentOf(each), withoutChild(parent, leafOf(each)), true);
    }
    return undefined;
  }

  #nearestAncestor(path: string): StoreNode | XsdError {
    for (let above = path; ; ) {
      above = parentOf(above);
      const node = this.read(above);
      if (node !== 'ENOENT') {
        return node;
      }
      if (above === '/') {
        return 'EACCES';
      }
    }
  }

  /** The nodes to write, the new one first and last the one that is there (construct_node). */
  #construct(path: string): [path: string, node: StoreNode][] | XsdError {
    const missing: string[] = [];
    let above = path;
    let ancestor: StoreNode | XsdError;
    do {
      missing.unshift(above);
      above = parentOf(above);
      ancestor = this.read(above);
    } while (ancestor === 'ENOENT' && above !== '/');
    if (isError(ancestor)) {
      return ancestor;
    }
    // Who creates a node owns it, unless privileged; the rest is inherited.
    const [owner, ...others] = ancestor.permissions;
    const domain = this.#identity.isPrivileged ? owner.domain : this.#identity.domain;
    const inherited: Permissions = [{ ...owner, domain }, ...others];
    const nodes: [string, StoreNode][] = [[above, ancestor]];
    for (const each of missing) {
      const [parentPath, parent] = present(nodes[0], 'the parent of a new node');
      nodes[0] = [parentPath, withChild(parent, leafOf(each))];
      nodes.unshift([each, emptyNode(inherited)]);
    }
    return nodes;
  }

  #checkCount(): XsdError | undefined {
    const { domains, quota } = this.#contents;
    const { domain, isPrivileged } = this.#identity;
    return !isPrivileged && domains.nodesOf(domain) >= quota.nodes ? 'ENOSPC' : undefined;
  }

  #takeBack(paths: readonly string[]): void {
    for (const path of paths) {
      const node = this.read(path);
      if (!isError(node)) {
        this.#delete(path);
        this.#addNodes(node, -1);
      }
    }
    if (this.#transaction && paths.length > 0) {
      this.#transaction.hasFailed = true;
    }
  }

  /** All paths from one down, each after those below it. */
  #below(path: string): string[] {
    const paths: string[] = [];
    const pending = [path];
    for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
      paths.push(each);
      const parent = each;
      const node = this.read(parent);
      if (!isError(node)) {
        pending.push(...node.children.map((leaf) => childOf(parent, leaf)));
      }
    }
    return paths.reverse();
  }

  /** Counts nodes of an owner, at once or at the end of the transaction. */
  #addNodes({ permissions: [owner] }: StoreNode, count: number): void {
    (this.#transaction ?? this.#contents.domains).addNodes(owner.domain, count);
  }

  /** Touches a node for the first time; `undefined` when that is one too many (access_node). */
  #access(
    transaction: Transaction,
    path: string,
    node: StoreNode | undefined,
  ): AccessedNode | undefined {
    const { quota, domains } = this.#contents;
    if (transaction.accessed.size >= quota.transactionNodes && !this.#identity.isPrivileged) {
      transaction.hasFailed = true;
      return undefined;
    }
    const accessed: AccessedNode = {
      node,
      generation: node?.generation,
      permissions: node?.permissions,
      isModified: false,
      event: 'none',
    };
    transaction.accessed.set(path, accessed);
    domains.addMemory(this.#identity.domain, transaction.sizeOf(path, node));
    return accessed;
  }

  #store(path: string, node: StoreNode, isFree: boolean): XsdError | undefined {
    const { tree, domains } = this.#contents;
    const accessed = this.#transaction?.accessed.get(path);
    const old = this.#charge(path, accessed ? accessed.node : tree.get(path));
    const paid = this.#charge(path, node);
    domains.addMemory(old.domain, -old.bytes);
    if (isFree) {
      domains.addMemory(paid.domain, paid.bytes);
    } else if (!domains.tryMemory(paid.domain, paid.bytes)) {
      domains.addMemory(old.domain, old.bytes);
      return 'EIO';
    }
    if (accessed) {
      accessed.node = node;
      accessed.isModified = true;
    } else {
      tree.set(path, node);
    }
    return undefined;
  }

  #delete(path: string): void {
    const { tree, domains } = this.#contents;
    const accessed = this.#transaction?.accessed.get(path);
    const old = this.#charge(path, accessed ? accessed.node : tree.get(path));
    domains.addMemory(old.domain, -old.bytes);
    if (accessed) {
      accessed.node = undefined;
      accessed.isModified = true;
    } else {
      tree.delete(path);
    }
  }

  /** Whose memory a node takes, and how much: of the owner, but of whoever copies it in a transaction. */
  #charge(path: string, node: StoreNode | undefined): { domain: number; bytes: number } {
    const { domain } = this.#identity;
    return this.#transaction
      ? { domain, bytes: this.#transaction.sizeOf(path, node) }
      : { domain: node?.permissions[0].domain ?? domain, bytes: storedSize(path, node) };
  }
}
