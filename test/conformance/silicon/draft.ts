/**
 * A case being written: prefixes, registers, the bytes of one instruction and what its operands
 * find in memory.
 *
 * Addresses are chosen first and registers made to fit, so that an operand lies where it is wanted
 * whatever the shape of its addressing. A pinned register has its value already.
 */

import type { Encoding, OperandCode } from '../../../emulator/cpu/encoding.ts';
import type { Entry } from '../../../emulator/cpu/opcode-map.ts';
import { operandSize } from '../../../emulator/cpu/operand.ts';
import type { Size } from '../../../emulator/cpu/semantics.ts';
import { allowsPrefix } from './exclusions.ts';
import { baseOf, wordsOf } from './layout.ts';
import { type Preamble, preamble } from './preamble.ts';
import { EBP, EBX, EDI, ESI, ESP } from './register-numbers.ts';
import { FLAT, ldtSelector } from './segments.ts';
import { address, type Dice, flags, integer } from './values.ts';
import {
  CODE_BASE,
  DATA_BASE,
  dataPattern,
  isInHostcpu,
  MAX_CODE,
  MAX_PATCH_BYTES,
  MAX_PATCHES,
  type MemoryPatch,
  PAGE_BYTES,
  READ_ONLY_BASE,
  type Segments,
} from './wire.ts';

export const ES = 0;
const [CS, SS, DS] = [1, 2, 3] as const;
const SEGMENT_PREFIXES: readonly [number, ...number[]] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const LOCK = 0xf0;
const CODE_END = CODE_BASE + 2 * PAGE_BYTES;
/** Code this near to the end of its pages would lie where operands at that end are tried. */
const CROWDED = CODE_END - 0xa00;

/** Where the operand of ModRM that can be memory lies. */
export type Place =
  | { readonly kind: 'register'; readonly number: number; readonly bytes: number }
  | { readonly kind: 'memory'; readonly linear: number; readonly bytes: number };

/** What hostcpu has mapped for itself lies outside: its text is below, its stack above. */
const isHarmless = (linear: number): boolean =>
  linear < 0xf000 || (linear >= 0x0f00_0000 && linear < 0x4000_0000);

const PAIRS_16: readonly (readonly [number, number | undefined])[] = [
  [EBX, ESI],
  [EBX, EDI],
  [EBP, ESI],
  [EBP, EDI],
  [ESI, undefined],
  [EDI, undefined],
  [EBP, undefined],
  [EBX, undefined],
];

interface DraftOptions {
  readonly usesLdt: boolean;
  /** No other instruction comes before it. */
  readonly isAlone: boolean;
}

export class Draft {
  readonly dice: Dice;
  readonly entry: Entry;
  readonly registers = new Uint32Array(8);
  readonly memory: MemoryPatch[] = [];
  eflags: number;
  segments: Segments | undefined;
  /** Linear address of the first byte. */
  codeAddress = 0;
  readonly bytes: number[] = [];
  /** The reg field of ModRM, random where it is not part of the opcode. */
  readonly reg: number;
  place: Place | undefined;
  readonly size: Size;
  readonly isAddress32: boolean;
  readonly prefixes: number[] = [];
  readonly #preamble: Preamble | undefined;
  #pinned = 0;
  readonly #isCode32: boolean;
  #override: number | undefined;
  /** Where in the bytes the displacement of a jump begins, and how long it is. */
  #jump: { readonly at: number; readonly bytes: number } | undefined;
  /** The same of a far pointer's offset. */
  #far: { readonly at: number; readonly bytes: number } | undefined;

