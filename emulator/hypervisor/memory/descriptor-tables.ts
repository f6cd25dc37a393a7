/**
 * A guest's GDT and LDT: pages of checked descriptors that nobody maps writable. Xen:
 * pv/descriptor-tables.c, pv/mm.c.
 *
 * GDT pages are typed when they are set. LDT pages are typed when a selector first needs them, which
 * may be refused; the guest then gets a page fault, as if the page were not there.
 */

import { FIRST_RESERVED_GDT_ENTRY } from '../../abi/arch-x86-32.ts';
import { ERRNO } from '../../abi/errno.ts';
import { type Operation, runStages } from '../stage.ts';
import { checkDescriptor } from './descriptors.ts';
import { segmentBounds } from './domain-tables.ts';
import { FRAME_TYPE, type FrameType } from './frame-types.ts';
import { frameOf, isPresent } from './page-table-entry.ts';
import { findL1Entry, machineFrameOf } from './page-table-update.ts';
import type { PageTypes } from './page-types.ts';
import { NO_FRAME, type PagedDomain, type PagedVcpu } from './paged-domain.ts';
import { type EntryWords, read } from './table-entry.ts';

const PAGE = 4096;
const DESCRIPTORS_OF_PAGE = 512;
const LDT_ENTRIES_MAX = 8192;

/** How many pages a GDT of so many descriptors has. */
export const gdtPages = (entries: number): number => Math.ceil(entries / DESCRIPTORS_OF_PAGE);

/** Replaces a vcpu's GDT; the old one stays if any page of the new one is refused. */
export function setGdt(
  types: PageTypes,
  domain: PagedDomain,
  vcpu: PagedVcpu,
  frames: readonly number[],
  entries: number,
): number {
  if (entries > FIRST_RESERVED_GDT_ENTRY) {
    return -ERRNO.EINVAL;
  }
  const taken: number[] = [];
  for (const frame of frames.slice(0, gdtPages(entries))) {
    const mfn = machineFrameOf(domain, frame);
    if (types.getPageAndType(mfn, domain.id, FRAME_TYPE.segdesc) !== 0) {
      for (const earlier of taken) {
        types.putPageAndType(earlier);
      }
      return -ERRNO.EINVAL;
    }
    taken.push(mfn);
  }
  dropGdt(types, vcpu);
  vcpu.gdtFrames = taken;
  vcpu.gdtEntries = entries;
  types.tlb.flushAll();
  return 0;
}

export function dropGdt(types: PageTypes, vcpu: PagedVcpu): void {
  for (const mfn of vcpu.gdtFrames) {
    types.putPageAndType(mfn);
  }
  vcpu.gdtFrames = [];
  vcpu.gdtEntries = 0;
}

/** MMUEXT_SET_LDT. @param linear page aligned; of no account when there are no entries */
export function setLdt(
  types: PageTypes,
  domain: PagedDomain,
  vcpu: PagedVcpu,
  linear: number,
  entries: number,
): number {
  const { hypervisorStart } = segmentBounds(domain);
  const isBad = entries > LDT_ENTRIES_MAX || (entries > 0 && linear % PAGE !== 0);
  // The elder Xen looks at the address even when there are no entries.
  const isEraBad =
    !domain.rules.refinesErrors && (linear % PAGE !== 0 || linear + entries * 8 > hypervisorStart);
  if (isBad || isEraBad) {
    return -ERRNO.EINVAL;
  }
  const base = entries === 0 ? 0 : linear;
  if (vcpu.ldtBase !== base || vcpu.ldtEntries !== entries) {
    types.dropLdt(vcpu);
    types.tlb.flushAll();
    vcpu.ldtBase = base;
    vcpu.ldtEntries = entries;
  }
  return 0;
}

/**
 * The frame of a page of the LDT, which is typed now if it was not. `undefined` when the page is not
 * mapped or may not hold descriptors: a page fault at the descriptor, for the guest.
 *
 * @param page number of the page in the LDT, inside its limit
 */
