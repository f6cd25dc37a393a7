/**
 * An instruction before the one that is tried, which leaves flags behind.
 *
 * We work flags out only when somebody asks, from what the last arithmetic left; a case that
 * began with flags given as such would never ask. The preamble changes one register, to the
 * value that the instruction behind it is meant to find.
 */

import { EAX, EBX, ECX, EDX } from './register-numbers.ts';
import type { Dice } from './values.ts';

export interface Preamble {
  readonly bytes: readonly number[];
  /** Sets the register to what it must be before. */
  readonly prepare: (registers: Uint32Array, eflags: number) => void;
}

interface Operation {
  /** For bytes; the next one is for words. */
  readonly opcode: number;
  /** The reg field of ModRM, for those with one operand. */
  readonly digit?: number;
  /** The first operand, from the result, the second and the carry. */
  readonly before: (result: number, source: number, carry: number) => number;
}

/** Those that define all six flags. */
const OPERATIONS: readonly [Operation, ...Operation[]] = [
  { opcode: 0x00, before: (result, source) => result - source },
  { opcode: 0x10, before: (result, source, carry) => result - source - carry },
  { opcode: 0x18, before: (result, source, carry) => result + source + carry },
  { opcode: 0x28, before: (result, source) => result + source },
  { opcode: 0x38, before: (result) => result },
  { opcode: 0xfe, digit: 0, before: (result) => result - 1 },
  { opcode: 0xfe, digit: 1, before: (result) => result + 1 },
  { opcode: 0xf6, digit: 3, before: (result) => -result },
];

const OPERAND_SIZE = 0x66;

/** For 32-bit code. */
export function preamble(dice: Dice): Preamble {
  const { opcode, digit, before } = dice.pick(OPERATIONS);
  const size = dice.pick([1, 2, 4]);
  const source = dice.pick([ECX, EDX]);
  // Never ECX: what is undefined after a shift depends on the count that the case begins with.
  const target = dice.pick([EAX, EBX]);
  const modrm = 0xc0 | ((digit ?? source) << 3) | target;
  const bytes = [size === 1 ? opcode : opcode + 1, modrm];
  const mask = 2 ** (8 * size) - 1;
  return {
    bytes: size === 2 ? [OPERAND_SIZE, ...bytes] : bytes,
    prepare(registers, eflags) {
      const result = registers[target] as number;
      const low = before(result, registers[source] as number, eflags & 1) & mask;
      registers[target] = ((result & ~mask) | low) >>> 0;
    },
  };
}
