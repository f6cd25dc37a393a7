/**
 * From bytes to text, in AT&T and Intel syntax.
 *
 * What the bytes mean comes from the opcode map and the decoder; what is here is how assemblers
 * write it. The text is that of GNU objdump, which puts every prefix that changes nothing before
 * the mnemonic and answers `(bad)` for an opcode that there is not.
 */

import { decode, FLAT_32, LONGEST } from './decoder.ts';
import type { Line } from './disassembler/line.ts';
import { mnemonicOf, namePrefixes } from './disassembler/mnemonic.ts';
import { inOrder, operandsOf } from './disassembler/operands.ts';
import { PREFIX, prefixesAt, prefixWord } from './disassembler/prefix-words.ts';
import { att, intel, type SyntaxName } from './disassembler/syntax.ts';
import type { OpcodeMap } from './opcode-map.ts';

export type { SyntaxName };

export interface DisassemblyOptions {
  readonly syntax: SyntaxName;
  /** What to call an address, as in `start_kernel+0x10`. */
  readonly symbolAt?: (address: number) => string | undefined;
}

export interface DisassembledInstruction {
  /** In bytes. Of bytes that are no instruction: how many to skip. */
  readonly length: number;
  /** All of it, with single spaces. */
  readonly text: string;
  /** With the prefixes that the operands do not show. */
  readonly mnemonic: string;
  readonly operands: readonly string[];
}

/** @param address where the instruction at `start` of `bytes` lies in its segment */
export function disassemble(
  map: OpcodeMap,
  bytes: Uint8Array,
  start: number,
  address: number,
  { syntax: name, symbolAt = () => undefined }: DisassemblyOptions,
): DisassembledInstruction {
  const prefixes = prefixesAt(bytes, start);
  const count = prefixes.bytes.length;
  if (count === LONGEST - 1) {
    return written(count, prefixes.words(), '', []);
  }
  const effective = prefixes.effective();
  const rest = bytes.subarray(start + count, start + count + LONGEST);
  const decoded = decode(map, Uint8Array.from([...effective, ...rest]), 0, FLAT_32);
  if ('kind' in decoded) {
    return decoded.kind === 'truncated'
      ? truncated(bytes[start] ?? 0)
      : written(count + opcodeLength(rest), prefixes.words(), '(bad)', []);
  }
  const length = count + decoded.length - effective.length;
  const line: Line = {
    decoded,
    prefixes,
    syntax: name === 'att' ? att : intel,
    name: decoded.entry.instruction.mnemonic.replace(/^rep\w* | far$/, ''),
    next: address + length,
    symbolAt,
  };
  const [mnemonic, operands] = wordsOf(line);
  return length > LONGEST
    ? written(LONGEST, prefixes.words(), '(bad)', [])
    : written(length, prefixes.words(), mnemonic, operands);
}

function wordsOf(line: Line): [mnemonic: string, operands: readonly string[]] {
  const { decoded, prefixes, syntax } = line;
  const { encoding, instruction } = decoded.entry;
  if (encoding.text === '90' && prefixes.has(PREFIX.operandSize)) {
    prefixes.drop(PREFIX.operandSize);
    return ['xchg', [syntax.register('ax'), syntax.register('ax')]];
  }
  if (encoding.prefix !== undefined && !instruction.mnemonic.startsWith('rep')) {
    prefixes.drop(MANDATORY[encoding.prefix]);
  }
  const operands = inOrder(line, operandsOf(line));
  const mnemonic = mnemonicOf(line);
  namePrefixes(line);
  return [mnemonic, operands];
}

const MANDATORY = { none: 0, '66': PREFIX.operandSize, F3: PREFIX.rep, F2: PREFIX.repne } as const;

/** Bytes of an opcode that there is not: what follows may be an instruction. */
function opcodeLength([first = 0, second = 0]: Uint8Array): number {
  if (first !== 0x0f) {
    const isX87 = first >= 0xd8 && first <= 0xdf;
    return isX87 && second >= 0xc0 ? 2 : 1;
  }
  return second === 0x38 || second === 0x3a ? 3 : 2;
}

/** An instruction of which bytes are missing begins with a prefix, or a byte. */
function truncated(byte: number): DisassembledInstruction {
  const word = prefixWord(byte);
  return word === undefined
    ? written(1, [], '.byte', [`0x${byte.toString(16)}`])
    : written(1, [word], '', []);
}

function written(
  length: number,
  prefixes: readonly string[],
  name: string,
  operands: readonly string[],
): DisassembledInstruction {
  const mnemonic = [...prefixes, name].filter((word) => word !== '').join(' ');
  const text = operands.length === 0 ? mnemonic : `${mnemonic} ${operands.join(',')}`;
  return { length, text, mnemonic, operands };
}
