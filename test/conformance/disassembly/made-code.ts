/** Bytes that no assembler made, to find what compilers do not use. */

import { Dice } from '../silicon/values.ts';

/** Mandatory, size, segment and lock prefixes, alone and in combinations where one hides another. */
const PREFIXES: readonly (readonly number[])[] = [
  ...[[], [0x66], [0xf3], [0xf2], [0x66, 0xf3], [0xf3, 0x66], [0xf2, 0xf3], [0xf3, 0xf2]],
  ...[[0x67], [0x2e], [0x3e], [0x65], [0x2e, 0x3e], [0xf0], [0xf0, 0xf3], [0xf2, 0xf0]],
  ...[
    [0x66, 0x66],
    [0x66, 0x67],
  ],
];

const MAPS: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

/** All that objdump takes for the prefix of an instruction that follows. */
const FILLER = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
const NOP = 0x90;

const ALL: readonly number[] = Array.from({ length: 256 }, (_, byte) => byte);
/** One for each value of the reg field, which often chooses the instruction. */
const some = (dice: Dice): readonly number[] =>
  Array.from({ length: 8 }, (_, reg) => (dice.below(256) & 0xc7) | (reg << 3));

/**
 * Every opcode of every map behind every prefix, each with all ModRM or some; one piece for a map
 * and a prefix. What follows each serves as SIB, displacement and immediate; the rest of it is one
 * instruction with many prefixes.
 */
export function* everyOpcode(seed: number, amount: 'all' | 'some'): Generator<Uint8Array> {
  const dice = new Dice(seed);
  const filler = (): number => FILLER[dice.below(FILLER.length)] ?? NOP;
  for (const map of MAPS) {
    for (const prefix of PREFIXES) {
      const code: number[] = [];
      for (const opcode of ALL) {
        for (const modrm of amount === 'all' ? ALL : some(dice)) {
          code.push(...prefix, ...map, opcode, modrm, ...Array.from({ length: 10 }, filler), NOP);
        }
      }
      yield Uint8Array.from(code);
    }
  }
}

export function randomBytes(seed: number, size: number): Uint8Array {
  const dice = new Dice(seed);
  return Uint8Array.from({ length: size }, () => dice.below(256));
}
