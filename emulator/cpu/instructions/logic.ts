/** Bitwise operations (SDM 1 §5.1.4). */

import type { Instruction } from '../instruction.ts';
import type { Operand } from '../operand.ts';
import { classicEncodings } from './arithmetic.ts';

function logical(mnemonic: 'and' | 'or' | 'xor', opcode: number, digit: number): Instruction {
  return {
    mnemonic,
    encodings: classicEncodings(opcode, digit),
    lockable: true,
    execute(cpu, target: Operand, source: Operand) {
      const b = cpu.read(source);
      const result = cpu[mnemonic](cpu.readForUpdate(target), b);
      cpu.write(target, result);
      cpu.setLogicFlags(result);
    },
  };
}

export const logic: readonly Instruction[] = [
  logical('or', 0x08, 1),
  logical('and', 0x20, 4),
  logical('xor', 0x30, 6),
  {
    mnemonic: 'test',
    encodings: [
      ...['84 Eb,Gb', '85 Ev,Gv', 'A8 AL,Ib', 'A9 eAX,Iz'],
      ...['F6 /0 Eb,Ib', 'F7 /0 Ev,Iz', 'F6 /1 Eb,Ib', 'F7 /1 Ev,Iz'],
    ],
    execute(cpu, left: Operand, right: Operand) {
      const b = cpu.read(right);
      cpu.setLogicFlags(cpu.and(cpu.read(left), b));
    },
  },
  {
    mnemonic: 'not',
    encodings: ['F6 /2 Eb', 'F7 /2 Ev'],
    lockable: true,
    execute(cpu, target: Operand) {
      cpu.write(target, cpu.xor(cpu.readForUpdate(target), cpu.constant(-1)));
    },
  },
];
