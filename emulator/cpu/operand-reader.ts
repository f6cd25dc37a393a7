/**
 * Reads ModRM, SIB, displacements and immediates: the operands of an instruction whose opcode is
 * known. SDM 2A §2.1.3 to §2.1.5.
 */

import type {
  Decoded,
  DecodedOperand,
  DecodeMode,
  MemoryAddress,
  Prefixes,
  Undecodable,
} from './decoder.ts';
import type { OperandCode } from './encoding.ts';
import type { Entry } from './opcode-map.ts';
import {
  hasOneMemoryKind,
  isAligned,
  type Operand,
  type OperandKind,
  operandSize,
} from './operand.ts';
import type { Size } from './semantics.ts';
import { DS, EBP, ESP, SS } from './state.ts';

/** Bytes of code, of which there may be too few. */
export class CodeReader {
  readonly bytes: Uint8Array;
  readonly start: number;
  at: number;
  isTruncated = false;

  constructor(bytes: Uint8Array, start: number) {
    this.bytes = bytes;
    this.start = start;
    this.at = start;
  }
  get length(): number {
    return this.at - this.start;
  }
  u8(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) {
      this.isTruncated = true;
      return 0;
    }
    return byte;
  }
  s8(): number {
    return (this.u8() << 24) >> 24;
  }
  u16(): number {
    return this.u8() | (this.u8() << 8);
  }
  u32(): number {
    return (this.u16() | (this.u16() << 16)) >>> 0;
  }
}

export class OperandReader {
  readonly #reader: CodeReader;
  readonly #prefixes: Prefixes;
  readonly #entry: Entry;
  readonly #opcode: number;
  readonly #mode: DecodeMode;
  readonly #size: Size;
  readonly #address32: boolean;
  #registers = 0;
  #immediates = 0;
  #memory: MemoryAddress | undefined;
  #modrm = 0;
  #selector = 0;

  constructor(
    reader: CodeReader,
    prefixes: Prefixes,
    mode: DecodeMode,
    entry: Entry,
    opcode: number,
  ) {
    this.#reader = reader;
    this.#prefixes = prefixes;
    this.#entry = entry;
    this.#opcode = opcode;
    this.#mode = mode;
    const is32 = mode.is32 !== (prefixes.operandSize && entry.encoding.prefix !== '66');
    this.#size = operationSize(entry.encoding.size, is32);
    this.#address32 = mode.is32 !== prefixes.addressSize;
  }

