/**
 * Compiles expressions.
 *
 * Operands first; where one is `dynamic`, the operator is compiled when it runs, over what the
 * operand then turned out to be. `&&`, `||` and `?:` run one side only, so they look later still.
 */

import { bare, type CType, sizeOf } from '../symbols/c-type.ts';
import { assignment, stepped } from './assignments.ts';
import { CHAR, INT, UNSIGNED_INT } from './base-types.ts';
import {
  type Code,
  type Context,
  codeOf,
  resultOf,
  type SettledCode,
  scalarsOf,
  settled,
  type TypedCode,
  typed,
} from './code.ts';
import { askedAt, ExpressionError } from './expression-error.ts';
import { offsetOf, stepOf } from './members.ts';
import type { Node } from './node.ts';
import {
  addressCode,
  cast,
  containerOf,
  dereference,
  elementsFrom,
  index,
  member,
  numberOrText,
  range,
  repeated,
  wholeNumber,
} from './objects.ts';
import { binary, branchType, converted, truth, unary } from './operators.ts';
import { resolvedType } from './resolve-type.ts';
import { shapeOf } from './scalar.ts';
import type { HostArgument, HostFunction } from './scope.ts';
import { typeText } from './type-text.ts';

/** Resolves all names and types. Reads nothing of the guest, changes nothing. */
export function compile(node: Node, context: Context): Code {
  const { position } = node;
  switch (node.kind) {
    case 'literal': {
      const { type, value } = node.literal;
      return { kind: 'scalar', type, scalar: () => value };
    }
    case 'text':
      return text(node.bytes);
    case 'name':
      return named(node.name, context, position);
    case 'register':
      return register(node.name, context, position);
    case 'offset of': {
      const offset = offsetOf(resolvedType(node.type, context.scope), node.path);
      return { kind: 'scalar', type: UNSIGNED_INT, scalar: () => offset };
    }
    case 'size of type':
      return size(resolvedType(node.type, context.scope), position);
    case 'logical':
      return logical(node, context);
    case 'conditional':
      return conditional(node, context);
    case 'comma':
      return comma(node, context);
    case 'call':
      return call(node, context);
    case 'unary':
    case 'dereference':
    case 'address':
    case 'step':
    case 'cast':
    case 'size of':
    case 'container of':
    case 'member':
      return lifted([operandOf(node)], context, (operand) => withOne(node, operand!, context));
    case 'binary':
    case 'index':
    case 'repeat':
    case 'assignment':
      return lifted(operandsOf(node), context, (left, right) =>
        withTwo(node, left!, right!, context),
      );
    case 'range':
      return lifted([node.array, node.first, node.last], context, (array, first, last) =>
        later(() => {
          const start = wholeNumber(typed(first!, position), context, position);
          const end = wholeNumber(typed(last!, position), context, position);
          return range(typed(array!, position), start, end, context, position);
        }),
      );
  }
}

type WithOne = Extract<
  Node,
  {
    kind:
      | 'unary'
      | 'dereference'
      | 'address'
      | 'step'
      | 'cast'
      | 'size of'
      | 'container of'
      | 'member';
  }
>;
type WithTwo = Extract<Node, { kind: 'binary' | 'index' | 'repeat' | 'assignment' }>;

function operandOf(node: WithOne): Node {
  switch (node.kind) {
    case 'member':
      return node.object;
    case 'container of':
      return node.pointer;
    case 'unary':
    case 'dereference':
    case 'address':
    case 'step':
    case 'cast':
    case 'size of':
      return node.operand;
  }
}

function operandsOf(node: WithTwo): readonly [Node, Node] {
  switch (node.kind) {
    case 'binary':
      return [node.left, node.right];
    case 'index':
      return [node.array, node.index];
    case 'repeat':
      return [node.object, node.count];
    case 'assignment':
      return [node.target, node.value];
  }
}

/** Builds code over operands, or when it runs if one of them is known only then. */
function lifted(
  nodes: readonly Node[],
  context: Context,
  build: (...operands: readonly (SettledCode | undefined)[]) => Code,
): Code {
  const operands = nodes.map((node) => compile(node, context));
  const known = operands.filter((operand) => operand.kind !== 'dynamic');
  if (known.length === operands.length) {
    return build(...known);
  }
  return later(() =>
    build(...operands.map((operand, at) => settled(operand, nodes[at]?.position ?? 0))),
  );
}

