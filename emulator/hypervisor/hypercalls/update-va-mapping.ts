/**
 * `HYPERVISOR_update_va_mapping` and `_otherdomain`: the level-1 entry that maps a linear address,
 * and what to flush afterwards. Xen: `arch/x86/mm.c`, `__do_update_va_mapping`.
 */

import { ERRNO } from '../../abi/errno.ts';
import { HYPERVISOR, UVMF } from '../../abi/xen.ts';
import { namedOwner } from '../domains/foreign-domain.ts';
import type { Caller, Hypercall } from '../hypercall.ts';
import { updateVaMapping as updateMapping } from '../memory/page-table-update.ts';
import { flushTranslations, namesRunningVcpu } from '../translation-flush.ts';

export const updateVaMapping: Hypercall = {
  number: HYPERVISOR.update_va_mapping,
  name: 'update_va_mapping',
  parameters: ['va', 'val_lo', 'val_hi', 'flags'],
  run: (caller, va, low, high, flags) => update(caller, caller.domain.id, va, { low, high }, flags),
};

export const updateVaMappingOtherdomain: Hypercall = {
  number: HYPERVISOR.update_va_mapping_otherdomain,
  name: 'update_va_mapping_otherdomain',
  parameters: ['va', 'val_lo', 'val_hi', 'flags', 'domid'],
  run(caller, va, low, high, flags, domid) {
    const { domain } = caller;
    if (!domain.rules.refinesErrors) {
      return -ERRNO.EPERM;
    }
    const owner = namedOwner(caller, domid & 0xffff);
    if (owner === undefined) {
      return -ERRNO.ESRCH;
    }
    return owner === 'self' ? update(caller, domain.id, va, { low, high }, flags) : -ERRNO.EPERM;
  },
};

function update(
  caller: Caller,
  frameOwner: number,
  va: number,
  entry: { readonly low: number; readonly high: number },
  flags: number,
): number {
  const { xen, domain, vcpu } = caller;
  const scope = { domain, frameOwner, preservesAccessed: false };
  const high = domain.format === 'pae' ? entry.high : 0;
  const words = { low: entry.low, high };
  const answer = updateMapping(xen.pages, scope, vcpu.baseFrame, va, words);
  if (answer !== 0) {
    return answer;
  }
  if (xen.probes.wants['page-table-write']) {
    const value = (BigInt(high) << 32n) | BigInt(entry.low);
    const place = { domain: domain.id, vcpu: vcpu.id };
    xen.probes.emit({ kind: 'page-table-write', ...place, address: va, value });
  }
  return flush(caller, va, flags);
}

function flush(caller: Caller, va: number, flags: number): number {
  const what = flags & UVMF.FLUSHTYPE_MASK;
  if (what !== UVMF.TLB_FLUSH && what !== UVMF.INVLPG) {
    return 0;
  }
  const where = (flags & ~UVMF.FLUSHTYPE_MASK) >>> 0;
  const isHere =
    where === UVMF.LOCAL || where === UVMF.ALL ? true : namesRunningVcpu(caller, where);
  if (isHere === undefined) {
    return -ERRNO.EFAULT;
  }
  if (isHere) {
    flushTranslations(caller, what === UVMF.INVLPG ? va : undefined);
  }
  return 0;
}
