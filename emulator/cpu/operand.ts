/** How the operands of one decoded instruction are reached: what a body sees of them. */

import type { OperandCode } from './encoding.ts';
import type { Instruction } from './instruction.ts';
import type { Size } from './semantics.ts';

/**
 * | kind | operand | where |
 * |---|---|---|
 * | `register` | general register | address in the state: record field a or b |
 * | `vector` | MMX or XMM register | address in the state: record field a or b |
 * | `number` | segment, control or debug register, ST(i) | its number: record field a or b |
 * | `immediate` | constant | record field imm or imm2 |
 * | `one` | the constant 1 of `D1 /r` | nowhere |
 * | `count` | CL | the state |
 * | `target` | jump target | record field imm, its record in `taken` |
 * | `displacement`, `based`, `indexed` | memory in a flat segment | record fields base, index, scale, disp |
 * | `segmented` | memory in any segment, 16- or 32-bit address | the same and segment, mask |
 */
export type OperandKind =
  | 'register'
  | 'vector'
  | 'number'
  | 'immediate'
  | 'one'
  | 'count'
  | 'target'
  | MemoryKind;

export type MemoryKind = 'displacement' | 'based' | 'indexed' | 'segmented';

export interface Operand {
  readonly kind: OperandKind;
  /** In bytes: 1, 2, 4, or more for vectors, floating point and pointers. */
  readonly size: number;
  /** First or second place in the record, counted among operands of the same sort. */
  readonly slot: 0 | 1;
  /** In memory it must lie at a multiple of 16, or else #GP(0) is raised. */
  readonly isAligned: boolean;
}

export function isMemory(operand: Operand): operand is Operand & { kind: MemoryKind } {
  switch (operand.kind) {
    case 'displacement':
    case 'based':
    case 'indexed':
    case 'segmented':
      return true;
    default:
      return false;
  }
}

/** Rare instructions have one form for all memory operands. */
export function hasOneMemoryKind(instruction: Instruction): boolean {
  return instruction.unit !== undefined || instruction.privilege !== undefined;
}

/** Bytes by size letter; `v`, `z`, `p` and `a` depend on the operation. */
const SIZES: Readonly<Record<string, number>> = {
  ...{ n: 0, b: 1, w: 2, d: 4, q: 8, t: 10, s: 6 },
  ...{ ss: 4, sd: 8, ps: 16, pd: 16, dq: 16, x: 16, ups: 16, fx: 512 },
};
const ALIGNED = ['ps', 'pd', 'dq', 'x', 'fx'];

export const isAligned = (code: OperandCode): boolean => ALIGNED.includes(code.size);

/** Bytes that an operand has when the operation has `size`. */
export function operandSize(code: OperandCode, kind: OperandKind, size: Size): number {
  switch (kind) {
    case 'number':
    case 'target':
      return 4;
    case 'one':
    case 'count':
      return 1;
    default:
  }
  switch (code.size) {
    case 'bs':
    case 'v':
    case 'z':
      return size;
    case 'p':
      return kind === 'immediate' ? size : size + 2;
    case 'a':
      return 2 * size;
    case 'env':
      return 7 * size;
    case 'all':
      return 7 * size + 80;
    default:
      return SIZES[code.size] ?? size;
  }
}
