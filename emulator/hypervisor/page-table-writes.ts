/**
 * Stores of a guest to its page tables, which are mapped read-only, carried out for it.
 *
 * The instruction is executed again with its stores diverted: whatever it is, what it would have
 * written becomes a checked update of an entry. An update that is refused undoes the instruction,
 * and the guest gets its page fault after all. Xen: `pv/ro-page-fault.c`.
 */

import { VMASST_TYPE } from '../abi/xen.ts';
import { loadContext, saveContext } from '../cpu/context.ts';
import { emulateStore, readOnlyTableAt } from './memory/refused-store.ts';
import type { Vcpu } from './vcpu.ts';
import type { Xen } from './xen.ts';

/** Error code of a page fault: a store by the kernel to a page that is present. */
const REFUSED_STORE = 3;
const KERNEL_RING = 1;

/** Answers whether the page fault was such a store, and has been dealt with. */
export function writePageTable(xen: Xen, vcpu: Vcpu, errorCode: number): boolean {
  const { cpu, pages } = xen;
  const { domain, baseFrame } = vcpu;
  const { state, access } = cpu;
  const linear = state.cr2;
  const mayBe =
    errorCode === REFUSED_STORE &&
    state.cpl === KERNEL_RING &&
    domain.hasAssist(VMASST_TYPE.writable_pagetables) &&
    readOnlyTableAt(pages, domain, baseFrame, linear) !== undefined;
  if (!mayBe) {
    return false;
  }
  const before = saveContext(cpu);
  let isRefused = false;
  access.diversion = {
    page: linear >>> 12,
    store(address, bytes) {
      isRefused = isRefused || !update(xen, vcpu, address >>> 0, bytes);
    },
  };
  const hasEnded = cpu.executeAgain();
  access.diversion = undefined;
  if (hasEnded && !isRefused) {
    return true;
  }
  if (hasEnded) {
    loadContext(cpu, before);
  }
  state.cr2 = linear;
  return false;
}

/** One store of the instruction as an update of an entry. False when it is refused. */
function update(xen: Xen, vcpu: Vcpu, linear: number, bytes: Uint8Array): boolean {
  const { domain, baseFrame } = vcpu;
  const whole = new Uint8Array(8);
  whole.set(bytes.subarray(0, 8));
  const words = new DataView(whole.buffer);
  const value = { low: words.getUint32(0, true), high: words.getUint32(4, true) };
  const store = { linear, bytes: bytes.length, value };
  const isDone = emulateStore(xen.pages, domain, baseFrame, store) === 'done';
  if (isDone && xen.probes.wants['page-table-write']) {
    const place = { domain: domain.id, vcpu: vcpu.id, address: linear };
    xen.probes.emit({ kind: 'page-table-write', ...place, value: words.getBigUint64(0, true) });
  }
  return isDone;
}
