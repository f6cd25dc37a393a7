/** The address spaces of a domain, read as its processor would, without a trace of having looked. */

import { pagingModeOf } from '../../emulator/hypervisor/address-space.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { FRAME_TYPE } from '../../emulator/hypervisor/memory/frame-types.ts';
import { ENTRY, TABLE_SHAPES } from '../../emulator/hypervisor/memory/page-table-entry.ts';
import { NO_FRAME } from '../../emulator/hypervisor/memory/paged-domain.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import { type PagingMode, walk } from '../../emulator/memory/page-walk.ts';
import type { Ram } from '../../emulator/memory/ram.ts';
import { TRANSLATION } from '../../emulator/memory/tlb.ts';
import { registerOf } from './registers.ts';

const PAGE = 4096;
const ADDRESSES = 2 ** 32;

/** Machine frame of a virtual processor's root table; undefined: it has none. */
export const rootOf = ({ baseFrame }: Vcpu): number | undefined =>
  baseFrame === NO_FRAME ? undefined : baseFrame;

/** How the processor reads, or would read, the tables of a virtual processor. */
export function modeOf(xen: Xen, vcpu: Vcpu): PagingMode | undefined {
  const root = rootOf(vcpu);
  if (root === undefined) {
    return undefined;
  }
  return xen.scheduler.loaded === vcpu ? xen.cpu.access.mode : modeFrom(xen, vcpu.domain, root);
}

/** The same for any root table of a domain, with the control registers of its first processor. */
export function modeFrom(xen: Xen, domain: Domain, root: number): PagingMode {
  const [first] = domain.vcpus;
  const control = (name: 'cr0' | 'cr4' | 'efer'): number =>
    (first && registerOf(xen, first, name)) ?? 0;
  const registers = { cr0: control('cr0'), cr4: control('cr4'), efer: control('efer') };
  return pagingModeOf(xen.ram, domain, root, registers);
}

/**
 * Root tables that the processor could be given at this moment: those of virtual processors first,
 * then, of a direct domain, all frames that are of the root's type.
 */
export function rootsOf(xen: Xen, domain: Domain): readonly number[] {
  const roots = new Set(domain.vcpus.map(rootOf).filter((root) => root !== undefined));
  if (!domain.isTranslated) {
    const { frames } = xen;
    const type = domain.format === 'pae' ? FRAME_TYPE.l3 : FRAME_TYPE.l2;
    for (let mfn = 0; mfn < frames.count; mfn++) {
      if (frames.owner[mfn] === domain.id && frames.isLive(mfn, type)) {
        roots.add(mfn);
      }
    }
  }
  return [...roots];
}

/**
 * Told of each page that is mapped, in ascending order of addresses.
 *
 * @param translation as `walk` answers it
 * @param size bytes of the page
 */
type PageVisitor = (linear: number, translation: number, size: number) => void;

/** Visits the pages that touch a run of linear addresses, both ends included. Hot. */
export function eachPage(
  ram: Ram,
  domain: Domain,
  mode: PagingMode,
  start: number,
  end: number,
  visit: PageVisitor,
): void {
  const { directoryShift } = TABLE_SHAPES[domain.format];
  const span = 2 ** directoryShift;
  for (let base = start - (start % span); base <= end && base < ADDRESSES; base += span) {
    const directory = directoryEntry(ram, mode, base);
    if (!(directory & ENTRY.present)) {
      continue;
    }
    if (directory & ENTRY.large && (mode.pae || mode.largePages)) {
      const found = walk(ram, mode, base, 'read', false, true);
      if (found >= 0) {
        visit(base, found, span);
      }
      continue;
    }
    const last = Math.min(base + span - 1, end);
    for (let linear = Math.max(base, start - (start % PAGE)); linear <= last; linear += PAGE) {
      const found = walk(ram, mode, linear, 'read', false, true);
      if (found >= 0) {
        visit(linear, found, PAGE);
      }
    }
  }
}

/** The low word of the level-2 entry of an address; 0 where there is no such table. Hot. */
function directoryEntry(ram: Ram, mode: PagingMode, linear: number): number {
  if (!mode.pae) {
    return ram.read32(mode.root + ((linear >>> 20) & 0xffc));
  }
  const pointer = mode.pointers[linear >>> 30] ?? 0;
  return pointer & ENTRY.present
    ? ram.read32(((pointer & ~0xfff) >>> 0) + ((linear >>> 18) & 0xff8))
    : 0;
}

/** The machine address of a linear one, for the kernel to read; undefined: not mapped. */
export function machineAddress(ram: Ram, mode: PagingMode, linear: number): number | undefined {
  const found = walk(ram, mode, linear, 'read', false, true);
  return found < 0 ? undefined : frameOfTranslation(found) * PAGE + (linear & 0xfff);
}

export const frameOfTranslation = (translation: number): number => translation >>> 8;

/** What a translation allows. */
export const allows = (translation: number, right: keyof typeof TRANSLATION): boolean =>
  (translation & TRANSLATION[right]) !== 0;
