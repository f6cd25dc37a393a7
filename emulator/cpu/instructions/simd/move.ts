/** Moves of MMX and XMM registers (SDM 1 §9.4.1, §10.4.1, §11.4.1). */

import { STATUS } from '../../fpu/status.ts';
import type { Instruction } from '../../instruction.ts';
import { type Native, native } from '../../native.ts';
import { isMemory, type Operand } from '../../operand.ts';
import { linearOf } from '../../system/segmentation.ts';
import { A, B, enterMmx, MMX_BYTES, R, storeMmx, XMM_BYTES } from './vector.ts';

/** Leaves the rest of the target alone. */
const copy = native('copyVector', (cpu, target: number, source: number, bytes: number) => {
  cpu.memory.u8.copyWithin(target, source, source + bytes);
});

/** Clears the rest of an XMM register. */
const copyAlone = native('copyAlone', (cpu, target: number, source: number, bytes: number) => {
  const { u8 } = cpu.memory;
  u8.copyWithin(target, source, source + bytes);
  u8.fill(0, target + bytes, target + XMM_BYTES);
});

/** To an MMX register, the rest of which is cleared. */
const copyToMmx = native('copyToMmx', (cpu, target: number, source: number, bytes: number) => {
  R.u64.fill(0n);
  R.load(cpu, source, bytes);
  storeMmx(cpu, target);
});

const copyFromMmx = native('copyFromMmx', (cpu, target: number, source: number, bytes: number) => {
  enterMmx(cpu);
  cpu.memory.u8.copyWithin(target, source, source + bytes);
});

const mmxToXmm = native('mmxToXmm', (cpu, target: number, source: number, _bytes: number) => {
  const { u8 } = cpu.memory;
  enterMmx(cpu);
  u8.copyWithin(target, source, source + MMX_BYTES);
  u8.fill(0, target + MMX_BYTES, target + XMM_BYTES);
});

type Unit = NonNullable<Instruction['unit']>;

/** Offsets within target and source, for the moves of halves. */
interface Halves {
  readonly to?: 8;
  readonly from?: 8;
}

function move(
  mnemonic: string,
  unit: Unit,
  bytes: number,
  run: Native,
  encodings: readonly string[],
  { to = undefined, from = undefined }: Halves = {},
): Instruction {
  return {
    mnemonic,
    encodings,
    unit,
    execute(cpu, target: Operand, source: Operand) {
      if (run === copyFromMmx) {
        // Processors move the top of the stack even if the store then faults.
        const others = cpu.constant(~STATUS.top);
        cpu.setState('fpuStatus', cpu.and(cpu.state('fpuStatus'), others));
      }
      const start = cpu.pointer(source, 'read');
      const end = cpu.pointer(target, isMemory(target) ? 'write' : 'read');
      const at = (pointer: typeof end, offset: number | undefined) =>
        offset === undefined ? pointer : cpu.add(pointer, cpu.constant(offset));
      cpu.call(run, at(end, to), at(start, from), cpu.constant(bytes));
      if (isMemory(target)) {
        cpu.commit(target);
      }
    },
  };
}

const whole = (mnemonic: string, ...encodings: string[]): Instruction =>
  move(mnemonic, 'sse', XMM_BYTES, copy, encodings);

const halves: readonly Instruction[] = [
  move('movhlps', 'sse', 8, copy, ['NP 0F 12 reg Vps,Ups'], { from: 8 }),
  move('movlhps', 'sse', 8, copy, ['NP 0F 16 reg Vps,Ups'], { to: 8 }),
  move('movlps', 'sse', 8, copy, ['NP 0F 12 mem Vq,Mq', 'NP 0F 13 mem Mq,Vq']),
  move('movlpd', 'sse', 8, copy, ['66 0F 12 mem Vq,Mq', '66 0F 13 mem Mq,Vq']),
  move('movhps', 'sse', 8, copy, ['NP 0F 16 mem Vq,Mq'], { to: 8 }),
  move('movhps', 'sse', 8, copy, ['NP 0F 17 mem Mq,Vq'], { from: 8 }),
  move('movhpd', 'sse', 8, copy, ['66 0F 16 mem Vq,Mq'], { to: 8 }),
  move('movhpd', 'sse', 8, copy, ['66 0F 17 mem Mq,Vq'], { from: 8 }),
];