  constructor(dice: Dice, entry: Entry, { usesLdt, isAlone }: DraftOptions) {
    this.dice = dice;
    this.entry = entry;
    this.segments = usesLdt ? localSegments(dice) : undefined;
    const codeWords = wordsOf((this.segments ?? FLAT).cs);
    this.#isCode32 = ((codeWords?.[1] ?? 0) & 0x40_0000) !== 0;
    this.codeAddress = this.#chooseCodeAddress();
    this.eflags = flags(dice) | (dice.oneIn(12) ? ALIGNMENT_CHECK : 0);
    for (let number = 0; number < 8; number++) {
      this.registers[number] = integer(dice, 32);
    }
    if (isInHostcpu(this.registers[ESP] as number)) {
      this.registers[ESP] = 0;
    }
    this.#choosePrefixes();
    const { encoding } = entry;
    const hasOverride = this.prefixes.includes(0x66) && encoding.prefix !== '66';
    this.size = sizeOf(encoding, this.#isCode32 !== hasOverride);
    this.isAddress32 = this.#isCode32 !== this.prefixes.includes(0x67);
    this.reg = encoding.reg ?? dice.below(8);
    this.#preamble = this.#isCode32 && !isAlone && dice.oneIn(5) ? preamble(dice) : undefined;
    this.bytes.push(...(this.#preamble?.bytes ?? []));
  }

  // ---- choices

  #chooseCodeAddress(): number {
    const { dice } = this;
    const end = this.#codeLimit();
    if (end !== undefined) {
      // Not beyond: the return into the case would fault, not the case.
      return end - 1 - (dice.oneIn(2) ? dice.below(20) : dice.below(0x400));
    }
    if (dice.oneIn(32)) {
      return CODE_BASE + PAGE_BYTES - 1 - dice.below(14);
    }
    if (dice.oneIn(64)) {
      return CODE_END - 1 - dice.below(14);
    }
    return CODE_BASE + 0x200 + dice.below(0x1400);
  }

  /** Where code ends by the limit of CS, if that is inside its pages. */
  #codeLimit(): number | undefined {
    const words = wordsOf((this.segments ?? FLAT).cs);
    const limit = (words?.[0] ?? 0) & 0xffff;
    return limit < 0x1000 ? CODE_BASE + limit + 1 : undefined;
  }

  #choosePrefixes(): void {
    const { dice, entry } = this;
    const { encoding, instruction } = entry;
    const { prefixes } = this;
    const isSized = 'vzpa'.includes(encoding.size);
    if (encoding.prefix !== undefined && encoding.prefix !== 'none') {
      prefixes.push(Number.parseInt(encoding.prefix, 16));
    }
    if (allowsPrefix(entry, 0x66) && dice.oneIn(isSized ? 2 : 16)) {
      prefixes.push(0x66);
    }
    const usesAddress = encoding.hasModrm || instruction.implicit === 'string';
    if (dice.oneIn(this.segments === undefined ? 20 : usesAddress ? 3 : 12)) {
      prefixes.push(0x67);
    }
    if (dice.oneIn(this.segments === undefined ? 12 : 3)) {
      prefixes.push(dice.pick(SEGMENT_PREFIXES));
    }
    if (dice.oneIn(instruction.lockable === true ? 5 : 64)) {
      prefixes.push(LOCK);
    }
    const repeat = dice.pick([0xf2, 0xf3]);
    if (dice.oneIn(24) && allowsPrefix(entry, repeat)) {
      prefixes.push(repeat);
    }
    if (dice.oneIn(200)) {
      const again = prefixes[0] ?? 0x3e;
      // Some of these make the instruction longer than fifteen bytes.
      prefixes.push(...Array.from({ length: dice.below(14) }, () => again));
    }
    shuffle(dice, prefixes);
    // The last of several counts.
    const last = prefixes.findLast((prefix) => SEGMENT_PREFIXES.includes(prefix));
    this.#override = last === undefined ? undefined : SEGMENT_PREFIXES.indexOf(last);
  }

  /** Whether the instruction has a repeat prefix, its own or a superfluous one. */
  get isRepeated(): boolean {
    return this.prefixes.includes(0xf3) || this.prefixes.includes(0xf2);
  }

  // ---- registers and segments

  pin(register: number, value: number): void {
    this.registers[register] = value >>> 0;
    this.#pinned |= 1 << register;
  }

  isPinned(register: number | undefined): boolean {
    return register !== undefined && (this.#pinned & (1 << register)) !== 0;
  }

  #segment(number: number): { base: number; limit: number } {
    const { es, cs, ss, ds, fs, gs } = this.segments ?? FLAT;
    const words = wordsOf([es, cs, ss, ds, fs, gs][number] ?? 0);
    if (words === undefined) {
      return { base: 0, limit: 0xffff_ffff };
    }
    const [low, high] = words;
    const base = baseOf(words);
    const limit = (low & 0xffff) | (high & 0xf_0000);
    return { base, limit: high & 0x80_0000 ? limit * 4096 + 4095 : limit };
  }

