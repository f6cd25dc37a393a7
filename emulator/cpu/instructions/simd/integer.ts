/** Integer arithmetic, comparison and logic of MMX, SSE2 and later (SDM 1 §9.4, §11.4.2, §12). */

import type { Instruction } from '../../instruction.ts';
import { A, B, lanes, type Operation, onBoth, onlyXmm, R, saturate, wideLanes } from './vector.ts';

const allOnes = (truth: boolean): number => (truth ? -1 : 0);
const average = (a: number, b: number): number => (a + b + 1) >> 1;

const saturatingAdd = (view: 'u8' | 'i8' | 'u16' | 'i16'): Operation =>
  lanes(view, (a, b) => saturate(view, a + b));
const saturatingSubtract = (view: 'u8' | 'i8' | 'u16' | 'i16'): Operation =>
  lanes(view, (a, b) => saturate(view, a - b));

/** Products of neighbours, added. */
const multiplyAdd: Operation = (bytes) => {
  for (let i = 0; i < bytes / 4; i++) {
    const low = (A.i16[2 * i] as number) * (B.i16[2 * i] as number);
    R.i32[i] = low + (A.i16[2 * i + 1] as number) * (B.i16[2 * i + 1] as number);
  }
};

/** pmaddubsw: unsigned by signed bytes, the sums saturated. */
const multiplyAddBytes: Operation = (bytes) => {
  for (let i = 0; i < bytes / 2; i++) {
    const low = (A.u8[2 * i] as number) * (B.i8[2 * i] as number);
    const high = (A.u8[2 * i + 1] as number) * (B.i8[2 * i + 1] as number);
    R.i16[i] = saturate('i16', low + high);
  }
};

const multiplyEven =
  (view: 'u32' | 'i32'): Operation =>
  (bytes) => {
    for (let i = 0; i < bytes / 8; i++) {
      const product = BigInt(A[view][2 * i] as number) * BigInt(B[view][2 * i] as number);
      R.i64[i] = BigInt.asIntN(64, product);
    }
  };

const sumOfDifferences: Operation = (bytes) => {
  for (let half = 0; half < bytes / 8; half++) {
    let sum = 0;
    for (let i = 8 * half; i < 8 * half + 8; i++) {
      sum += Math.abs((A.u8[i] as number) - (B.u8[i] as number));
    }
    R.u64[half] = BigInt(sum);
  }
};

/** Neighbours of the first operand, then of the second, to one lane each. */
const horizontally =
  (view: 'i16' | 'i32', compute: (a: number, b: number) => number): Operation =>
  (bytes) => {
    const half = bytes / R[view].BYTES_PER_ELEMENT / 2;
    for (let i = 0; i < 2 * half; i++) {
      const source = i < half ? A[view] : B[view];
      const at = 2 * (i % half);
      R[view][i] = compute(source[at] as number, source[at + 1] as number);
    }
  };

const withSign = (a: number, b: number): number => (b < 0 ? -a : b === 0 ? 0 : a);
/** pmulhrsw: the high bits of the product, rounded. */
const highRounded = (a: number, b: number): number => (((a * b) >> 14) + 1) >> 1;

/** phminposuw: the least word and where it stands. */
const leastWord: Operation = () => {
  const words = [...B.u16];
  const least = Math.min(...words);
  R.u16.fill(0);
  R.u16[0] = least;
  R.u16[1] = words.indexOf(least);
};

/** mpsadbw: eight sums of four differences; the immediate chooses where to begin. */
const multipleSums: Operation = (_bytes, immediate) => {
  const first = immediate & 4;
  const block = 4 * (immediate & 3);
  for (let i = 0; i < 8; i++) {
    let sum = 0;
    for (let k = 0; k < 4; k++) {
      sum += Math.abs((A.u8[first + i + k] as number) - (B.u8[block + k] as number));
    }
    R.u16[i] = sum;
  }
};

const absolute = (_a: number, b: number): number => Math.abs(b);

