import type { CType } from '../symbols/c-type.ts';
import { VOID } from '../symbols/c-type.ts';
import { pointerTo } from './base-types.ts';
import { ExpressionError } from './expression-error.ts';
import { stepOf } from './members.ts';
import type { TypeName } from './node.ts';
import type { ExpressionScope } from './scope.ts';

/** The type that a written one is here. Throws where a name is unknown. */
export function resolvedType(type: TypeName, scope: Pick<ExpressionScope, 'typeNamed'>): CType {
  switch (type.kind) {
    case 'base':
      return type.type;
    case 'void':
      return VOID;
    case 'named': {
      const found = scope.typeNamed(type.name);
      if (found === undefined) {
        throw new ExpressionError(type.position, `No type "${type.name}" is known here.`);
      }
      return found;
    }
    case 'const':
    case 'volatile':
      return { kind: type.kind, target: resolvedType(type.target, scope) };
    case 'pointer':
      return pointerTo(resolvedType(type.target, scope));
    case 'array':
      return arrayOf(resolvedType(type.element, scope), type.count, type.position);
    case 'function':
      return {
        kind: 'function',
        result: resolvedType(type.result, scope),
        parameters: type.parameters.map((parameter) => resolvedType(parameter, scope)),
        isVariadic: type.isVariadic,
      };
  }
}

/** Throws where it would be longer than the address space. */
export function arrayOf(element: CType, count: number | undefined, position: number): CType {
  const size = stepOf(element, position) * (count ?? 0);
  if (!(size < 2 ** 32 && (count ?? 0) < 2 ** 32)) {
    throw new ExpressionError(position, 'This array is larger than all memory.');
  }
  return { kind: 'array', element, count, size };
}