export function ldtFrame(
  types: PageTypes,
  domain: PagedDomain,
  vcpu: PagedVcpu,
  page: number,
): number | undefined {
  const known = vcpu.ldtFrames.get(page);
  if (known !== undefined) {
    return known;
  }
  const linear = (vcpu.ldtBase + page * PAGE) >>> 0;
  const place = findL1Entry(types, domain, vcpu.baseFrame, linear);
  const entry = place === undefined ? { low: 0, high: 0 } : read(types, domain, place);
  if (!isPresent(entry.low)) {
    return undefined;
  }
  const frame = frameOf(entry.low, entry.high, domain.rules.frameHighMask);
  const mfn = machineFrameOf(domain, frame);
  if (types.getPageAndType(mfn, domain.id, ldtType(domain)) !== 0) {
    return undefined;
  }
  vcpu.ldtFrames.set(page, mfn);
  return mfn;
}

/** What the stages of a descriptor's update work on. */
interface DescriptorUpdate {
  readonly types: PageTypes;
  readonly owner: PagedDomain;
  readonly address: number;
  descriptor: EntryWords;
  mfn: number;
  answer: number;
  readonly domain: number;
  readonly vcpu: number;
}

const DESCRIPTOR_UPDATE: Operation<DescriptorUpdate> = {
  name: 'descriptor update',
  facts: ({ address, descriptor, mfn, answer }) => ({
    address,
    descriptorLow: descriptor.low,
    descriptorHigh: descriptor.high,
    frame: mfn,
    answer,
  }),
  stages: [
    {
      name: 'check the descriptor',
      rule: 'It may give no more than ring 1 has: segments get a DPL of 1, system segments but call gates are refused.',
      run(update) {
        const { address, descriptor, owner } = update;
        const checked = checkDescriptor(descriptor.low, descriptor.high, segmentBounds(owner));
        if (address % 8 !== 0 || checked === undefined) {
          return 'done';
        }
        update.descriptor = checked;
        return 'next';
      },
    },
    {
      name: 'take the frame',
      rule: 'The frame must be the domain’s.',
      run(update) {
        const { types, owner, address } = update;
        update.mfn = machineFrameOf(owner, Math.floor(address / PAGE));
        return types.frames.getPage(update.mfn, owner.id) ? 'next' : 'done';
      },
    },
    {
      name: 'take its type',
      rule: 'A descriptor page stays one; any other page must be one that could be written.',
      run({ types, mfn }) {
        const type = types.frames.typeOf(mfn);
        const isTable = type === FRAME_TYPE.segdesc || type === FRAME_TYPE.ldt;
        if (types.getType(mfn, isTable ? type : FRAME_TYPE.writable) === 0) {
          return 'next';
        }
        types.frames.putPage(mfn);
        return 'done';
      },
    },
    {
      name: 'write the descriptor',
      rule: 'As it was checked, not as it was given.',
      run(update) {
        const { types, mfn, address, descriptor } = update;
        const at = mfn * PAGE + (address % PAGE);
        types.frames.ram.write32(at, descriptor.low);
        types.frames.ram.write32(at + 4, descriptor.high);
        types.putPageAndType(mfn);
        update.answer = 0;
        return 'next';
      },
    },
  ],
};

/**
 * Writes a descriptor, as it may stand in a table, into a descriptor page or any page that could be
 * written. 0 or -EINVAL. Xen: do_update_descriptor().
 *
 * @param address machine address, or the guest's own physical one in a translated domain
 */
export function updateDescriptor(
  types: PageTypes,
  owner: PagedDomain,
  address: number,
  descriptor: EntryWords,
): number {
  const at = { domain: owner.id, vcpu: 0 };
  const update = { types, owner, address, descriptor, mfn: NO_FRAME, answer: -ERRNO.EINVAL, ...at };
  runStages(DESCRIPTOR_UPDATE, update, types.probes);
  return update.answer;
}

const ldtType = (domain: PagedDomain): FrameType =>
  domain.rules.separatesLdt ? FRAME_TYPE.ldt : FRAME_TYPE.segdesc;
