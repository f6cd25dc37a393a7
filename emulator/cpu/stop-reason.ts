/** Why a run ended before its budget was used, or that it was. */

import type { WatchHit } from './watchpoints.ts';

export type StopReason =
  | { readonly kind: 'budget' }
  /** HLT, with no interrupt to wake it. */
  | { readonly kind: 'halted' }
  /** Before the instruction at this linear address. */
  | { readonly kind: 'breakpoint'; readonly address: number }
  /** After the instruction that touched what is watched. */
  | { readonly kind: 'watchpoint'; readonly hits: readonly WatchHit[] }
  /** Shutdown: an exception while a double fault was delivered. */
  | { readonly kind: 'tripleFault' }
  /** The guest did what this processor does not do; a sentence says what. */
  | { readonly kind: 'unsupported'; readonly sentence: string }
  /** The environment asked for it. */
  | { readonly kind: 'environment'; readonly reason: string };
