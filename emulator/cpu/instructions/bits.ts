/** Bit tests, scans and byte conditions (SDM 1 §5.1.6). */

import { setArithmeticFlags } from '../flags.ts';
import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Semantics } from '../semantics.ts';

type Change = (<V>(cpu: Semantics<V>, value: V, mask: V) => V) | undefined;

/** With a register as index a memory operand is a bit string: the index selects the word too. */
function bitTest(mnemonic: string, opcode: string, digit: number, change: Change): Instruction {
  return {
    mnemonic,
    encodings: [`0F ${opcode} Ev,Gv`, `0F BA /${digit} Ev,Ib`],
    ...(change === undefined ? {} : { lockable: true as const }),
    execute(cpu, target: Operand, index: Operand) {
      const bit = cpu.read(index);
      const inside = cpu.and(bit, cpu.constant(8 * cpu.size - 1));
      const shift = stringOffset(cpu, target, index, bit);
      const value = change ? cpu.readForUpdate(target, shift) : cpu.read(target, shift);
      if (change) {
        cpu.write(target, change(cpu, value, cpu.shl(cpu.constant(1), inside)));
      }
      cpu.setCarry(cpu.and(cpu.shr(value, inside), cpu.constant(1)));
    },
  };
}

/** Bytes from the operand's address to the word that holds the bit. */
function stringOffset<V>(
  cpu: Semantics<V>,
  target: Operand,
  index: Operand,
  bit: V,
): V | undefined {
  if (target.kind === 'register' || index.kind !== 'register') {
    return undefined;
  }
  const words = cpu.sar(cpu.signExtend(bit, cpu.size), cpu.constant(cpu.size === 4 ? 5 : 4));
  return cpu.shl(words, cpu.constant(cpu.size === 4 ? 2 : 1));
}

/** The target stays as it is when the source is 0, on all processors there are. */
function bitScan(mnemonic: string, encoding: string, isForward: boolean): Instruction {
  return {
    mnemonic,
    encodings: [encoding],
    execute(cpu, target: Operand, source: Operand) {
      const value = cpu.read(source);
      cpu.when(value, () => {
        const last = cpu.constant(31);
        cpu.write(target, isForward ? cpu.ctz(value) : cpu.sub(last, cpu.clz(value)));
      });
      cpu.setLogicFlags(value);
    },
  };
}

/** All flags are cleared but ZF (SDM 2B, POPCNT). */
const setZeroOnly = native('setZeroOnly', (cpu, flags: number) => {
  setArithmeticFlags(cpu.state, flags);
});

export const bits: readonly Instruction[] = [
  bitTest('bt', 'A3', 4, undefined),
  bitTest('bts', 'AB', 5, (cpu, value, mask) => cpu.or(value, mask)),
  bitTest('btr', 'B3', 6, (cpu, value, mask) => cpu.and(value, cpu.xor(mask, cpu.constant(-1)))),
  bitTest('btc', 'BB', 7, (cpu, value, mask) => cpu.xor(value, mask)),
  bitScan('bsf', '0F BC Gv,Ev', true),
  bitScan('bsr', '0F BD Gv,Ev', false),
  {
    mnemonic: 'popcnt',
    encodings: ['F3 0F B8 Gv,Ev'],
    execute(cpu, target: Operand, source: Operand) {
      const value = cpu.read(source);
      cpu.write(target, cpu.popcnt(value));
      const isZero = cpu.eq(value, cpu.constant(0));
      cpu.call(setZeroOnly, cpu.shl(isZero, cpu.constant(6)));
    },
  },
  {
    mnemonic: 'setcc',
    encodings: ['0F 90+cc Eb'],
    execute(cpu, target: Operand) {
      cpu.write(target, cpu.condition(cpu.cc));
    },
  },
];
