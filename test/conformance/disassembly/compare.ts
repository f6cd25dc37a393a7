/** Our disassembly beside objdump's: same lengths, same texts. */

import { disassemble, type SyntaxName } from '../../../emulator/cpu/disassembler.ts';
import { instructionSet } from '../../../emulator/cpu/instruction-set.ts';
import { type Pair, reasonFor, textOf } from './differences.ts';
import { objdump } from './objdump.ts';

/** Bytes that are code, or are looked at as such. */
export interface Region {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface Difference {
  readonly syntax: SyntaxName;
  readonly address: number;
  /** From the first byte of the instruction on, as many as the longer answer has. */
  readonly bytes: Uint8Array;
  readonly ours: Answer;
  readonly theirs: Answer;
  /** Why it is accepted, if it is. */
  readonly reason: string | undefined;
}

interface Answer {
  readonly length: number;
  readonly text: string;
}

export interface Comparison {
  /** Instructions compared, each in both syntaxes. */
  readonly count: number;
  /** By address; one instruction may differ in both syntaxes. */
  readonly differences: ReadonlyMap<number, readonly Difference[]>;
}

const NOP = 0x90;
const FWAIT = 0x9b;
const PADDING = 32;

/**
 * Compares at each address where objdump begins an instruction, so that one difference does not
 * lead to others.
 */
export function compare({ address, bytes }: Region): Comparison {
  const padded = new Uint8Array(bytes.length + PADDING).fill(NOP);
  padded.set(bytes);
  const differences = new Map<number, Difference[]>();
  let count = 0;
  for (const syntax of ['att', 'intel'] as const) {
    const at = (offset: number): Answer =>
      disassemble(instructionSet.map, padded, offset, address + offset, { syntax });
    const lines = objdump(bytes, address, syntax);
    count = Math.max(count, lines.length);
    for (const { offset, ...theirs } of lines) {
      const ours = at(offset);
      if (ours.length !== theirs.length || ours.text !== theirs.text) {
        const end = offset + Math.max(theirs.length, ours.length);
        const seen = padded.subarray(offset, end);
        const reason = reasonFor(pairOf(seen, ours, theirs, syntax));
        const known = differences.get(offset) ?? [];
        known.push({ syntax, address: address + offset, bytes: seen, ours, theirs, reason });
        differences.set(offset, known);
      }
    }
  }
  return { count, differences };
}

function pairOf(bytes: Uint8Array, ours: Answer, theirs: Answer, syntax: SyntaxName): Pair {
  const pair = { bytes, ours: textOf(ours), theirs: textOf(theirs) };
  if (pair.ours.mnemonic !== 'fwait') {
    return pair;
  }
  const wait = ours.length - 1;
  // There may be several.
  let end = wait;
  while (bytes[end] === FWAIT) {
    end++;
  }
  const others = Uint8Array.from([...bytes.subarray(0, wait), ...bytes.subarray(end)]);
  const rest = disassemble(instructionSet.map, others, 0, 0, { syntax });
  return { ...pair, joined: textOf({ ...rest, length: rest.length + end - wait }) };
}
