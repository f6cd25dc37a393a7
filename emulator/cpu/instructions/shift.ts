/**
 * Shifts and rotates (SDM 1 §5.1.5).
 *
 * A count of zero changes nothing, flags included. OF is defined only for a count of one; rotates
 * leave SF, ZF, AF and PF alone.
 */

import { EFLAGS, setFlagBits } from '../flags.ts';
import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Semantics } from '../semantics.ts';

const encodingsOf = (digit: number): readonly string[] => [
  `C0 /${digit} Eb,Ib`,
  `C1 /${digit} Ev,Ib`,
  `D0 /${digit} Eb,1`,
  `D1 /${digit} Ev,1`,
  `D2 /${digit} Eb,CL`,
  `D3 /${digit} Ev,CL`,
];

const lowBit = <V>(cpu: Semantics<V>, value: V): V => cpu.and(value, cpu.constant(1));
const bitsOf = <V>(cpu: Semantics<V>): number => 8 * cpu.size;
const signBit = <V>(cpu: Semantics<V>, value: V): V =>
  lowBit(cpu, cpu.shr(value, cpu.constant(bitsOf(cpu) - 1)));

interface Shifted<V> {
  readonly result: V;
  readonly carry: V;
  readonly overflow: V;
}

/** @param less the count minus one */
type Shift = <V>(cpu: Semantics<V>, a: V, count: V, less: V) => Shifted<V>;

const shiftLeft: Shift = (cpu, a, count, less) => {
  const result = cpu.shl(a, count);
  const carry = signBit(cpu, cpu.shl(a, less));
  return { result, carry, overflow: cpu.xor(carry, signBit(cpu, result)) };
};

const shiftRight: Shift = (cpu, a, count, less) => ({
  result: cpu.shr(a, count),
  carry: lowBit(cpu, cpu.shr(a, less)),
  overflow: signBit(cpu, a),
});

const shiftArithmetic: Shift = (cpu, a, count, less) => ({
  result: cpu.sar(a, count),
  carry: lowBit(cpu, cpu.sar(a, less)),
  overflow: cpu.constant(0),
});

function shift(mnemonic: string, digits: readonly number[], compute: Shift): Instruction {
  return {
    mnemonic,
    encodings: digits.flatMap(encodingsOf),
    execute(cpu, target: Operand, by: Operand) {
      const count = cpu.and(cpu.read(by), cpu.constant(31));
      const value = cpu.readForUpdate(target);
      const a = mnemonic === 'sar' ? cpu.signExtend(value, cpu.size) : value;
      cpu.when(count, () => {
        const less = cpu.sub(count, cpu.constant(1));
        const { result, carry, overflow } = compute(cpu, a, count, less);
        cpu.write(target, result);
        cpu.setKnownFlags(carry, overflow, result);
      });
    },
  };
}

const setRotateFlags = native('setRotateFlags', (cpu, carry: number, overflow: number) => {
  setFlagBits(cpu.state, EFLAGS.carry | EFLAGS.overflow, carry | (overflow << 11));
});

/** OF costs a call; it is worked out only where it is defined. */
function setRotated<V>(cpu: Semantics<V>, count: V, carry: V, overflow: () => V): void {
  cpu.when(
    cpu.eq(count, cpu.constant(1)),
    () => {
      cpu.call(setRotateFlags, carry, overflow());
    },
    () => cpu.setCarry(carry),
  );
}

function topBitsDiffer<V>(cpu: Semantics<V>, value: V): V {
  const next = lowBit(cpu, cpu.shr(value, cpu.constant(bitsOf(cpu) - 2)));
  return cpu.xor(signBit(cpu, value), next);
}

