/** Packing, unpacking, shuffling and blending (SDM 1 §9.4.4-5, §11.4.1.3, §12.10). */

import type { Instruction } from '../../instruction.ts';
import { native } from '../../native.ts';
import type { Operand } from '../../operand.ts';
import { XMM_REGISTERS } from '../../state.ts';
import {
  A,
  B,
  type Operation,
  onBoth,
  onlyXmm,
  onMmx,
  onXmm,
  operate,
  R,
  saturate,
  XMM_BYTES,
} from './vector.ts';

/** Both operands to lanes of half the width, the first operand's below. */
const pack =
  (from: 'i16' | 'i32', to: 'i8' | 'u8' | 'i16' | 'u16'): Operation =>
  (bytes) => {
    const half = bytes / A[from].BYTES_PER_ELEMENT;
    for (let i = 0; i < half; i++) {
      const [a, b] = [A[from][i] as number, B[from][i] as number];
      R[to][i] = saturate(to, a);
      R[to][half + i] = saturate(to, b);
    }
  };

/** Lanes of `width` bytes of both operands by turns, from the low or the high halves. */
const interleave =
  (width: 1 | 2 | 4 | 8, isHigh: boolean): Operation =>
  (bytes) => {
    for (let i = 0; i < bytes; i++) {
      const lane = Math.floor(i / width);
      const source = lane & 1 ? B.u8 : A.u8;
      const from = (lane >> 1) * width + (i % width) + (isHigh ? bytes / 2 : 0);
      R.u8[i] = source[from] as number;
    }
  };

/** Words or doublewords of the source by two bits each; `from` on, all others stay. */
const shuffle =
  (view: 'u16' | 'u32', from: number): Operation =>
  (_bytes, order) => {
    R.u64.set(B.u64);
    for (let i = 0; i < 4; i++) {
      R[view][from + i] = B[view][from + ((order >> (2 * i)) & 3)] as number;
    }
  };

const shuffleSingles: Operation = (_bytes, order) => {
  for (let i = 0; i < 4; i++) {
    R.u32[i] = (i < 2 ? A : B).u32[(order >> (2 * i)) & 3] as number;
  }
};

const shuffleDoubles: Operation = (_bytes, order) => {
  R.u64[0] = A.u64[order & 1] as bigint;
  R.u64[1] = B.u64[(order >> 1) & 1] as bigint;
};

/** pshufb: bytes of the target, or 0, chosen by those of the source. */
const shuffleBytes: Operation = (bytes) => {
  for (let i = 0; i < bytes; i++) {
    const chosen = B.u8[i] as number;
    R.u8[i] = chosen & 0x80 ? 0 : (A.u8[chosen & (bytes - 1)] as number);
  }
};

/** Lanes of the source where the immediate has a bit. */
const blend =
  (width: 2 | 4 | 8): Operation =>
  (bytes, immediate) => {
    for (let i = 0; i < bytes; i++) {
      R.u8[i] = ((immediate >> Math.floor(i / width)) & 1 ? B.u8 : A.u8)[i] as number;
    }
  };

/** Lanes of the source where XMM0 has a sign. */
function blendBySign(mnemonic: string, opcode: string, width: 1 | 4 | 8): Instruction {
  const run = native(mnemonic, (cpu, target: number, source: number) => {
    A.load(cpu, target, XMM_BYTES);
    B.load(cpu, source, XMM_BYTES);
    R.load(cpu, XMM_REGISTERS, XMM_BYTES);
    for (let i = 0; i < XMM_BYTES; i++) {
      const sign = R.u8[i - (i % width) + width - 1] as number;
      A.u8[i] = (sign & 0x80 ? B.u8 : A.u8)[i] as number;
    }
    A.store(cpu, target, XMM_BYTES);
  });
  return {
    mnemonic,
    encodings: [`66 0F 38 ${opcode} Vdq,Wdq`],
    unit: 'sse',
    execute(cpu, target: Operand, source: Operand) {
      const from = cpu.pointer(source, 'read');
      cpu.call(run, cpu.pointer(target, 'read'), from);
    },
  };
}

