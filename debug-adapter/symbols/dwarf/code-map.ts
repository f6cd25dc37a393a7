/** From an address to its unit and function. */

import { type Die, DieCursor } from './die.ts';
import type { Problems } from './dwarf-error.ts';
import { AT, TAG } from './numbers.ts';
import { type AddressRange, contains, rangesOf } from './ranges.ts';
import type { Unit, Units } from './units.ts';

interface Owned<T> extends AddressRange {
  readonly owner: T;
}

/** Ranges by their start, looked up by address; of several that hold one, the last to start. */
class RangeMap<T> {
  readonly #ranges: readonly Owned<T>[];

  constructor(ranges: readonly Owned<T>[]) {
    this.#ranges = [...ranges].sort((a, b) => a.start - b.start || b.end - a.end);
  }

  at(address: number): T | undefined {
    const ranges = this.#ranges;
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle]!.start <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    for (let at = low - 1; at >= 0 && at >= low - MOST_OVERLAPS; at--) {
      if (address < ranges[at]!.end) {
        return ranges[at]!.owner;
      }
    }
    return undefined;
  }
}

/** How far back to look for a range that holds an address, where ranges overlap. */
const MOST_OVERLAPS = 16;

/** No kernel has more; units of a hostile file may all point to one long list. */
const MOST_RANGES = 2_000_000;

export class CodeMap {
  readonly #units: Units;
  readonly #problems: Problems;
  readonly #isCode: (address: number) => boolean;
  readonly #functions = new Map<Unit, RangeMap<number>>();
  #map: RangeMap<Unit> | undefined;

  constructor(units: Units, problems: Problems, isCode: (address: number) => boolean) {
    this.#units = units;
    this.#problems = problems;
    this.#isCode = isCode;
  }

  unitAt(address: number): Unit | undefined {
    this.#map ??= this.#mapUnits();
    return this.#map.at(address);
  }

  /** The entry of the function, not inlined, that an address belongs to. */
  functionAt(address: number): Die | undefined {
    const unit = this.unitAt(address);
    if (unit === undefined) {
      return undefined;
    }
    let functions = this.#functions.get(unit);
    if (functions === undefined) {
      functions = new RangeMap(this.#functionRanges(unit));
      this.#functions.set(unit, functions);
    }
    const offset = functions.at(address);
    return offset === undefined
      ? undefined
      : this.#problems.guard(() => unit.dieAt(offset), undefined);
  }

  /** Whether there is code for an entry: linkers leave entries of code that they drop. */
  isKept(ranges: readonly AddressRange[]): boolean {
    return ranges.some(({ start }) => this.#isCode(start));
  }

  #mapUnits(): RangeMap<Unit> {
    const ranges: Owned<Unit>[] = [];
    for (const owner of this.#units.all) {
      const own = this.#problems.guard(() => this.#rangesOfUnit(owner), []);
      if (ranges.length + own.length > MOST_RANGES) {
        this.#problems.note('The units of the debug information have too many address ranges.');
        break;
      }
      for (const { start, end } of own) {
        if (this.#isCode(start)) {
          ranges.push({ start, end, owner });
        }
      }
    }
    return new RangeMap(ranges);
  }

  /** Old compilers do not say where a unit with several sections has its code, so functions do. */
  #rangesOfUnit(unit: Unit): readonly AddressRange[] {
    const { root } = unit;
    if (root.tag !== TAG.compile_unit && root.tag !== TAG.skeleton_unit) {
      return [];
    }
    const ranges = rangesOf(root);
    return ranges.length > 0 ? ranges : this.#functionRanges(unit);
  }

  #functionRanges(unit: Unit): Owned<number>[] {
    const ranges: Owned<number>[] = [];
    this.#problems.guard(() => {
      for (const die of functionsOf(unit)) {
        for (const { start, end } of rangesOf(die)) {
          if (this.#isCode(start) && ranges.length < MOST_RANGES) {
            ranges.push({ start, end, owner: die.offset });
          }
        }
      }
    }, undefined);
    return ranges;
  }
}

/** The functions of a unit that have code of their own. */
function* functionsOf(unit: Unit): Generator<Die> {
  const cursor = new DieCursor(unit, unit.root.offset);
  while (cursor.next()) {
    if (cursor.tag === TAG.subprogram && (cursor.has(AT.low_pc) || cursor.has(AT.ranges))) {
      yield cursor.die();
    }
    const isOuter = cursor.depth === 0 || cursor.tag === TAG.namespace || cursor.tag === TAG.module;
    if (!isOuter) {
      cursor.skipChildren();
    }
  }
}

/**
 * What surrounds an address inside of a function: blocks and inlined functions, the innermost first
 * and the function itself last.
 */
export function scopesAt(outermost: Die, address: number): Die[] {
  const scopes = [outermost];
  const cursor = new DieCursor(outermost.unit, outermost.offset);
  cursor.next();
  let depth = 0;
  while (cursor.next() && cursor.depth > depth) {
    const isScope =
      cursor.tag === TAG.inlined_subroutine ||
      cursor.tag === TAG.lexical_block ||
      cursor.tag === TAG.subprogram;
    if (isScope && contains(rangesOf(cursor.die()), address)) {
      scopes.push(cursor.die());
      depth = cursor.depth;
    } else {
      cursor.skipChildren();
    }
  }
  return scopes.reverse();
}

/** Copies that were inlined in a unit: the entries and what they are copies of. */
export interface InlinedCopy {
  readonly offset: number;
  readonly origin: number;
}

export function inlinedCopiesIn(unit: Unit): InlinedCopy[] {
  const copies: InlinedCopy[] = [];
  const cursor = new DieCursor(unit, unit.root.offset);
  while (cursor.next()) {
    if (cursor.tag === TAG.inlined_subroutine) {
      const origin = cursor.value(AT.abstract_origin);
      if (origin?.kind === 'reference') {
        copies.push({ offset: cursor.offset, origin: origin.value });
      }
    } else if (!holdsCode(cursor.tag)) {
      cursor.skipChildren();
    }
  }
  return copies;
}

function holdsCode(tag: number): boolean {
  switch (tag) {
    case TAG.compile_unit:
    case TAG.skeleton_unit:
    case TAG.namespace:
    case TAG.module:
    case TAG.subprogram:
    case TAG.lexical_block:
      return true;
    default:
      return false;
  }
}
