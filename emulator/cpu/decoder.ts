/**
 * From bytes to one instruction with its operands, of 32- and 16-bit code.
 *
 * It knows no instruction: everything comes from the opcode map. SDM 2A chapter 2.
 */

import type { Encoding, OperandCode } from './encoding.ts';
import type { Entry, OpcodeMap } from './opcode-map.ts';
import type { Operand } from './operand.ts';
import { CodeReader, OperandReader } from './operand-reader.ts';
import type { Size } from './semantics.ts';
import { registerAddress, X87_REGISTERS, XMM_REGISTERS } from './state.ts';

/** More bytes than this raise #GP(0) (SDM 2A §2.3.11). */
export const LONGEST = 15;

/** What the code and stack segments say about decoding. */
export interface DecodeMode {
  /** CS.D: operands and addresses have 32 bits unless a prefix says otherwise. */
  readonly is32: boolean;
  /** DS, ES and SS begin at 0, may be read and written, and the stack has 32 bits. */
  readonly isFlat: boolean;
}

export const FLAT_32: DecodeMode = { is32: true, isFlat: true };

export interface Prefixes {
  readonly lock: boolean;
  /** The last of F2 and F3, or 0. */
  readonly repeat: 0 | 0xf2 | 0xf3;
  readonly operandSize: boolean;
  readonly addressSize: boolean;
  /** Segment register number. */
  readonly segment: number | undefined;
  /** How many bytes they take. */
  readonly count: number;
}

export interface MemoryAddress {
  /** Segment register number. */
  readonly segment: number;
  /** Register numbers, or undefined. */
  readonly base: number | undefined;
  readonly index: number | undefined;
  /** The index is shifted left by this. */
  readonly scale: number;
  readonly displacement: number;
  /** Bytes that the displacement takes. */
  readonly displacementSize: number;
  readonly is32: boolean;
}

export interface DecodedOperand {
  readonly operand: Operand;
  readonly code: OperandCode;
  /** Register number of `register`, `vector` and `number`. */
  readonly register: number;
  readonly memory?: MemoryAddress;
  /** Immediate, far offset or jump displacement. */
  readonly value: number;
}

export interface Decoded {
  readonly entry: Entry;
  readonly length: number;
  readonly prefixes: Prefixes;
  readonly size: Size;
  readonly cc: number;
  readonly isFlat: boolean;
  readonly address32: boolean;
  readonly operands: readonly DecodedOperand[];
  /** ModRM, where the encoding has one. */
  readonly modrm: number | undefined;
  /** The selector of a far pointer. */
  readonly selector: number;
}

/** Why bytes are no instruction. */
export type Undecodable =
  /** #UD, after `length` bytes were looked at. */
  | { readonly kind: 'undefined'; readonly length: number }
  /** #GP(0) */
  | { readonly kind: 'too long' }
  /** The bytes end within the instruction. */
  | { readonly kind: 'truncated' };

/** Decodes the instruction that begins at `start`. */
export function decode(
  map: OpcodeMap,
  bytes: Uint8Array,
  start: number,
  mode: DecodeMode,
): Decoded | Undecodable {
  const reader = new CodeReader(bytes, start);
  const prefixes = readPrefixes(reader);
  const table = readTable(reader);
  const opcode = reader.u8();
  const candidates = map.tables[table]?.[opcode] ?? [];
  const hasModrm = candidates.some((c) => c.encoding.hasModrm);
  const modrm = hasModrm ? reader.bytes[reader.at] : undefined;
  if (hasModrm && modrm === undefined) {
    reader.u8();
  }
  const entry = candidates.find((c) => fits(c.encoding, prefixes, modrm ?? 0));
  const result =
    entry === undefined
      ? { kind: 'undefined' as const, length: reader.length }
      : new OperandReader(reader, prefixes, mode, entry, opcode).decode(modrm);
  // Up to the limit every byte is fetched, which may fault, before the length is.
  if (reader.isTruncated ? bytes.length - start >= LONGEST : reader.length > LONGEST) {
    return { kind: 'too long' };
  }
  return reader.isTruncated ? { kind: 'truncated' } : result;
}

function readPrefixes(reader: CodeReader): Prefixes {
  let lock = false;
  let repeat: 0 | 0xf2 | 0xf3 = 0;
  let operandSize = false;
  let addressSize = false;
  let segment: number | undefined;
  let count = 0;
  for (; count < LONGEST; count++) {
    const byte = reader.u8();
    if (byte === 0xf0) {
      lock = true;
    } else if (byte === 0xf2 || byte === 0xf3) {
      repeat = byte;
    } else if (byte === 0x66) {
      operandSize = true;
    } else if (byte === 0x67) {
      addressSize = true;
    } else if (segmentOfPrefix(byte) >= 0) {
      segment = segmentOfPrefix(byte);
    } else {
      reader.at--;
      break;
    }
    if (reader.isTruncated) {
      break;
    }
  }
  return { lock, repeat, operandSize, addressSize, segment, count };
}

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const segmentOfPrefix = (byte: number): number => SEGMENT_PREFIXES.indexOf(byte);

function readTable(reader: CodeReader): 0 | 1 | 2 | 3 {
  if (reader.bytes[reader.at] !== 0x0f) {
    return 0;
  }
  reader.u8();
  const next = reader.bytes[reader.at];
  if (next === 0x38 || next === 0x3a) {
    reader.u8();
    return next === 0x38 ? 2 : 3;
  }
  return 1;
}

function fits(encoding: Encoding, prefixes: Prefixes, modrm: number): boolean {
  if (encoding.prefix !== undefined && encoding.prefix !== mandatoryPrefix(prefixes)) {
    return false;
  }
  if (encoding.reg !== undefined && ((modrm >>> 3) & 7) !== encoding.reg) {
    return false;
  }
  if (encoding.mod !== undefined && modrm >= 0xc0 !== (encoding.mod === 'reg')) {
    return false;
  }
  const exact = encoding.modrm;
  return exact === undefined || (modrm >= exact.from && modrm <= exact.to);
}

/** F3 and F2 hide 66 (SDM 2A §2.1.2, as processors do it). */
function mandatoryPrefix({ repeat, operandSize }: Prefixes): Encoding['prefix'] {
  if (repeat !== 0) {
    return repeat === 0xf3 ? 'F3' : 'F2';
  }
  return operandSize ? '66' : 'none';
}

/** Where in linear memory the register of a `register` or `vector` operand lies. */
export function registerAddressOf({ operand, register, code }: DecodedOperand): number {
  if (operand.kind === 'vector') {
    return ('PQN'.includes(code.place) ? X87_REGISTERS : XMM_REGISTERS) + 16 * register;
  }
  return registerAddress(register, operand.size as Size);
}
