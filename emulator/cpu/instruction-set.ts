/** All instructions of this processor, their opcode map and their forms. */

import { isInline } from './cold-tier/inline.ts';
import { Forms } from './form.ts';
import type { Instruction } from './instruction.ts';
import { arithmetic } from './instructions/arithmetic.ts';
import { bits } from './instructions/bits.ts';
import { branches } from './instructions/branch.ts';
import { controlRegisters } from './instructions/control-register.ts';
import { decimal } from './instructions/decimal.ts';
import { descriptorTables } from './instructions/descriptor-table.ts';
import { farTransfers } from './instructions/far-transfer.ts';
import { flagControl } from './instructions/flag-control.ts';
import { identification } from './instructions/identification.ts';
import { inputOutput } from './instructions/input-output.ts';
import { interruptInstructions } from './instructions/interrupt.ts';
import { logic } from './instructions/logic.ts';
import { moves } from './instructions/move.ts';
import { multiplication } from './instructions/multiply.ts';
import { shifts } from './instructions/shift.ts';
import { vectorArrangements } from './instructions/simd/arrangement.ts';
import { vectorControl } from './instructions/simd/control.ts';
import { vectorConversions } from './instructions/simd/conversion.ts';
import { vectorElements } from './instructions/simd/element.ts';
import { vectorFloats } from './instructions/simd/float.ts';
import { vectorIntegers } from './instructions/simd/integer.ts';
import { vectorMoves } from './instructions/simd/move.ts';
import { vectorRoundings } from './instructions/simd/rounding.ts';
import { vectorShifts } from './instructions/simd/shift.ts';
import { vectorText } from './instructions/simd/text.ts';
import { stack } from './instructions/stack.ts';
import { strings } from './instructions/string.ts';
import { x87Arithmetic } from './instructions/x87/arithmetic.ts';
import { x87Comparisons } from './instructions/x87/comparison.ts';
import { x87Control } from './instructions/x87/control.ts';
import { x87Transcendentals } from './instructions/x87/transcendental.ts';
import { x87Transfers } from './instructions/x87/transfer.ts';
import { makeOpcodeMap } from './opcode-map.ts';

const instructions: readonly Instruction[] = [
  ...arithmetic,
  ...logic,
  ...shifts,
  ...multiplication,
  ...decimal,
  ...bits,
  ...moves,
  ...stack,
  ...strings,
  ...branches,
  ...flagControl,
  ...interruptInstructions,
  ...farTransfers,
  ...descriptorTables,
  ...controlRegisters,
  ...inputOutput,
  ...identification,
  ...x87Transfers,
  ...x87Arithmetic,
  ...x87Comparisons,
  ...x87Transcendentals,
  ...x87Control,
  ...vectorControl,
  ...vectorMoves,
  ...vectorIntegers,
  ...vectorShifts,
  ...vectorArrangements,
  ...vectorElements,
  ...vectorFloats,
  ...vectorConversions,
  ...vectorRoundings,
  ...vectorText,
];

const map = makeOpcodeMap(instructions);

export const instructionSet = { instructions, map, forms: new Forms(map, isInline) } as const;