const addition: readonly Instruction[] = [
  ...onBoth(
    'paddb',
    'FC',
    lanes('u8', (a, b) => a + b),
  ),
  ...onBoth(
    'paddw',
    'FD',
    lanes('u16', (a, b) => a + b),
  ),
  ...onBoth(
    'paddd',
    'FE',
    lanes('u32', (a, b) => a + b),
  ),
  ...onBoth(
    'paddq',
    'D4',
    wideLanes('u64', (a, b) => a + b),
  ),
  ...onBoth(
    'psubb',
    'F8',
    lanes('u8', (a, b) => a - b),
  ),
  ...onBoth(
    'psubw',
    'F9',
    lanes('u16', (a, b) => a - b),
  ),
  ...onBoth(
    'psubd',
    'FA',
    lanes('u32', (a, b) => a - b),
  ),
  ...onBoth(
    'psubq',
    'FB',
    wideLanes('u64', (a, b) => a - b),
  ),
  ...onBoth('paddsb', 'EC', saturatingAdd('i8')),
  ...onBoth('paddsw', 'ED', saturatingAdd('i16')),
  ...onBoth('paddusb', 'DC', saturatingAdd('u8')),
  ...onBoth('paddusw', 'DD', saturatingAdd('u16')),
  ...onBoth('psubsb', 'E8', saturatingSubtract('i8')),
  ...onBoth('psubsw', 'E9', saturatingSubtract('i16')),
  ...onBoth('psubusb', 'D8', saturatingSubtract('u8')),
  ...onBoth('psubusw', 'D9', saturatingSubtract('u16')),
  ...onBoth('pavgb', 'E0', lanes('u8', average)),
  ...onBoth('pavgw', 'E3', lanes('u16', average)),
  ...onBoth('psadbw', 'F6', sumOfDifferences),
  ...onBoth(
    'phaddw',
    '38 01',
    horizontally('i16', (a, b) => a + b),
  ),
  ...onBoth(
    'phaddd',
    '38 02',
    horizontally('i32', (a, b) => a + b),
  ),
  ...onBoth(
    'phaddsw',
    '38 03',
    horizontally('i16', (a, b) => saturate('i16', a + b)),
  ),
  ...onBoth(
    'phsubw',
    '38 05',
    horizontally('i16', (a, b) => a - b),
  ),
  ...onBoth(
    'phsubd',
    '38 06',
    horizontally('i32', (a, b) => a - b),
  ),
  ...onBoth(
    'phsubsw',
    '38 07',
    horizontally('i16', (a, b) => saturate('i16', a - b)),
  ),
  ...onBoth('psignb', '38 08', lanes('i8', withSign)),
  ...onBoth('psignw', '38 09', lanes('i16', withSign)),
  ...onBoth('psignd', '38 0A', lanes('i32', withSign)),
  ...onBoth('pabsb', '38 1C', lanes('i8', absolute)),
  ...onBoth('pabsw', '38 1D', lanes('i16', absolute)),
  ...onBoth('pabsd', '38 1E', lanes('i32', absolute)),
  onlyXmm('phminposuw', '66 0F 38 41 Vdq,Wdq', leastWord),
  onlyXmm('mpsadbw', '66 0F 3A 42 Vdq,Wdq,Ib', multipleSums),
];

const multiplication: readonly Instruction[] = [
  ...onBoth('pmullw', 'D5', lanes('i16', Math.imul)),
  ...onBoth(
    'pmulhw',
    'E5',
    lanes('i16', (a, b) => (a * b) >> 16),
  ),
  ...onBoth(
    'pmulhuw',
    'E4',
    lanes('u16', (a, b) => (a * b) >>> 16),
  ),
  ...onBoth('pmuludq', 'F4', multiplyEven('u32')),
  ...onBoth('pmaddwd', 'F5', multiplyAdd),
  ...onBoth('pmaddubsw', '38 04', multiplyAddBytes),
  ...onBoth('pmulhrsw', '38 0B', lanes('i16', highRounded)),
  onlyXmm('pmuldq', '66 0F 38 28 Vdq,Wdq', multiplyEven('i32')),
  onlyXmm('pmulld', '66 0F 38 40 Vdq,Wdq', lanes('i32', Math.imul)),
];

