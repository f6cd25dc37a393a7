/** What a value consists of, for a tree of variables. Each child says how it is written in C. */

import { bare, type CType, sizeOf } from '../symbols/c-type.ts';
import {
  codeOf,
  type HeldCode,
  resultOf,
  type SettledCode,
  scalarsOf,
  type TypedCode,
} from './code.ts';
import { ExpressionError } from './expression-error.ts';
import { type FormatScope, nameless, pieceOf } from './format.ts';
import { membersOf } from './members.ts';
import type { Result, Value } from './scope.ts';

export interface Child {
  /** `pid`, `[3]`, `*p`. */
  readonly name: string;
  readonly value: Result;
  /** An expression that gives the same, where there is one. */
  readonly evaluateName: string | undefined;
}

export interface ChildCount {
  readonly named: number;
  /** Elements of an array, for which an editor asks in pages. */
  readonly indexed: number;
}

/** Most children that are given at once. */
const MOST_CHILDREN = 10_000;

/** How many children there are, without reading more than a pointer. */
export function childCountOf(result: Result): ChildCount {
  if (result.kind === 'tree') {
    return { named: result.children().length, indexed: 0 };
  }
  const inner = bare(result.type);
  switch (inner.kind) {
    case 'array':
      return { named: 0, indexed: inner.count ?? 0 };
    case 'struct':
    case 'union':
      return { named: membersOf(inner).length, indexed: 0 };
    case 'pointer':
      return { named: countOfTarget(inner.target), indexed: 0 };
    case 'base':
    case 'enum':
    case 'function':
    case 'void':
      return { named: 0, indexed: 0 };
  }
}

function countOfTarget(target: CType): number {
  const inner = bare(target);
  if (inner.kind === 'void' || inner.kind === 'function') {
    return 0;
  }
  const isStruct = inner.kind === 'struct' || inner.kind === 'union';
  return isStruct ? membersOf(inner).length : 1;
}

/**
 * Children from `start` on. `body` is the expression of the value, without suffixes of its format.
 * Throws an `ExpressionError` when a pointer itself cannot be read.
 */
export function childrenOf(
  result: Result,
  body: string,
  scope: FormatScope,
  { start = 0, count = MOST_CHILDREN }: { readonly start?: number; readonly count?: number } = {},
): readonly Child[] {
  const from = Math.max(0, Math.trunc(start));
  const most = Math.min(MOST_CHILDREN, Math.max(0, Math.trunc(count)));
  const name = operandText(body);
  if (result.kind === 'tree') {
    return result
      .children()
      .slice(from, from + most)
      .map((child) => ({ ...child, evaluateName: nameInTree(name, child.name) }));
  }
  const code = codeOf(result, 0);
  return code.kind === 'tree' ? [] : partsOf(code, result, name, scope, from, most);
}

function partsOf(
  code: TypedCode,
  value: Value,
  name: string,
  scope: FormatScope,
  from: number,
  most: number,
): readonly Child[] {
  const inner = bare(value.type);
  switch (inner.kind) {
    case 'array': {
      const size = sizeOf(inner.element);
      const length = Math.max(0, Math.min(most, (inner.count ?? 0) - from));
      return Array.from({ length }, (_, at): Child => {
        const label = `[${from + at}]`;
        return child(label, `${name}${label}`, () =>
          pieceOf(code, inner.element, (from + at) * size),
        );
      });
    }
    case 'struct':
    case 'union':
      return membersOf(inner)
        .slice(from, from + most)
        .map((each) =>
          child(each.name, `${name}.${each.name}`, () =>
            pieceOf(code, each.type, each.offset, each.bits),
          ),
        );
    case 'pointer':
      return pointed(code, inner.target, name, scope).slice(from, from + most);
    case 'base':
    case 'enum':
    case 'function':
    case 'void':
      return [];
  }
}

/** The members of what a pointer leads to, or the one thing that it leads to. */
function pointed(
  code: TypedCode,
  target: CType,
  name: string,
  scope: FormatScope,
): readonly Child[] {
  const inner = bare(target);
  if (countOfTarget(target) === 0) {
    return [];
  }
  const context = { scope: nameless(scope), allowsSideEffects: false };
  const address = Number(scalarsOf(code, context, 0).scalar());
  const object: TypedCode = {
    kind: 'memory',
    type: target,
    bits: undefined,
    address: () => address,
  };
  if (inner.kind !== 'struct' && inner.kind !== 'union') {
    return [child(`*${name}`, `*${name}`, () => object)];
  }
  return membersOf(inner).map((each) =>
    child(each.name, `${name}->${each.name}`, () =>
      pieceOf(object, each.type, each.offset, each.bits),
    ),
  );
}

/** A part that is not there, because its bytes are not, is a value without any. */
function child(name: string, evaluateName: string, piece: () => SettledCode): Child {
  return { name, evaluateName, value: partValue(piece) };
}

function partValue(piece: () => SettledCode): Result {
  const code = piece();
  try {
    return resultOf(code);
  } catch (error) {
    if (!(error instanceof ExpressionError)) {
      throw error;
    }
    const { type, bits } = code as HeldCode;
    return { kind: 'value', type, location: { kind: 'none' }, bits };
  }
}

const simple = /^[A-Za-z_$][A-Za-z0-9_]*(?:(?:\.|->)[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\])*$/;

/** In parentheses where something that binds tightly is to follow. */
export function operandText(body: string): string {
  return simple.test(body) ? body : `(${body})`;
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

function nameInTree(base: string, name: string): string | undefined {
  if (identifier.test(name)) {
    return `${base}.${name}`;
  }
  return /^\[?[0-9]{1,9}\]?$/.test(name) ? `${base}[${name.replace(/\D/g, '')}]` : undefined;
}
