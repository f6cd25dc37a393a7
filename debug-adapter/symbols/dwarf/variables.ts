/** Variables: those around an address, those of the whole program, and where they are. */

import { type CType, sizeOf } from '../c-type.ts';
import type { CallFrames } from './call-frames.ts';
import type { CodeMap } from './code-map.ts';
import type { Die } from './die.ts';
import type { Problems } from './dwarf-error.ts';
import { type ExpressionContext, locationOf, numberBy } from './expression.ts';
import type { Functions } from './functions.ts';
import type { LineTables } from './line-tables.ts';
import { expressionAt } from './location-lists.ts';
import { ENTRY, type NameIndex, nameOf, withAttribute } from './name-index.ts';
import { AT, TAG } from './numbers.ts';
import type { Types } from './types.ts';
import type { Units } from './units.ts';
import {
  type FrameMachine,
  Unavailable,
  unavailable,
  type VariableLocation,
} from './variable-location.ts';

/** A variable or parameter; `locate` says where it is. */
export interface Variable {
  readonly name: string;
  readonly type: CType;
  readonly isParameter: boolean;
  /** Made by the compiler. */
  readonly isArtificial: boolean;
  /** Where it is declared; `undefined` and 0 when that is not known. */
  readonly file: string | undefined;
  readonly line: number;
  /** The file of the unit that it is defined in. */
  readonly unitFile: string | undefined;
  /** For `locate` alone. */
  readonly entry: VariableEntry;
}

export interface VariableEntry {
  readonly die: Die;
  /** Of the function whose frame it is in; none for a variable of the whole program. */
  readonly function: Die | undefined;
}

/** Variables of one block. Those of outer blocks with the same name are hidden by them. */
export interface ScopeOfVariables {
  /** The function whose outermost block it is; `undefined` for a block inside of one. */
  readonly function: string | undefined;
  readonly isInlined: boolean;
  /** Parameters first, in the order of their declarations. */
  readonly variables: readonly Variable[];
}

export interface VariableSources {
  readonly units: Units;
  readonly names: NameIndex;
  readonly types: Types;
  readonly code: CodeMap;
  readonly functions: Functions;
  readonly tables: LineTables;
  readonly frames: CallFrames;
  readonly problems: Problems;
}

const GLOBAL_KINDS = [ENTRY.variable] as const;

export class Variables {
  readonly #sources: VariableSources;

  constructor(sources: VariableSources) {
    this.#sources = sources;
  }

  /** The innermost block first, the parameters and variables of the function itself last. */
  at(address: number): ScopeOfVariables[] {
    const scopes = this.#sources.functions.scopesAt(address);
    const outermost = scopes.at(-1);
    return scopes.flatMap((scope) => this.#guard(() => this.#scopeFrom(scope, outermost)) ?? []);
  }

  *globals(): Generator<Variable> {
    for (const entry of this.#sources.names.all(GLOBAL_KINDS)) {
      const variable = this.#guard(() => this.#variableFrom(entry.die, undefined));
      if (variable !== undefined) {
        yield variable;
      }
    }
  }

  /** Of several with this name, one of the unit around `near` is preferred. */
  globalNamed(name: string, near?: number): Variable | undefined {
    const unit = near === undefined ? undefined : this.#sources.code.unitAt(near);
    const [found] = this.#sources.names.named(name, GLOBAL_KINDS, unit);
    return found && this.#guard(() => this.#variableFrom(found.die, undefined));
  }

  locate({ entry, name }: Variable, machine: FrameMachine): VariableLocation {
    const location = this.#guard(() => this.#locationOf(entry, name, machine));
    return location ?? unavailable('The debug information about where it is cannot be read.');
  }

  #scopeFrom(scope: Die, outermost: Die | undefined): ScopeOfVariables {
    const parameters: Variable[] = [];
    const locals: Variable[] = [];
    for (const child of scope.children()) {
      if (child.tag === TAG.formal_parameter || child.tag === TAG.variable) {
        const variable = this.#variableFrom(child, outermost);
        if (variable !== undefined) {
          (variable.isParameter ? parameters : locals).push(variable);
        }
      }
    }
    const isBlock = scope.tag === TAG.lexical_block;
    return {
      function: isBlock ? undefined : nameOf(scope, this.#sources.units),
      isInlined: scope.tag === TAG.inlined_subroutine,
      variables: [...parameters, ...locals],
    };
  }

  #variableFrom(die: Die, inFunction: Die | undefined): Variable | undefined {
    const { units, types, tables } = this.#sources;
    const name = nameOf(die, units);
    if (name === undefined) {
      return undefined;
    }
    const declared = withAttribute(die, AT.decl_line, units);
    const fileNumber = declared?.number(AT.decl_file);
    return {
      name,
      type: types.typeOf(die),
      isParameter: die.tag === TAG.formal_parameter,
      isArtificial: withAttribute(die, AT.artificial, units) !== undefined,
      file:
        declared === undefined || fileNumber === undefined
          ? undefined
          : tables.pathOf(declared.unit, fileNumber),
      line: declared?.number(AT.decl_line) ?? 0,
      unitFile: die.unit.root.text(AT.name),
      entry: { die, function: inFunction },
    };
  }

