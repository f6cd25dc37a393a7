/** The books of machine frames against all that the hypervisor knows to hold frames: for tests. */

import { GNTMAP } from '../abi/grant-table.ts';
import type { Domain } from './domains/domain.ts';
import { frameDiscrepancies, type HeldFrame } from './memory/frame-invariants.ts';
import type { Xen } from './xen.ts';

const PAGE = 4096;

/** What is wrong with the counts and contents of frames, each a sentence; nothing when all is well. */
export function frameMistakes(xen: Xen): string[] {
  const domains = [...xen.domains.values()];
  return frameDiscrepancies(xen.frames, {
    domains,
    held: domains.flatMap((domain) => heldBy(domain)),
    isGranted: (mapper, mfn, isWritable) => {
      const domain = domains.find(({ id }) => id === mapper.id);
      return domain !== undefined && hasMapped(domain, mfn, isWritable);
    },
  });
}

/** References beside those of page tables: of a vcpu_info that was moved, and of device mappings. */
function heldBy(domain: Domain): HeldFrame[] {
  const infos = domain.vcpus
    .filter(({ isInfoPlaced }) => isInfoPlaced)
    .map(({ info }) => ({ frame: Math.floor(info / PAGE), withType: true }));
  const devices = [...domain.grants.mappings()]
    .filter(([, { flags }]) => (flags & GNTMAP.device_map) !== 0)
    .map(([, { frame, flags }]) => ({ frame, withType: (flags & GNTMAP.readonly) === 0 }));
  return [...infos, ...devices];
}

function hasMapped(domain: Domain, mfn: number, isWritable: boolean): boolean {
  for (const [, { frame, flags }] of domain.grants.mappings()) {
    const isHost = (flags & GNTMAP.host_map) !== 0;
    if (frame === mfn && isHost && !(isWritable && flags & GNTMAP.readonly)) {
      return true;
    }
  }
  return false;
}
