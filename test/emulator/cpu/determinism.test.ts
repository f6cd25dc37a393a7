import { describe, expect, test } from 'vitest';

import type { BareMachine } from '../../../emulator/bare-metal/bare-machine.ts';
import { coldTier, compileColdTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import { Dice } from '../../conformance/silicon/values.ts';
import { numberEngine } from '../../support/number-engine.ts';
import { aRandomMachine, type RandomMachineOptions } from '../../support/random-machine.ts';

const engine = coldTier(compileColdTier());
const LENGTH = 3000;
const RINGS = [0, 1, 2, 3] as const;

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

describe.each(RINGS)('a random machine in ring %i', (ring) => {
  const seeds = Array.from({ length: 40 }, (_, i) => ({ ring, seed: 1000 * ring + i }));

  test.each(seeds)(
    'comes to one state in one go, in slices and through checkpoints (seed $seed)',
    (facts) => {
      const options: RandomMachineOptions = { ...facts, paging: facts.seed % 3 !== 0, engine };
      const whole = aRandomMachine(options);
      const expected = summary(whole, runTo(whole, LENGTH));

      const dice = new Dice(facts.seed);
      const sliced = aRandomMachine(options);
      let end = 'budget';
      for (let at = 0; at < LENGTH && end === 'budget'; ) {
        at = Math.min(LENGTH, at + 1 + dice.below(dice.oneIn(4) ? 3 : 200));
        end = runTo(sliced, at);
        if (end === 'budget' && dice.oneIn(10)) {
          const moment = sliced.capture();
          const before = sliced.hash();
          runTo(sliced, at + dice.below(50));
          sliced.restore(moment);
          expect(sliced.hash()).toBe(before);
        }
      }
      expect(summary(sliced, end)).toBe(expected);
    },
  );

  test.each(seeds)(
    'comes to the same state in generated code and over numbers (seed $seed)',
    (facts) => {
      const options: RandomMachineOptions = { ...facts, paging: facts.seed % 3 !== 0 };
      const generated = aRandomMachine({ ...options, engine });
      const numbers = aRandomMachine({ ...options, engine: numberEngine });
      for (let at = 1; at <= 400; at++) {
        const ends = [runTo(generated, at), runTo(numbers, at)];
        const eip = numbers.cpu.state.eip.toString(16);
        expect(`${ends[0]} ${summary(generated, eip)}`).toBe(`${ends[1]} ${summary(numbers, eip)}`);
        if (ends[0] !== 'budget') {
          break;
        }
      }
    },
  );
});