const later = (make: () => Code): Code => ({ kind: 'dynamic', result: () => resultOf(make()) });

function withOne(node: WithOne, operand: SettledCode, context: Context): Code {
  const { position } = node;
  if (node.kind === 'member') {
    return askedAt(position, () => member(operand, node.name, node.isArrow, context, position));
  }
  const code = typed(operand, position);
  switch (node.kind) {
    case 'unary':
      return unary(node.operator, code, context, position);
    case 'dereference':
      return dereference(code, context, position);
    case 'address':
      return addressCode(code, position);
    case 'step':
      return stepped(node.operator, node.isPrefix, code, context, position);
    case 'cast':
      return cast(code, resolvedType(node.type, context.scope), context, position);
    case 'size of':
      return size(code.type, position);
    case 'container of': {
      const type = resolvedType(node.type, context.scope);
      return containerOf(code, type, offsetOf(type, node.path), context, position);
    }
  }
}

function withTwo(node: WithTwo, left: SettledCode, right: SettledCode, context: Context): Code {
  const { position } = node;
  if (node.kind === 'index') {
    return askedAt(position, () => index(left, typed(right, position), context, position));
  }
  const a = typed(left, position);
  const b = typed(right, position);
  switch (node.kind) {
    case 'binary':
      return binary(node.operator, a, b, context, position);
    case 'assignment':
      return assignment(node.operator, a, b, context, position);
    case 'repeat': {
      const count = wholeNumber(b, context, position);
      return later(() =>
        isPointedAt(node.object, a)
          ? elementsFrom(a, 0, count(), context, position)
          : repeated(a, count(), position),
      );
    }
  }
}

/**
 * Unlike gdb, `pointer@8` is what the pointer leads to. `*argv@argc` stays an array of pointers, as
 * there: what was itself reached through a pointer is what is repeated.
 */
const isPointedAt = (node: Node, code: TypedCode): boolean =>
  bare(code.type).kind === 'pointer' && node.kind !== 'dereference' && node.kind !== 'index';

function text(characters: readonly number[]): Code {
  const bytes = Uint8Array.from([...characters, 0]);
  const type: CType = { kind: 'array', element: CHAR, count: bytes.length, size: bytes.length };
  return {
    kind: 'held',
    type,
    bits: undefined,
    read: () => bytes,
    word: undefined,
    write: undefined,
  };
}

/** Macros of most kernels, which debug information seldom has. */
const wellKnown: Readonly<Record<string, { readonly type: CType; readonly value: number }>> = {
  NULL: { type: { kind: 'pointer', size: 4, target: { kind: 'void' } }, value: 0 },
  true: { type: INT, value: 1 },
  false: { type: INT, value: 0 },
};

function named(name: string, context: Context, position: number): Code {
  const variable = askedAt(position, () => context.scope.variable(name));
  if (variable !== undefined) {
    return codeOf(variable, position);
  }
  const known = Object.hasOwn(wellKnown, name) ? wellKnown[name] : undefined;
  if (known !== undefined) {
    return { kind: 'scalar', type: known.type, scalar: () => known.value };
  }
  const isFunction = context.scope.function(name) !== undefined;
  const hint = isFunction ? `; the function is called as ${name}(…)` : '';
  throw new ExpressionError(position, `No variable "${name}" is known here${hint}.`);
}

function register(name: string, context: Context, position: number): Code {
  const value = askedAt(position, () => context.scope.register(name));
  if (value === undefined) {
    throw new ExpressionError(position, `The processor has no register "$${name}".`);
  }
  return codeOf(value, position);
}

function size(type: CType, position: number): Code {
  const bytes = bare(type).kind === 'array' ? sizeOf(type) : stepOf(type, position);
  return { kind: 'scalar', type: UNSIGNED_INT, scalar: () => bytes >>> 0 };
}

/** Dynamic code is compiled when it runs. */
function lateTruth(code: Code, context: Context, position: number): () => boolean {
  return code.kind === 'dynamic'
    ? () => truth(typed(settled(code, position), position), context, position)()
    : truth(typed(code, position), context, position);
}

