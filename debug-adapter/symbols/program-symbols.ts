/**
 * What is known of a kernel or module from its file: names, lines, functions, variables, types and
 * how frames unwind.
 *
 * Opening a file only finds its sections. Everything is read when it is first asked for, a unit at a
 * time where that is possible. Files may be stripped, then there are names at most; what is broken in
 * a file is left out and noted in `problems`. Nothing here throws for what is in a file.
 */

import {
  ElfError,
  type ElfFile,
  type ElfSymbol,
  PF,
  PT,
  SHF,
  STB,
  STT,
  symbolsOf,
} from '../../emulator/image/elf.ts';
import { KernelSymbols, type SymbolPlace } from '../../emulator/image/kernel-symbols.ts';
import type { CType } from './c-type.ts';
import { type CallerFrame, CallFrames, type Frame } from './dwarf/call-frames.ts';
import { CodeMap } from './dwarf/code-map.ts';
import { DebugSections } from './dwarf/debug-sections.ts';
import { Problems } from './dwarf/dwarf-error.ts';
import {
  type FunctionMatch,
  type FunctionSymbol,
  Functions,
  type InlineFrame,
} from './dwarf/functions.ts';
import { LineLookup, type LineRange, type SourcePlace } from './dwarf/line-lookup.ts';
import { LineTables } from './dwarf/line-tables.ts';
import { ENTRY, type EntryKind, NameIndex } from './dwarf/name-index.ts';
import { parseTypeName } from './dwarf/type-names.ts';
import { Types } from './dwarf/types.ts';
import { Units } from './dwarf/units.ts';
import type { FrameMachine, VariableLocation } from './dwarf/variable-location.ts';
import { type ScopeOfVariables, type Variable, Variables } from './dwarf/variables.ts';

export type { CallerFrame, Frame } from './dwarf/call-frames.ts';
export type { FunctionMatch, FunctionSymbol, InlineFrame } from './dwarf/functions.ts';
export type { LineRange, SourcePlace } from './dwarf/line-lookup.ts';
export type { AddressRange } from './dwarf/ranges.ts';
export type {
  FrameMachine,
  Piece,
  VariableLocation,
  WholeLocation,
} from './dwarf/variable-location.ts';
export type { ScopeOfVariables, Variable } from './dwarf/variables.ts';

/** Where a breakpoint on a line stops. */
export interface LineAddresses {
  /** The line that was asked for, or the next one with code. */
  readonly line: number;
  readonly addresses: readonly number[];
}

export class ProgramSymbols {
  readonly #symbols: KernelSymbols;
  readonly #file: ElfFile;
  readonly #problems = new Problems();
  readonly #sections: DebugSections;
  #dwarf: Dwarf | undefined;
  #addresses: ReadonlyMap<string, number> | undefined;

  private constructor(file: ElfFile) {
    this.#file = file;
    this.#symbols = new KernelSymbols(file);
    this.#sections = new DebugSections(file, this.#problems);
  }

  static open(file: ElfFile): ProgramSymbols {
    return new ProgramSymbols(file);
  }

