/** Stores of a guest to its page tables, which are mapped read-only, carried out for it. */

import type { Vcpu } from './vcpu.ts';
import type { Xen } from './xen.ts';

/** Answers whether the page fault was such a store, and has been dealt with. */
export function writePageTable(_xen: Xen, _vcpu: Vcpu, _errorCode: number): boolean {
  return false;
}
