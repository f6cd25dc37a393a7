/** Conversions between numbers in vectors and in general registers (SDM 1 §11.4.1.6). */

import { float64 } from '../../float/binary.ts';
import { type FloatContext, type Rounding, TOWARD_ZERO } from '../../float/context.ts';
import {
  doubleToInt32,
  doubleToSingle,
  int32ToDouble,
  int32ToSingle,
  singleToDouble,
  singleToInt32,
} from '../../float/sse-conversion.ts';
import type { Instruction } from '../../instruction.ts';
import { native } from '../../native.ts';
import type { Operand } from '../../operand.ts';
import type { Processor } from '../../processor.ts';
import { begin, finish, getDouble, putDouble } from './float.ts';
import { B, enterMmx, R, storeMmx, XMM_BYTES } from './vector.ts';

// One value at a time; nothing stays.
const lane = float64();
const result = float64();

/** Converts lane `i` of `B` to lane `i` of `R`. */
type Convert = (i: number, context: FloatContext) => void;

const integerToSingle: Convert = (i, context) => {
  R.u32[i] = int32ToSingle(B.u32[i] as number, context);
};
const integerToDouble: Convert = (i, context) => {
  int32ToDouble(B.u32[i] as number, result, context);
  putDouble(R, i, result);
};
const singlesToDouble: Convert = (i, context) => {
  singleToDouble(B.u32[i] as number, result, context);
  putDouble(R, i, result);
};
const doublesToSingle: Convert = (i, context) => {
  R.u32[i] = doubleToSingle(getDouble(B, i, lane), context);
};
const singleToInteger =
  (rounding: (context: FloatContext) => Rounding): Convert =>
  (i, context) => {
    R.u32[i] = singleToInt32(B.u32[i] as number, rounding(context), context);
  };
const doubleToInteger =
  (rounding: (context: FloatContext) => Rounding): Convert =>
  (i, context) => {
    R.u32[i] = doubleToInt32(getDouble(B, i, lane), rounding(context), context);
  };

const asControlled = (context: FloatContext): Rounding => context.rounding;
const truncated = (): Rounding => TOWARD_ZERO;

/** Loads so many bytes of the source and converts the lanes. */
function convert(cpu: Processor, source: number, read: number, lanes: number, by: Convert): void {
  B.load(cpu, source, read);
  const context = begin(cpu);
  R.u64.fill(0n);
  for (let i = 0; i < lanes; i++) {
    by(i, context);
  }
  finish(cpu, context);
}

/** Bytes that a conversion reads, its lanes, and the bytes of the target that it writes. */
interface Shape {
  readonly read: number;
  readonly lanes: number;
  readonly written: number;
}

function toVector(
  mnemonic: string,
  encoding: string,
  { read, lanes, written }: Shape,
  conversion: Convert,
): Instruction {
  const run = native(mnemonic, (cpu, target: number, source: number) => {
    convert(cpu, source, read, lanes, conversion);
    R.store(cpu, target, written);
  });
  return {
    mnemonic,
    encodings: [encoding],
    unit: 'sse',
    execute(cpu, target: Operand, source: Operand) {
      const from = cpu.pointer(source, 'read');
      cpu.call(run, cpu.pointer(target, 'read'), from);
    },
  };
}

const touchMmx = native('touchMmx', (cpu) => enterMmx(cpu));

/** From an MMX register, or from memory, which has nothing to do with the MMX unit. */
function fromMmx(
  mnemonic: string,
  [prefix, target]: readonly [string, string],
  shape: Shape,
  conversion: Convert,
): Instruction[] {
  const fromMemory = toVector(mnemonic, `${prefix} 0F 2A mem ${target},Qq`, shape, conversion);
  const fromRegister: Instruction = {
    mnemonic,
    encodings: [`${prefix} 0F 2A reg ${target},Qq`],
    unit: 'sse with mmx',
    execute(cpu, ...operands: Operand[]) {
      cpu.call(touchMmx);
      fromMemory.execute(cpu, ...operands);
    },
  };
  return [fromMemory, fromRegister];
}

