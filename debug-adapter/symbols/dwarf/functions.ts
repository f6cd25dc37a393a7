/** Functions of a program: those with code of their own, and copies inlined into others. */

import type { CType } from '../c-type.ts';
import { type CodeMap, type InlinedCopy, inlinedCopiesIn, scopesAt } from './code-map.ts';
import type { Die } from './die.ts';
import type { Problems } from './dwarf-error.ts';
import type { LineLookup } from './line-lookup.ts';
import type { LineTables } from './line-tables.ts';
import { ENTRY, type NameIndex, nameOf, withAttribute } from './name-index.ts';
import { AT, TAG } from './numbers.ts';
import { type AddressRange, rangesOf } from './ranges.ts';
import type { Types } from './types.ts';
import type { Unit, Units } from './units.ts';

export interface FunctionSymbol {
  readonly name: string;
  /** Where it is entered. */
  readonly lowPc: number;
  /** The first holds `lowPc`; others are parts that the compiler moved away. */
  readonly ranges: readonly AddressRange[];
  /** Where a breakpoint on the function stops: its arguments are in their places. */
  readonly afterPrologue: number;
  /** Where it is declared; `undefined` and 0 when that is not known. */
  readonly file: string | undefined;
  readonly line: number;
  readonly isNoReturn: boolean;
  readonly type: CType;
}

/** A function that was inlined around an address, and the place that it was called from. */
export interface InlineFrame {
  readonly name: string;
  readonly callFile: string | undefined;
  readonly callLine: number;
  /** 0 where it is not known. */
  readonly callColumn: number;
  readonly ranges: readonly AddressRange[];
  /** Where the copy starts. */
  readonly entry: number;
  /** Where the function itself is declared. */
  readonly file: string | undefined;
  readonly line: number;
}

/** Where a function with a name can be stopped at. */
export interface FunctionMatch {
  readonly name: string;
  /** After the prologue; of an inlined copy, its start. */
  readonly address: number;
  readonly entry: number;
  readonly isInlineCopy: boolean;
}

export interface FunctionSources {
  readonly units: Units;
  readonly names: NameIndex;
  readonly types: Types;
  readonly code: CodeMap;
  readonly tables: LineTables;
  readonly lines: LineLookup;
  readonly problems: Problems;
}

/** Since this version gcc describes places of arguments from the first instruction on. */
const GCC_WITH_EXACT_LISTS = 4.05;

export class Functions {
  readonly #sources: FunctionSources;
  readonly #copies = new Map<Unit, readonly InlinedCopy[]>();

  constructor(sources: FunctionSources) {
    this.#sources = sources;
  }

  at(address: number): FunctionSymbol | undefined {
    const die = this.#sources.code.functionAt(address);
    return die && this.#guard(() => this.#symbolFrom(die));
  }