function logical(node: Extract<Node, { kind: 'logical' }>, context: Context): Code {
  const left = lateTruth(compile(node.left, context), context, node.left.position);
  const right = lateTruth(compile(node.right, context), context, node.right.position);
  const scalar =
    node.operator === '&&' ? () => (left() && right() ? 1 : 0) : () => (left() || right() ? 1 : 0);
  return { kind: 'scalar', type: INT, scalar };
}

function conditional(node: Extract<Node, { kind: 'conditional' }>, context: Context): Code {
  const test = lateTruth(compile(node.test, context), context, node.test.position);
  const then = compile(node.then, context);
  const otherwise = compile(node.otherwise, context);
  if (!isScalar(then) || !isScalar(otherwise)) {
    return { kind: 'dynamic', result: () => resultOf(test() ? then : otherwise) };
  }
  const left = scalarsOf(then, context, node.position);
  const right = scalarsOf(otherwise, context, node.position);
  const type = branchType(left, right);
  const a = converted(left.scalar, left.type, type);
  const b = converted(right.scalar, right.type, type);
  return { kind: 'scalar', type, scalar: () => (test() ? a() : b()) };
}

/** Whether code is of a number or of what becomes an address. */
function isScalar(code: Code): code is TypedCode {
  if (code.kind === 'dynamic' || code.kind === 'tree') {
    return false;
  }
  const { kind } = bare(code.type);
  const decays = (kind === 'array' || kind === 'function') && code.kind === 'memory';
  return decays || shapeOf(code.type) !== undefined;
}

function comma(node: Extract<Node, { kind: 'comma' }>, context: Context): Code {
  const left = compile(node.left, context);
  const right = compile(node.right, context);
  if (!isScalar(right)) {
    return {
      kind: 'dynamic',
      result: () => {
        resultOf(left);
        return resultOf(right);
      },
    };
  }
  const { type, scalar } = scalarsOf(right, context, node.position);
  const both = (): ReturnType<typeof scalar> => {
    resultOf(left);
    return scalar();
  };
  return { kind: 'scalar', type, scalar: both };
}

function call(node: Extract<Node, { kind: 'call' }>, context: Context): Code {
  const { position, name } = node;
  const host = context.scope.function(name);
  if (host === undefined) {
    const isOfGuest = context.scope.variable(name) !== undefined;
    const sentence = isOfGuest
      ? `"${name}" is the guest's: calling it would run the guest, so it is not called.`
      : `There is no function "${name}".`;
    throw new ExpressionError(position, sentence);
  }
  checkCount(host, node.arguments.length, position);
  const codes = node.arguments.map((each) => compile(each, context));
  const result = () => {
    const args = codes.map((code, at) => argument(host, at, code, node.arguments[at]!, context));
    return askedAt(position, () => host.call(args));
  };
  return { kind: 'dynamic', result };
}

function checkCount(host: HostFunction, count: number, position: number): void {
  const least = host.parameters.filter(({ isOptional }) => !isOptional).length;
  if (count < least || count > host.parameters.length) {
    const signature = signatureOf(host);
    throw new ExpressionError(position, `${signature} cannot be called with ${count} arguments.`);
  }
}

/** `xenstore(path)`, `walk(address, [vcpu])`. */
export function signatureOf({ name, parameters }: HostFunction): string {
  const names = parameters.map((each) => (each.isOptional ? `[${each.name}]` : each.name));
  return `${name}(${names.join(', ')})`;
}

function argument(
  host: HostFunction,
  at: number,
  code: Code,
  node: Node,
  context: Context,
): HostArgument {
  const { kind, name } = host.parameters[at]!;
  if (kind === 'value') {
    return resultOf(code);
  }
  const known = settled(code, node.position);
  if (kind === 'text' && known.kind !== 'tree' && shapeOf(known.type)?.kind === 'float') {
    const sentence = `${host.name}() takes a text as "${name}", not "${typeText(known.type)}".`;
    throw new ExpressionError(node.position, sentence);
  }
  return numberOrText(known, kind, context, node.position);
}
