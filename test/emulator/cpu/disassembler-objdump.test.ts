/** The same comparison as `npm run conformance -- disassembly`, at the length of a test. */

import { beforeEach, describe, expect, test } from 'vitest';
import { instructionSet } from '../../../emulator/cpu/instruction-set.ts';
import { type Comparison, compare } from '../../conformance/disassembly/compare.ts';
import { extensionOf } from '../../conformance/disassembly/extensions.ts';
import { everyOpcode, randomBytes } from '../../conformance/disassembly/made-code.ts';
import { needs } from '../../support/oracle.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const ADDRESS = 0x10_0000;

function unexplained({ differences }: Comparison): string[] {
  return [...differences.values()]
    .flat()
    .filter(({ reason }) => reason === undefined)
    .map(({ bytes, ours, theirs }) => `${hex(bytes)}: ours ${ours.text}, theirs ${theirs.text}`);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('no instruction of the processor counts as one that it has not', () => {
  const named = instructionSet.instructions.map(({ mnemonic }) => mnemonic);
  expect(named.filter((mnemonic) => extensionOf(mnemonic) !== undefined)).toEqual([]);
});

describe('with objdump', () => {
  beforeEach(needs('objdump'));

  test(`every opcode behind every prefix reads as objdump writes it, SEED=${SEED}`, () => {
    for (const bytes of everyOpcode(SEED, 'some')) {
      expect(unexplained(compare({ address: ADDRESS, bytes }))).toEqual([]);
    }
  }, 120_000);

  test(`noise reads as objdump writes it, SEED=${SEED}`, () => {
    const comparison = compare({ address: ADDRESS, bytes: randomBytes(SEED, 100_000) });
    expect(unexplained(comparison)).toEqual([]);
  });
});