  /** What could not be read so far, a sentence each. */
  get problems(): readonly string[] {
    const { problem } = this.#symbols;
    return problem === undefined
      ? this.#problems.sentences
      : [problem, ...this.#problems.sentences];
  }

  get hasDebugInformation(): boolean {
    return this.#sections.has('.debug_info') || this.#sections.has('.debug_line');
  }

  /** The symbol before an address; where the symbol table has none, the function. */
  symbolAt(address: number): SymbolPlace | undefined {
    const symbol = this.#symbols.symbolAt(address);
    if (symbol !== undefined) {
      return symbol;
    }
    const found = this.functionAt(address);
    return found && { name: found.name, offset: address - found.lowPc };
  }

  /** The address of a function or variable; global ones come before those of one file. */
  addressOf(name: string): number | undefined {
    this.#addresses ??= addressesByName(this.#file);
    return (
      this.#addresses.get(name) ??
      this.#read()
        .functions.matching(name)
        .find(({ isInlineCopy }) => !isInlineCopy)?.entry
    );
  }

  /** Full paths of files with code, each once. */
  sourceFiles(): readonly string[] {
    return this.#read().lines.files;
  }

  /** Files with code whose paths end in these segments. */
  filesEnding(suffix: string): readonly string[] {
    return this.#read().lines.filesEnding(suffix);
  }

  /** Lines at which statements start, from the first to the last. */
  linesWithCode(file: string): readonly number[] {
    return this.#read().lines.linesWithCode(file);
  }

  /** `undefined` for an address that comes from no line. */
  locationAt(address: number): SourcePlace | undefined {
    return this.#read().lines.placeOf(address);
  }

  /**
   * Where to stop for a line: for each block of each function or inlined copy that has statements
   * of it, at the first, and never before the arguments of a function are in their places.
   */
  addressesOfLine(file: string, line: number): LineAddresses | undefined {
    const { lines, functions } = this.#read();
    const found = lines.addressesOf(file, line);
    if (found === undefined) {
      return undefined;
    }
    const byBlock = new Map<number, number>();
    for (const address of found.addresses) {
      const block = functions.scopesAt(address)[0]?.offset ?? -1 - address;
      byBlock.set(block, Math.min(address, byBlock.get(block) ?? Number.POSITIVE_INFINITY));
    }
    const addresses = [...byBlock.values()].map((address) => this.#pastPrologue(address));
    return { line: found.line, addresses: [...new Set(addresses)].sort((a, b) => a - b) };
  }

  /** Addresses of the line around an address: what a step by line passes over. */
  rangeOfLine(address: number): LineRange | undefined {
    return this.#read().lines.rangeOf(address);
  }

  /** The function, not inlined, that an address belongs to. */
  functionAt(address: number): FunctionSymbol | undefined {
    return this.#read().functions.at(address);
  }

  /** Functions inlined around an address, the innermost first. */
  inlinesAt(address: number): readonly InlineFrame[] {
    return this.#read().functions.inlinesAt(address);
  }

  /** By name or pattern: functions, their inlined copies, and functions that only have a symbol. */
  functionsMatching(pattern: string | RegExp): readonly FunctionMatch[] {
    return this.#read().functions.matching(pattern);
  }

  /** The innermost block first. */
  variablesAt(address: number): readonly ScopeOfVariables[] {
    return this.#read().variables.at(address);
  }

  /** Variables outside of functions, in the order of the file. */
  globals(): Iterable<Variable> {
    return this.#read().variables.globals();
  }

  /** Of several with this name, the one that is seen at `near`. */
  globalNamed(name: string, near?: number): Variable | undefined {
    return this.#read().variables.globalNamed(name, near);
  }

  /** `struct task`, `union pte`, `enum state`, `u32`, `long unsigned int` in any order of words. */
  typeNamed(name: string, near?: number): CType | undefined {
    const { names, types, code } = this.#read();
    const parsed = parseTypeName(name);
    const unit = near === undefined ? undefined : code.unitAt(near);
    for (const kind of kindsOf(parsed.tag)) {
      for (const { die } of names.named(parsed.name, [kind], unit)) {
        return types.typeAt(die);
      }
    }
    return undefined;
  }

  enumeratorNamed(
    name: string,
    near?: number,
  ): { readonly value: number; readonly type: CType } | undefined {
    const { names, types, code } = this.#read();
    const unit = near === undefined ? undefined : code.unitAt(near);
    for (const { die } of names.named(name, [ENTRY.enumerator], unit)) {
      const type = types.typeAt(die);
      const found = type.kind === 'enum' && type.enumerators.find((one) => one.name === name);
      if (found) {
        return { value: found.value, type };
      }
    }
    return undefined;
  }

  locate(variable: Variable, machine: FrameMachine): VariableLocation {
    return this.#read().variables.locate(variable, machine);
  }

  /** The frame that called a frame; `undefined` where no call frame information says. */
  unwind(frame: Frame): CallerFrame | undefined {
    return this.#read().frames.unwind(frame);
  }

  #pastPrologue(address: number): number {
    const found = this.functionAt(address);
    return found !== undefined && address >= found.lowPc && address < found.afterPrologue
      ? found.afterPrologue
      : address;
  }

  #read(): Dwarf {
    this.#dwarf ??= readDwarf(this.#file, this.#sections, this.#problems);
    return this.#dwarf;
  }
}

