/** Multiplication and division (SDM 1 §5.1.2). */

import { VECTOR } from '../exceptions.ts';
import type { Instruction } from '../instruction.ts';
import type { Operand } from '../operand.ts';
import type { Semantics } from '../semantics.ts';
import { EAX, EDX } from '../state.ts';

const extend = <V>(cpu: Semantics<V>, signed: boolean, value: V): V =>
  signed ? cpu.signExtend(value, cpu.size) : cpu.zeroExtend(value, cpu.size);

/** (E)DX:(E)AX = (E)AX × source; CF and OF say that the upper half matters. */
function multiply(mnemonic: string, digit: number, signed: boolean): Instruction {
  return {
    mnemonic,
    encodings: [`F6 /${digit} Eb`, `F7 /${digit} Ev`],
    execute(cpu, source: Operand) {
      const a = extend(cpu, signed, cpu.register(EAX, cpu.size));
      const b = extend(cpu, signed, cpu.read(source));
      if (cpu.size === 4) {
        const { low, high } = cpu.multiplyWide(signed, a, b);
        const sign = signed ? cpu.sar(low, cpu.constant(31)) : cpu.constant(0);
        const isLost = cpu.ne(high, sign);
        cpu.setRegister(EAX, low);
        cpu.setRegister(EDX, high);
        cpu.setKnownFlags(isLost, isLost, low);
        return;
      }
      const product = cpu.mul(a, b);
      const isLost = cpu.ne(product, extend(cpu, signed, product));
      cpu.setRegister(EAX, product, 2);
      if (cpu.size === 2) {
        cpu.setRegister(EDX, cpu.shr(product, cpu.constant(16)), 2);
      }
      cpu.setKnownFlags(isLost, isLost, product);
    },
  };
}

function setProduct<V>(cpu: Semantics<V>, target: Operand, a: V, b: V): void {
  if (cpu.size === 4) {
    const { low, high } = cpu.multiplyWide(true, a, b);
    const isLost = cpu.ne(high, cpu.sar(low, cpu.constant(31)));
    cpu.write(target, low);
    cpu.setKnownFlags(isLost, isLost, low);
  } else {
    const product = cpu.mul(a, b);
    const isLost = cpu.ne(product, cpu.signExtend(product, cpu.size));
    cpu.write(target, product);
    cpu.setKnownFlags(isLost, isLost, product);
  }
}

function divide(mnemonic: string, digit: number, signed: boolean): Instruction {
  return {
    mnemonic,
    encodings: [`F6 /${digit} Eb`, `F7 /${digit} Ev`],
    execute(cpu, source: Operand) {
      const divisor = extend(cpu, signed, cpu.read(source));
      cpu.faultIf(cpu.eq(divisor, cpu.constant(0)), VECTOR.divide);
      if (cpu.size === 4) {
        const high = cpu.register(EDX);
        const { overflow, quotient, remainder } = cpu.divideWide(
          signed,
          high,
          cpu.register(EAX),
          divisor,
        );
        cpu.faultIf(overflow, VECTOR.divide);
        cpu.setRegister(EAX, quotient);
        cpu.setRegister(EDX, remainder);
        return;
      }
      const dividend = narrowDividend(cpu, signed);
      const high = signed ? cpu.sar(dividend, cpu.constant(31)) : cpu.constant(0);
      const { quotient, remainder } = cpu.divideWide(signed, high, dividend, divisor);
      cpu.faultIf(cpu.ne(quotient, extend(cpu, signed, quotient)), VECTOR.divide);
      if (cpu.size === 2) {
        cpu.setRegister(EAX, quotient, 2);
        cpu.setRegister(EDX, remainder, 2);
      } else {
        const low = cpu.and(quotient, cpu.constant(0xff));
        cpu.setRegister(EAX, cpu.or(low, cpu.shl(remainder, cpu.constant(8))), 2);
      }
    },
  };
}

/** DX:AX or AX, as 32 bits. */
function narrowDividend<V>(cpu: Semantics<V>, signed: boolean): V {
  const low = cpu.register(EAX, 2);
  if (cpu.size === 2) {
    return cpu.or(low, cpu.shl(cpu.register(EDX, 2), cpu.constant(16)));
  }
  return signed ? cpu.signExtend(low, 2) : low;
}

export const multiplication: readonly Instruction[] = [
  multiply('mul', 4, false),
  multiply('imul', 5, true),
  divide('div', 6, false),
  divide('idiv', 7, true),
  {
    mnemonic: 'imul',
    encodings: ['0F AF Gv,Ev'],
    execute(cpu, target: Operand, source: Operand) {
      setProduct(cpu, target, cpu.readSigned(target), cpu.readSigned(source));
    },
  },
  {
    mnemonic: 'imul',
    encodings: ['69 Gv,Ev,Iz', '6B Gv,Ev,Ibs'],
    execute(cpu, target: Operand, source: Operand, factor: Operand) {
      setProduct(cpu, target, cpu.readSigned(source), cpu.readSigned(factor));
    },
  },
];
