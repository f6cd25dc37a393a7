/** Grant tables: what a domain lets others use, who does, and what it uses of theirs. */

import type { Rows } from './rows.ts';

export interface GrantTableData extends Rows<GrantData> {
  readonly domain: number;
  /** The layout of the entries that the guest has chosen. */
  readonly version: 1 | 2;
  /** Machine frames that the table lies in, and how many it may grow to. */
  readonly frames: readonly number[];
  readonly maxFrames: number;
  /** Of version 2: machine frames of the words that say how entries are used. */
  readonly statusFrames: readonly number[];
  /** Entries that there is room for; references are below it. */
  readonly entries: number;
}

export interface GrantData {
  readonly reference: number;
  readonly type: 'permit access' | 'accept transfer' | 'transitive' | 'invalid';
  /** The bits as the guest wrote them, with those that Xen sets for it. */
  readonly flags: number;
  /** Names of the set bits without `GTF_`, such as `readonly`, `reading`; unknown ones in hexadecimal. */
  readonly flagNames: readonly string[];
  /** The domain that may use it. */
  readonly grantee: number;
  /** As the granting domain numbers frames; absent in a transitive entry. */
  readonly frame?: number | undefined;
  /** The machine frame and the pseudo-physical one, where `frame` is one of the domain’s. */
  readonly machineFrame?: number | undefined;
  readonly pseudoPhysicalFrame?: number | undefined;
  /** Of a part of a frame: bytes from its start, and how many. */
  readonly part?: { readonly start: number; readonly length: number } | undefined;
  /** Of a transitive entry: whose entry it passes on. */
  readonly transitive?: { readonly domain: number; readonly reference: number } | undefined;
  /** What has become of a transfer. */
  readonly transfer?: 'waiting' | 'committed' | 'completed' | undefined;
  /** Absent while nobody uses it. */
  readonly use?: GrantUseData | undefined;
  /** What the toolstack reserved it for: `console`, `xenstore`. */
  readonly reserved?: string | undefined;
}

/** What Xen knows of an entry in use, whatever the guest has made of it since. */
export interface GrantUseData {
  /** Who uses it. */
  readonly domain: number;
  /** Machine frame that the entry named when its use began. */
  readonly machineFrame: number;
  /** How often it is mapped: by page tables (host) and by devices. */
  readonly hostRead: number;
  readonly hostWrite: number;
  readonly deviceRead: number;
  readonly deviceWrite: number;
}

/** What a domain has mapped of others. */
export type GrantMappingsData = Rows<GrantMappingData> & { readonly domain: number };

export interface GrantMappingData {
  readonly handle: number;
  /** Whose frame it is. */
  readonly granter: number;
  /** Absent: mapped without a grant, by the right of domain 0. */
  readonly reference?: number | undefined;
  /** Names of `GNTMAP` that are set, such as `host_map`, `readonly`. */
  readonly flagNames: readonly string[];
  readonly machineFrame: number;
}
