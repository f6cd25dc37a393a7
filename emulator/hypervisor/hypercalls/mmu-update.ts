/**
 * `HYPERVISOR_mmu_update`: a list of changes to page tables, by machine address, and to the table
 * from machine to pseudo-physical frames. Xen: `arch/x86/mm.c`, `do_mmu_update`.
 */

import { ERRNO } from '../../abi/errno.ts';
import { DOMID, HYPERVISOR, MMU, mmu_update } from '../../abi/xen.ts';
import { isDomain, type NamedOwner, namedOwner } from '../domains/foreign-domain.ts';
import type { Caller, Hypercall } from '../hypercall.ts';
import { TABLE_SHAPES } from '../memory/page-table-entry.ts';
import { updateEntry, updateMachPhys } from '../memory/page-table-update.ts';
import { carryOutRequests } from '../requests.ts';

const PAGE = 4096;
/** The worst request validates or gives up 512 tables. */
const IN_ONE_GO = 256;

/** Whose tables are changed and whose frames go into them. */
interface Parties {
  readonly frames: NamedOwner;
  readonly tables: 'self' | 'other';
}

export const mmuUpdate: Hypercall = {
  number: HYPERVISOR.mmu_update,
  name: 'mmu_update',
  parameters: ['ureqs', 'count', 'pdone', 'foreigndom'],
  run(caller, address, count, done, foreign) {
    const list = {
      hypercall: HYPERVISOR.mmu_update,
      size: mmu_update.size,
      inOneGo: IN_ONE_GO,
      address,
      count,
      done,
      foreign,
    };
    let parties: Parties | undefined;
    const check = () => {
      parties = partiesOf(caller, foreign);
      return parties === undefined ? -ERRNO.ESRCH : 0;
    };
    return carryOutRequests(caller, list, check, (at) =>
      parties === undefined ? -ERRNO.ESRCH : perform(caller, parties, at),
    );
  },
};

function partiesOf(caller: Caller, foreign: number): Parties | undefined {
  const { domain } = caller;
  const frames = namedOwner(caller, foreign & 0xffff);
  // The upper half was no argument yet in 2006.
  const owner = domain.rules.refinesErrors ? (foreign >>> 16) - 1 : -1;
  const isOwn = owner === -1 || owner === domain.id;
  if (frames === undefined || (!isOwn && !isDomain(caller, owner))) {
    return undefined;
  }
  return { frames, tables: isOwn ? 'self' : 'other' };
}

/** Carries out the request at an address of the guest's. */
function perform(caller: Caller, parties: Parties, at: number): number {
  const { memory, domain } = caller;
  const pointer = memory.read32(at);
  const pointerHigh = memory.read32(at + 4);
  const low = memory.read32(at + 8);
  const high = memory.read32(at + 12);
  if (
    pointer === undefined ||
    pointerHigh === undefined ||
    low === undefined ||
    high === undefined
  ) {
    return -ERRNO.EFAULT;
  }
  const shape = TABLE_SHAPES[domain.format];
  const command = pointer & (shape.entrySize - 1);
  if (command >= domain.rules.updateCommands) {
    return domain.rules.refinesErrors ? -ERRNO.ENOSYS : -ERRNO.EINVAL;
  }
  const address = pointerHigh * 2 ** 32 + pointer - command;
  if (command === MMU.MACHPHYS_UPDATE) {
    return setMachPhys(caller, parties, Math.floor(address / PAGE), low);
  }
  return setEntry(caller, parties, address, command, low, shape.entrySize === 8 ? high : 0);
}

function setMachPhys(caller: Caller, parties: Parties, mfn: number, pfn: number): number {
  const { domain, xen } = caller;
  if (parties.tables === 'other') {
    return -ERRNO.EPERM;
  }
  if (domain.isTranslated) {
    return -ERRNO.EINVAL;
  }
  if (parties.frames === 'other') {
    return -ERRNO.EPERM;
  }
  return updateMachPhys(xen.pages, ownerNumber(caller, parties), mfn, pfn);
}

function setEntry(
  caller: Caller,
  parties: Parties,
  address: number,
  command: number,
  low: number,
  high: number,
): number {
  const { domain, xen, vcpu } = caller;
  if (parties.frames === 'other' || parties.tables === 'other') {
    return -ERRNO.EPERM;
  }
  const scope = {
    domain,
    frameOwner: ownerNumber(caller, parties),
    preservesAccessed: command === MMU.PT_UPDATE_PRESERVE_AD,
  };
  const answer = updateEntry(xen.pages, scope, address, { low, high });
  if (answer === 0 && xen.probes.wants['page-table-write']) {
    const value = (BigInt(high) << 32n) | BigInt(low);
    const place = { domain: domain.id, vcpu: vcpu.id };
    xen.probes.emit({ kind: 'page-table-write', ...place, address, value });
  }
  return answer;
}

const ownerNumber = ({ domain }: Caller, { frames }: Parties): number =>
  frames === 'io' ? DOMID.IO : domain.id;
