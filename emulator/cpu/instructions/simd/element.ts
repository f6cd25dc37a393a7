/** Single lanes of vectors and bits made from all of them, to and from general registers. */

import { EFLAGS, setArithmeticFlags } from '../../flags.ts';
import type { Instruction } from '../../instruction.ts';
import { native } from '../../native.ts';
import type { Operand } from '../../operand.ts';
import { A, B, enterMmx, MMX_BYTES, R, storeResult, XMM_BYTES } from './vector.ts';

type Width = 1 | 2 | 4;
const VIEWS = { 1: 'u8', 2: 'u16', 4: 'u32' } as const;

const insertLane = native(
  'insertLane',
  (cpu, target: number, value: number, index: number, width: number, bytes: number) => {
    const lane = R[VIEWS[width as Width]];
    R.load(cpu, target, bytes);
    lane[index & (bytes / width - 1)] = value;
    storeResult(cpu, target, bytes);
  },
);

const extractLane = native(
  'extractLane',
  (cpu, source: number, index: number, width: number, bytes: number) => {
    A.load(cpu, source, bytes);
    if (bytes === MMX_BYTES) {
      enterMmx(cpu);
    }
    return A[VIEWS[width as Width]][index & (bytes / width - 1)];
  },
);

type Unit = 'mmx' | 'sse';
const bytesOf = (unit: Unit): number => (unit === 'mmx' ? MMX_BYTES : XMM_BYTES);

const insert = (
  mnemonic: string,
  unit: Unit,
  width: Width,
  encodings: readonly string[],
): Instruction => ({
  mnemonic,
  encodings,
  unit,
  execute(cpu, target: Operand, source: Operand, index: Operand) {
    const value = cpu.read(source);
    const shape = [cpu.constant(width), cpu.constant(bytesOf(unit))];
    cpu.call(insertLane, cpu.pointer(target, 'read'), value, cpu.read(index), ...shape);
  },
});

const extract = (
  mnemonic: string,
  unit: Unit,
  width: Width,
  encodings: readonly string[],
): Instruction => ({
  mnemonic,
  encodings,
  unit,
  execute(cpu, target: Operand, source: Operand, index: Operand) {
    const shape = [cpu.constant(width), cpu.constant(bytesOf(unit))];
    const from = cpu.pointer(source, 'read');
    cpu.write(target, cpu.call(extractLane, from, cpu.read(index), ...shape));
  },
});

/** The sign bits of all lanes. */
const signBits = native('signBits', (cpu, source: number, width: number, bytes: number) => {
  A.load(cpu, source, bytes);
  if (bytes === MMX_BYTES) {
    enterMmx(cpu);
  }
  let bits = 0;
  for (let lane = 0; lane < bytes / width; lane++) {
    bits |= ((A.u8[lane * width + width - 1] as number) >> 7) << lane;
  }
  return bits;
});

const moveMask = (mnemonic: string, unit: Unit, width: number, encoding: string): Instruction => ({
  mnemonic,
  encodings: [encoding],
  unit,
  execute(cpu, target: Operand, source: Operand) {
    const shape = [cpu.constant(width), cpu.constant(bytesOf(unit))];
    cpu.write(target, cpu.call(signBits, cpu.pointer(source, 'read'), ...shape));
  },
});

/** ZF: they have no bit in common; CF: the second has none that the first has not. */
const testBits = native('ptest', (cpu, first: number, second: number) => {
  A.load(cpu, first, XMM_BYTES);
  B.load(cpu, second, XMM_BYTES);
  let [common, more] = [0, 0];
  for (let i = 0; i < XMM_BYTES; i++) {
    const [a, b] = [A.u8[i] as number, B.u8[i] as number];
    common |= a & b;
    more |= ~a & b;
  }
  const flags = (common === 0 ? EFLAGS.zero : 0) | (more === 0 ? EFLAGS.carry : 0);
  setArithmeticFlags(cpu.state, flags);
});

export const vectorElements: readonly Instruction[] = [
  insert('pinsrw', 'mmx', 2, ['NP 0F C4 reg Pq,Ed,Ib', 'NP 0F C4 mem Pq,Ew,Ib']),
  insert('pinsrw', 'sse', 2, ['66 0F C4 reg Vdq,Ed,Ib', '66 0F C4 mem Vdq,Ew,Ib']),
  insert('pinsrb', 'sse', 1, ['66 0F 3A 20 reg Vdq,Ed,Ib', '66 0F 3A 20 mem Vdq,Eb,Ib']),
  insert('pinsrd', 'sse', 4, ['66 0F 3A 22 Vdq,Ed,Ib']),
  extract('pextrw', 'mmx', 2, ['NP 0F C5 Gd,Nq,Ib']),
  extract('pextrw', 'sse', 2, [
    '66 0F C5 Gd,Udq,Ib',
    '66 0F 3A 15 reg Ed,Vdq,Ib',
    '66 0F 3A 15 mem Ew,Vdq,Ib',
  ]),
  extract('pextrb', 'sse', 1, ['66 0F 3A 14 reg Ed,Vdq,Ib', '66 0F 3A 14 mem Eb,Vdq,Ib']),
  extract('pextrd', 'sse', 4, ['66 0F 3A 16 Ed,Vdq,Ib']),
  extract('extractps', 'sse', 4, ['66 0F 3A 17 Ed,Vdq,Ib']),
  moveMask('pmovmskb', 'mmx', 1, 'NP 0F D7 Gd,Nq'),
  moveMask('pmovmskb', 'sse', 1, '66 0F D7 Gd,Udq'),
  moveMask('movmskps', 'sse', 4, 'NP 0F 50 Gd,Ups'),
  moveMask('movmskpd', 'sse', 8, '66 0F 50 Gd,Upd'),
  {
    mnemonic: 'ptest',
    encodings: ['66 0F 38 17 Vdq,Wdq'],
    unit: 'sse',
    execute(cpu, first: Operand, second: Operand) {
      const from = cpu.pointer(second, 'read');
      cpu.call(testBits, cpu.pointer(first, 'read'), from);
    },
  },
];
