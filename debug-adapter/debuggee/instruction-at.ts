/** What stepping has to know of the instruction that comes next. */

import { decode, FLAT_32 } from '../../emulator/cpu/decoder.ts';
import { instructionSet } from '../../emulator/cpu/instruction-set.ts';
import type { VcpuView } from '../../emulator/introspection/vcpu-view.ts';

export type StepKind = 'plain' | 'call' | 'return' | 'interrupt' | 'repeated';

export interface NextInstruction {
  readonly kind: StepKind;
  /** In bytes; 0 where it cannot be read. */
  readonly length: number;
  /** Of a software interrupt. */
  readonly vector: number | undefined;
  /** Of a call that names its target: how far that is from the instruction's beginning. */
  readonly callee: number | undefined;
}

const LONGEST = 15;
const CALLS = ['call'];
const RETURNS = ['ret', 'iret'];
const INTERRUPTS = ['int', 'int3', 'into', 'sysenter', 'syscall'];

export function instructionAt(view: VcpuView): NextInstruction {
  return instructionFrom(view.read(view.linearEip, LONGEST));
}

/** @param bytes the instruction, and what follows it */
export function instructionFrom(bytes: Uint8Array): NextInstruction {
  const decoded = decode(instructionSet.map, bytes, 0, FLAT_32);
  if (!('entry' in decoded)) {
    return { kind: 'plain', length: 0, vector: undefined, callee: undefined };
  }
  const { mnemonic } = decoded.entry.instruction;
  const { length } = decoded;
  const target = decoded.operands.find(({ operand }) => operand.kind === 'target');
  const isInterrupt = INTERRUPTS.includes(mnemonic);
  return {
    kind: kindOf(mnemonic, bytes),
    length,
    vector: isInterrupt && bytes[0] === INT_N ? bytes[1] : undefined,
    callee: target && length + target.value,
  };
}
const INT_N = 0xcd;

function kindOf(mnemonic: string, bytes: Uint8Array): StepKind {
  if (CALLS.includes(mnemonic)) {
    return 'call';
  }
  if (RETURNS.includes(mnemonic)) {
    return 'return';
  }
  if (INTERRUPTS.includes(mnemonic)) {
    return 'interrupt';
  }
  return bytes[0] === 0xf3 || bytes[0] === 0xf2 ? 'repeated' : 'plain';
}
