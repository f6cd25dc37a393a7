/**
 * What all x87 instructions but those of control have in common: they leave behind where they
 * were.
 *
 * As on processors since 2013, only an unmasked exception records the opcode and the address of
 * the operand; the instruction's own address is always kept, and selectors never are (SDM 1
 * §8.1.8-9; CPUID.7.EBX bits 6 and 13 say so).
 */

import { STATUS } from '../../fpu/status.ts';
import { type Native, native } from '../../native.ts';
import { isMemory, type Operand } from '../../operand.ts';
import type { Semantics } from '../../semantics.ts';

const PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3];
const LONGEST = 15;

/** FOP: the low three bits of the opcode's first byte, and ModRM. */
const recordOpcode = native('recordOpcode', (cpu, eip: number) => {
  const bytes = cpu.access.peek((cpu.state.csBase + eip) >>> 0, LONGEST);
  const first = bytes.findIndex((byte) => !PREFIXES.includes(byte));
  cpu.state.fpuOpcode = (((bytes[first] ?? 0) & 7) << 8) | (bytes[first + 1] ?? 0);
});

/** Runs a native that begins and finishes an x87 computation, and records the pointers. */
export function compute<V>(
  cpu: Semantics<V>,
  operand: Operand | undefined,
  run: Native,
  ...values: V[]
): void {
  cpu.call(run, ...values);
  record(cpu, operand);
}

/** Records the pointers of an instruction that has finished. */
export function record<V>(cpu: Semantics<V>, operand: Operand | undefined): void {
  cpu.setState('fpuIp', cpu.eip());
  cpu.when(cpu.and(cpu.state('fpuStatus'), cpu.constant(STATUS.summary)), () => {
    if (operand !== undefined && isMemory(operand)) {
      cpu.setState('fpuDp', cpu.address(operand));
    }
    cpu.call(recordOpcode, cpu.eip());
  });
}
