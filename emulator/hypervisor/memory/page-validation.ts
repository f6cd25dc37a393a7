/**
 * What makes a frame a page table or a descriptor page: each entry takes what it needs, or all give it
 * back. Xen: promote_l*_table(), demote_l*_table(), validate_segdesc_page().
 */

import { ERRNO } from '../../abi/errno.ts';
import { checkDescriptor } from './descriptors.ts';
import { guestDirectoryEntries, segmentBounds, XEN_SLOT } from './domain-tables.ts';
import { FRAME_TYPE, type FrameType } from './frame-types.ts';
import {
  frameOf,
  isPresent,
  POINTER_ENTRIES,
  readHigh,
  TABLE_SHAPES,
  type TableShape,
  writeEntry,
} from './page-table-entry.ts';
import type { PageTypes } from './page-types.ts';
import type { PagedDomain } from './paged-domain.ts';

const PAGE = 4096;
const DESCRIPTORS = 512;

/** Checks the contents of a frame that is to be of a type, and takes what they need. 0 or an errno. */
export function validate(
  types: PageTypes,
  domain: PagedDomain,
  mfn: number,
  type: FrameType,
  slot: number,
): number {
  types.frames.linear[mfn] = 0;
  switch (type) {
    case FRAME_TYPE.l1:
      return validateL1(types, mfn, domain);
    case FRAME_TYPE.l2:
      return validateL2(types, mfn, domain, slot);
    case FRAME_TYPE.l3:
      return domain.format === 'pae' ? validateL3(types, mfn, domain) : -ERRNO.EINVAL;
    case FRAME_TYPE.segdesc:
    case FRAME_TYPE.ldt:
      return validateDescriptors(types, mfn, domain);
    case FRAME_TYPE.none:
    case FRAME_TYPE.writable:
      return -ERRNO.EINVAL;
  }
}

function validateL1(types: PageTypes, mfn: number, domain: PagedDomain): number {
  const { ram } = types.frames;
  const shape = TABLE_SHAPES[domain.format];
  for (let index = 0; index < shape.entries; index++) {
    const address = mfn * PAGE + index * shape.entrySize;
    const low = ram.read32(address);
    if (isPresent(low)) {
      const answer = types.getFromL1(low, readHigh(ram, shape, address), domain, domain.id);
      if (answer !== 0) {
        putL1Entries(types, mfn, domain, shape, index);
        return answer;
      }
    }
  }
  return 0;
}

/** Gives back what the first entries of a level-1 table hold. */
function putL1Entries(
  types: PageTypes,
  mfn: number,
  domain: PagedDomain,
  shape: TableShape,
  end: number,
): void {
  const { ram } = types.frames;
  for (let index = 0; index < end; index++) {
    const address = mfn * PAGE + index * shape.entrySize;
    const low = ram.read32(address);
    if (isPresent(low)) {
      types.putFromL1(low, readHigh(ram, shape, address), domain);
    }
  }
}

function validateL2(types: PageTypes, mfn: number, domain: PagedDomain, slot: number): number {
  const { ram } = types.frames;
  const shape = TABLE_SHAPES[domain.format];
  const end = guestDirectoryEntries(domain, slot);
  for (let index = 0; index < end; index++) {
    const address = mfn * PAGE + index * shape.entrySize;
    const low = ram.read32(address);
    if (isPresent(low)) {
      const high = readHigh(ram, shape, address);
      const answer = types.getFromDirectory(2, low, high, domain, mfn, index);
      if (answer !== 0) {
        putDirectoryEntries(types, mfn, domain, index);
        return answer;
      }
    }
  }
  if (end < shape.entries) {
    writeXenSlots(types, mfn, domain, shape);
  }
  return 0;
}

function putDirectoryEntries(
  types: PageTypes,
  mfn: number,
  domain: PagedDomain,
  end: number,
): void {
  const { ram } = types.frames;
  const shape = TABLE_SHAPES[domain.format];
  for (let index = 0; index < end; index++) {
    const address = mfn * PAGE + index * shape.entrySize;
    const low = ram.read32(address);
    if (isPresent(low)) {
      types.putFromDirectory(low, readHigh(ram, shape, address), domain, mfn);
    }
  }
}

