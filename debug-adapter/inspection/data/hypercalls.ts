/** A trace of hypercalls: who called what, with which arguments, and the answer. */

import type { Description } from '../../../emulator/abi/description.ts';
import type { CodePlace } from './rows.ts';

/** One hypercall with its answer. */
export interface HypercallData {
  /** Counts from 0 since the trace was begun or cleared. */
  readonly sequence: number;
  /** Instructions that the machine had retired when it was answered. */
  readonly instructions: number;
  readonly domain: number;
  readonly vcpu: number;
  /** As Xen names it, such as `grant_table_op`; its number where it has no name. */
  readonly name: string;
  readonly number: number;
  /** As Xen names the sub-operation, such as `query_size`. */
  readonly operation?: string | undefined;
  /**
   * By parameter: words in hexadecimal, and the struct of a sub-operation by its own name as it was
   * after the call. Absent of a number that is no hypercall.
   */
  readonly arguments?: Readonly<Record<string, Description>> | undefined;
  /** An entry of a multicall. */
  readonly isNested: boolean;
  /** The rest is left to a call that the guest repeats; `result` says nothing then. */
  readonly isContinued: boolean;
  /** Signed. */
  readonly result: number;
  /** Of a negative result: its name, such as `EINVAL`. */
  readonly errno?: string | undefined;
  readonly caller: CodePlace;
}

/** Which calls are wanted; all that is given must fit. */
export interface HypercallFilter {
  /** `name`, `operation` or `name/operation`; a part of a name is enough. */
  readonly name?: string;
  /** `any` error, or one by its name. */
  readonly errno?: string;
  readonly domain?: number;
}

export interface HypercallTraceData {
  readonly isTracing: boolean;
  /** How many calls are kept; older ones are dropped. */
  readonly capacity: number;
  /** Calls seen since the trace was begun or cleared. */
  readonly seen: number;
  /** Oldest first. */
  readonly rows: readonly HypercallData[];
  /** Of the kept ones, how many fit the filter; and the place of `rows[0]` among these. */
  readonly total: number;
  readonly first: number;
}