  decode(modrm: number | undefined): Decoded | Undecodable {
    const { encoding, instruction } = this.#entry;
    if (encoding.hasModrm) {
      this.#modrm = this.#reader.u8();
      const ignoresMod = encoding.operands.some((o) => o.place === 'C' || o.place === 'D');
      if (this.#modrm < 0xc0 && !ignoresMod) {
        this.#memory = this.#readMemory();
      }
    }
    const operands = encoding.operands.map((code) => this.#operand(code));
    const first = operands[0]?.operand;
    const isLockable = instruction.lockable === true && this.#memory !== undefined;
    if (
      this.#prefixes.lock &&
      !(isLockable && first !== undefined && 'memory' in (operands[0] ?? {}))
    ) {
      return { kind: 'undefined', length: this.#reader.length };
    }
    return {
      entry: this.#entry,
      length: this.#reader.length,
      prefixes: this.#prefixes,
      size: this.#size,
      cc: encoding.isConditional ? this.#opcode & 15 : 0,
      isFlat: this.#isImplicitFlat(),
      address32: this.#address32,
      operands,
      modrm,
      selector: this.#selector,
    };
  }

  /** Whether stack and string accesses may take the flat forms. */
  #isImplicitFlat(): boolean {
    const { implicit } = this.#entry.instruction;
    const { segment } = this.#prefixes;
    return (
      this.#mode.isFlat &&
      (implicit !== 'string' || (this.#address32 && (segment === undefined || isPlain(segment))))
    );
  }

  #operand(code: OperandCode): DecodedOperand {
    const { place } = code;
    const rm = this.#modrm & 7;
    const reg = (this.#modrm >>> 3) & 7;
    switch (place) {
      case 'fixed':
        return code.register?.file === 'segment'
          ? this.#numbered(code, code.register.index)
          : this.#general(code, code.register?.index ?? 0);
      case 'one':
      case 'count':
        return this.#plain(code, place, 1);
      case 'st':
        return this.#numbered(code, 0);
      case 'sti':
      case 'N':
      case 'U':
        return place === 'sti' ? this.#numbered(code, rm) : this.#vector(code, rm);
      case 'E':
      case 'M':
        return this.#memory === undefined ? this.#general(code, rm) : this.#inMemory(code);
      case 'Q':
      case 'W':
        return this.#memory === undefined ? this.#vector(code, rm) : this.#inMemory(code);
      case 'P':
      case 'V':
        return this.#vector(code, reg);
      case 'G':
        return this.#general(code, reg);
      case 'R':
        return this.#general(code, rm);
      case 'Z':
        return this.#general(code, this.#opcode & 7);
      case 'S':
      case 'C':
      case 'D':
        return this.#numbered(code, reg);
      case 'O':
        this.#memory = this.#absolute();
        return this.#inMemory(code);
      case 'A':
        return this.#farPointer(code);
      default:
        return this.#immediate(code);
    }
  }

  #place(): 0 | 1 {
    return this.#registers++ === 0 ? 0 : 1;
  }

  #plain(
    code: OperandCode,
    kind: OperandKind,
    size: number,
    value = 0,
    slot: 0 | 1 = 0,
  ): DecodedOperand {
    return { operand: { kind, size, slot, isAligned: false }, code, register: 0, value };
  }

  #general(code: OperandCode, register: number): DecodedOperand {
    const size = operandSize(code, 'register', this.#size);
    return {
      operand: { kind: 'register', size, slot: this.#place(), isAligned: isAligned(code) },
      code,
      register,
      value: 0,
    };
  }

  #vector(code: OperandCode, register: number): DecodedOperand {
    const size = operandSize(code, 'vector', this.#size);
    return {
      operand: { kind: 'vector', size, slot: this.#place(), isAligned: isAligned(code) },
      code,
      register,
      value: 0,
    };
  }

  #numbered(code: OperandCode, register: number): DecodedOperand {
    return {
      operand: { kind: 'number', size: 4, slot: this.#place(), isAligned: isAligned(code) },
      code,
      register,
      value: 0,
    };
  }

  #inMemory(code: OperandCode): DecodedOperand {
    const memory = this.#memory as MemoryAddress;
    const kind = this.#memoryKind(memory);
    const operand: Operand = {
      kind,
      size: operandSize(code, kind, this.#size),
      slot: 0,
      isAligned: isAligned(code),
    };
    return { operand, code, register: 0, memory, value: 0 };
  }

  #memoryKind(memory: MemoryAddress): OperandKind {
    const isFlat = this.#mode.isFlat && memory.is32 && isPlain(memory.segment);
    if (!isFlat || hasOneMemoryKind(this.#entry.instruction)) {
      return 'segmented';
    }
    if (memory.index !== undefined) {
      return 'indexed';
    }
    return memory.base === undefined ? 'displacement' : 'based';
  }

  #immediate(code: OperandCode): DecodedOperand {
    const slot = this.#immediates++ === 0 ? 0 : 1;
    const reader = this.#reader;
    if (code.place === 'J') {
      const value =
        code.size === 'b' ? reader.s8() : this.#size === 2 ? reader.u16() : reader.u32();
      return this.#plain(code, 'target', 4, value | 0, 0);
    }
    const mask = this.#size === 4 ? 0xffff_ffff : this.#size === 2 ? 0xffff : 0xff;
    switch (code.size) {
      case 'b':
        return this.#plain(code, 'immediate', 1, reader.u8(), slot);
      case 'bs':
        return this.#plain(code, 'immediate', this.#size, (reader.s8() & mask) >>> 0, slot);
      case 'w':
        return this.#plain(code, 'immediate', 2, reader.u16(), slot);
      default: {
        const value = this.#size === 2 ? reader.u16() : reader.u32();
        return this.#plain(code, 'immediate', this.#size, value, slot);
      }
    }
  }

  #farPointer(code: OperandCode): DecodedOperand {
    const value = this.#size === 2 ? this.#reader.u16() : this.#reader.u32();
    this.#selector = this.#reader.u16();
    return this.#plain(code, 'immediate', this.#size, value);
  }

  #absolute(): MemoryAddress {
    return {
      segment: this.#prefixes.segment ?? DS,
      base: undefined,
      index: undefined,
      scale: 0,
      displacement: this.#address32 ? this.#reader.u32() : this.#reader.u16(),
      displacementSize: this.#address32 ? 4 : 2,
      is32: this.#address32,
    };
  }

