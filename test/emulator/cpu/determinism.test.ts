import { describe, expect, test } from 'vitest';

import type { BareMachine } from '../../../emulator/bare-metal/bare-machine.ts';
import { coldTier, compileColdTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import { Dice } from '../../conformance/silicon/values.ts';
import { constantEngine } from '../../support/constant-engine.ts';
import { numberEngine } from '../../support/number-engine.ts';
import { aRandomMachine, fill, type RandomMachineOptions } from '../../support/random-machine.ts';

const engine = coldTier(compileColdTier());
const LENGTH = 3000;
const COMPARED = 400;
const SEEDS_A_RING = 40;
/** Compiling an instruction takes a millisecond. */
const COMPILED = 200;
const COMPILED_SEEDS = 8;

/** Runs until so many instructions have retired, or something ends the machine. */
function runTo(machine: BareMachine, count: number): string {
  const { cpu } = machine;
  while (cpu.state.retired < count) {
    const { kind } = cpu.run(count - cpu.state.retired);
    if (kind !== 'budget') {
      return kind;
    }
  }
  return 'budget';
}

/** What became of a machine. */
const summary = (machine: BareMachine, end: string): string =>
  `${end} after ${machine.cpu.state.retired}: ${machine.hash().toString(16)}`;

/** What became of its registers and TLB, which is quicker to say. */
function registers({ cpu }: BareMachine, end: string): string {
  const { registers: bytes, translations } = cpu.capture();
  const words = [...new Uint32Array(bytes.buffer, 0, bytes.length >>> 2), ...translations];
  const digest = words.reduce((sum, word) => Math.imul(sum ^ word, 0x0100_0193), 0);
  return `${end} at ${cpu.state.eip.toString(16)}: ${digest.toString(16)}`;
}

describe.each([0, 1, 2, 3] as const)('a random machine in ring %i', (ring) => {
  const first: RandomMachineOptions = { ring, seed: 0, paging: true };
  const generated = aRandomMachine({ ...first, engine });
  const numbers = aRandomMachine({ ...first, engine: numberEngine });
  numbers.cpu.takesShortWays = false;
  const constants = aRandomMachine({ ...first, engine: constantEngine });
  const seeds = Array.from({ length: SEEDS_A_RING }, (_, i) => ({ seed: 1000 * ring + i }));
  const blank = generated.cpu.capture();
  const reset = (machine: BareMachine, seed: number): void => {
    machine.cpu.restore(blank);
    fill(machine, { ring, seed, paging: seed % 3 !== 0 });
  };

  test.each(seeds)(
    'comes to one state whole, sliced and through checkpoints (seed $seed)',
    ({ seed }) => {
      reset(generated, seed);
      const expected = summary(generated, runTo(generated, LENGTH));

      const dice = new Dice(seed);
      reset(generated, seed);
      let end = 'budget';
      for (let at = 0; at < LENGTH && end === 'budget'; ) {
        at = Math.min(LENGTH, at + 1 + dice.below(dice.oneIn(4) ? 3 : 200));
        end = runTo(generated, at);
        if (end === 'budget' && dice.oneIn(20)) {
          const moment = generated.capture();
          const before = generated.hash();
          runTo(generated, at + dice.below(50));
          generated.restore(moment);
          expect(generated.hash()).toBe(before);
        }
      }
      expect(summary(generated, end)).toBe(expected);
    },
  );

  test.each(seeds)(
    'is the same in generated code by short ways and over numbers by long ones (seed $seed)',
    ({ seed }) => {
      reset(generated, seed);
      reset(numbers, seed);
      let end = 'budget';
      for (let at = 1; at <= COMPARED && end === 'budget'; at++) {
        end = runTo(numbers, at);
        expect(registers(generated, runTo(generated, at))).toBe(registers(numbers, end));
      }
      expect(generated.hash()).toBe(numbers.hash());
    },
  );

  test.each(seeds.slice(0, COMPILED_SEEDS))(
    'is the same with operands from records and as constants (seed $seed)',
    ({ seed }) => {
      reset(generated, seed);
      reset(constants, seed);
      const end = runTo(constants, COMPILED);
      expect(summary(generated, runTo(generated, COMPILED))).toBe(summary(constants, end));
    },
  );
});
