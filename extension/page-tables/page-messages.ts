/** What the editor of page tables, a page in a frame of its own, and the extension tell each other. */

import type { ArgumentsOf, BodyOf } from '../../debug-adapter/custom-requests.ts';

/** Requests that the page may make: those that look and change nothing. */
export const PAGE_REQUESTS = [
  'ringside/machine',
  'ringside/addressMap',
  'ringside/tableEntries',
  'ringside/walk',
  'ringside/whoMaps',
] as const;

export type PageRequest = (typeof PAGE_REQUESTS)[number];

/** Rejects with a sentence. */
export type AskPage = <Name extends PageRequest>(
  name: Name,
  given: ArgumentsOf<Name>,
) => Promise<BodyOf<Name>>;

/** Whose address space. */
export interface VcpuChoice {
  readonly domain: number;
  readonly vcpu: number;
}

export type ExportFormat = 'text' | 'csv';

export type FromPage =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly name: PageRequest;
      readonly given: object;
    }
  /** What an address field holds, if it is no number: an expression of the program. */
  | { readonly kind: 'evaluate'; readonly id: number; readonly expression: string }
  | { readonly kind: 'export'; readonly format: ExportFormat; readonly choice: VcpuChoice };

export type ToPage =
  | { readonly kind: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly sentence: string }
  /** What is shown is old, or there is nothing to show any more. */
  | { readonly kind: 'changed'; readonly hasMachine: boolean }
  | { readonly kind: 'choose'; readonly choice: VcpuChoice }
  | { readonly kind: 'whoMaps'; readonly frame: number };
