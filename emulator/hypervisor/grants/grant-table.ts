/**
 * The grant table of one domain: which of its frames others may use, and what it has mapped of
 * theirs.
 *
 * The entries lie in frames that the guest shares with Xen and writes as it likes. What Xen
 * believes is beside them: an entry in use has an active grant, which keeps the frame that the
 * entry named when it was first used, and how often it is used. Xen: `common/grant_table.c`.
 */

import { GTF, grant_entry_v1, grant_entry_v2 } from '../../abi/grant-table.ts';
import type { Ram } from '../../memory/ram.ts';
import { copyOf } from '../../plain-data.ts';
import type { Domain } from '../domains/domain.ts';
import type { Xen } from '../xen.ts';

const PAGE = 4096;
/** Bytes of a status of version 2. */
const STATUS = 2;
/** Grants that a domain can have mapped at a time. */
const MOST_MAPPINGS = 0x4_0000;

/** How often a grant is used: by page tables and by devices, for reading and for writing. */
export interface Pins {
  hostRead: number;
  hostWrite: number;
  deviceRead: number;
  deviceWrite: number;
}

/** An entry in use. */
export interface ActiveGrant {
  /** Who uses it. */
  readonly domain: number;
  /** Machine frame that the entry named when its use began. */
  readonly frame: number;
  /** The part of the frame that is granted; all of it unless the entry is of version 2. */
  readonly start: number;
  readonly length: number;
  readonly pins: Pins;
}

/** A frame that this domain has mapped; its handle is its index. */
export interface Mapping {
  /** Whose frame it is. */
  readonly domain: number;
  /** Undefined: mapped without a grant, by the right of domain 0. */
  readonly reference: number | undefined;
  /** GNTMAP_*, of which `host_map` and `device_map` go when their part is unmapped. */
  readonly flags: number;
  /** Machine frame. */
  readonly frame: number;
}

/** What an entry says at this moment. */
export interface EntryFields {
  readonly flags: number;
  readonly domid: number;
  /** As the domain numbers its frames. */
  readonly frame: number;
  readonly start: number;
  readonly length: number;
}

export interface GrantTableImage {
  readonly frames: readonly number[];
  readonly statusFrames: readonly number[];
  readonly version: number;
  readonly active: readonly (readonly [reference: number, grant: ActiveGrant])[];
  readonly mappings: readonly (Mapping | undefined)[];
}

export class GrantTable {
  /** Machine frames of the table. */
  frames: number[] = [];
  /** Of version 2: machine frames of the statuses, two bytes for each entry. */
  statusFrames: number[] = [];
  version: 1 | 2 = 1;
  /** Entries in use by their reference. */
  readonly active = new Map<number, ActiveGrant>();
  readonly #mappings: (Mapping | undefined)[] = [];
  /** No handle below this one is free. Follows from the state. */
  #lowestFree = 0;

  get entrySize(): number {
    return this.version === 1 ? grant_entry_v1.size : grant_entry_v2.size;
  }

  /** References are below this. */
  get entryCount(): number {
    return (this.frames.length * PAGE) / this.entrySize;
  }

  /** Makes the table so many frames long. False when there is no memory for it. */
  grow(xen: Xen, domain: Domain, count: number): boolean {
    // Statuses first: an entry without one could be used without the guest's seeing it.
    return (
      (this.version === 1 || this.growStatus(xen, domain, count)) &&
      lengthen(this.frames, count, xen, domain)
    );
  }

  /** Makes the statuses long enough for so many frames of entries of version 2. */
  growStatus(xen: Xen, domain: Domain, count: number): boolean {
    return lengthen(this.statusFrames, statusFramesFor(count), xen, domain);
  }

  /** The machine address of an entry, or undefined beyond the table. */
  entryAddress(reference: number): number | undefined {
    return place(this.frames, reference * this.entrySize);
  }

  /** The machine address of the 16 bits that say how an entry is used. */
  statusAddress(reference: number): number | undefined {
    return this.version === 1
      ? this.entryAddress(reference)
      : place(this.statusFrames, reference * STATUS);
  }

  /** Writes an entry of version 1 as the domain itself would. @param frame as it numbers frames */
  setEntry(xen: Xen, reference: number, flags: number, domid: number, frame: number): void {
    const address = this.entryAddress(reference);
    if (address !== undefined) {
      xen.ram.write32(address + 4, frame);
      xen.ram.write32(address, ((domid << 16) | flags) >>> 0);
    }
  }

  /** An entry that permits access or accepts a transfer; undefined beyond the table. */
  entry(ram: Ram, reference: number): EntryFields | undefined {
    const address = this.entryAddress(reference);
    if (address === undefined) {
      return undefined;
    }
    const header = ram.read32(address);
    const whole = { flags: header & 0xffff, domid: header >>> 16, start: 0, length: PAGE };
    if (this.version === 1) {
      return { ...whole, frame: ram.read32(address + grant_entry_v1.offsets.frame) };
    }
    const at = address + FRAME_V2;
    const frame = ram.read32(at + 4) * 2 ** 32 + ram.read32(at);
    const part = ram.read32(address + 4);
    return whole.flags & GTF.sub_page
      ? { ...whole, frame, start: part & 0xffff, length: part >>> 16 }
      : { ...whole, frame };
  }