  /** The innermost first. */
  inlinesAt(address: number): InlineFrame[] {
    return this.scopesAt(address)
      .filter(({ tag }) => tag === TAG.inlined_subroutine)
      .flatMap((die) => this.#guard(() => this.#inlineFrom(die)) ?? []);
  }

  /** Blocks, inlined functions and the function around an address, the innermost first. */
  scopesAt(address: number): readonly Die[] {
    const die = this.#sources.code.functionAt(address);
    return (die && this.#guard(() => scopesAt(die, address))) ?? [];
  }

  /** Functions and inlined copies by name, or by a pattern that their names match. */
  matching(pattern: string | RegExp): FunctionMatch[] {
    const matches = new Map<string, FunctionMatch>();
    const add = (match: FunctionMatch | undefined) => {
      if (match !== undefined) {
        matches.set(`${match.address} ${match.isInlineCopy} ${match.name}`, match);
      }
    };
    for (const die of this.#entries(pattern, ENTRY.function)) {
      add(this.#guard(() => this.#matchFrom(die)));
    }
    const abstract = [...this.#entries(pattern, ENTRY.abstractFunction)];
    for (const die of this.#copiesOf(abstract)) {
      add(this.#guard(() => this.#copyFrom(die)));
    }
    return [...matches.values()].sort((a, b) => a.address - b.address);
  }

  *#entries(pattern: string | RegExp, kind: 1 | 2): Generator<Die> {
    const { names, units } = this.#sources;
    if (typeof pattern === 'string') {
      for (const { die } of names.named(pattern, [kind])) {
        yield die;
      }
      return;
    }
    const test = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    for (const { die } of names.all([kind])) {
      const name = this.#guard(() => nameOf(die, units));
      if (name !== undefined && test.test(name)) {
        yield die;
      }
    }
  }

  /** Copies are mostly in the unit of what they are copies of; some units refer to others. */
  *#copiesOf(abstract: readonly Die[]): Generator<Die> {
    const wanted = new Set(abstract.map(({ offset }) => offset));
    const units = new Set(abstract.map(({ unit }) => unit));
    for (const unit of wanted.size === 0 ? [] : this.#sources.units.all) {
      const isCandidate = units.has(unit) || (this.#guard(() => unit.refersToOtherUnits) ?? false);
      for (const { offset, origin } of isCandidate ? this.#copiesIn(unit) : []) {
        if (wanted.has(origin)) {
          const die = this.#guard(() => unit.dieAt(offset));
          yield* die === undefined ? [] : [die];
        }
      }
    }
  }

  #copiesIn(unit: Unit): readonly InlinedCopy[] {
    let copies = this.#copies.get(unit);
    if (copies === undefined) {
      copies = this.#guard(() => inlinedCopiesIn(unit)) ?? [];
      this.#copies.set(unit, copies);
    }
    return copies;
  }

  #symbolFrom(die: Die): FunctionSymbol | undefined {
    const { units, types } = this.#sources;
    const ranges = rangesOf(die);
    const lowPc = entryOf(die, ranges);
    const name = nameOf(die, units);
    if (lowPc === undefined || name === undefined) {
      return undefined;
    }
    const described =
      withAttribute(die, AT.type, units) ?? withAttribute(die, AT.name, units) ?? die;
    return {
      name,
      lowPc,
      ranges,
      afterPrologue: this.#afterPrologue(die.unit, lowPc, ranges),
      ...this.#declaration(die),
      isNoReturn: withAttribute(die, AT.noreturn, units) !== undefined,
      type: types.typeAt(described),
    };
  }

  #matchFrom(die: Die): FunctionMatch | undefined {
    const ranges = rangesOf(die);
    const entry = entryOf(die, ranges);
    const name = nameOf(die, this.#sources.units);
    return entry === undefined || name === undefined || !this.#sources.code.isKept(ranges)
      ? undefined
      : { name, entry, address: this.#afterPrologue(die.unit, entry, ranges), isInlineCopy: false };
  }

  #copyFrom(die: Die): FunctionMatch | undefined {
    const ranges = rangesOf(die);
    const entry = entryOf(die, ranges);
    const name = nameOf(die, this.#sources.units);
    return entry === undefined || name === undefined || !this.#sources.code.isKept(ranges)
      ? undefined
      : { name, entry, address: entry, isInlineCopy: true };
  }

  #inlineFrom(die: Die): InlineFrame | undefined {
    const { units, tables } = this.#sources;
    const ranges = rangesOf(die);
    const callFile = die.number(AT.call_file);
    return {
      name: nameOf(die, units) ?? '',
      callFile: callFile === undefined ? undefined : tables.pathOf(die.unit, callFile),
      callLine: die.number(AT.call_line) ?? 0,
      callColumn: die.number(AT.call_column) ?? 0,
      ranges,
      entry: entryOf(die, ranges) ?? 0,
      ...this.#declaration(die),
    };
  }

  #declaration(die: Die): { readonly file: string | undefined; readonly line: number } {
    const { units, tables } = this.#sources;
    const declared = withAttribute(die, AT.decl_line, units);
    const withFile = withAttribute(die, AT.decl_file, units);
    const file = withFile?.number(AT.decl_file);
    return {
      file:
        withFile === undefined || file === undefined
          ? undefined
          : tables.pathOf(withFile.unit, file),
      line: declared?.number(AT.decl_line) ?? 0,
    };
  }

  /**
   * As gdb does it: code that gcc optimised can be stopped at its entry, since every argument has its
   * place from there on; other code is stopped where its first statement starts.
   */
  #afterPrologue(unit: Unit, entry: number, ranges: readonly AddressRange[]): number {
    const hasExactLists = unit.hasLocationLists && isNewGcc(unit.root.text(AT.producer));
    const own = ranges.find(({ start, end }) => entry >= start && entry < end);
    return hasExactLists || own === undefined
      ? entry
      : this.#sources.lines.afterPrologue(entry, own.end);
  }

  #guard<T>(read: () => T): T | undefined {
    return this.#sources.problems.guard(read, undefined);
  }
}

function isNewGcc(producer: string | undefined): boolean {
  const [, major, minor] = /^GNU .*? (\d+)\.(\d+)\.\d/.exec(producer ?? '') ?? [];
  return major !== undefined && Number(major) + Number(minor) / 100 >= GCC_WITH_EXACT_LISTS;
}

function entryOf(die: Die, ranges: readonly AddressRange[]): number | undefined {
  const value = die.value(AT.entry_pc);
  const base = die.address(AT.low_pc) ?? ranges[0]?.start;
  switch (value?.kind) {
    case 'address':
      return value.value;
    case 'constant':
      return base === undefined ? undefined : base + Number(value.value);
    default:
      return base;
  }
}
