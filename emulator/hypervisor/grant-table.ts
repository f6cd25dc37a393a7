/**
 * The grant table of one domain: which of its frames others may use, and what it has mapped of
 * theirs.
 */

import { copyOf } from '../plain-data.ts';
import type { Domain } from './domain.ts';
import type { Xen } from './xen.ts';

const PAGE = 4096;
const ENTRY = 8;
const ENTRIES_OF_FRAME = PAGE / ENTRY;

/** A grant that this domain has mapped; its handle is its index. */
export interface Mapping {
  readonly domain: number;
  readonly reference: number;
  readonly flags: number;
  readonly frame: number;
}

export interface GrantTableImage {
  readonly frames: readonly number[];
  readonly version: number;
  readonly mappings: readonly (Mapping | undefined)[];
}

export class GrantTable {
  /** Machine frames of the table, 512 entries of version 1 each. */
  frames: number[] = [];
  version = 1;
  mappings: (Mapping | undefined)[] = [];

  /** Makes the table so many frames long. False when there is no memory for it. */
  grow(xen: Xen, domain: Domain, count: number): boolean {
    while (this.frames.length < count) {
      const frame = newFrame(xen, domain);
      if (frame === undefined) {
        return false;
      }
      this.frames.push(frame);
    }
    return true;
  }

  /** The machine address of an entry of version 1, or undefined beyond the table. */
  entryAddress(reference: number): number | undefined {
    const frame = this.frames[Math.floor(reference / ENTRIES_OF_FRAME)];
    return frame === undefined ? undefined : frame * PAGE + (reference % ENTRIES_OF_FRAME) * ENTRY;
  }

  /** Writes an entry as the domain itself would. @param frame as the domain numbers frames */
  setEntry(xen: Xen, reference: number, flags: number, domid: number, frame: number): void {
    const address = this.entryAddress(reference);
    if (address !== undefined) {
      xen.ram.write32(address + 4, frame);
      xen.ram.write32(address, (domid << 16) | flags);
    }
  }

  capture(): GrantTableImage {
    return copyOf({ frames: this.frames, version: this.version, mappings: this.mappings });
  }

  restore(image: GrantTableImage): void {
    Object.assign(this, copyOf(image));
  }
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