  /** Writes the frame of an entry, as the domain numbers its frames. */
  setFrame(ram: Ram, reference: number, frame: number): void {
    const address = this.entryAddress(reference);
    if (address !== undefined) {
      const isWide = this.version === 2;
      ram.write32(address + (isWide ? FRAME_V2 : grant_entry_v1.offsets.frame), frame >>> 0);
      if (isWide) {
        ram.write32(address + FRAME_V2 + 4, Math.floor(frame / 2 ** 32));
      }
    }
  }

  /** GTF.reading and GTF.writing as the guest sees them. */
  use(ram: Ram, reference: number): number {
    const address = this.statusAddress(reference);
    const bits = GTF.reading | GTF.writing;
    return address === undefined ? 0 : ram.read8(address) & bits;
  }

  /** Sets bits of GTF.reading and GTF.writing where the guest looks for them. */
  mark(ram: Ram, reference: number, bits: number): void {
    this.#changeStatus(ram, reference, bits, 0);
  }

  unmark(ram: Ram, reference: number, bits: number): void {
    this.#changeStatus(ram, reference, 0, bits);
  }

  #changeStatus(ram: Ram, reference: number, set: number, cleared: number): void {
    const address = this.statusAddress(reference);
    if (address !== undefined) {
      const word = address - (address % 4);
      const shift = (address % 4) * 8;
      const before = ram.read32(word);
      ram.write32(word, ((before | (set << shift)) & ~(cleared << shift)) >>> 0);
    }
  }

  /** Exchanges two entries with their statuses. */
  swap(ram: Ram, a: number, b: number): void {
    const [atA, atB] = [this.entryAddress(a), this.entryAddress(b)];
    if (atA === undefined || atB === undefined) {
      return;
    }
    const entry = ram.bytes(atA, this.entrySize).slice();
    ram.load(atA, ram.bytes(atB, this.entrySize).slice());
    ram.load(atB, entry);
    if (this.version === 2) {
      const [useA, useB] = [this.use(ram, a), this.use(ram, b)];
      this.#changeStatus(ram, a, useB, useA & ~useB);
      this.#changeStatus(ram, b, useA, useB & ~useA);
    }
  }

  // ---- what this domain has mapped

  mapping(handle: number): Mapping | undefined {
    return this.#mappings[handle];
  }

  /** Handles in use, in ascending order. */
  *mappings(): IterableIterator<readonly [handle: number, mapping: Mapping]> {
    for (const [handle, mapping] of this.#mappings.entries()) {
      if (mapping !== undefined) {
        yield [handle, mapping];
      }
    }
  }

  /** Gives a mapping the lowest free handle; undefined: there is none left. */
  addMapping(mapping: Mapping): number | undefined {
    let handle = this.#lowestFree;
    while (this.#mappings[handle] !== undefined) {
      handle++;
    }
    this.#lowestFree = handle;
    if (handle >= MOST_MAPPINGS) {
      return undefined;
    }
    this.#mappings[handle] = mapping;
    this.#lowestFree = handle + 1;
    return handle;
  }

  changeMapping(handle: number, mapping: Mapping): void {
    this.#mappings[handle] = mapping;
  }

  removeMapping(handle: number): void {
    this.#mappings[handle] = undefined;
    this.#lowestFree = Math.min(this.#lowestFree, handle);
    while (this.#mappings.length > 0 && this.#mappings.at(-1) === undefined) {
      this.#mappings.length--;
    }
  }

  // ---- state

  capture(): GrantTableImage {
    const { frames, statusFrames, version } = this;
    const active = [...this.active].sort(([a], [b]) => a - b);
    return copyOf({ frames, statusFrames, version, active, mappings: this.#mappings });
  }

  restore(image: GrantTableImage): void {
    const { frames, statusFrames, version, active, mappings } = copyOf(image);
    this.frames = [...frames];
    this.statusFrames = [...statusFrames];
    this.version = version === 1 ? 1 : 2;
    this.active.clear();
    for (const [reference, grant] of active) {
      this.active.set(reference, grant);
    }
    this.#mappings.length = 0;
    this.#mappings.push(...mappings);
    this.#lowestFree = 0;
  }
}

/** Where both forms of an entry of version 2 have the frame. */
const FRAME_V2 = 8;

/** Frames of statuses for so many frames of entries of version 2. */
const statusFramesFor = (count: number): number =>
  Math.ceil((count * STATUS) / grant_entry_v2.size);

function place(frames: readonly number[], offset: number): number | undefined {
  const frame = frames[Math.floor(offset / PAGE)];
  return frame === undefined ? undefined : frame * PAGE + (offset % PAGE);
}

function lengthen(frames: number[], count: number, xen: Xen, domain: Domain): boolean {
  while (frames.length < count) {
    const frame = newFrame(xen, domain);
    if (frame === undefined) {
      return false;
    }
    frames.push(frame);
  }
  return true;
}

/** A frame of Xen's that the domain may map; a translated domain's lie behind its memory. */
function newFrame(xen: Xen, domain: Domain): number | undefined {
  if (!domain.isTranslated) {
    return xen.frames.allocateShared(domain.id, true);
  }
  const { fields } = domain;
  if (fields.nextSpecialFrame >= fields.frameCount) {
    return undefined;
  }
  return fields.firstFrame + fields.nextSpecialFrame++;
}