  /** A linear address for an operand of `bytes` bytes in a segment. */
  #target(bytes: number, segment: number): number {
    const { base, limit } = this.#segment(segment);
    if (limit < 0x2000 && this.dice.oneIn(3)) {
      return base + limit + 1 - bytes - 1 + this.dice.below(bytes + 3);
    }
    const linear = address(this.dice, Math.max(1, bytes));
    return linear < DATA_BASE - PAGE_BYTES && this.codeAddress > CROWDED
      ? DATA_BASE + this.dice.below(PAGE_BYTES)
      : linear;
  }

  /** Makes a register point at memory in a segment, with as many bits as addresses have. */
  point(register: number, bytes: number, segment: number, isWide = this.isAddress32): number {
    const linear = this.#target(bytes, segment);
    const offset = (linear - this.#segment(segment).base) >>> 0;
    const kept = isWide ? 0 : (this.registers[register] as number) & 0xffff_0000;
    this.pin(register, isWide ? offset : kept | (offset & 0xffff));
    return linear;
  }

  get stackIsWide(): boolean {
    const words = wordsOf((this.segments ?? FLAT).ss);
    return ((words?.[1] ?? 0) & 0x40_0000) !== 0;
  }

  /** Where the stack pointer points, as a linear address. */
  get stackTop(): number {
    const offset = (this.registers[ESP] as number) & (this.stackIsWide ? 0xffff_ffff : 0xffff);
    return (this.#segment(SS).base + offset) >>> 0;
  }

  pointStack(): void {
    this.point(EBP, 4, SS, this.stackIsWide);
    this.point(ESP, 4, SS, this.stackIsWide);
    if (this.dice.oneIn(2)) {
      this.pin(ESP, (this.registers[ESP] as number) + this.dice.pick([2, 4, 8, 32]));
    }
  }

  /** The segment of a string source. */
  get sourceSegment(): number {
    return this.#override ?? DS;
  }

  // ---- memory

  /** Puts bytes into the data pages; what would lie outside of them is left out. */
  patch(linear: number, bytes: ArrayLike<number>): void {
    const from = Math.max(0, DATA_BASE - linear);
    const to = Math.min(bytes.length, READ_ONLY_BASE - linear);
    const wanted = Array.from(bytes);
    for (let at = from; at < to && this.memory.length < MAX_PATCHES; at += MAX_PATCH_BYTES) {
      const part = wanted.slice(at, Math.min(to, at + MAX_PATCH_BYTES));
      this.memory.push({ address: linear + at, bytes: Uint8Array.from(part) });
    }
  }

  /** A byte of memory as the case will find it. */
  byteAt(linear: number): number {
    for (const { address: from, bytes } of this.memory.toReversed()) {
      if (linear >= from && linear < from + bytes.length) {
        return bytes[linear - from] as number;
      }
    }
    return dataPattern(linear);
  }

  /** The value of the operand that can be memory, up to four bytes. */
  operandValue(offset = 0): number {
    const { place } = this;
    if (place?.kind === 'register') {
      return place.bytes === 1 && place.number >= 4
        ? (this.registers[place.number - 4] as number) >>> 8
        : (this.registers[place.number] as number);
    }
    const at = (place?.linear ?? 0) + offset;
    const byte = (index: number): number => this.byteAt(at + index) << (8 * index);
    return (byte(0) | byte(1) | byte(2) | byte(3)) >>> 0;
  }

  setOperand(bytes: ArrayLike<number>): void {
    const { place } = this;
    if (place?.kind === 'memory') {
      this.patch(place.linear, bytes);
    } else if (place !== undefined && !this.isPinned(place.number)) {
      this.registers[place.number] = little(bytes);
    }
  }

  // ---- code

  /** Writes the instruction; afterwards operands in memory have their addresses. */
  encode(contents: (bytes: number) => ArrayLike<number>): void {
    const { bytes, dice } = this;
    const { encoding } = this.entry;
    bytes.push(...this.prefixes);
    if (encoding.map > 0) {
      bytes.push(0x0f);
    }
    if (encoding.map > 1) {
      bytes.push(encoding.map === 2 ? 0x38 : 0x3a);
    }
    const register = dice.below(encoding.span);
    bytes.push(encoding.opcode + register);
    if (encoding.hasModrm) {
      this.#encodeModrm(encoding, contents);
    } else if (encoding.operands.some((o) => o.place === 'Z')) {
      this.place = { kind: 'register', number: register, bytes: this.size };
    }
    for (const operand of encoding.operands) {
      this.#encodeImmediate(operand, contents);
    }
  }

  #encodeModrm(encoding: Encoding, contents: (bytes: number) => ArrayLike<number>): void {
    const { dice, bytes } = this;
    const code = encoding.operands.find((o) => 'EMRQWNU'.includes(o.place));
    if (encoding.modrm !== undefined) {
      const { from, to } = encoding.modrm;
      bytes.push(from + dice.below(to - from + 1));
      return;
    }
    const isRegister = encoding.mod === 'reg' || (encoding.mod === undefined && dice.oneIn(2));
    if (isRegister) {
      const number = dice.below(8);
      const length = code === undefined ? 4 : operandSize(code, 'register', this.size);
      bytes.push(0xc0 | (this.reg << 3) | number);
      if (code === undefined || 'EMR'.includes(code.place)) {
        this.place = { kind: 'register', number, bytes: length };
      }
      return;
    }
    const length = this.#memoryBytes(code);
    const linear = this.isAddress32 ? this.#address32(length) : this.#address16(length);
    this.place = { kind: 'memory', linear, bytes: length };
    this.patch(linear, contents(length));
  }

  #memoryBytes(code: OperandCode | undefined): number {
    const known = BLOCKS[this.entry.instruction.mnemonic];
    return known ?? (code === undefined ? 4 : operandSize(code, 'segmented', this.size));
  }

  /** Bytes of ModRM, SIB and displacement for memory somewhere; answers where. */
  #address32(length: number): number {
    for (let attempt = 0; attempt < 8; attempt++) {
      const linear = this.#tryAddress32(length, attempt === 7);
      if (linear !== undefined) {
        return linear;
      }
    }
    throw new RangeError('no address without a register');
  }

  #tryAddress32(length: number, isPlain: boolean): number | undefined {
    const { dice, registers } = this;
    const mod = isPlain ? 0 : dice.below(3);
    const rm = isPlain ? 5 : dice.below(8);
    const sib = rm === 4 ? dice.below(256) : undefined;
    let base: number | undefined = sib === undefined ? rm : sib & 7;
    const index = sib === undefined || ((sib >> 3) & 7) === 4 ? undefined : (sib >> 3) & 7;
    const scale = sib === undefined ? 0 : sib >> 6;
    if (mod === 0 && base === 5) {
      base = undefined;
    }
    const displacementBytes = mod === 1 ? 1 : mod === 2 || base === undefined ? 4 : 0;
    const segment = this.#override ?? (base === ESP || base === EBP ? SS : DS);
    const segmentBase = this.#segment(segment).base;
    const wanted = (this.#target(length, segment) - segmentBase) >>> 0;
    let displacement = displacementBytes === 1 ? (dice.uint32() << 24) >> 24 : 0;
    const before = registers.slice();
    const value = (register: number | undefined): number =>
      register === undefined ? 0 : (registers[register] as number);
    if (displacementBytes === 4) {
      displacement = (wanted - value(base) - (value(index) << scale)) | 0;
    } else if (base !== undefined && base === index) {
      if (!this.isPinned(base)) {
        registers[base] = Math.floor((wanted - displacement) / (1 + (1 << scale)));
      }
    } else if (base !== undefined && !this.isPinned(base)) {
      registers[base] = wanted - displacement - (value(index) << scale);
    } else if (index !== undefined && !this.isPinned(index)) {
      registers[index] = (wanted - displacement - value(base)) >>> scale;
    }
    const offset = (value(base) + (value(index) << scale) + displacement) >>> 0;
    const linear = (segmentBase + offset) >>> 0;
    if (!isHarmless(linear)) {
      registers.set(before);
      return undefined;
    }
    this.#pinAll(base, index);
    this.bytes.push((mod << 6) | (this.reg << 3) | rm, ...(sib === undefined ? [] : [sib]));
    this.#pushLittle(displacement, displacementBytes);
    return linear;
  }

  #address16(length: number): number {
    for (let attempt = 0; attempt < 8; attempt++) {
      const linear = this.#tryAddress16(length, attempt === 7);
      if (linear !== undefined) {
        return linear;
      }
    }
    throw new RangeError('no address without a register');
  }

  #tryAddress16(length: number, isPlain: boolean): number | undefined {
    const { dice, registers } = this;
    const mod = isPlain ? 0 : dice.below(3);
    const rm = isPlain ? 6 : dice.below(8);
    const isDirect = mod === 0 && rm === 6;
    const [base, index] = isDirect ? [undefined, undefined] : (PAIRS_16[rm] ?? []);
    const displacementBytes = mod === 1 ? 1 : mod === 2 || isDirect ? 2 : 0;
    const segment = this.#override ?? (base === EBP ? SS : DS);
    const segmentBase = this.#segment(segment).base;
    const wanted = (this.#target(length, segment) - segmentBase) & 0xffff;
    const value = (register: number | undefined): number =>
      register === undefined ? 0 : (registers[register] as number) & 0xffff;
    let displacement = displacementBytes === 1 ? (dice.uint32() << 24) >> 24 : 0;
    if (displacementBytes === 2) {
      displacement = wanted - value(base) - value(index);
    } else if (base !== undefined && !this.isPinned(base)) {
      const low = (wanted - displacement - value(index)) & 0xffff;
      registers[base] = ((registers[base] as number) & 0xffff_0000) | low;
    }
    const offset = (value(base) + value(index) + displacement) & 0xffff;
    this.#pinAll(base, index);
    this.bytes.push((mod << 6) | (this.reg << 3) | rm);
    this.#pushLittle(displacement, displacementBytes);
    return (segmentBase + offset) >>> 0;
  }

  #pinAll(...registers: (number | undefined)[]): void {
    for (const register of registers) {
      this.#pinned |= register === undefined ? 0 : 1 << register;
    }
  }

  #pushLittle(value: number, bytes: number): void {
    for (let index = 0; index < bytes; index++) {
      this.bytes.push((value >>> (8 * index)) & 0xff);
    }
  }

  #encodeImmediate(code: OperandCode, contents: (bytes: number) => ArrayLike<number>): void {
    const { dice } = this;
    const wide = this.size === 2 ? 2 : 4;
    switch (code.place) {
      case 'I':
        if (code.size === 'b' || code.size === 'bs') {
          this.bytes.push(integer(dice, 8));
        } else {
          this.#pushLittle(integer(dice, 32), code.size === 'w' ? 2 : wide);
        }
        break;
      case 'O': {
        const length = operandSize(code, 'segmented', this.size);
        const base = this.#segment(this.sourceSegment).base;
        const offset = (this.#target(length, this.sourceSegment) - base) >>> 0;
        const reached = this.isAddress32 ? offset : offset & 0xffff;
        this.#pushLittle(offset, this.isAddress32 ? 4 : 2);
        const linear = (base + reached) >>> 0;
        this.place = { kind: 'memory', linear, bytes: length };
        this.patch(linear, contents(length));
        break;
      }
      case 'J':
        this.#jump = { at: this.bytes.length, bytes: code.size === 'b' ? 1 : wide };
        this.#pushLittle(0, this.#jump.bytes);
        break;
      case 'A':
        this.#far = { at: this.bytes.length, bytes: wide };
        this.#pushLittle(0, wide + 2);
        break;
      default:
    }
  }

  /** Replaces the last bytes of the instruction: an immediate that must not be just any. */
  setTail(value: number, bytes: number): void {
    this.bytes.splice(this.bytes.length - bytes, bytes);
    this.#pushLittle(value, bytes);
  }

  // ---- targets of jumps

  /** Offset in CS of the byte behind the instruction. */
  get behind(): number {
    return (this.codeAddress + this.bytes.length - this.#segment(CS).base) >>> 0;
  }

  get eip(): number {
    return (this.codeAddress - this.#segment(CS).base) >>> 0;
  }

  /** A far pointer, with an offset of so many bytes. */
  farTarget(bytes: number): number[] {
    const selector = codeSelector(this.dice);
    const offset = this.codeTarget(baseOf(wordsOf(selector)));
    return [...littleEndian(offset, bytes), ...littleEndian(selector, 2)];
  }

  /**
   * An offset in a code segment to jump to: behind the instruction, to an int3, or where no code
   * can be. It is never inside the instruction, whose bytes could be any other.
   */
  codeTarget(base = this.#segment(CS).base): number {
    const { dice } = this;
    const behind = this.codeAddress + this.bytes.length;
    const away = 40 + dice.below(100);
    switch (dice.below(8)) {
      case 0:
        return (DATA_BASE + dice.below(3 * PAGE_BYTES) - base) >>> 0;
      case 1:
        return (dice.pick([CODE_END, CODE_BASE - 1, 0, 0xfff0, CODE_END + 3]) - base) >>> 0;
      case 2: {
        // About the limit of the code segment that has one here.
        const target = CODE_BASE + 0x80f + dice.below(3);
        const isNear = Math.abs(target - this.codeAddress) < 64;
        return (isNear ? behind : target) - base;
      }
      case 3:
      case 4:
        return behind + (dice.oneIn(2) ? away : -away) - base;
      default:
        return behind - base;
    }
  }

  /** When everything else is known. */
  finish(): void {
    this.#finishJump();
    this.#preamble?.prepare(this.registers, this.eflags);
  }

  /** Fills in the displacement of a relative jump, when the length is known. */
  #finishJump(): void {
    if (this.#far !== undefined) {
      const { at, bytes } = this.#far;
      this.bytes.splice(at, bytes + 2, ...this.farTarget(bytes));
    }
    const jump = this.#jump;
    if (jump === undefined) {
      return;
    }
    const { dice } = this;
    const away = dice.oneIn(2) ? 40 + dice.below(80) : -(40 + dice.below(70));
    const displacement =
      jump.bytes === 1 ? (dice.oneIn(3) ? away : 0) : this.codeTarget() - this.behind;
    for (let index = 0; index < jump.bytes; index++) {
      this.bytes[jump.at + index] = (displacement >>> (8 * index)) & 0xff;
    }
  }

  /** Whether hostcpu can end the case by a jump behind it. */
  get hasRoomBehind(): boolean {
    return this.codeAddress + this.bytes.length + 8 <= CODE_END;
  }

  /** The code, as far as it fits into its pages: what is beyond faults when it is fetched. */
  code(): Uint8Array {
    return Uint8Array.from(this.bytes.slice(0, Math.min(MAX_CODE, CODE_END - this.codeAddress)));
  }
}

