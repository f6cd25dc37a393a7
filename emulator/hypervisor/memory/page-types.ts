/**
 * Page types: why an update of a page table may be refused.
 *
 * A frame that is in use as a page table or descriptor page is never mapped writable, and a frame that
 * is mapped writable cannot become one; so what a processor walks or loads was checked. To become a
 * page table a frame is validated: each present entry takes a reference, and a type, of the frame it
 * names, which validates that frame in turn. Xen: `get_page_type()` and what it calls, x86/mm.c.
 *
 * Functions answer 0 or a negative errno. Nothing here is ever left half done: what Xen continues
 * later, when a hypercall is preempted, is done at once.
 */

import { MACH2PHYS_VIRT_END } from '../../abi/arch-x86-32.ts';
import { ERRNO } from '../../abi/errno.ts';
import { checkDescriptor, type SegmentBounds } from './descriptors.ts';
import { FRAME_BIT, FRAME_TYPE, type FrameType, type MachineFrames } from './machine-frames.ts';
import type { EntryMask, MemoryRules } from './memory-rules.ts';
import {
  ENTRY,
  frameOf,
  isPresent,
  POINTER_ENTRIES,
  readHigh,
  TABLE_SHAPES,
  type TableShape,
  writeEntry,
} from './page-table-entry.ts';
import type { PagedDomain, PagedVcpu, TlbFlusher } from './paged-domain.ts';

const PAGE = 4096;
/** The slot of a PAE root whose level-2 page holds the hypervisor's part. */
export const XEN_SLOT = 3;
/** Most tables of its own level that a table may use, or be used by. */
const LINEAR_LIMIT = 32_767;
const DESCRIPTORS = 512;

/** The frame type of a level-2 or level-3 page, or of whatever level. */
export const TABLE_TYPE = { 1: FRAME_TYPE.l1, 2: FRAME_TYPE.l2, 3: FRAME_TYPE.l3 } as const;

export type Level = 1 | 2 | 3;

export class PageTypes {
  readonly frames: MachineFrames;
  readonly tlb: TlbFlusher;
  readonly #domainOf: (id: number) => PagedDomain | undefined;

  /** @param domainOf the domain of this number, as long as any frame has it as its owner */
  constructor(
    frames: MachineFrames,
    tlb: TlbFlusher,
    domainOf: (id: number) => PagedDomain | undefined,
  ) {
    this.frames = frames;
    this.tlb = tlb;
    this.#domainOf = domainOf;
    frames.onFreed(() => tlb.flushAll());
  }

  /** Takes a reference and a type reference. Xen: get_page_and_type_from_mfn(). */
  getPageAndType(mfn: number, owner: number, type: FrameType, slot = 0): number {
    if (!this.frames.getPage(mfn, owner)) {
      return -ERRNO.EINVAL;
    }
    const answer = this.getType(mfn, type, slot);
    if (answer !== 0) {
      this.frames.putPage(mfn);
    }
    return answer;
  }

  putPageAndType(mfn: number): void {
    this.putType(mfn);
    this.frames.putPage(mfn);
  }

  /**
   * Takes a reference to the frame as being of a type, which it becomes if it is of none.
   *
   * @param mfn a frame that the caller holds a reference to
   * @param slot of a level-2 page of PAE: the slot of roots that it is bound to, as the rules bind it
   */
  getType(mfn: number, type: FrameType, slot = 0): number {
    const { frames } = this;
    const before = frames.typeOf(mfn);
    if (frames.typeCount[mfn] === 0) {
      if (before !== type || frames.slot[mfn] !== slot) {
        this.#changeType(mfn, before, type, slot);
      }
    } else if (before !== type || frames.slot[mfn] !== slot) {
      return -ERRNO.EINVAL;
    } else if (!frames.has(mfn, FRAME_BIT.validated)) {
      // It is being validated further up: only a table that leads back to itself gets here.
      return -ERRNO.EINVAL;
    }
    frames.typeCount[mfn] = (frames.typeCount[mfn] ?? 0) + 1;
    if (frames.has(mfn, FRAME_BIT.validated)) {
      return 0;
    }
    const answer = type === FRAME_TYPE.writable ? 0 : this.#validate(mfn, type, slot);
    if (answer === 0) {
      frames.bits[mfn] = (frames.bits[mfn] ?? 0) | FRAME_BIT.validated;
    } else {
      frames.type[mfn] = FRAME_TYPE.none;
      frames.typeCount[mfn] = 0;
      frames.slot[mfn] = 0;
      frames.linear[mfn] = 0;
    }
    return answer;
  }