  #locationOf(
    { die, function: inFunction }: VariableEntry,
    name: string,
    machine: FrameMachine,
  ): VariableLocation {
    const { units } = this.#sources;
    const constant = withAttribute(die, AT.const_value, units);
    if (constant !== undefined) {
      return { kind: 'value', bytes: constantBytes(constant, this.#sources.types.typeOf(die)) };
    }
    const located = withAttribute(die, AT.location, units);
    if (located === undefined) {
      const isElsewhere = withAttribute(die, AT.declaration, units) !== undefined;
      const global = isElsewhere ? this.globalNamed(name) : undefined;
      return global === undefined || global.entry.die.offset === die.offset
        ? unavailable('The compiler optimised it away.')
        : this.#locationOf(global.entry, name, machine);
    }
    const expression = expressionAt(located, AT.location, machine.pc);
    return expression === undefined
      ? unavailable('It has no value here: the compiler keeps it nowhere at this instruction.')
      : locationOf(expression, this.#context(located, inFunction, machine));
  }

  #context(die: Die, inFunction: Die | undefined, machine: FrameMachine): ExpressionContext {
    const { units, frames } = this.#sources;
    const withCfa: FrameMachine = {
      ...machine,
      pc: machine.pc,
      register: (number) => machine.register(number),
      read: (address, size) => machine.read(address, size),
      cfa: () => machine.cfa() ?? frames.cfaOf(machine),
    };
    const context: ExpressionContext = {
      machine: withCfa,
      unit: die.unit,
      units,
      entryValue: () => undefined,
      frameBase: () => {
        const base = inFunction && expressionAt(inFunction, AT.frame_base, machine.pc);
        if (base === undefined) {
          throw new Unavailable(
            'It depends on a frame base, which its function does not have here.',
          );
        }
        return numberBy(base, { ...context, frameBase: noFrameBase });
      },
    };
    return context;
  }

  #guard<T>(read: () => T): T | undefined {
    return this.#sources.problems.guard(read, undefined);
  }
}

function noFrameBase(): never {
  throw new Unavailable('It depends on a frame base that depends on itself.');
}

const MOST_CONSTANT_BYTES = 16;

/** A constant as it would lie in memory. */
function constantBytes(die: Die, type: CType): Uint8Array {
  const value = die.value(AT.const_value);
  switch (value?.kind) {
    case 'block':
      return value.bytes;
    case 'string':
      return Uint8Array.from([...value.value, '\0'], (c) => c.charCodeAt(0));
    case 'address':
      return littleEndian(BigInt(value.value), 4);
    case 'constant':
      return littleEndian(BigInt(value.value), Math.min(sizeOf(type) || 8, MOST_CONSTANT_BYTES));
    default:
      return new Uint8Array(0);
  }
}

const littleEndian = (value: bigint, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