/** The hypervisor's part of a directory: the machine-to-physical table, and nothing else. */
function writeXenSlots(
  types: PageTypes,
  mfn: number,
  domain: PagedDomain,
  shape: TableShape,
): void {
  const { ram, m2pFrame, count } = types.frames;
  const framesOfSlot = 2 ** (shape.directoryShift - 12);
  const m2pSlots = Math.ceil((4 * count) / (framesOfSlot * PAGE));
  for (let index = shape.firstXenSlot; index < shape.entries; index++) {
    const slot = index - shape.firstXenSlot;
    const low =
      slot < m2pSlots ? (m2pFrame + slot * framesOfSlot) * PAGE + domain.rules.m2pFlags : 0;
    writeEntry(ram, shape, mfn * PAGE + index * shape.entrySize, low, 0);
  }
}

function validateL3(types: PageTypes, mfn: number, domain: PagedDomain): number {
  const { rules } = domain;
  const { ram } = types.frames;
  if (rules.clearsIdlePointers) {
    const idle = mfn * PAGE + POINTER_ENTRIES * 8;
    ram.touch(idle, PAGE - POINTER_ENTRIES * 8);
    ram.bytes(idle, PAGE - POINTER_ENTRIES * 8).fill(0);
  }
  for (let index = 0; index < POINTER_ENTRIES; index++) {
    const answer = validatePointer(types, mfn, domain, index);
    if (answer !== 0) {
      putPointers(types, mfn, domain, index);
      return answer;
    }
  }
  return 0;
}

function validatePointer(
  types: PageTypes,
  mfn: number,
  domain: PagedDomain,
  index: number,
): number {
  const { ram } = types.frames;
  const { rules } = domain;
  const address = mfn * PAGE + index * 8;
  const low = ram.read32(address);
  const high = ram.read32(address + 4);
  if (!isPresent(low)) {
    return index === XEN_SLOT ? -ERRNO.EINVAL : 0;
  }
  const answer = types.getFromDirectory(3, low, high, domain, mfn, index);
  if (answer !== 0) {
    return answer;
  }
  if (index === XEN_SLOT) {
    // What it holds of the hypervisor's differs from root to root, so it has one root.
    const directory = frameOf(low, high, rules.frameHighMask);
    if (types.frames.typeCount[directory] !== 1) {
      types.putFromDirectory(low, high, domain, mfn);
      return -ERRNO.EINVAL;
    }
  }
  if (rules.pointerAdded !== 0) {
    ram.write32(address, low | rules.pointerAdded);
  }
  return 0;
}

function putPointers(types: PageTypes, mfn: number, domain: PagedDomain, end: number): void {
  const { ram } = types.frames;
  const { pointerRemoved } = domain.rules;
  for (let index = 0; index < end; index++) {
    const address = mfn * PAGE + index * 8;
    const low = ram.read32(address);
    if (isPresent(low)) {
      types.putFromDirectory(low, ram.read32(address + 4), domain, mfn);
      ram.write32(address, low & ~pointerRemoved);
    }
  }
}

function validateDescriptors(types: PageTypes, mfn: number, domain: PagedDomain): number {
  const { ram } = types.frames;
  const bounds = segmentBounds(domain);
  for (let index = 0; index < DESCRIPTORS; index++) {
    const address = mfn * PAGE + index * 8;
    const low = ram.read32(address);
    const high = ram.read32(address + 4);
    const checked = checkDescriptor(low, high, bounds);
    if (checked === undefined) {
      return -ERRNO.EINVAL;
    }
    if (checked.low !== low || checked.high !== high) {
      ram.write32(address, checked.low);
      ram.write32(address + 4, checked.high);
    }
  }
  return 0;
}

/** Gives back what the entries of a table hold, which is no table from here on. */
export function devalidate(
  types: PageTypes,
  domain: PagedDomain,
  mfn: number,
  type: FrameType,
): void {
  const shape = TABLE_SHAPES[domain.format];
  if (type === FRAME_TYPE.l1) {
    putL1Entries(types, mfn, domain, shape, shape.entries);
  } else if (type === FRAME_TYPE.l2) {
    const end = guestDirectoryEntries(domain, types.frames.slot[mfn] ?? 0);
    putDirectoryEntries(types, mfn, domain, end);
  } else {
    putPointers(types, mfn, domain, POINTER_ENTRIES);
  }
  // What ran on it may be remembered, and its frames may now become something else.
  types.tlb.flushAll();
}