  /** @param user the table whose entry gave the reference, if it was an entry of a table */
  putType(mfn: number, user?: number): void {
    const { frames } = this;
    const type = frames.typeOf(mfn);
    if (user !== undefined && frames.typeOf(user) === type) {
      frames.linear[mfn] = (frames.linear[mfn] ?? 0) + 1;
      frames.linear[user] = (frames.linear[user] ?? 0) - 1;
    }
    const isTable = type === FRAME_TYPE.l1 || type === FRAME_TYPE.l2 || type === FRAME_TYPE.l3;
    if (frames.typeCount[mfn] === 1 && isTable && frames.has(mfn, FRAME_BIT.validated)) {
      frames.bits[mfn] = (frames.bits[mfn] ?? 0) & ~FRAME_BIT.validated;
      this.#devalidate(mfn, type);
      frames.slot[mfn] = 0;
    }
    frames.typeCount[mfn] = (frames.typeCount[mfn] ?? 0) - 1;
  }

  /**
   * Takes what a level-1 entry needs: a reference, and for a writable mapping the type.
   *
   * @param owner number of the domain whose frame the entry may name
   */
  getFromL1(low: number, high: number, domain: PagedDomain, owner: number): number {
    const { frames } = this;
    const { rules } = domain;
    if (hasAny(low, high, rules.disallowed[1])) {
      return -ERRNO.EINVAL;
    }
    const mfn = frameOf(low, high, rules.frameHighMask);
    if (!frames.isValid(mfn) || frames.isIo(mfn)) {
      // No domain has rights to I/O memory. All ones is no address but somebody's "no frame".
      const isNoFrame = mfn === frameOf(0xffff_ffff, 0xffff_ffff, rules.frameHighMask);
      return isNoFrame ? -ERRNO.EINVAL : refusal(rules, ERRNO.EPERM);
    }
    if (!frames.getPage(mfn, owner)) {
      return refusal(rules, ERRNO.EBUSY);
    }
    if (low & ENTRY.writable && this.getType(mfn, FRAME_TYPE.writable) !== 0) {
      frames.putPage(mfn);
      return refusal(rules, ERRNO.EBUSY);
    }
    return 0;
  }

  /** Gives back what a level-1 entry holds, whoever owns the frame. */
  putFromL1(low: number, high: number, domain: PagedDomain): void {
    const { frames } = this;
    const mfn = frameOf(low, high, domain.rules.frameHighMask);
    if (!isPresent(low) || !frames.isValid(mfn) || frames.isIo(mfn)) {
      return;
    }
    if (low & ENTRY.writable) {
      this.putType(mfn);
    } else if (frames.isLive(mfn, FRAME_TYPE.ldt) && frames.owner[mfn] === domain.id) {
      // The guest may want the page back: hold it no longer than necessary.
      for (const vcpu of domain.vcpus) {
        this.dropLdt(vcpu);
      }
    }
    frames.putPage(mfn);
  }