/** Kinds of entries that a type name may mean, the likeliest first. */
function kindsOf(tag: 'struct' | 'union' | 'enum' | undefined): readonly EntryKind[] {
  switch (tag) {
    case 'struct':
      return [ENTRY.struct, ENTRY.structDeclaration];
    case 'union':
      return [ENTRY.union, ENTRY.unionDeclaration];
    case 'enum':
      return [ENTRY.enum, ENTRY.enumDeclaration];
    case undefined:
      return [ENTRY.typedef, ENTRY.base];
  }
}

interface Dwarf {
  readonly lines: LineLookup;
  readonly functions: Functions;
  readonly variables: Variables;
  readonly names: NameIndex;
  readonly types: Types;
  readonly code: CodeMap;
  readonly frames: CallFrames;
}

function readDwarf(file: ElfFile, sections: DebugSections, problems: Problems): Dwarf {
  const isCode = codeTest(file);
  const units = new Units(sections, problems);
  const names = new NameIndex(units, problems);
  const types = new Types(units, names, problems);
  const code = new CodeMap(units, problems, isCode);
  const tables = new LineTables(sections, units, problems, isCode);
  const lines = new LineLookup(tables);
  const frames = new CallFrames(sections, problems);
  const functions = new Functions({ units, names, types, code, tables, lines, problems });
  const variables = new Variables({
    units,
    names,
    types,
    code,
    functions,
    tables,
    frames,
    problems,
  });
  return { lines, functions, variables, names, types, code, frames };
}

/** Linkers leave debug information of code that they drop, at addresses where none is. */
function codeTest(file: ElfFile): (address: number) => boolean {
  const sections = file.sections
    .filter(({ flags }) => (flags & SHF.ALLOC) !== 0 && (flags & SHF.EXECINSTR) !== 0)
    .map(({ virtualAddress, size }) => ({ start: virtualAddress, end: virtualAddress + size }));
  const segments = file.segments
    .filter(({ type, flags }) => type === PT.LOAD && (flags & PF.X) !== 0)
    .map(({ virtualAddress, memorySize }) => ({
      start: virtualAddress,
      end: virtualAddress + memorySize,
    }));
  const ranges = sections.length > 0 ? sections : segments;
  return (address) => ranges.some(({ start, end }) => address >= start && address < end);
}

/** Addresses of functions and variables by the names in the symbol table; empty when it is broken. */
function addressesByName(file: ElfFile): ReadonlyMap<string, number> {
  const addresses = new Map<string, number>();
  const globals = new Set<string>();
  for (const { name, value, type, binding, place } of symbolsIn(file)) {
    const isInMemory = typeof place === 'object' && (place.flags & SHF.ALLOC) !== 0;
    const isName = name !== '' && type !== STT.SECTION && type !== STT.FILE;
    const isGlobal = binding !== STB.LOCAL;
    if (isInMemory && isName && !globals.has(name) && (isGlobal || !addresses.has(name))) {
      addresses.set(name, value);
      if (isGlobal) {
        globals.add(name);
      }
    }
  }
  return addresses;
}

function symbolsIn(file: ElfFile): readonly ElfSymbol[] {
  try {
    return symbolsOf(file);
  } catch (error) {
    if (error instanceof ElfError) {
      return [];
    }
    throw error;
  }
}