/** Each source lane to a wider one. */
const extend =
  (from: 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32', to: 'u16' | 'u32' | 'u64'): Operation =>
  () => {
    for (let i = 0; i < R[to].length; i++) {
      const value = B[from][i] as number;
      if (to === 'u64') {
        R.i64[i] = BigInt(value);
      } else {
        R[to][i] = value;
      }
    }
  };

const duplicate =
  (width: 4 | 8, odd: 0 | 1): Operation =>
  (bytes) => {
    for (let i = 0; i < bytes; i++) {
      const lane = 2 * Math.floor(i / (2 * width)) + odd;
      R.u8[i] = B.u8[lane * width + (i % width)] as number;
    }
  };

/** insertps: a lane of the source to a lane of the target, then zeros. */
const insertSingle: Operation = (_bytes, control, read) => {
  R.u64.set(A.u64);
  R.u32[(control >> 4) & 3] = B.u32[read === XMM_BYTES ? control >> 6 : 0] as number;
  for (let i = 0; i < 4; i++) {
    if ((control >> i) & 1) {
      R.u32[i] = 0;
    }
  }
};

const extension = (mnemonic: string, opcode: string, source: string, operation: Operation) =>
  onlyXmm(mnemonic, `66 0F 38 ${opcode} Vdq,${source}`, operation);

const packing: readonly Instruction[] = [
  ...onBoth('packsswb', '63', pack('i16', 'i8')),
  ...onBoth('packssdw', '6B', pack('i32', 'i16')),
  ...onBoth('packuswb', '67', pack('i16', 'u8')),
  onlyXmm('packusdw', '66 0F 38 2B Vdq,Wdq', pack('i32', 'u16')),
  // Of a low half in memory MMX reads no more than that half.
  ...onBoth('punpcklbw', '60', interleave(1, false), { mmxSource: 'Qd' }),
  ...onBoth('punpcklwd', '61', interleave(2, false), { mmxSource: 'Qd' }),
  ...onBoth('punpckldq', '62', interleave(4, false), { mmxSource: 'Qd' }),
  ...onBoth('punpckhbw', '68', interleave(1, true)),
  ...onBoth('punpckhwd', '69', interleave(2, true)),
  ...onBoth('punpckhdq', '6A', interleave(4, true)),
  onlyXmm('punpcklqdq', '66 0F 6C Vdq,Wdq', interleave(8, false)),
  onlyXmm('punpckhqdq', '66 0F 6D Vdq,Wdq', interleave(8, true)),
  onlyXmm('unpcklps', 'NP 0F 14 Vps,Wps', interleave(4, false)),
  onlyXmm('unpckhps', 'NP 0F 15 Vps,Wps', interleave(4, true)),
  onlyXmm('unpcklpd', '66 0F 14 Vpd,Wpd', interleave(8, false)),
  onlyXmm('unpckhpd', '66 0F 15 Vpd,Wpd', interleave(8, true)),
  extension('pmovsxbw', '20', 'Wq', extend('i8', 'u16')),
  extension('pmovsxbd', '21', 'Wd', extend('i8', 'u32')),
  extension('pmovsxbq', '22', 'Ww', extend('i8', 'u64')),
  extension('pmovsxwd', '23', 'Wq', extend('i16', 'u32')),
  extension('pmovsxwq', '24', 'Wd', extend('i16', 'u64')),
  extension('pmovsxdq', '25', 'Wq', extend('i32', 'u64')),
  extension('pmovzxbw', '30', 'Wq', extend('u8', 'u16')),
  extension('pmovzxbd', '31', 'Wd', extend('u8', 'u32')),
  extension('pmovzxbq', '32', 'Ww', extend('u8', 'u64')),
  extension('pmovzxwd', '33', 'Wq', extend('u16', 'u32')),
  extension('pmovzxwq', '34', 'Wd', extend('u16', 'u64')),
  extension('pmovzxdq', '35', 'Wq', extend('u32', 'u64')),
];

const shuffling: readonly Instruction[] = [
  onMmx('pshufw', ['NP 0F 70 Pq,Qq,Ib'], operate('pshufw', shuffle('u16', 0))),
  onlyXmm('pshufd', '66 0F 70 Vdq,Wdq,Ib', shuffle('u32', 0)),
  onlyXmm('pshufhw', 'F3 0F 70 Vdq,Wdq,Ib', shuffle('u16', 4)),
  onlyXmm('pshuflw', 'F2 0F 70 Vdq,Wdq,Ib', shuffle('u16', 0)),
  onlyXmm('shufps', 'NP 0F C6 Vps,Wps,Ib', shuffleSingles),
  onlyXmm('shufpd', '66 0F C6 Vpd,Wpd,Ib', shuffleDoubles),
  ...onBoth('pshufb', '38 00', shuffleBytes),
  onlyXmm('movsldup', 'F3 0F 12 Vps,Wps', duplicate(4, 0)),
  onlyXmm('movshdup', 'F3 0F 16 Vps,Wps', duplicate(4, 1)),
  onlyXmm('movddup', 'F2 0F 12 Vpd,Wq', duplicate(8, 0)),
  onlyXmm('blendps', '66 0F 3A 0C Vps,Wps,Ib', blend(4)),
  onlyXmm('blendpd', '66 0F 3A 0D Vpd,Wpd,Ib', blend(8)),
  onlyXmm('pblendw', '66 0F 3A 0E Vdq,Wdq,Ib', blend(2)),
  blendBySign('pblendvb', '10', 1),
  blendBySign('blendvps', '14', 4),
  blendBySign('blendvpd', '15', 8),
  onXmm(
    'insertps',
    ['66 0F 3A 21 reg Vdq,Wdq,Ib', '66 0F 3A 21 mem Vdq,Wd,Ib'],
    operate('insertps', insertSingle),
  ),
];

export const vectorArrangements: readonly Instruction[] = [...packing, ...shuffling];
