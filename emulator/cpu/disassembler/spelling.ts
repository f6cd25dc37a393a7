/**
 * How assemblers spell instructions where that does not follow from Intel's name and the operands.
 *
 * The spelling is that of the GNU assembler, which knows both syntaxes. AT&T names end in the
 * operand size where no register tells it.
 */

import type { SyntaxName } from './syntax.ts';

type BySize = Readonly<Record<2 | 4, string>>;

/** Names by operand size, which the name alone tells. */
export const namesBySize: Readonly<Record<string, Readonly<Record<SyntaxName, BySize>>>> = {
  cwde: { att: { 2: 'cbtw', 4: 'cwtl' }, intel: { 2: 'cbw', 4: 'cwde' } },
  cdq: { att: { 2: 'cwtd', 4: 'cltd' }, intel: { 2: 'cwd', 4: 'cdq' } },
};

/** Names by address size. In Intel syntax only that of `jecxz` tells it. */
export const namesByAddressSize: Readonly<Record<string, Readonly<Record<SyntaxName, BySize>>>> = {
  jecxz: { att: { 2: 'jcxz', 4: 'jecxz' }, intel: { 2: 'jcxz', 4: 'jecxz' } },
  loop: { att: { 2: 'loopw', 4: 'loop' }, intel: { 2: 'loop', 4: 'loop' } },
  loope: { att: { 2: 'loopew', 4: 'loope' }, intel: { 2: 'loope', 4: 'loope' } },
  loopne: { att: { 2: 'loopnew', 4: 'loopne' }, intel: { 2: 'loopne', 4: 'loopne' } },
};

/** Names that are others in AT&T syntax. */
export const attNames: Readonly<Record<string, string>> = { retf: 'lret' };

/** Conditions in the order of their codes (SDM 1 appendix B). */
export const conditions: readonly string[] = [
  ...['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a'],
  ...['s', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'],
];

/** Stack and control transfer: 32 bits go without saying, only 16 are marked. */
export const markedWhenShort: ReadonlySet<string> = new Set([
  ...['push', 'pop', 'pusha', 'popa', 'pushf', 'popf', 'enter', 'leave'],
  ...['call', 'jmp', 'ret', 'retf', 'iret'],
]);

/** Environment and state of the x87: the prefix chooses a layout. */
export const markedLayout: ReadonlySet<string> = new Set(['fldenv', 'fnstenv', 'frstor', 'fnsave']);

/** Descriptor tables: memory of one size, yet the operand size is marked. */
export const markedTables: ReadonlySet<string> = new Set(['lgdt', 'lidt', 'sgdt', 'sidt']);

/** The register of these tells nothing of the size of memory. */
export const ofTwoSizes: ReadonlySet<string> = new Set(['crc32']);

/** Operands that the encoding does not name, in SDM 2D's codes; `acc` is the accumulator. */
export const implicitOperands: Readonly<Record<string, readonly ImplicitOperand[]>> = {
  movs: ['Y', 'X'],
  cmps: ['X', 'Y'],
  stos: ['Y', 'acc'],
  lods: ['acc', 'X'],
  scas: ['acc', 'Y'],
  ins: ['Y', 'DX'],
  outs: ['DX', 'X'],
  xlat: ['BX'],
};
export type ImplicitOperand = 'X' | 'Y' | 'BX' | 'acc' | 'DX';

/** Of the string instructions, those that F3 repeats without a condition. */
export const repeatedFreely: ReadonlySet<string> = new Set(['ins', 'outs', 'movs', 'lods', 'stos']);

/** The x87's comparisons that set EFLAGS are written with the top of the stack too. */
export const comparesTop: ReadonlySet<string> = new Set(['fcomi', 'fcomip', 'fucomi', 'fucomip']);

/** XMM0 chooses between the operands, and is written behind them. */
export const choosesByXmm0: ReadonlySet<string> = new Set(['pblendvb', 'blendvps', 'blendvpd']);

/** AT&T syntax does not turn round the operands of these. */
export const keptInOrder: ReadonlySet<string> = new Set(['enter', 'bound']);

/** Near branches, whose F2 means that bounds are kept (SDM 1 appendix E.1, BND). */
export const boundsKeeping: ReadonlySet<string> = new Set(['jcc', 'jmp', 'call', 'ret']);

/** Branches that a segment prefix hints at. */
export const hinted: ReadonlySet<string> = new Set(['jcc', 'jecxz', 'loop', 'loope', 'loopne']);

/** AT&T syntax swaps these when the target is not the top of the stack, since its first assembler did. */
export const reversed: Readonly<Record<string, string>> = {
  ...{ fsub: 'fsubr', fsubr: 'fsub', fsubp: 'fsubrp', fsubrp: 'fsubp' },
  ...{ fdiv: 'fdivr', fdivr: 'fdiv', fdivp: 'fdivrp', fdivrp: 'fdivp' },
};

/** AT&T suffixes by bytes: of integers, of the x87's integers, of the x87's reals. */
export const integerSuffixes: Readonly<Record<number, string>> = { 1: 'b', 2: 'w', 4: 'l' };
export const x87IntegerSuffixes: Readonly<Record<number, string>> = { 2: 's', 4: 'l', 8: 'll' };
export const x87RealSuffixes: Readonly<Record<number, string>> = { 4: 's', 8: 'l', 10: 't' };

/** Sizes that Intel syntax gives to memory against what is accessed, in bytes; 0 for none. */
export const namedSizes: Readonly<Record<string, number>> = { invlpg: 1, lddqu: 0 };

/** Comparisons of SSE, by immediate. */
export const comparisons: readonly string[] = [
  ...['eq', 'lt', 'le', 'unord', 'neq', 'nlt', 'nle', 'ord'],
];
