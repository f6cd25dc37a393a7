/** The whole address space of a virtual processor as ranges of equal rights. */

import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import { TRANSLATION } from '../../emulator/memory/tlb.ts';
import { eachPage, modeOf, rootOf } from './address-space.ts';
import type { AddressMapData, MapRange } from './data/pages.ts';
import type { RowsWanted } from './data/rows.ts';
import { boundsOf } from './row-selection.ts';

const PAGE = 4096;
const LAST = 0xffff_ffff;

/** What pages of one range have in common. */
const RIGHTS = TRANSLATION.writable | TRANSLATION.user | TRANSLATION.global | TRANSLATION.noExecute;

/** Linear addresses, both included; all of them when absent. */
export interface AddressesWanted {
  readonly start?: number;
  readonly end?: number;
}

/** Ranges that touch the wanted addresses, holes among them. */
export function addressMap(
  xen: Xen,
  vcpu: Vcpu,
  wanted: AddressesWanted & RowsWanted = {},
): AddressMapData {
  const { domain } = vcpu;
  const start = within(wanted.start, 0);
  const end = Math.max(start, within(wanted.end, LAST));
  const collector = new RangeCollector(domain.fields.virtStart, start, wanted);
  const mode = modeOf(xen, vcpu);
  if (mode !== undefined) {
    eachPage(xen.ram, domain, mode, start, end, (linear, translation, size) =>
      collector.add(linear, translation, size),
    );
  }
  const { rows, total, mappedPages } = collector.finish(end);
  const { first } = boundsOf(wanted);
  return { domain: domain.id, vcpu: vcpu.id, root: rootOf(vcpu), rows, first, total, mappedPages };
}

const within = (address: number | undefined, otherwise: number): number =>
  address !== undefined && Number.isInteger(address) && address >= 0 && address <= LAST
    ? address
    : otherwise;

/** Joins pages to ranges, of which only the wanted ones are kept. */
class RangeCollector {
  readonly #hypervisorStart: number;
  readonly #firstWanted: number;
  readonly #endWanted: number;
  readonly #rows: MapRange[] = [];
  #total = 0;
  #mappedPages = 0;
  /** The range under way: of a hole, or of pages. */
  #start: number;
  #next: number;
  #rights = 0;
  #size = 0;
  #frame = 0;
  #nextFrame = 0;
  #isContiguous = true;

  constructor(hypervisorStart: number, start: number, wanted: RowsWanted) {
    const { first, count } = boundsOf(wanted);
    this.#hypervisorStart = hypervisorStart;
    this.#firstWanted = first;
    this.#endWanted = first + count;
    this.#start = start;
    this.#next = start;
  }

  /** Hot. */
  add(linear: number, translation: number, size: number): void {
    const frame = translation >>> 8;
    const rights = translation & RIGHTS;
    if (linear < this.#hypervisorStart) {
      this.#mappedPages += size / PAGE;
    }
    const isSame =
      this.#size === size &&
      this.#next === linear &&
      this.#rights === rights &&
      linear !== this.#hypervisorStart;
    if (!isSame) {
      this.#leaveFor(linear);
      this.#begin(linear, size, rights, frame);
    }
    this.#isContiguous &&= frame === this.#nextFrame;
    this.#nextFrame = frame + size / PAGE;
    this.#next = linear + size;
  }

  /** Ends the range under way, and the hole that there may be behind it. */
  #leaveFor(linear: number): void {
    this.#end(this.#next);
    this.#hole(Math.max(this.#start, this.#next), linear);
  }

  #begin(linear: number, size: number, rights: number, frame: number): void {
    this.#start = linear;
    this.#size = size;
    this.#rights = rights;
    this.#frame = frame;
    this.#nextFrame = frame;
    this.#isContiguous = true;
  }

  #hole(from: number, to: number): void {
    const border = this.#hypervisorStart;
    this.#size = 0;
    this.#isContiguous = true;
    for (const [start, end] of from < border && to > border
      ? [
          [from, border],
          [border, to],
        ]
      : [[from, to]]) {
      this.#start = start as number;
      this.#end(end as number);
    }
  }

  #end(end: number): void {
    if (end <= this.#start) {
      return;
    }
    const place = this.#total++;
    if (place >= this.#firstWanted && place < this.#endWanted) {
      this.#rows.push(this.#range(end));
    }
  }

  #range(end: number): MapRange {
    const isMapped = this.#size > 0;
    const rights = isMapped ? this.#rights : TRANSLATION.noExecute;
    return {
      start: this.#start,
      end: end - 1,
      kind: this.#kind(),
      isWritable: (rights & TRANSLATION.writable) !== 0,
      isExecutable: (rights & TRANSLATION.noExecute) === 0,
      isGlobal: (rights & TRANSLATION.global) !== 0,
      pageSize: this.#size,
      pages: isMapped ? (end - this.#start) / this.#size : 0,
      machineStart: isMapped ? this.#frame * PAGE : undefined,
      isContiguous: this.#isContiguous,
    };
  }

  #kind(): MapRange['kind'] {
    if (this.#start >= this.#hypervisorStart) {
      return 'hypervisor';
    }
    if (this.#size === 0) {
      return 'hole';
    }
    return this.#rights & TRANSLATION.user ? 'user' : 'kernel';
  }

  finish(last: number): { rows: readonly MapRange[]; total: number; mappedPages: number } {
    this.#leaveFor(last + 1);
    return { rows: this.#rows, total: this.#total, mappedPages: this.#mappedPages };
  }
}