const ALIGNMENT_CHECK = 0x4_0000;

/** Bytes of operands whose size their encoding does not tell. */
const BLOCKS: Readonly<Record<string, number>> = {
  fldenv: 28,
  fnstenv: 28,
  frstor: 108,
  fnsave: 108,
  fxsave: 512,
  fxrstor: 512,
};

function sizeOf({ size }: Encoding, is32: boolean): Size {
  return size === 'b' ? 1 : size === 'w' || (size === 'v' && !is32) ? 2 : 4;
}

function shuffle(dice: Dice, list: number[]): void {
  for (let last = list.length - 1; last > 0; last--) {
    const other = dice.below(last + 1);
    [list[last], list[other]] = [list[other] as number, list[last] as number];
  }
}

const littleEndian = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, index) => (value >>> (8 * index)) & 0xff);

/** The number that bytes are, the lowest first; at most four count. */
function little(bytes: ArrayLike<number>): number {
  const byte = (index: number): number => (bytes[index] ?? 0) << (8 * index);
  return (byte(0) | byte(1) | byte(2) | byte(3)) >>> 0;
}

/** Segments that the host's kernel can load before a case, some from the LDT. */
function localSegments(dice: Dice): Segments {
  const flat = FLAT.ds;
  const data = [0, 1, 2, 3, 4, 5, 6, 8].map(ldtSelector);
  const stack = [0, 1, 3, 4, 5, 6].map(ldtSelector);
  const code = [8, 9, 10, 11].map(ldtSelector);
  const choose = (some: readonly number[], others: readonly number[]): number => {
    const list = dice.oneIn(2) ? some : others;
    return list[dice.below(list.length)] as number;
  };
  return {
    es: choose([flat], data),
    cs: choose([FLAT.cs], code),
    ss: choose([flat], stack),
    ds: choose([flat], data),
    fs: choose([0, flat], data),
    gs: choose([0, flat], data),
  };
}

/**
 * A selector for a far transfer. Neither the 64-bit code segment of the host nor its system
 * segments are among them: those lead out of protected mode as we know it.
 */
export function codeSelector(dice: Dice): number {
  const local = ldtSelector(dice.pick([8, 8, 9, 10, 11, 0, 7, 12, 40]));
  const global = dice.pick([FLAT.cs, FLAT.cs, FLAT.cs, FLAT.ds, 0, 0x0b, 0x10, 0x18, 0x83]);
  return (dice.oneIn(2) ? local : global) ^ (dice.oneIn(6) ? dice.below(4) : 0);
}

/** A selector for a data segment register. */
export function dataSelector(dice: Dice): number {
  const local = ldtSelector(dice.below(14));
  const global = dice.pick([FLAT.ds, FLAT.ds, FLAT.cs, 0, 0, 0x0b, 0x10, 0x18, 0x83, 0xfffb]);
  return (dice.oneIn(2) ? local : global) ^ (dice.oneIn(6) ? dice.below(4) : 0);
}
