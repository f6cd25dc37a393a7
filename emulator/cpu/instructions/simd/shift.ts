/** Shifts of vector lanes and of whole vectors (SDM 1 §9.4.6, §11.4.2). */

import type { Instruction } from '../../instruction.ts';
import { type Native, native } from '../../native.ts';
import { isMemory, type Operand } from '../../operand.ts';
import { A, B, MMX_BYTES, type Operation, onBoth, R, storeResult, XMM_BYTES } from './vector.ts';

/** From `A` to `R`. */
type Shift = (bytes: number, count: number) => void;

/** Whatever is longer than any lane. */
const FAR = 255;

function narrow(
  view: 'u16' | 'i16' | 'u32' | 'i32',
  shift: (value: number, count: number) => number,
): Shift {
  const [source, result] = [A[view], R[view]];
  const bits = 8 * source.BYTES_PER_ELEMENT;
  return (bytes, count) => {
    for (let i = 0; i < (8 * bytes) / bits; i++) {
      const value = source[i] as number;
      // Only a shift of signed lanes leaves something: their sign.
      result[i] = count < bits ? shift(value, count) : value < 0 ? -1 : 0;
    }
  };
}

function wide(shift: (value: bigint, count: bigint) => bigint): Shift {
  return (bytes, count) => {
    for (let i = 0; i < bytes / 8; i++) {
      R.u64[i] = count < 64 ? shift(A.u64[i] as bigint, BigInt(count)) : 0n;
    }
  };
}

/** By whole bytes, upwards if positive. */
const byBytes =
  (direction: 1 | -1): Shift =>
  (bytes, count) => {
    for (let i = 0; i < bytes; i++) {
      R.u8[i] = A.u8[i - direction * count] ?? 0;
    }
  };

/** By all 64 bits of the second operand. */
const byVector = (name: string, shift: Shift): Native =>
  native(name, (cpu, target: number, source: number, bytes: number) => {
    A.load(cpu, target, bytes);
    B.load(cpu, source, 8);
    shift(bytes, B.u32[1] === 0 ? Math.min(B.u32[0] as number, FAR) : FAR);
    storeResult(cpu, target, bytes);
  });

const byImmediate = (name: string, shift: Shift): Native =>
  native(`${name}Immediate`, (cpu, target: number, count: number, bytes: number) => {
    A.load(cpu, target, bytes);
    shift(bytes, count);
    storeResult(cpu, target, bytes);
  });

function instruction(
  mnemonic: string,
  encoding: string,
  unit: 'mmx' | 'sse',
  run: Native,
): Instruction {
  const bytes = unit === 'mmx' ? MMX_BYTES : XMM_BYTES;
  return {
    mnemonic,
    encodings: [encoding],
    unit,
    execute(cpu, target: Operand, count: Operand) {
      const by =
        count.kind === 'vector' || isMemory(count) ? cpu.pointer(count, 'read') : cpu.read(count);
      cpu.call(run, cpu.pointer(target, 'read'), by, cpu.constant(bytes));
    },
  };
}

/** @param group opcode and digit of the form with an immediate */
function family(mnemonic: string, opcode: string, group: string, shift: Shift): Instruction[] {
  const [run, runImmediate] = [byVector(mnemonic, shift), byImmediate(mnemonic, shift)];
  return [
    instruction(mnemonic, `NP 0F ${opcode} Pq,Qq`, 'mmx', run),
    instruction(mnemonic, `66 0F ${opcode} Vdq,Wdq`, 'sse', run),
    instruction(mnemonic, `NP 0F ${group} Nq,Ib`, 'mmx', runImmediate),
    instruction(mnemonic, `66 0F ${group} Udq,Ib`, 'sse', runImmediate),
  ];
}

/** palignr: the first operand above the second, shifted down by bytes. */
const align: Operation = (bytes, count) => {
  for (let i = 0; i < bytes; i++) {
    const from = i + count;
    R.u8[i] = (from < bytes ? B.u8[from] : from < 2 * bytes ? A.u8[from - bytes] : 0) ?? 0;
  }
};

export const vectorShifts: readonly Instruction[] = [
  ...family(
    'psrlw',
    'D1',
    '71 /2',
    narrow('u16', (value, count) => value >>> count),
  ),
  ...family(
    'psrld',
    'D2',
    '72 /2',
    narrow('u32', (value, count) => value >>> count),
  ),
  ...family(
    'psrlq',
    'D3',
    '73 /2',
    wide((value, count) => value >> count),
  ),
  ...family(
    'psraw',
    'E1',
    '71 /4',
    narrow('i16', (value, count) => value >> count),
  ),
  ...family(
    'psrad',
    'E2',
    '72 /4',
    narrow('i32', (value, count) => value >> count),
  ),
  ...family(
    'psllw',
    'F1',
    '71 /6',
    narrow('u16', (value, count) => value << count),
  ),
  ...family(
    'pslld',
    'F2',
    '72 /6',
    narrow('u32', (value, count) => value << count),
  ),
  ...family(
    'psllq',
    'F3',
    '73 /6',
    wide((value, count) => value << count),
  ),
  instruction('psrldq', '66 0F 73 /3 Udq,Ib', 'sse', byImmediate('psrldq', byBytes(-1))),
  instruction('pslldq', '66 0F 73 /7 Udq,Ib', 'sse', byImmediate('pslldq', byBytes(1))),
  ...onBoth('palignr', '3A 0F', align, { immediate: ',Ib' }),
];
