/** The calls that the line at which a virtual processor stands has still to make. */

import { disassemble, type SyntaxName } from '../../emulator/cpu/disassembler.ts';
import { instructionSet } from '../../emulator/cpu/instruction-set.ts';
import type { VcpuView } from '../../emulator/introspection/vcpu-view.ts';
import { instructionFrom, type NextInstruction } from './instruction-at.ts';
import { nameOfAddress, type Program } from './program.ts';

export interface CallAhead {
  /** Of the instruction that calls. */
  readonly address: number;
  /** Who is called, or how the instruction reads where that is not known before. */
  readonly label: string;
}

/** A line that a macro made may be long, but nobody reads such a list. */
const MOST_CALLS = 100;
const LONGEST = 15;
const LONGEST_LINE = 64 << 10;

/** In the order of their addresses; without a line only what the next instruction calls. */
export function callsAhead(view: VcpuView, program: Program, syntax: SyntaxName): CallAhead[] {
  const start = view.linearEip;
  const range = program.symbols.rangeOfLine(start);
  const end = Math.min(range?.end ?? start + 1, start + LONGEST_LINE);
  const bytes = view.read(start, end - start + LONGEST);
  const calls: CallAhead[] = [];
  let at = start;
  while (at < end && calls.length < MOST_CALLS) {
    const rest = bytes.subarray(at - start, at - start + LONGEST);
    const instruction = instructionFrom(rest);
    if (instruction.length === 0) {
      break;
    }
    if (instruction.kind === 'call' || instruction.kind === 'interrupt') {
      calls.push({ address: at, label: labelOf(instruction, rest, at, program, syntax) });
    }
    at += instruction.length;
  }
  return calls;
}

function labelOf(
  { callee, kind }: NextInstruction,
  bytes: Uint8Array,
  address: number,
  program: Program,
  syntax: SyntaxName,
): string {
  if (callee !== undefined) {
    const target = (address + callee) >>> 0;
    const name = program.symbols.functionAt(target)?.name ?? nameOfAddress(program, target);
    return name ?? `0x${target.toString(16).padStart(8, '0')}`;
  }
  const { text } = disassemble(instructionSet.map, bytes, 0, address, { syntax });
  return kind === 'interrupt' ? `the hypervisor: ${text}` : text;
}
