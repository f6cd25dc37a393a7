/** Values of expressions as nodes of a tree of variables, with children by their types. */

import { childCountOf, childrenOf, operandText } from '../expressions/children.ts';
import { assign } from '../expressions/evaluate.ts';
import { ExpressionError } from '../expressions/expression-error.ts';
import { type FormatOptions, formatValue } from '../expressions/format.ts';
import type { Result, Value } from '../expressions/scope.ts';
import { typeText } from '../expressions/type-text.ts';
import { bare } from '../symbols/c-type.ts';
import { UserError } from '../user-error.ts';
import type { GuestScope } from './guest-scope.ts';
import type { VariableNode } from './variable-node.ts';

export interface ShownWith {
  readonly scope: GuestScope;
  readonly options: FormatOptions;
  /** The reference of a virtual address. */
  reference(address: number): string;
}

/** @param evaluateName an expression that gives the same, where there is one */
export function nodeOf(
  name: string,
  result: Result,
  evaluateName: string | undefined,
  shown: ShownWith,
): VariableNode {
  const { scope, options } = shown;
  const { named, indexed } = countsOf(result);
  const value = formatValue(result, scope, options);
  return {
    name,
    value,
    type: result.kind === 'tree' ? undefined : typeText(result.type),
    evaluateName,
    memoryReference: result.kind === 'tree' ? undefined : referenceOf(result, shown),
    indexedChildren: indexed > 0 ? indexed : undefined,
    children:
      named + indexed === 0
        ? undefined
        : (range) =>
            told(() =>
              childrenOf(result, operandText(evaluateName ?? name), scope, range ?? {}).map(
                (child) => nodeOf(child.name, child.value, child.evaluateName, shown),
              ),
            ),
    set: result.kind === 'tree' || !isSettable(result) ? undefined : setter(result, shown),
  };
}

function countsOf(result: Result): { named: number; indexed: number } {
  try {
    return childCountOf(result);
  } catch (error) {
    if (error instanceof ExpressionError) {
      return { named: 0, indexed: 0 };
    }
    throw error;
  }
}

/** Structs and arrays are set by their parts. */
function isSettable({ type, location }: Value): boolean {
  const { kind } = bare(type);
  return location.kind !== 'none' && (kind === 'base' || kind === 'enum' || kind === 'pointer');
}

const setter =
  (target: Value, { scope }: ShownWith) =>
  (text: string): void => {
    told(() => assign(target, text, scope));
  };

/** What a memory view opens: what a pointer leads to, or the object itself. */
function referenceOf(value: Value, { scope, reference }: ShownWith): string | undefined {
  if (bare(value.type).kind === 'pointer') {
    const bytes =
      value.bytes ??
      (value.location.kind === 'memory' ? scope.memory.read(value.location.address, 4) : undefined);
    return bytes?.length === 4
      ? reference(new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true))
      : undefined;
  }
  return value.location.kind === 'memory' ? reference(value.location.address) : undefined;
}

/** Mistakes in expressions are the user's. */
export function told<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof ExpressionError) {
      throw new UserError(error.message);
    }
    throw error;
  }
}
