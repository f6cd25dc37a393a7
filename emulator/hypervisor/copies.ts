/**
 * Buffers for what the hypervisor copies out of a guest while it carries out one call.
 *
 * A buffer costs more to make than most calls take, so those of small structs are kept and given out
 * again when the hypervisor is entered the next time. Nobody may hold one for longer.
 */

export interface Copy {
  readonly view: DataView;
  /** The same bytes. */
  readonly bytes: Uint8Array;
}

/** Longer ones are rare, and made each time. */
const LONGEST_KEPT = 128;
/** So many of one length are kept; a list of structs may take many more. */
const MOST_KEPT = 16;

class Shelf {
  readonly copies: Copy[] = [];
  /** How many have been given out, and since which entry into the hypervisor that counts. */
  taken = 0;
  entry = 0;
}

export class Copies {
  readonly #shelves: readonly Shelf[] = Array.from({ length: LONGEST_KEPT + 1 }, () => new Shelf());
  #entry = 0;

  /** What was given out until now is free again. */
  begin(): void {
    this.#entry = (this.#entry + 1) | 0;
  }

  /** A buffer of that many bytes, whose content is not defined. Hot. */
  take(length: number): Copy {
    const shelf = this.#shelves[length];
    if (shelf === undefined) {
      return made(length);
    }
    if (shelf.entry !== this.#entry) {
      shelf.entry = this.#entry;
      shelf.taken = 0;
    }
    const known = shelf.copies[shelf.taken];
    if (known !== undefined) {
      shelf.taken += 1;
      return known;
    }
    const copy = made(length);
    if (shelf.taken < MOST_KEPT) {
      shelf.copies[shelf.taken] = copy;
      shelf.taken += 1;
    }
    return copy;
  }
}

function made(length: number): Copy {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
}
