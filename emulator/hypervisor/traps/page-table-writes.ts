/**
 * Stores of a guest to its page tables, which are mapped read-only, carried out for it.
 *
 * The instruction is executed again with its stores diverted: whatever it is, what it would have
 * written becomes a checked update of an entry. An update that is refused undoes the instruction,
 * and the guest gets its page fault after all. Xen: `pv/ro-page-fault.c`.
 */

import { VMASST_TYPE } from '../../abi/xen.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import { emulateStore, readOnlyTableAt } from '../memory/refused-store.ts';
import type { Xen } from '../xen.ts';

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
  xen.contextNote.take();
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
    xen.contextNote.load();
  }
  state.cr2 = linear;
  return false;
}

/** One store of the instruction as an update of an entry. False when it is refused. */
function update(xen: Xen, vcpu: Vcpu, linear: number, bytes: Uint8Array): boolean {
  const { domain, baseFrame } = vcpu;
  const value = { low: wordIn(bytes, 0), high: wordIn(bytes, 4) };
  const store = { linear, bytes: bytes.length, value };
  const isDone = emulateStore(xen.pages, domain, baseFrame, store) === 'done';
  if (isDone && xen.probes.wants['page-table-write']) {
    const place = { domain: domain.id, vcpu: vcpu.id, address: linear };
    const written = (BigInt(value.high) << 32n) | BigInt(value.low);
    xen.probes.emit({ kind: 'page-table-write', ...place, value: written });
  }
  return isDone;
}

/** The word at an offset, with zeros in place of what is not there. */
const wordIn = (bytes: Uint8Array, at: number): number =>
  (byteIn(bytes, at) |
    (byteIn(bytes, at + 1) << 8) |
    (byteIn(bytes, at + 2) << 16) |
    (byteIn(bytes, at + 3) << 24)) >>>
  0;

const byteIn = (bytes: Uint8Array, at: number): number =>
  at < bytes.length ? (bytes[at] ?? 0) : 0;