  /**
   * Takes what an entry of level 2 or 3 needs.
   *
   * @param table the frame that the entry stands in
   * @param index of the entry in it
   */
  getFromDirectory(
    level: 2 | 3,
    low: number,
    high: number,
    domain: PagedDomain,
    table: number,
    index: number,
  ): number {
    const { rules } = domain;
    if (hasAny(low, high, rules.disallowed[level])) {
      return -ERRNO.EINVAL;
    }
    const mfn = frameOf(low, high, rules.frameHighMask);
    const slot = level === 3 && (rules.bindsDirectoriesToSlots || index === XEN_SLOT) ? index : 0;
    const answer = this.getPageAndType(mfn, domain.id, TABLE_TYPE[level === 3 ? 2 : 1], slot);
    const mayBeLinear =
      answer === -ERRNO.EINVAL &&
      level === 2 &&
      (domain.format === 'two-level' || rules.linearPaeDirectories);
    if (mayBeLinear && this.#getLinear(low, mfn, domain, table)) {
      return 0;
    }
    return answer === 0 || rules.refinesErrors ? answer : -ERRNO.EINVAL;
  }

  /** Gives back what an entry of level 2 or 3 holds. */
  putFromDirectory(low: number, high: number, domain: PagedDomain, table: number): void {
    const mfn = frameOf(low, high, domain.rules.frameHighMask);
    if (isPresent(low) && mfn !== table) {
      this.putType(mfn, table);
      this.frames.putPage(mfn);
    }
  }

  /** Keeps a page table validated without its being used. Xen: MMUEXT_PIN_L*_TABLE. */
  pin(mfn: number, owner: number, level: Level): number {
    const answer = this.getPageAndType(mfn, owner, TABLE_TYPE[level]);
    if (answer !== 0) {
      return answer;
    }
    if (this.frames.has(mfn, FRAME_BIT.pinned)) {
      this.putPageAndType(mfn);
      return -ERRNO.EINVAL;
    }
    this.frames.bits[mfn] = (this.frames.bits[mfn] ?? 0) | FRAME_BIT.pinned;
    return 0;
  }

  unpin(mfn: number, owner: number): number {
    const { frames } = this;
    if (!frames.getPage(mfn, owner)) {
      return -ERRNO.EINVAL;
    }
    if (!frames.has(mfn, FRAME_BIT.pinned)) {
      frames.putPage(mfn);
      return -ERRNO.EINVAL;
    }
    frames.bits[mfn] = (frames.bits[mfn] ?? 0) & ~FRAME_BIT.pinned;
    this.putPageAndType(mfn);
    frames.putPage(mfn);
    return 0;
  }

  /** Gives the vcpu's cached LDT pages back. Xen: pv_destroy_ldt(). */
  dropLdt(vcpu: PagedVcpu): void {
    for (const mfn of vcpu.ldtFrames.values()) {
      this.putPageAndType(mfn);
    }
    vcpu.ldtFrames.clear();
  }