function rotate(mnemonic: 'rol' | 'ror', digit: number): Instruction {
  const isLeft = mnemonic === 'rol';
  return {
    mnemonic,
    encodings: encodingsOf(digit),
    execute(cpu, target: Operand, by: Operand) {
      const width = cpu.constant(bitsOf(cpu));
      const inside = cpu.constant(bitsOf(cpu) - 1);
      const count = cpu.and(cpu.read(by), cpu.constant(31));
      const a = cpu.readForUpdate(target);
      cpu.when(count, () => {
        const turn = cpu.and(count, inside);
        const back = cpu.and(cpu.sub(width, turn), inside);
        const left = cpu.shl(a, isLeft ? turn : back);
        const result = cpu.or(left, cpu.shr(a, isLeft ? back : turn));
        cpu.write(target, result);
        const carry = isLeft ? lowBit(cpu, result) : signBit(cpu, result);
        setRotated(cpu, count, carry, () =>
          isLeft ? cpu.xor(signBit(cpu, result), carry) : topBitsDiffer(cpu, result),
        );
      });
    },
  };
}

function rotateThroughCarry(mnemonic: 'rcl' | 'rcr', digit: number): Instruction {
  const isLeft = mnemonic === 'rcl';
  return {
    mnemonic,
    encodings: encodingsOf(digit),
    execute(cpu, target: Operand, by: Operand) {
      const count = cpu.and(cpu.read(by), cpu.constant(31));
      const value = cpu.variable(cpu.readForUpdate(target));
      const carry = cpu.variable(cpu.carry());
      const left = cpu.variable(count);
      const one = cpu.constant(1);
      cpu.repeat(
        () => left.get(),
        () => {
          const a = value.get();
          const incoming = carry.get();
          if (isLeft) {
            carry.set(signBit(cpu, a));
            value.set(cpu.or(cpu.shl(a, one), incoming));
          } else {
            carry.set(lowBit(cpu, a));
            const top = cpu.shl(incoming, cpu.constant(bitsOf(cpu) - 1));
            value.set(cpu.or(cpu.shr(cpu.zeroExtend(a, cpu.size), one), top));
          }
          left.set(cpu.sub(left.get(), one));
        },
      );
      const result = value.get();
      cpu.when(count, () => {
        cpu.write(target, result);
        setRotated(cpu, count, carry.get(), () =>
          isLeft ? cpu.xor(signBit(cpu, result), carry.get()) : topBitsDiffer(cpu, result),
        );
      });
    },
  };
}

function doubleShift(mnemonic: 'shld' | 'shrd', opcode: string, next: string): Instruction {
  const isLeft = mnemonic === 'shld';
  return {
    mnemonic,
    encodings: [`0F ${opcode} Ev,Gv,Ib`, `0F ${next} Ev,Gv,CL`],
    execute(cpu, target: Operand, source: Operand, by: Operand) {
      const width = cpu.constant(bitsOf(cpu));
      const count = cpu.and(cpu.read(by), cpu.constant(31));
      const b = cpu.read(source);
      const a = cpu.readForUpdate(target);
      cpu.when(count, () => {
        const back = cpu.sub(width, count);
        const less = cpu.sub(count, cpu.constant(1));
        const result = isLeft
          ? cpu.or(cpu.shl(a, count), cpu.shr(b, back))
          : cpu.or(cpu.shr(a, count), cpu.shl(b, back));
        const carry = isLeft ? signBit(cpu, cpu.shl(a, less)) : lowBit(cpu, cpu.shr(a, less));
        cpu.write(target, result);
        cpu.setKnownFlags(carry, cpu.xor(signBit(cpu, result), signBit(cpu, a)), result);
      });
    },
  };
}

export const shifts: readonly Instruction[] = [
  rotate('rol', 0),
  rotate('ror', 1),
  rotateThroughCarry('rcl', 2),
  rotateThroughCarry('rcr', 3),
  shift('shl', [4, 6], shiftLeft), // /6 is an undocumented twin of /4
  shift('shr', [5], shiftRight),
  shift('sar', [7], shiftArithmetic),
  doubleShift('shld', 'A4', 'A5'),
  doubleShift('shrd', 'AC', 'AD'),
];
