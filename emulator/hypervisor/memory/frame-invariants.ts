/**
 * The books of machine frames, checked from scratch: every count that `machine-frames.ts` keeps is
 * counted again from what holds it, and every table is read again for what must never be in it.
 */

import { DOMID } from '../../abi/xen.ts';
import { checkDescriptor } from './descriptors.ts';
import { guestDirectoryEntries, segmentBounds, XEN_SLOT } from './domain-tables.ts';
import { FRAME_BIT, FRAME_TYPE, FRAME_TYPE_NAME } from './frame-types.ts';
import type { MachineFrames } from './machine-frames.ts';
import {
  ENTRY,
  frameOf,
  isPresent,
  POINTER_ENTRIES,
  readHigh,
  TABLE_SHAPES,
} from './page-table-entry.ts';
import { NO_FRAME, type PagedDomain } from './paged-domain.ts';

const PAGE = 4096;

/** A reference that something beside page tables, vcpus and pins holds. */
export interface HeldFrame {
  readonly frame: number;
  /** Whether it also holds the type that the frame has. */
  readonly withType: boolean;
}

export interface Holdings {
  readonly domains: readonly PagedDomain[];
  readonly held?: readonly HeldFrame[];
  /** Whether a domain may have another's frame in its tables. */
  readonly isGranted?: (mapper: PagedDomain, mfn: number, isWritable: boolean) => boolean;
}

/** What is wrong, each a sentence; nothing when all is well. */
export function frameDiscrepancies(frames: MachineFrames, holdings: Holdings): string[] {
  const count = new FrameCount(frames, holdings);
  return count.discrepancies();
}

class FrameCount {
  readonly #frames: MachineFrames;
  readonly #holdings: Holdings;
  readonly #references: Uint32Array;
  readonly #typeReferences: Uint32Array;
  readonly #linear: Int32Array;
  readonly #wrong: string[] = [];

  constructor(frames: MachineFrames, holdings: Holdings) {
    this.#frames = frames;
    this.#holdings = holdings;
    this.#references = new Uint32Array(frames.count);
    this.#typeReferences = new Uint32Array(frames.count);
    this.#linear = new Int32Array(frames.count);
  }

  discrepancies(): string[] {
    const { domains, held = [] } = this.#holdings;
    for (let mfn = 0; mfn < this.#frames.count; mfn++) {
      this.#countBits(mfn);
      const domain = domains.find(({ id }) => id === this.#frames.owner[mfn]);
      if (domain !== undefined && this.#frames.isLive(mfn, this.#frames.typeOf(mfn))) {
        this.#countTable(mfn, domain);
      }
    }
    for (const domain of domains) {
      this.#countVcpus(domain);
    }
    for (const { frame, withType } of held) {
      this.#count(frame, withType);
    }
    for (let mfn = 0; mfn < this.#frames.count; mfn++) {
      this.#compare(mfn);
    }
    this.#comparePages();
    return this.#wrong;
  }

  #count(mfn: number, withType: boolean): void {
    this.#references[mfn] = (this.#references[mfn] ?? 0) + 1;
    if (withType) {
      this.#typeReferences[mfn] = (this.#typeReferences[mfn] ?? 0) + 1;
    }
  }

