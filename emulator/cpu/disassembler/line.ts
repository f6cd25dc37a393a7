/** An instruction on its way to text: what mnemonic and operands both need to know. */

import type { Decoded, DecodedOperand } from '../decoder.ts';
import { PREFIX, type PrefixWords } from './prefix-words.ts';
import type { Syntax } from './syntax.ts';

export interface Line {
  readonly decoded: Decoded;
  readonly syntax: Syntax;
  readonly prefixes: PrefixWords;
  /** The manual's mnemonic without `rep` and `far`. */
  readonly name: string;
  /** Address of the next instruction. */
  readonly next: number;
  /** What to call an address, as in `start_kernel+0x10`. */
  readonly symbolAt: (address: number) => string | undefined;
}

/** The operand that is memory, if there is one. */
export const memoryOperand = ({ decoded }: Line): DecodedOperand | undefined =>
  decoded.operands.find(({ memory }) => memory !== undefined);

/** The first operand has that place: see `encoding.ts`. */
export const startsWith = ({ decoded }: Line, ...places: readonly string[]): boolean =>
  places.includes(decoded.operands[0]?.code.place ?? '');

/** A jump or call to where a register or memory says. */
export const isIndirect = (line: Line): boolean =>
  (line.name === 'call' || line.name === 'jmp') && startsWith(line, 'E', 'M');

/** A jump or call that brings a code segment. */
export const isFar = (line: Line): boolean =>
  (line.name === 'call' || line.name === 'jmp') &&
  line.decoded.operands.some(({ code }) => code.place === 'A' || code.size === 'p');

/** Says that the text tells the operand size, so that the prefix need not be named. */
export function tellOperandSize({ prefixes }: Line): void {
  prefixes.drop(PREFIX.operandSize);
}

/** F3 with a store or F2 and F3 with a locked update: hints for transactions (SDM 1 §16.3.2). */
export function nameTransactionHints(line: Line): void {
  const { decoded, prefixes, name } = line;
  if (decoded.operands[0]?.memory === undefined || decoded.operands[0].code.place === 'O') {
    return;
  }
  const isLocked = prefixes.has(PREFIX.lock) || name === 'xchg';
  if (decoded.entry.instruction.lockable === true && isLocked) {
    prefixes.rename(PREFIX.rep, 'xrelease');
    prefixes.rename(PREFIX.repne, 'xacquire');
  }
  const isStore = name === 'mov' && decoded.operands[1]?.code.place !== 'S';
  const { bytes } = prefixes;
  if (isStore && bytes.lastIndexOf(PREFIX.rep) > bytes.lastIndexOf(PREFIX.repne)) {
    prefixes.rename(PREFIX.rep, 'xrelease');
  }
}
