/** Which forms lie inside the loop of the cold tier: those that compilers emit most. */

import type { Form } from '../form.ts';

const COMMON = new Set([
  ...['mov', 'add', 'sub', 'and', 'or', 'xor', 'cmp', 'test', 'lea', 'push', 'pop'],
  ...['call', 'ret', 'jmp', 'jcc', 'inc', 'dec', 'movzx', 'movsx'],
]);
const COMMON_SHIFTS = new Set(['shl', 'shr', 'sar']);
const COMMON_BYTES = new Set(['mov', 'cmp', 'test']);

/** Whether a form lies inside the loop. */
export function isInline({ instruction, size, isFlat, operands }: Form): boolean {
  const { mnemonic } = instruction;
  if (!isFlat || operands.some((o) => o.kind === 'segmented' || o.kind === 'number')) {
    return false;
  }
  if (size === 4) {
    const isShift = COMMON_SHIFTS.has(mnemonic) && operands[1]?.kind === 'immediate';
    return COMMON.has(mnemonic) || (isShift && operands[0]?.kind === 'register');
  }
  return size === 1 && COMMON_BYTES.has(mnemonic);
}