  #changeType(mfn: number, before: FrameType, type: FrameType, slot: number): void {
    const { frames } = this;
    if (before !== type && before !== FRAME_TYPE.none) {
      // A translation from its former life could still write to it.
      this.tlb.flushAll();
    }
    frames.type[mfn] = type;
    frames.slot[mfn] = slot;
    frames.bits[mfn] = (frames.bits[mfn] ?? 0) & ~FRAME_BIT.validated;
  }

  #validate(mfn: number, type: FrameType, slot: number): number {
    const domain = this.#domainOf(this.frames.owner[mfn] ?? 0);
    if (domain === undefined) {
      return -ERRNO.EINVAL;
    }
    this.frames.linear[mfn] = 0;
    switch (type) {
      case FRAME_TYPE.l1:
        return this.#validateL1(mfn, domain);
      case FRAME_TYPE.l2:
        return this.#validateL2(mfn, domain, slot);
      case FRAME_TYPE.l3:
        return domain.format === 'pae' ? this.#validateL3(mfn, domain) : -ERRNO.EINVAL;
      case FRAME_TYPE.segdesc:
      case FRAME_TYPE.ldt:
        return this.#validateDescriptors(mfn, domain);
      case FRAME_TYPE.none:
      case FRAME_TYPE.writable:
        return -ERRNO.EINVAL;
    }
  }

  #validateL1(mfn: number, domain: PagedDomain): number {
    const { ram } = this.frames;
    const shape = TABLE_SHAPES[domain.format];
    for (let index = 0; index < shape.entries; index++) {
      const address = mfn * PAGE + index * shape.entrySize;
      const low = ram.read32(address);
      if (isPresent(low)) {
        const answer = this.getFromL1(low, readHigh(ram, shape, address), domain, domain.id);
        if (answer !== 0) {
          this.#putL1Entries(mfn, domain, shape, index);
          return answer;
        }
      }
    }
    return 0;
  }

  /** Gives back what the first entries of a level-1 table hold. */
  #putL1Entries(mfn: number, domain: PagedDomain, shape: TableShape, end: number): void {
    const { ram } = this.frames;
    for (let index = 0; index < end; index++) {
      const address = mfn * PAGE + index * shape.entrySize;
      const low = ram.read32(address);
      if (isPresent(low)) {
        this.putFromL1(low, readHigh(ram, shape, address), domain);
      }
    }
  }

  #validateL2(mfn: number, domain: PagedDomain, slot: number): number {
    const { ram } = this.frames;
    const shape = TABLE_SHAPES[domain.format];
    const end = guestDirectoryEntries(domain, slot);
    for (let index = 0; index < end; index++) {
      const address = mfn * PAGE + index * shape.entrySize;
      const low = ram.read32(address);
      if (isPresent(low)) {
        const high = readHigh(ram, shape, address);
        const answer = this.getFromDirectory(2, low, high, domain, mfn, index);
        if (answer !== 0) {
          this.#putDirectoryEntries(mfn, domain, index);
          return answer;
        }
      }
    }
    if (end < shape.entries) {
      this.#writeXenSlots(mfn, domain, shape);
    }
    return 0;
  }

  #putDirectoryEntries(mfn: number, domain: PagedDomain, end: number): void {
    const { ram } = this.frames;
    const shape = TABLE_SHAPES[domain.format];
    for (let index = 0; index < end; index++) {
      const address = mfn * PAGE + index * shape.entrySize;
      const low = ram.read32(address);
      if (isPresent(low)) {
        this.putFromDirectory(low, readHigh(ram, shape, address), domain, mfn);
      }
    }
  }

  /** The hypervisor's part of a directory: the machine-to-physical table, and nothing else. */
  #writeXenSlots(mfn: number, domain: PagedDomain, shape: TableShape): void {
    const { ram, m2pFrame, count } = this.frames;
    const framesOfSlot = 2 ** (shape.directoryShift - 12);
    const m2pSlots = Math.ceil((4 * count) / (framesOfSlot * PAGE));
    for (let index = shape.firstXenSlot; index < shape.entries; index++) {
      const slot = index - shape.firstXenSlot;
      const low =
        slot < m2pSlots ? (m2pFrame + slot * framesOfSlot) * PAGE + domain.rules.m2pFlags : 0;
      writeEntry(ram, shape, mfn * PAGE + index * shape.entrySize, low, 0);
    }
  }

  #validateL3(mfn: number, domain: PagedDomain): number {
    const { rules } = domain;
    const { ram } = this.frames;
    if (rules.clearsIdlePointers) {
      const idle = mfn * PAGE + POINTER_ENTRIES * 8;
      ram.touch(idle, PAGE - POINTER_ENTRIES * 8);
      ram.bytes(idle, PAGE - POINTER_ENTRIES * 8).fill(0);
    }
    for (let index = 0; index < POINTER_ENTRIES; index++) {
      const answer = this.#validatePointer(mfn, domain, index);
      if (answer !== 0) {
        this.#putPointers(mfn, domain, index);
        return answer;
      }
    }
    return 0;
  }

  #validatePointer(mfn: number, domain: PagedDomain, index: number): number {
    const { ram } = this.frames;
    const { rules } = domain;
    const address = mfn * PAGE + index * 8;
    const low = ram.read32(address);
    const high = ram.read32(address + 4);
    if (!isPresent(low)) {
      return index === XEN_SLOT ? -ERRNO.EINVAL : 0;
    }
    const answer = this.getFromDirectory(3, low, high, domain, mfn, index);
    if (answer !== 0) {
      return answer;
    }
    if (index === XEN_SLOT) {
      // What it holds of the hypervisor's differs from root to root, so it has one root.
      const directory = frameOf(low, high, rules.frameHighMask);
      if (this.frames.typeCount[directory] !== 1) {
        this.putFromDirectory(low, high, domain, mfn);
        return -ERRNO.EINVAL;
      }
    }
    if (rules.pointerAdded !== 0) {
      ram.write32(address, low | rules.pointerAdded);
    }
    return 0;
  }

  #putPointers(mfn: number, domain: PagedDomain, end: number): void {
    const { ram } = this.frames;
    const { pointerRemoved } = domain.rules;
    for (let index = 0; index < end; index++) {
      const address = mfn * PAGE + index * 8;
      const low = ram.read32(address);
      if (isPresent(low)) {
        this.putFromDirectory(low, ram.read32(address + 4), domain, mfn);
        ram.write32(address, low & ~pointerRemoved);
      }
    }
  }

  #validateDescriptors(mfn: number, domain: PagedDomain): number {
    const { ram } = this.frames;
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

  #devalidate(mfn: number, type: FrameType): void {
    const domain = this.#domainOf(this.frames.owner[mfn] ?? 0);
    if (domain === undefined) {
      return;
    }
    const shape = TABLE_SHAPES[domain.format];
    if (type === FRAME_TYPE.l1) {
      this.#putL1Entries(mfn, domain, shape, shape.entries);
    } else if (type === FRAME_TYPE.l2) {
      const end = guestDirectoryEntries(domain, this.frames.slot[mfn] ?? 0);
      this.#putDirectoryEntries(mfn, domain, end);
    } else {
      this.#putPointers(mfn, domain, POINTER_ENTRIES);
    }
    // What ran on it may be remembered, and its frames may now become something else.
    this.tlb.flushAll();
  }

  /**
   * A table of level 2 used as if it were of level 1, so that the guest sees its own page tables
   * ("linear page table"): read-only, and of another table only if that one is validated already and
   * neither is in a chain. To map itself costs no reference.
   */
  #getLinear(low: number, mfn: number, domain: PagedDomain, table: number): boolean {
    const { frames } = this;
    if (low & ENTRY.writable) {
      return false;
    }
    if (mfn === table) {
      return true;
    }
    const entries = frames.linear[table] ?? 0;
    const isFree = entries >= 0 && entries < LINEAR_LIMIT;
    if (frames.owner[table] !== domain.id || !isFree || !frames.getPage(mfn, domain.id)) {
      return false;
    }
    const uses = frames.linear[mfn] ?? 0;
    if (!frames.isLive(mfn, FRAME_TYPE.l2) || uses > 0 || uses <= -LINEAR_LIMIT) {
      frames.putPage(mfn);
      return false;
    }
    frames.linear[table] = entries + 1;
    frames.linear[mfn] = uses - 1;
    frames.typeCount[mfn] = (frames.typeCount[mfn] ?? 0) + 1;
    return true;
  }
}

/** An error as the domain's Xen names it. */
export const refusal = (rules: MemoryRules, errno: number): number =>
  rules.refinesErrors ? -errno : -ERRNO.EINVAL;

/** How many entries of a level-2 page are the guest's. */
export function guestDirectoryEntries(domain: PagedDomain, slot: number): number {
  const { entries, firstXenSlot } = TABLE_SHAPES[domain.format];
  return domain.format === 'two-level' || slot === XEN_SLOT ? firstXenSlot : entries;
}

export function segmentBounds({ format, rules }: PagedDomain): SegmentBounds {
  return {
    segments: rules.segments,
    hypervisorStart: TABLE_SHAPES[format].hypervisorStart,
    segmentEnd: format === 'pae' ? MACH2PHYS_VIRT_END.pae : MACH2PHYS_VIRT_END.nonPae,
  };
}

export const hasAny = (low: number, high: number, mask: EntryMask): boolean =>
  (low & mask.low) !== 0 || (high & mask.high) !== 0;