const scalars: readonly Instruction[] = [
  // From memory a scalar clears the rest, from a register it does not.
  move('movss', 'sse', 4, copyAlone, ['F3 0F 10 mem Vss,Wss']),
  move('movss', 'sse', 4, copy, ['F3 0F 10 reg Vss,Wss', 'F3 0F 11 Wss,Vss']),
  move('movsd', 'sse', 8, copyAlone, ['F2 0F 10 mem Vsd,Wsd']),
  move('movsd', 'sse', 8, copy, ['F2 0F 10 reg Vsd,Wsd', 'F2 0F 11 Wsd,Vsd']),
  move('movd', 'mmx', 4, copyToMmx, ['NP 0F 6E Pq,Ed']),
  move('movd', 'mmx', 4, copyFromMmx, ['NP 0F 7E Ed,Pq']),
  move('movd', 'sse', 4, copyAlone, ['66 0F 6E Vdq,Ed']),
  move('movd', 'sse', 4, copy, ['66 0F 7E Ed,Vdq']),
  move('movq', 'mmx', 8, copyToMmx, ['NP 0F 6F Pq,Qq', 'NP 0F 7F reg Qq,Pq']),
  move('movq', 'mmx', 8, copyFromMmx, ['NP 0F 7F mem Qq,Pq']),
  move('movq', 'sse', 8, copyAlone, ['F3 0F 7E Vq,Wq', '66 0F D6 reg Wq,Vq']),
  move('movq', 'sse', 8, copy, ['66 0F D6 mem Wq,Vq']),
  move('movq2dq', 'sse with mmx', 8, mmxToXmm, ['F3 0F D6 Vdq,Nq']),
  move('movdq2q', 'sse with mmx', 8, copyToMmx, ['F2 0F D6 Pq,Uq']),
];

/**
 * Stores the bytes of the first operand whose sign is set in the second. It goes by eights: all of
 * them must be writable, and the higher ones are looked at first.
 */
const maskedStore = native(
  'maskedStore',
  (cpu, segment: number, wrap: number, value: number, mask: number, bytes: number) => {
    if (bytes === MMX_BYTES) {
      // Processors do this even if the store then faults.
      enterMmx(cpu);
    }
    A.load(cpu, value, bytes);
    B.load(cpu, mask, bytes);
    const starts = bytes === XMM_BYTES ? [8, 0] : [0];
    const linear = starts.map((start) => {
      const offset = ((cpu.state.edi + start) & wrap) >>> 0;
      const at = linearOf(cpu, segment, offset, MMX_BYTES, true);
      cpu.probeWrite(at, MMX_BYTES);
      return at;
    });
    for (const [k, start] of starts.entries()) {
      for (let i = 0; i < MMX_BYTES; i++) {
        if ((B.u8[start + i] as number) & 0x80) {
          cpu.writeLinear((linear[k] as number) + i, 1, A.u8[start + i] as number);
        }
      }
    }
  },
);

const masked = (mnemonic: string, unit: Unit, bytes: number, encoding: string): Instruction => ({
  mnemonic,
  encodings: [encoding],
  unit,
  implicit: 'string',
  execute(cpu, value: Operand, mask: Operand) {
    const vectors = [cpu.pointer(value, 'read'), cpu.pointer(mask, 'read')];
    const place = [cpu.sourceSegment(), cpu.addressMask()];
    cpu.call(maskedStore, ...place, ...vectors, cpu.constant(bytes));
  },
});

export const vectorMoves: readonly Instruction[] = [
  whole('movaps', 'NP 0F 28 Vps,Wps', 'NP 0F 29 Wps,Vps'),
  whole('movapd', '66 0F 28 Vpd,Wpd', '66 0F 29 Wpd,Vpd'),
  whole('movups', 'NP 0F 10 Vups,Wups', 'NP 0F 11 Wups,Vups'),
  whole('movupd', '66 0F 10 Vups,Wups', '66 0F 11 Wups,Vups'),
  whole('movdqa', '66 0F 6F Vdq,Wdq', '66 0F 7F Wdq,Vdq'),
  whole('movdqu', 'F3 0F 6F Vups,Wups', 'F3 0F 7F Wups,Vups'),
  whole('lddqu', 'F2 0F F0 Vups,Mups'),
  whole('movntps', 'NP 0F 2B Mps,Vps'),
  whole('movntpd', '66 0F 2B Mpd,Vpd'),
  whole('movntdq', '66 0F E7 Mdq,Vdq'),
  whole('movntdqa', '66 0F 38 2A Vdq,Mdq'),
  move('movntq', 'mmx', 8, copyFromMmx, ['NP 0F E7 Mq,Pq']),
  ...halves,
  ...scalars,
  masked('maskmovq', 'mmx', MMX_BYTES, 'NP 0F F7 Pq,Nq'),
  masked('maskmovdqu', 'sse', XMM_BYTES, '66 0F F7 Vdq,Udq'),
];
