/** Code that changes the guest: `=`, `+=`, `++` and what sets a variable from the editor. */

import { bare, sizeOf } from '../symbols/c-type.ts';
import { INT } from './base-types.ts';
import {
  bytesOf,
  type Code,
  type Context,
  placeOf,
  type ScalarCode,
  scalarsOf,
  type TypedCode,
} from './code.ts';
import { askedAt, ExpressionError } from './expression-error.ts';
import type { ArithmeticOperator } from './node.ts';
import { binary, converted } from './operators.ts';
import { type Scalar, shapeOf } from './scalar.ts';
import { typeText } from './type-text.ts';

export function assignment(
  operator: ArithmeticOperator | undefined,
  target: TypedCode,
  value: TypedCode,
  context: Context,
  position: number,
): Code {
  demandPermission(context, position);
  if (shapeOf(target.type) === undefined) {
    if (operator !== undefined) {
      const sentence = `"${operator}=" is not for a value of type "${typeText(target.type)}".`;
      throw new ExpressionError(position, sentence);
    }
    return copy(target, value, context, position);
  }
  const find = placeOf(target, context, position);
  if (operator === undefined) {
    const from = scalarsOf(value, context, position);
    const next = converted(from.scalar, from.type, target.type);
    return { kind: 'scalar', type: target.type, scalar: () => find().store(next()) };
  }
  return changed(target, find, true, (old) => binary(operator, old, value, context, position));
}

/** `++x`, `x--`. */
export function stepped(
  operator: '+' | '-',
  isPrefix: boolean,
  target: TypedCode,
  context: Context,
  position: number,
): Code {
  demandPermission(context, position);
  const one: ScalarCode = { kind: 'scalar', type: INT, scalar: () => 1 };
  const find = placeOf(target, context, position);
  return changed(target, find, isPrefix, (old) => binary(operator, old, one, context, position));
}

/** Reads, computes and writes one object, which is found once. */
function changed(
  target: TypedCode,
  find: ReturnType<typeof placeOf>,
  givesNew: boolean,
  compute: (old: ScalarCode) => ScalarCode,
): ScalarCode {
  let before: Scalar = 0;
  const next = compute({ kind: 'scalar', type: target.type, scalar: () => before });
  const after = converted(next.scalar, next.type, target.type);
  const run = (): Scalar => {
    const { load, store } = find();
    const old = load();
    before = old;
    const stored = store(after());
    return givesNew ? stored : old;
  };
  return { kind: 'scalar', type: target.type, scalar: run };
}

function demandPermission({ allowsSideEffects }: Context, position: number): void {
  if (!allowsSideEffects) {
    const sentence = 'This would change the guest, which is not allowed here; "==" compares.';
    throw new ExpressionError(position, sentence);
  }
}

/** Structs of one size and name, and texts into arrays of characters. */
function copy(target: TypedCode, value: TypedCode, context: Context, position: number): Code {
  const size = sizeOf(target.type);
  const isText = isCharacters(target) && isCharacters(value) && value.kind === 'held';
  const isSame = typeText(bare(target.type)) === typeText(bare(value.type));
  if (!(isText || isSame) || sizeOf(value.type) > size || bare(target.type).kind === 'function') {
    const sentence = `A value of type "${typeText(value.type)}" cannot be assigned to "${typeText(target.type)}".`;
    throw new ExpressionError(position, sentence);
  }
  const read = bytesOf(value, context, position);
  const filled = (): Uint8Array => {
    const bytes = new Uint8Array(size);
    bytes.set(read());
    return bytes;
  };
  const write = writerOf(target, context, position);
  return { kind: 'void', type: { kind: 'void' }, run: () => write(filled()) };
}

function isCharacters({ type }: TypedCode): boolean {
  const inner = bare(type);
  return inner.kind === 'array' && sizeOf(inner.element) === 1;
}

/** Puts all bytes of an object. */
function writerOf(
  target: TypedCode,
  context: Context,
  position: number,
): (bytes: Uint8Array) => void {
  if (target.kind === 'memory') {
    const { memory } = context.scope;
    return (bytes) => {
      const address = target.address();
      askedAt(position, () => memory.write(address, bytes));
    };
  }
  if (target.kind === 'held' && target.write !== undefined) {
    return target.write;
  }
  throw new ExpressionError(position, 'This value cannot be changed.');
}