const comparison: readonly Instruction[] = [
  ...onBoth(
    'pcmpeqb',
    '74',
    lanes('u8', (a, b) => allOnes(a === b)),
  ),
  ...onBoth(
    'pcmpeqw',
    '75',
    lanes('u16', (a, b) => allOnes(a === b)),
  ),
  ...onBoth(
    'pcmpeqd',
    '76',
    lanes('u32', (a, b) => allOnes(a === b)),
  ),
  ...onBoth(
    'pcmpgtb',
    '64',
    lanes('i8', (a, b) => allOnes(a > b)),
  ),
  ...onBoth(
    'pcmpgtw',
    '65',
    lanes('i16', (a, b) => allOnes(a > b)),
  ),
  ...onBoth(
    'pcmpgtd',
    '66',
    lanes('i32', (a, b) => allOnes(a > b)),
  ),
  onlyXmm(
    'pcmpeqq',
    '66 0F 38 29 Vdq,Wdq',
    wideLanes('i64', (a, b) => (a === b ? -1n : 0n)),
  ),
  onlyXmm(
    'pcmpgtq',
    '66 0F 38 37 Vdq,Wdq',
    wideLanes('i64', (a, b) => (a > b ? -1n : 0n)),
  ),
  ...onBoth('pminub', 'DA', lanes('u8', Math.min)),
  ...onBoth('pmaxub', 'DE', lanes('u8', Math.max)),
  ...onBoth('pminsw', 'EA', lanes('i16', Math.min)),
  ...onBoth('pmaxsw', 'EE', lanes('i16', Math.max)),
  onlyXmm('pminsb', '66 0F 38 38 Vdq,Wdq', lanes('i8', Math.min)),
  onlyXmm('pminsd', '66 0F 38 39 Vdq,Wdq', lanes('i32', Math.min)),
  onlyXmm('pminuw', '66 0F 38 3A Vdq,Wdq', lanes('u16', Math.min)),
  onlyXmm('pminud', '66 0F 38 3B Vdq,Wdq', lanes('u32', Math.min)),
  onlyXmm('pmaxsb', '66 0F 38 3C Vdq,Wdq', lanes('i8', Math.max)),
  onlyXmm('pmaxsd', '66 0F 38 3D Vdq,Wdq', lanes('i32', Math.max)),
  onlyXmm('pmaxuw', '66 0F 38 3E Vdq,Wdq', lanes('u16', Math.max)),
  onlyXmm('pmaxud', '66 0F 38 3F Vdq,Wdq', lanes('u32', Math.max)),
];

const and = lanes('u32', (a, b) => a & b);
const andNot = lanes('u32', (a, b) => ~a & b);
const or = lanes('u32', (a, b) => a | b);
const xor = lanes('u32', (a, b) => a ^ b);

const floatLogic = (name: string, opcode: string, operation: Operation): Instruction[] => [
  onlyXmm(`${name}ps`, `NP 0F ${opcode} Vps,Wps`, operation),
  onlyXmm(`${name}pd`, `66 0F ${opcode} Vpd,Wpd`, operation),
];

const logic: readonly Instruction[] = [
  ...onBoth('pand', 'DB', and),
  ...onBoth('pandn', 'DF', andNot),
  ...onBoth('por', 'EB', or),
  ...onBoth('pxor', 'EF', xor),
  ...floatLogic('and', '54', and),
  ...floatLogic('andn', '55', andNot),
  ...floatLogic('or', '56', or),
  ...floatLogic('xor', '57', xor),
];

export const vectorIntegers: readonly Instruction[] = [
  ...addition,
  ...multiplication,
  ...comparison,
  ...logic,
];
