/** What an instruction is: encodings in the manual's notation and one body. */

import type { Operand } from './operand.ts';
import type { Semantics } from './semantics.ts';

export interface Instruction {
  /** Intel's name, in lower case; with `cc` for the condition (`jcc`, `setcc`, `cmovcc`). */
  readonly mnemonic: string;
  /** See `encoding.ts` for the notation. */
  readonly encodings: readonly string[];
  execute<V>(cpu: Semantics<V>, ...operands: Operand[]): void;
  /** May carry a LOCK prefix when its first operand is memory (SDM 2A, LOCK). */
  readonly lockable?: true;
  /**
   * What is reached without an operand. Such instructions have two forms: `isFlat`, when the
   * segments are flat and stack and addresses have 32 bits, and the general one. A relative jump
   * (`target`) is flat when its target lies within the code segment.
   */
  readonly implicit?: 'stack' | 'string' | 'target';
  /** The next instruction in memory does not follow, or not always; decoding stops after it. */
  readonly ends?: true;
  /** #GP(0) unless at this privilege level. */
  readonly privilege?: 0;
  /** Which unit must be there: raises #NM or #UD by CR0 and CR4 (SDM 3A table 2-2, §13.1). */
  readonly unit?: 'x87' | 'mmx' | 'sse' | 'sse with mmx';
  /** An x87 instruction that runs even while an exception is pending (fninit and its like). */
  readonly waits?: false;
}
