/** Evaluating expressions: once, at each hit of a breakpoint, and to set what is shown. */

import { bare } from '../symbols/c-type.ts';
import { assignment } from './assignments.ts';
import { type Code, type Context, codeOf, resultOf, scalarValue, settled, typed } from './code.ts';
import { compile } from './compile.ts';
import type { Expression } from './node.ts';
import { elementsFrom, range, wholeNumber } from './objects.ts';
import { truth } from './operators.ts';
import { parseExpression } from './parser.ts';
import type { ExpressionScope, Result, Value } from './scope.ts';
import { typeNamesOf } from './scope.ts';

/**
 * The value of an expression. What lies in memory is found and not yet read, so a value may turn
 * out unreadable when it is formatted. Throws an `ExpressionError`, nothing else.
 */
export function evaluate(
  expression: Expression,
  scope: ExpressionScope,
  { allowsSideEffects }: { readonly allowsSideEffects: boolean },
): Result {
  const context: Context = { scope, allowsSideEffects };
  const code = compile(expression.root, context);
  const { count } = expression;
  if (count === undefined) {
    return resultOf(code);
  }
  const { position } = count;
  const shown = settled(code, position);
  if (shown.kind === 'tree') {
    return shown.tree;
  }
  const number = wholeNumber(
    typed(settled(compile(count, context), position), position),
    context,
    position,
  );
  return resultOf(counted(shown, number(), context, position));
}

function counted(
  code: Exclude<Code, { kind: 'dynamic' | 'tree' }>,
  count: number,
  context: Context,
  position: number,
): Code {
  return code.kind === 'held' && bare(code.type).kind === 'array'
    ? range(
        code,
        () => 0,
        () => count - 1,
        context,
        position,
      )
    : elementsFrom(code, 0, count, context, position);
}

/**
 * A condition to be asked at each hit. Names and types are resolved here, once; each call reads
 * registers and memory anew. Both throw an `ExpressionError` only.
 */
export function compileCondition(
  expression: Expression,
  scopeAtStop: ExpressionScope,
): () => boolean {
  const context: Context = { scope: scopeAtStop, allowsSideEffects: false };
  const { position } = expression.root;
  const code = compile(expression.root, context);
  return code.kind === 'dynamic'
    ? () => truth(typed(settled(code, position), position), context, position)()
    : truth(typed(code, position), context, position);
}

/**
 * Sets what is shown as `target` to an expression, in which enumerators of the target's own type
 * are known too. The value as it then is. Throws an `ExpressionError`.
 */
export function assign(target: Value, valueText: string, scope: ExpressionScope): Result {
  const inner = withEnumeratorsOf(target, scope);
  const expression = parseExpression(valueText, typeNamesOf(inner));
  const context: Context = { scope: inner, allowsSideEffects: true };
  const { position } = expression.root;
  const value = typed(settled(compile(expression.root, context), position), position);
  const place = typed(codeOf(target, position), position);
  const code = assignment(undefined, place, value, context, position);
  const result = resultOf(code);
  if (target.location.kind === 'memory' || target.bits !== undefined || result.kind === 'tree') {
    return target;
  }
  return code.kind === 'void' ? target : { ...result, location: target.location };
}

function withEnumeratorsOf(target: Value, scope: ExpressionScope): ExpressionScope {
  const type = bare(target.type);
  if (type.kind !== 'enum') {
    return scope;
  }
  const enumerator = (name: string): Value | undefined => {
    const found = type.enumerators.find((candidate) => candidate.name === name);
    return found === undefined ? undefined : scalarValue(type, found.value);
  };
  return {
    variable: (name) => enumerator(name) ?? scope.variable(name),
    typeNamed: (name) => scope.typeNamed(name),
    register: (name) => scope.register(name),
    function: (name) => scope.function(name),
    memory: scope.memory,
    symbolAt: (address) => scope.symbolAt(address),
  };
}
