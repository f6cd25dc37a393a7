/**
 * How much of the store a domain may use.
 *
 * The figures are the defaults of xenstored 4.17 (tools/xenstore/xenstored_core.c). Its comparisons
 * differ by one from quota to quota, and so do ours; each is said at its figure.
 */

export interface Quota {
  /** Nodes that a domain owns. A transaction that creates nodes must end with fewer. */
  readonly nodes: number;
  /** One watch more than this can be set: E2BIG then. */
  readonly watches: number;
  /** One transaction more than this can be open: ENOSPC then. */
  readonly transactions: number;
  /** Bytes of a node as xenstored stores it, see `recordSize`; ENOSPC from this size on. */
  readonly nodeSize: number;
  /** Entries in the permissions of one node; ENOSPC for more. */
  readonly permissions: number;
  /** Nodes that one transaction may read or write; ENOSPC for more, and the transaction fails. */
  readonly transactionNodes: number;
  /** Replies that a domain has not yet taken from us; no request is read meanwhile. */
  readonly outstanding: number;
  /** Bytes that a domain may make us keep; beyond it no request is read and no event is queued. */
  readonly memory: number;
  /** The same for domain 0, in whose name back ends write too. Unlike xenstored, which has none. */
  readonly privilegedMemory: number;
}

export const defaultQuota: Quota = {
  nodes: 1000,
  watches: 128,
  transactions: 10,
  nodeSize: 2048,
  permissions: 5,
  transactionNodes: 1024,
  outstanding: 20,
  memory: 2_621_440,
  privilegedMemory: 67_108_864,
};
