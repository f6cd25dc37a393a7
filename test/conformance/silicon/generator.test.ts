import { describe, expect, test } from 'vitest';

import { instructionSet } from '../../../emulator/cpu/instruction-set.ts';
import { instanceOf } from './comparison.ts';
import { CaseGenerator } from './generator.ts';
import { NOT_FOR_SILICON } from './masks.ts';
import { caseOfToken, tokenOf } from './replay.ts';

const { map } = instructionSet;
const SEED = 1;
const TRIES = 60;

describe('random cases', () => {
  const generator = new CaseGenerator(map, SEED);

  test('every encoding of the opcode map has cases, but for those that say why not', () => {
    const without = map.entries.filter(
      (entry) =>
        NOT_FOR_SILICON[entry.instruction.mnemonic] === undefined &&
        !Array.from({ length: TRIES }, () => generator.caseOf(entry)).some(
          (subject) => instanceOf(map, subject)?.decoded.entry === entry,
        ),
    );
    expect(without.map(({ encoding }) => encoding.text)).toEqual([]);
  });

  test('no case is of an instruction whose result is the business of the host', () => {
    const excluded = generator.entries.filter(
      ({ instruction }) => NOT_FOR_SILICON[instruction.mnemonic] !== undefined,
    );
    expect(excluded).toEqual([]);
  });

  test('one seed gives the same cases again', () => {
    const tokens = () => [...new CaseGenerator(map, SEED).cases(200)].map(tokenOf);
    expect(tokens()).toEqual(tokens());
  });

  test('a selection takes the instructions that it names, and leaves the others', () => {
    const names = (selection: { only?: string; skip?: string }) =>
      new Set(
        new CaseGenerator(map, SEED, selection).entries.map((entry) => entry.instruction.mnemonic),
      );
    expect([...names({ only: 'add,rep movs' })].sort()).toEqual(['add', 'rep movs']);
    expect(names({ skip: 'add' }).has('add')).toBe(false);
  });

  test('a case comes back from the word that stands for it', () => {
    for (const { entry: _, ...subject } of generator.cases(200)) {
      expect(caseOfToken(tokenOf(subject))).toEqual(subject);
    }
    expect(caseOfToken('nothing')).toBeUndefined();
  });
});
