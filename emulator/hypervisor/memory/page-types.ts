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

import { ERRNO } from '../../abi/errno.ts';
import { Probes } from '../probes.ts';
import { type Operation, runStages } from '../stage.ts';
import { hasAny, refusal, XEN_SLOT } from './domain-tables.ts';
import { FRAME_BIT, FRAME_TYPE, type FrameType } from './frame-types.ts';
import type { MachineFrames } from './machine-frames.ts';
import { ENTRY, frameOf, isPresent } from './page-table-entry.ts';
import { devalidate, validate } from './page-validation.ts';
import type { PagedDomain, PagedVcpu, TlbFlusher } from './paged-domain.ts';

/** Most tables of its own level that a table may use, or be used by. */
const LINEAR_LIMIT = 32_767;

/** The frame type of a level-2 or level-3 page, or of whatever level. */
export const TABLE_TYPE = { 1: FRAME_TYPE.l1, 2: FRAME_TYPE.l2, 3: FRAME_TYPE.l3 } as const;

export type Level = 1 | 2 | 3;

interface TablePin {
  readonly types: PageTypes;
  readonly mfn: number;
  readonly owner: number;
  readonly level: Level;
  answer: number;
  readonly domain: number;
  readonly vcpu: number;
}

const TABLE_PIN: Operation<TablePin> = {
  name: 'page-table pin',
  facts: ({ types: { frames }, mfn, level, answer }) => ({
    frame: mfn,
    level,
    frameType: frames.typeOf(mfn),
    typeCount: frames.typeCount[mfn] ?? 0,
    references: frames.references[mfn] ?? 0,
    answer,
  }),
  stages: [
    {
      name: 'take the frame as a table',
      rule: 'The frame must be the domain’s and nowhere mapped for writing; the whole table is checked, and those below it.',
      run(pin) {
        pin.answer = pin.types.getPageAndType(pin.mfn, pin.owner, TABLE_TYPE[pin.level]);
        return pin.answer === 0 ? 'next' : 'done';
      },
    },
    {
      name: 'test whether it is pinned',
      rule: 'A table is pinned once.',
      run(pin) {
        if (!pin.types.frames.has(pin.mfn, FRAME_BIT.pinned)) {
          return 'next';
        }
        pin.types.putPageAndType(pin.mfn);
        pin.answer = -ERRNO.EINVAL;
        return 'done';
      },
    },
    {
      name: 'pin it',
      rule: 'It stays a checked table though nothing uses it.',
      run({ types, mfn }) {
        types.frames.bits[mfn] = (types.frames.bits[mfn] ?? 0) | FRAME_BIT.pinned;
        return 'next';
      },
    },
  ],
};

/** What it takes to check a table or give one up, in entries of a list of requests. */
const WORK_OF_TABLE = 16;

export class PageTypes {
  readonly frames: MachineFrames;
  readonly tlb: TlbFlusher;
  readonly probes: Probes;
  /**
   * Work since the hypercall under way began, in entries of lists of requests: by this a call knows
   * that it is long. No call looks at what another left.
   */
  work = 0;
  readonly #domainOf: (id: number) => PagedDomain | undefined;

  /** @param domainOf the domain of this number, as long as any frame has it as its owner */
  constructor(
    frames: MachineFrames,
    tlb: TlbFlusher,
    domainOf: (id: number) => PagedDomain | undefined,
    probes = new Probes(),
  ) {
    this.frames = frames;
    this.probes = probes;
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
    const answer = type === FRAME_TYPE.writable ? 0 : this.#check(mfn, type, slot);
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
      this.#giveUp(mfn, type);
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
    const context = { types: this, mfn, owner, level, answer: 0, domain: owner, vcpu: 0 };
    runStages(TABLE_PIN, context, this.probes);
    return context.answer;
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
    if (this.probes.wants['page-type']) {
      const domain = frames.owner[mfn] ?? 0;
      this.probes.emit({ kind: 'page-type', domain, vcpu: 0, frame: mfn, before, after: type });
    }
    frames.type[mfn] = type;
    frames.slot[mfn] = slot;
    frames.bits[mfn] = (frames.bits[mfn] ?? 0) & ~FRAME_BIT.validated;
  }

  #check(mfn: number, type: FrameType, slot: number): number {
    this.work += WORK_OF_TABLE;
    const domain = this.#domainOf(this.frames.owner[mfn] ?? 0);
    return domain === undefined ? -ERRNO.EINVAL : validate(this, domain, mfn, type, slot);
  }

  #giveUp(mfn: number, type: FrameType): void {
    this.work += WORK_OF_TABLE;
    const domain = this.#domainOf(this.frames.owner[mfn] ?? 0);
    if (domain !== undefined) {
      devalidate(this, domain, mfn, type);
    }
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
