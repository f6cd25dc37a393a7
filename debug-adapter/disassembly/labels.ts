/** Symbols as the names of places in code. */

import {
  type Code,
  type ElfFile,
  type ElfSymbol,
  ET,
  type Section,
  STB,
  STT,
  symbolsOf,
} from '../../emulator/image/elf.ts';

/** A symbol that is defined in a section, named so that it fits in a line. */
export interface Label {
  readonly name: string;
  readonly address: number;
  readonly type: number;
  readonly binding: number;
  readonly section: Section;
}

/** Code that begins at a label and ends before the next. The first of a part may have none. */
export interface Stretch {
  /** From the beginning of the part. */
  readonly start: number;
  readonly end: number;
  /** All names of its first byte, the one to call it by last. */
  readonly labels: readonly Label[];
}

/** Longer names are cut: one that is repeated in each line may not outgrow the file. */
const LONGEST_NAME = 200;

/** What places are called, which in a file that is not linked yet depends on the section. */
export function namesOf(file: ElfFile): (code: Code) => Names {
  const isLinked = file.type !== ET.REL;
  const labels = symbolsOf(file).flatMap((symbol) => labelOf(symbol, isLinked));
  if (isLinked) {
    const names = new Names(labels);
    return () => names;
  }
  const bySection = groupedBy(labels, ({ section }) => section.label);
  return ({ label }) => new Names(bySection.get(label) ?? []);
}

function labelOf({ name, value, type, binding, place }: ElfSymbol, isLinked: boolean): Label[] {
  if (name === '' || type === STT.SECTION || type === STT.FILE || typeof place === 'string') {
    return [];
  }
  const address = isLinked ? value : place.virtualAddress + value;
  return [{ name: oneLine(name), address, type, binding, section: place }];
}

/** Labels by their address, of a whole linked file or of one section that is not linked yet. */
export class Names {
  /** Ascending, each once. */
  readonly #addresses: readonly number[];
  readonly #labels: ReadonlyMap<number, readonly Label[]>;

  constructor(labels: readonly Label[]) {
    const byAddress = groupedBy(labels, ({ address }) => address);
    this.#addresses = [...byAddress.keys()].sort((a, b) => a - b);
    this.#labels = byAddress;
  }

  /** As in `start_kernel+0x10`: by the last label before, if it is in the same section. */
  nameOf(address: number): string | undefined {
    const start = this.#addresses[lastNotAbove(this.#addresses, address)] ?? 0;
    const label = this.#at(start).at(-1);
    if (label === undefined || address - label.section.virtualAddress >= label.section.size) {
      return undefined;
    }
    return address === start ? label.name : `${label.name}+0x${(address - start).toString(16)}`;
  }

  /** Code from one label to the next. */
  stretchesOf({ address, bytes }: Code): Stretch[] {
    const first = lastNotAbove(this.#addresses, address) + 1;
    const last = lastNotAbove(this.#addresses, address + bytes.length - 1);
    const starts = [address, ...this.#addresses.slice(first, last + 1)];
    return starts.map((start, index) => ({
      start: start - address,
      end: (starts[index + 1] ?? address + bytes.length) - address,
      labels: this.#at(start),
    }));
  }

  #at(address: number): readonly Label[] {
    const labels = this.#labels.get(address) ?? [];
    return labels.length < 2 ? labels : labels.toSorted((a, b) => rank(a) - rank(b));
  }
}

/** The higher, the better a label is to call its place by. */
const rank = ({ type, binding }: Label): number =>
  (type === STT.FUNC ? 4 : 0) + (binding === STB.GLOBAL ? 2 : binding === STB.WEAK ? 1 : 0);

function groupedBy<Key>(labels: readonly Label[], keyOf: (label: Label) => Key): Map<Key, Label[]> {
  const groups = new Map<Key, Label[]>();
  for (const label of labels) {
    const key = keyOf(label);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [label]);
    } else {
      group.push(label);
    }
  }
  return groups;
}

/** A name from a file, without what would end a line or turn its direction. */
export function oneLine(name: string): string {
  const text = name.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '?');
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text;
}

/** Where the last number is that is not above a limit, in ascending numbers; -1 if all are. */
export function lastNotAbove(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) <= limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}
