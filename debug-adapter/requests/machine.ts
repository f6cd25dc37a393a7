/** What goes beyond the protocol: what views show, the consoles of guests, how steps are made. */

import type { Debugging } from '../session/debugging.ts';

export function machineRequests(debugging: Debugging) {
  return {
    'ringside/stepping'({ holdsInterrupts }: { holdsInterrupts?: unknown }): {
      holdsInterrupts: boolean;
    } {
      if (typeof holdsInterrupts === 'boolean') {
        debugging.holdsInterrupts = holdsInterrupts;
      }
      return { holdsInterrupts: debugging.holdsInterrupts };
    },
  };
}
