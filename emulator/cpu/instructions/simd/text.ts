/**
 * Text of SSE4.2: comparison of strings of up to sixteen characters, and CRC-32C.
 *
 * The first operand is a set, some ranges or a needle, the second the text. Every character of
 * the text gets a bit; then come the polarity and the form of the answer (SDM 2B §4.1).
 */

import { EFLAGS, setArithmeticFlags } from '../../flags.ts';
import type { Instruction } from '../../instruction.ts';
import { native } from '../../native.ts';
import type { Operand } from '../../operand.ts';
import type { Processor } from '../../processor.ts';
import { XMM_REGISTERS } from '../../state.ts';
import { A, B, R, type Vector, XMM_BYTES } from './vector.ts';

const FORMATS = ['u8', 'u16', 'i8', 'i16'] as const;
/** Bits of the immediate. */
const NEGATED = 0x10;
const ONLY_VALID = 0x20;
/** The last index instead of the first; whole lanes instead of bits. */
const OTHER_FORM = 0x40;

interface Text {
  readonly characters: ArrayLike<number>;
  /** How many of them count. */
  readonly length: number;
}

/** Whether the text's character `i` matches, by the aggregation in bits 3:2 of the immediate. */
function matches(set: Text, text: Text, i: number, aggregation: number): boolean {
  const { characters: a, length } = set;
  const character = text.characters[i] as number;
  switch (aggregation) {
    case 0:
      return i < text.length && Array.from(a).slice(0, length).includes(character);
    case 1:
      return i < text.length && isInRange(set, character);
    case 2:
      return i < text.length && i < length ? a[i] === character : i >= text.length && i >= length;
    default:
      return beginsAt(set, text, i);
  }
}

function isInRange({ characters, length }: Text, character: number): boolean {
  for (let j = 0; j + 1 < length; j += 2) {
    if ((characters[j] as number) <= character && character <= (characters[j + 1] as number)) {
      return true;
    }
  }
  return false;
}

/** A needle may go on beyond the vector, but not beyond the end of the text in it. */
function beginsAt(needle: Text, text: Text, at: number): boolean {
  const { characters } = text;
  for (let j = 0; j < needle.length && at + j < characters.length; j++) {
    if (at + j >= text.length || needle.characters[j] !== characters[at + j]) {
      return false;
    }
  }
  return true;
}

/** A bit for each character of the text. */
function compare(set: Text, text: Text, immediate: number): number {
  let bits = 0;
  for (let i = 0; i < text.characters.length; i++) {
    const found = matches(set, text, i, (immediate >> 2) & 3);
    const isNegated =
      (immediate & NEGATED) !== 0 && ((immediate & ONLY_VALID) === 0 || i < text.length);
    bits |= (found === isNegated ? 0 : 1) << i;
  }
  return bits;
}

/** Lengths end at the first 0. */
function implicitText(vector: Vector, immediate: number): Text {
  const characters = vector[FORMATS[immediate & 3] as (typeof FORMATS)[number]];
  const end = characters.indexOf(0);
  return { characters, length: end < 0 ? characters.length : end };
}

/** Lengths are given, in either sign. */
function explicitText(vector: Vector, immediate: number, length: number): Text {
  const characters = vector[FORMATS[immediate & 3] as (typeof FORMATS)[number]];
  return { characters, length: Math.min(Math.abs(length | 0), characters.length) };
}

function setFlags({ state }: Processor, set: Text, text: Text, bits: number): void {
  const count = text.characters.length;
  setArithmeticFlags(
    state,
    (bits === 0 ? 0 : EFLAGS.carry) |
      (text.length < count ? EFLAGS.zero : 0) |
      (set.length < count ? EFLAGS.sign : 0) |
      (bits & 1 ? EFLAGS.overflow : 0),
  );
}

/** The place of the first or last bit, or how many there could be. */
function putIndex({ state }: Processor, bits: number, count: number, immediate: number): void {
  const first = 31 - Math.clz32(bits & -bits);
  const last = 31 - Math.clz32(bits);
  state.ecx = bits === 0 ? count : immediate & OTHER_FORM ? last : first;
}

function putMask(cpu: Processor, bits: number, count: number, immediate: number): void {
  R.u64.fill(0n);
  if (immediate & OTHER_FORM) {
    const lanes = count === 16 ? R.i8 : R.i16;
    for (let i = 0; i < count; i++) {
      lanes[i] = (bits >> i) & 1 ? -1 : 0;
    }
  } else {
    R.u32[0] = bits;
  }
  R.store(cpu, XMM_REGISTERS, XMM_BYTES);
}

function comparison(
  mnemonic: string,
  opcode: string,
  isExplicit: boolean,
  put: typeof putIndex,
): Instruction {
  const run = native(mnemonic, (cpu, first: number, second: number, immediate: number) => {
    A.load(cpu, first, XMM_BYTES);
    B.load(cpu, second, XMM_BYTES);
    const { eax, edx } = cpu.state;
    const [set, text] = isExplicit
      ? [explicitText(A, immediate, eax), explicitText(B, immediate, edx)]
      : [implicitText(A, immediate), implicitText(B, immediate)];
    const bits = compare(set, text, immediate);
    setFlags(cpu, set, text, bits);
    put(cpu, bits, text.characters.length, immediate);
  });
  return {
    mnemonic,
    encodings: [`66 0F 3A ${opcode} Vdq,Wups,Ib`],
    unit: 'sse',
    execute(cpu, first: Operand, second: Operand, immediate: Operand) {
      const from = cpu.pointer(second, 'read');
      cpu.call(run, cpu.pointer(first, 'read'), from, cpu.read(immediate));
    },
  };
}

/** CRC-32C with its bits in reverse: the polynomial 11EDC6F41. */
const POLYNOMIAL = 0x82f6_3b78;

const addToCrc = native('crc32', (_cpu, before: number, value: number, size: number) => {
  let crc = size === 4 ? before ^ value : before ^ (value & (2 ** (8 * size) - 1));
  for (let bit = 0; bit < 8 * size; bit++) {
    crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  }
  return crc;
});

export const vectorText: readonly Instruction[] = [
  comparison('pcmpestrm', '60', true, putMask),
  comparison('pcmpestri', '61', true, putIndex),
  comparison('pcmpistrm', '62', false, putMask),
  comparison('pcmpistri', '63', false, putIndex),
  {
    mnemonic: 'crc32',
    encodings: ['F2 0F 38 F0 Gd,Eb', 'F2 0F 38 F1 Gd,Ev :v'],
    execute(cpu, target: Operand, source: Operand) {
      const value = cpu.read(source);
      cpu.write(target, cpu.call(addToCrc, cpu.read(target), value, cpu.constant(source.size)));
    },
  },
];