function toMmx(mnemonic: string, encoding: string, read: 8 | 16, conversion: Convert): Instruction {
  const run = native(mnemonic, (cpu, target: number, source: number) => {
    // Before the conversion, which may fault: so do processors.
    enterMmx(cpu);
    convert(cpu, source, read, 2, conversion);
    storeMmx(cpu, target);
  });
  return {
    mnemonic,
    encodings: [encoding],
    unit: 'sse with mmx',
    execute(cpu, target: Operand, source: Operand) {
      const from = cpu.pointer(source, 'read');
      cpu.call(run, cpu.pointer(target, 'read'), from);
    },
  };
}

function toRegister(
  mnemonic: string,
  encoding: string,
  read: 4 | 8,
  conversion: Convert,
): Instruction {
  const run = native(mnemonic, (cpu, source: number) => {
    convert(cpu, source, read, 1, conversion);
    return R.u32[0];
  });
  return {
    mnemonic,
    encodings: [encoding],
    unit: 'sse',
    execute(cpu, target: Operand, source: Operand) {
      cpu.write(target, cpu.call(run, cpu.pointer(source, 'read')));
    },
  };
}

const packed = (read: number, lanes: number): Shape => ({ read, lanes, written: XMM_BYTES });
const scalar = (read: number, written: number): Shape => ({ read, lanes: 1, written });

export const vectorConversions: readonly Instruction[] = [
  toVector('cvtsi2ss', 'F3 0F 2A Vss,Ed', scalar(4, 4), integerToSingle),
  toVector('cvtsi2sd', 'F2 0F 2A Vsd,Ed', scalar(4, 8), integerToDouble),
  toVector('cvtss2sd', 'F3 0F 5A Vsd,Wss', scalar(4, 8), singlesToDouble),
  toVector('cvtsd2ss', 'F2 0F 5A Vss,Wsd', scalar(8, 4), doublesToSingle),
  toVector('cvtps2pd', 'NP 0F 5A Vpd,Wq', packed(8, 2), singlesToDouble),
  toVector('cvtpd2ps', '66 0F 5A Vps,Wpd', packed(16, 2), doublesToSingle),
  toVector('cvtdq2ps', 'NP 0F 5B Vps,Wdq', packed(16, 4), integerToSingle),
  toVector('cvtps2dq', '66 0F 5B Vdq,Wps', packed(16, 4), singleToInteger(asControlled)),
  toVector('cvttps2dq', 'F3 0F 5B Vdq,Wps', packed(16, 4), singleToInteger(truncated)),
  toVector('cvtdq2pd', 'F3 0F E6 Vpd,Wq', packed(8, 2), integerToDouble),
  toVector('cvtpd2dq', 'F2 0F E6 Vdq,Wpd', packed(16, 2), doubleToInteger(asControlled)),
  toVector('cvttpd2dq', '66 0F E6 Vdq,Wpd', packed(16, 2), doubleToInteger(truncated)),
  ...fromMmx('cvtpi2ps', ['NP', 'Vps'], { read: 8, lanes: 2, written: 8 }, integerToSingle),
  ...fromMmx('cvtpi2pd', ['66', 'Vpd'], packed(8, 2), integerToDouble),
  toMmx('cvtps2pi', 'NP 0F 2D Pq,Wq', 8, singleToInteger(asControlled)),
  toMmx('cvttps2pi', 'NP 0F 2C Pq,Wq', 8, singleToInteger(truncated)),
  toMmx('cvtpd2pi', '66 0F 2D Pq,Wpd', 16, doubleToInteger(asControlled)),
  toMmx('cvttpd2pi', '66 0F 2C Pq,Wpd', 16, doubleToInteger(truncated)),
  toRegister('cvtss2si', 'F3 0F 2D Gd,Wss', 4, singleToInteger(asControlled)),
  toRegister('cvttss2si', 'F3 0F 2C Gd,Wss', 4, singleToInteger(truncated)),
  toRegister('cvtsd2si', 'F2 0F 2D Gd,Wsd', 8, doubleToInteger(asControlled)),
  toRegister('cvttsd2si', 'F2 0F 2C Gd,Wsd', 8, doubleToInteger(truncated)),
];
