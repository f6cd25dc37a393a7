/**
 * The domains that the store knows of, and what it keeps for each.
 *
 * A domain is known from its creation on, is introduced when it gets a connection, and is forgotten
 * when it has gone. Domain 0 is always known.
 */

import { markStale, type Permissions } from './permissions.ts';
import type { Quota } from './quota.ts';
import type { StoreNode } from './tree.ts';

interface DomainRecord {
  /** The store's count of generations when it was created: older permissions are not for it. */
  readonly generation: number;
  isIntroduced: boolean;
  /** Whether its shutdown has been announced. */
  isShutDown: boolean;
  /** Nodes it owns. */
  nodes: number;
  /** Bytes kept for it: nodes, copies in its transactions, watches, messages not yet taken. */
  memory: number;
}

export type DomainsImage = readonly (readonly [domain: number, record: Readonly<DomainRecord>])[];

/** Whether a domain is bound by permissions and quotas. */
export function isUnprivileged(domain: number): boolean {
  return domain !== 0;
}

export class Domains {
  #records = new Map<number, DomainRecord>();
  readonly #quota: Quota;

  /** Knows domain 0, which owns the nodes that are there at the start. */
  constructor(quota: Quota, nodesAtStart: number) {
    this.#quota = quota;
    this.create(0, 0);
    this.addNodes(0, nodesAtStart);
  }

  isKnown(domain: number): boolean {
    return this.#records.has(domain);
  }

  isIntroduced(domain: number): boolean {
    return this.#records.get(domain)?.isIntroduced ?? false;
  }

  /** Gets to know a domain, given the store's present generation; nothing if it is known. */
  create(domain: number, generation: number): void {
    if (!this.isKnown(domain)) {
      const record = { generation, isIntroduced: false, isShutDown: false, nodes: 0, memory: 0 };
      this.#records.set(domain, record);
    }
  }

  forget(domain: number): void {
    this.#records.delete(domain);
  }

  markIntroduced(domain: number): void {
    const record = this.#records.get(domain);
    if (record) {
      record.isIntroduced = true;
      record.isShutDown = false;
    }
  }

  /** Notes that a domain shut down or runs again; answers whether that is news. */
  markShutDown(domain: number, isShutDown: boolean): boolean {
    const record = this.#records.get(domain);
    if (!record?.isIntroduced || record.isShutDown === isShutDown) {
      return false;
    }
    record.isShutDown = isShutDown;
    return true;
  }

  /** Nodes that a domain owns. */
  nodesOf(domain: number): number {
    return this.#records.get(domain)?.nodes ?? 0;
  }

  /** Counts nodes of a domain, or uncounts them if the number is negative. */
  addNodes(domain: number, count: number): void {
    const record = this.#records.get(domain);
    if (record) {
      record.nodes += count;
    }
  }

  /** Counts bytes kept for a domain, whatever its quota. */
  addMemory(domain: number, bytes: number): void {
    const record = this.#records.get(domain);
    if (record) {
      record.memory += bytes;
    }
  }

  /** Counts bytes kept for a domain unless that reaches its quota; answers whether it did not. */
  tryMemory(domain: number, bytes: number): boolean {
    if (this.memoryOf(domain) + bytes >= this.#memoryLimit(domain)) {
      return false;
    }
    this.addMemory(domain, bytes);
    return true;
  }

  memoryOf(domain: number): number {
    return this.#records.get(domain)?.memory ?? 0;
  }

  /** Whether a domain made us keep so much that its requests are no longer read. */
  isOverMemory(domain: number): boolean {
    return this.memoryOf(domain) >= this.#memoryLimit(domain);
  }

  /** The permissions, the entries of domains marked stale that are not there. */
  checked(permissions: Permissions): Permissions {
    return markStale(permissions, ({ domain }) => !this.isKnown(domain));
  }

  /** A node as it counts now: an entry for a domain younger than the node is not for that domain. */
  refreshed(node: StoreNode): StoreNode {
    const isStale = (domain: number) =>
      (this.#records.get(domain)?.generation ?? Number.POSITIVE_INFINITY) > node.generation;
    const needsMark = node.permissions.some(
      (entry, index) => index > 0 && !entry.isStale && isStale(entry.domain),
    );
    return needsMark
      ? {
          ...node,
          permissions: markStale(node.permissions, ({ domain }, at) => at > 0 && isStale(domain)),
        }
      : node;
  }

  capture(): DomainsImage {
    return [...this.#records].map(([domain, record]) => [domain, { ...record }] as const);
  }

  restore(image: DomainsImage): void {
    this.#records = new Map(image.map(([domain, record]) => [domain, { ...record }]));
  }
  #memoryLimit(domain: number): number {
    return isUnprivileged(domain) ? this.#quota.memory : this.#quota.privilegedMemory;
  }
}