  #countBits(mfn: number): void {
    if (this.#frames.has(mfn, FRAME_BIT.allocated)) {
      this.#count(mfn, this.#frames.has(mfn, FRAME_BIT.xenHeap));
    }
    if (this.#frames.has(mfn, FRAME_BIT.pinned)) {
      this.#count(mfn, true);
    }
  }

  #countVcpus(domain: PagedDomain): void {
    for (const vcpu of domain.vcpus) {
      if (vcpu.baseFrame !== NO_FRAME) {
        this.#count(vcpu.baseFrame, domain.model === 'direct');
      }
      for (const mfn of [...vcpu.gdtFrames, ...vcpu.ldtFrames.values()]) {
        this.#count(mfn, true);
      }
    }
  }

  #countTable(mfn: number, domain: PagedDomain): void {
    switch (this.#frames.typeOf(mfn)) {
      case FRAME_TYPE.l1:
        this.#countL1(mfn, domain);
        break;
      case FRAME_TYPE.l2:
        this.#countL2(mfn, domain);
        break;
      case FRAME_TYPE.l3:
        this.#countL3(mfn, domain);
        break;
      case FRAME_TYPE.segdesc:
      case FRAME_TYPE.ldt:
        // A translated guest maps its descriptors as it likes. They take nobody into ring 0: the task
        // state segment has no stack for it.
        if (domain.model === 'direct') {
          this.#checkDescriptors(mfn, domain);
        }
        break;
      case FRAME_TYPE.none:
      case FRAME_TYPE.writable:
        break;
    }
  }

  /** Calls back for the present ones of a table's first entries. */
  #eachEntry(
    mfn: number,
    domain: PagedDomain,
    end: number,
    visit: (low: number, target: number, index: number) => void,
  ): void {
    const { ram } = this.#frames;
    const shape = TABLE_SHAPES[domain.format];
    for (let index = 0; index < end; index++) {
      const address = mfn * PAGE + index * shape.entrySize;
      const low = ram.read32(address);
      if (isPresent(low)) {
        const high = readHigh(ram, shape, address);
        visit(low, frameOf(low, high, domain.rules.frameHighMask), index);
      }
    }
  }

  #countL1(mfn: number, domain: PagedDomain): void {
    const { isGranted = () => false } = this.#holdings;
    this.#eachEntry(mfn, domain, TABLE_SHAPES[domain.format].entries, (low, target, index) => {
      const isWritable = (low & ENTRY.writable) !== 0;
      const where = `entry ${index} of the level-1 table ${name(mfn)}`;
      if (!this.#frames.isValid(target) || this.#frames.isIo(target)) {
        this.#wrong.push(`Domain ${domain.id} maps ${name(target)}, which is no RAM, in ${where}.`);
        return;
      }
      this.#count(target, isWritable);
      if (isWritable && !this.#frames.isLive(target, FRAME_TYPE.writable)) {
        const type = FRAME_TYPE_NAME[this.#frames.typeOf(target)];
        this.#wrong.push(`The ${type} ${name(target)} is mapped writable in ${where}.`);
      }
      if (this.#frames.owner[target] !== domain.id && !isGranted(domain, target, isWritable)) {
        this.#wrong.push(`Domain ${domain.id} maps the foreign ${name(target)} in ${where}.`);
      }
    });
  }

  #countL2(mfn: number, domain: PagedDomain): void {
    const end = guestDirectoryEntries(domain, this.#frames.slot[mfn] ?? 0);
    this.#eachEntry(mfn, domain, end, (low, target, index) => {
      const isLinear = target === mfn || this.#frames.isLive(target, FRAME_TYPE.l2);
      const where = `entry ${index} of the level-2 table ${name(mfn)}`;
      if (low & ENTRY.large || (isLinear && low & ENTRY.writable)) {
        this.#wrong.push(`${where} maps more than a guest may: 0x${low.toString(16)}.`);
      }
      if (target === mfn) {
        return;
      }
      this.#count(target, true);
      if (isLinear) {
        this.#linear[mfn] = (this.#linear[mfn] ?? 0) + 1;
        this.#linear[target] = (this.#linear[target] ?? 0) - 1;
      } else {
        this.#expect(target, FRAME_TYPE.l1, domain, where);
      }
    });
    this.#checkXenSlots(mfn, domain, end);
  }

  #checkXenSlots(mfn: number, domain: PagedDomain, first: number): void {
    const { ram, m2pFrame } = this.#frames;
    const shape = TABLE_SHAPES[domain.format];
    for (let index = first; index < shape.entries; index++) {
      const low = ram.read32(mfn * PAGE + index * shape.entrySize);
      const isM2p = index === shape.firstXenSlot && low >>> 12 === m2pFrame;
      if (low !== 0 && (!isM2p || low & (ENTRY.writable | ENTRY.user))) {
        this.#wrong.push(`Entry ${index} of ${name(mfn)} is not the hypervisor’s.`);
      }
    }
  }

  #countL3(mfn: number, domain: PagedDomain): void {
    this.#eachEntry(mfn, domain, POINTER_ENTRIES, (_low, target, index) => {
      const where = `entry ${index} of the level-3 table ${name(mfn)}`;
      this.#count(target, true);
      this.#expect(target, FRAME_TYPE.l2, domain, where);
      if ((index === XEN_SLOT) !== (this.#frames.slot[target] === XEN_SLOT)) {
        this.#wrong.push(`${name(target)} in ${where} is a directory for another slot.`);
      }
    });
  }

  #expect(
    target: number,
    type: typeof FRAME_TYPE.l1 | typeof FRAME_TYPE.l2,
    domain: PagedDomain,
    where: string,
  ): void {
    if (!this.#frames.isLive(target, type) || this.#frames.owner[target] !== domain.id) {
      this.#wrong.push(
        `${name(target)} in ${where} is no ${FRAME_TYPE_NAME[type]} of domain ${domain.id}.`,
      );
    }
  }

  #checkDescriptors(mfn: number, domain: PagedDomain): void {
    const { ram } = this.#frames;
    const bounds = segmentBounds(domain);
    for (let address = mfn * PAGE; address < (mfn + 1) * PAGE; address += 8) {
      const low = ram.read32(address);
      const high = ram.read32(address + 4);
      const checked = checkDescriptor(low, high, bounds);
      const isSame = checked?.low === low && checked.high === high;
      if (!isSame && !(bounds.segments === 'widened' && isUnusableGate(high))) {
        this.#wrong.push(
          `Descriptor ${(address % PAGE) / 8} of ${name(mfn)} is not as it was checked.`,
        );
      }
    }
  }

  #compare(mfn: number): void {
    const { references, typeCount, linear } = this.#frames;
    const type = FRAME_TYPE_NAME[this.#frames.typeOf(mfn)];
    const compare = (what: string, has = 0, counted = 0) => {
      if (has !== counted) {
        this.#wrong.push(
          `The ${type} ${name(mfn)} has ${has} ${what}, of which ${counted} are found.`,
        );
      }
    };
    compare('references', references[mfn], this.#references[mfn]);
    compare('type references', typeCount[mfn], this.#typeReferences[mfn]);
    compare('linear uses', linear[mfn], this.#linear[mfn]);
    if ((typeCount[mfn] ?? 0) > 0 && !this.#frames.has(mfn, FRAME_BIT.validated)) {
      this.#wrong.push(`The ${type} ${name(mfn)} is in use without having been checked.`);
    }
  }

  #comparePages(): void {
    const pages = new Map<number, number>();
    for (let mfn = 0; mfn < this.#frames.count; mfn++) {
      const owner = this.#frames.owner[mfn] ?? 0;
      if (
        (this.#frames.references[mfn] ?? 0) > 0 &&
        !this.#frames.has(mfn, FRAME_BIT.xenHeap | FRAME_BIT.withdrawn)
      ) {
        pages.set(owner, (pages.get(owner) ?? 0) + 1);
      }
    }
    for (const { id } of this.#holdings.domains) {
      const counted = pages.get(id) ?? 0;
      if (this.#frames.pagesOf(id) !== counted) {
        this.#wrong.push(
          `Domain ${id} is said to have ${this.#frames.pagesOf(id)} pages but has ${counted}.`,
        );
      }
    }
    if (pages.has(DOMID.INVALID)) {
      this.#wrong.push(`${pages.get(DOMID.INVALID)} free frames have references.`);
    }
  }
}

const name = (mfn: number): string => `frame 0x${mfn.toString(16)}`;

/** A present call gate of privilege level 0, which nobody can pass; a second check would change it. */
const isUnusableGate = (high: number): boolean => (high & 0xff00) === 0x8c00;
