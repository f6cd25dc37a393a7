/** XenStore: nodes, who may do what with them, and what each connection has open. */

import type { Rows } from './rows.ts';

export interface StoreNodeData {
  /** Absolute. */
  readonly path: string;
  /** Text as it stands in the node; bytes that are no printable ASCII as `\xNN`. */
  readonly value: string;
  /** Bytes of the value. */
  readonly size: number;
  readonly permissions: readonly StorePermissionData[];
  /** Last components of the children’s paths with what a tree shows beside them, oldest first. */
  readonly children: Rows<StoreChildData>;
}

export interface StoreChildData {
  readonly name: string;
  readonly value: string;
  readonly hasChildren: boolean;
}

export interface StorePermissionData {
  readonly domain: number;
  /** The first entry is the owner’s; what it may is everything, and `access` is what others may. */
  readonly isOwner: boolean;
  readonly access: 'none' | 'read' | 'write' | 'read and write';
  /** The domain of the entry has gone: it gives nothing to a later one of the same number. */
  readonly isStale: boolean;
}

export interface StoreConnectionData {
  /** `domain 1`, or how a client within the emulator calls itself. */
  readonly name: string;
  readonly domain: number;
  readonly isPrivileged: boolean;
  readonly watches: Rows<StoreWatchData>;
  readonly transactions: readonly StoreTransactionData[];
}

export interface StoreWatchData {
  /** Absolute, or the name of a special event such as `@releaseDomain`. */
  readonly path: string;
  readonly token: string;
}

export interface StoreTransactionData {
  readonly id: number;
  /** Nodes that it has read or written so far. */
  readonly touched: number;
  readonly written: number;
  /** Paths of the written ones, at most 64. */
  readonly writtenPaths: readonly string[];
}

/** What became of a change that a user made as the toolstack. */
export type StoreChangeData =
  | { readonly isDone: true }
  /** @see error xenstore’s name of it, such as `EINVAL` */
  | { readonly isDone: false; readonly error: string; readonly sentence: string };