  #readMemory(): MemoryAddress {
    return this.#address32 ? this.#readMemory32() : this.#readMemory16();
  }

  /** SDM 2A tables 2-2 and 2-3. */
  #readMemory32(): MemoryAddress {
    const mod = this.#modrm >>> 6;
    let base: number | undefined = this.#modrm & 7;
    let index: number | undefined;
    let scale = 0;
    if (base === ESP) {
      const sib = this.#reader.u8();
      scale = sib >>> 6;
      index = (sib >>> 3) & 7;
      index = index === ESP ? undefined : index;
      base = sib & 7;
    }
    let displacementSize = mod === 1 ? 1 : mod === 2 ? 4 : 0;
    if (base === EBP && mod === 0) {
      base = undefined;
      displacementSize = 4;
    }
    const segment = base === ESP || base === EBP ? SS : DS;
    return this.#withDisplacement(segment, base, index, scale, displacementSize, true);
  }

  /** SDM 2A table 2-1. */
  #readMemory16(): MemoryAddress {
    const mod = this.#modrm >>> 6;
    const rm = this.#modrm & 7;
    const pair = PAIRS_16[rm] ?? [undefined, undefined];
    const isDirect = mod === 0 && rm === 6;
    const displacementSize = mod === 1 ? 1 : mod === 2 || isDirect ? 2 : 0;
    const segment = pair[0] === EBP && !isDirect ? SS : DS;
    const [base, index] = isDirect ? [undefined, undefined] : pair;
    return this.#withDisplacement(segment, base, index, 0, displacementSize, false);
  }

  #withDisplacement(
    segment: number,
    base: number | undefined,
    index: number | undefined,
    scale: number,
    displacementSize: number,
    is32: boolean,
  ): MemoryAddress {
    const reader = this.#reader;
    const displacement =
      displacementSize === 1
        ? reader.s8()
        : displacementSize === 2
          ? reader.u16()
          : displacementSize === 4
            ? reader.u32()
            : 0;
    const chosen = this.#prefixes.segment ?? segment;
    return { segment: chosen, base, index, scale, displacement, displacementSize, is32 };
  }
}

const [BX, BP, SI, DI] = [3, 5, 6, 7];
const PAIRS_16: readonly (readonly [number | undefined, number | undefined])[] = [
  [BX, SI],
  [BX, DI],
  [BP, SI],
  [BP, DI],
  [SI, undefined],
  [DI, undefined],
  [BP, undefined],
  [BX, undefined],
];

function operationSize(letter: string, is32: boolean): Size {
  switch (letter) {
    case 'b':
      return 1;
    case 'w':
      return 2;
    case 'v':
      return is32 ? 4 : 2;
    default:
      return 4;
  }
}

/** ES, SS and DS: the segments that a flat machine has flat. FS, GS and CS never count as such. */
const isPlain = (segment: number): boolean => segment === 0 || segment === SS || segment === DS;
