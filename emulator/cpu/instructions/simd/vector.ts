/**
 * Operations on vectors: the sixteen bytes of an XMM register or the eight of an MMX register.
 *
 * An operation takes its operands from copies and leaves its result in a third vector, so that it
 * may be written lane by lane even where source and target are one register. MMX registers are
 * the significands of the x87's; an MMX instruction also makes the whole stack valid with R0 on
 * top, and a result sets all bits of its register's exponent (SDM 1 §9.5).
 */

import { STATUS } from '../../fpu/status.ts';
import type { Instruction } from '../../instruction.ts';
import { type Native, native } from '../../native.ts';
import { isMemory, type Operand } from '../../operand.ts';
import type { Processor } from '../../processor.ts';
import type { Semantics } from '../../semantics.ts';

export const MMX_BYTES = 8;
export const XMM_BYTES = 16;

/** Sixteen bytes as lanes of every width. */
export class Vector {
  readonly u8 = new Uint8Array(XMM_BYTES);
  readonly i8 = new Int8Array(this.u8.buffer);
  readonly u16 = new Uint16Array(this.u8.buffer);
  readonly i16 = new Int16Array(this.u8.buffer);
  readonly u32 = new Uint32Array(this.u8.buffer);
  readonly i32 = new Int32Array(this.u8.buffer);
  readonly u64 = new BigUint64Array(this.u8.buffer);
  readonly i64 = new BigInt64Array(this.u8.buffer);

  load({ memory }: Processor, at: number, bytes: number): void {
    for (let i = 0; i < bytes; i++) {
      this.u8[i] = memory.u8[at + i] as number;
    }
  }

  store({ memory }: Processor, at: number, bytes: number): void {
    for (let i = 0; i < bytes; i++) {
      memory.u8[at + i] = this.u8[i] as number;
    }
  }
}

// Filled anew by every instruction; nothing stays.
export const A = new Vector();
export const B = new Vector();
export const R = new Vector();

/** What an MMX instruction does to the x87's stack. */
export function enterMmx({ state }: Processor): void {
  state.fpuStatus &= ~STATUS.top;
  state.fpuTags = 0xff;
}

/** Writes a result to an MMX register. */
export function storeMmx(cpu: Processor, at: number): void {
  enterMmx(cpu);
  R.store(cpu, at, MMX_BYTES);
  cpu.memory.u16[(at >>> 1) + 4] = 0xffff;
}

/** Writes `R` to a register of so many bytes. */
export function storeResult(cpu: Processor, at: number, bytes: number): void {
  if (bytes === MMX_BYTES) {
    storeMmx(cpu, at);
  } else {
    R.store(cpu, at, bytes);
  }
}

/**
 * From `A` and `B`, the operands, to `R`.
 *
 * @param bytes how many of the vectors' bytes count
 * @param immediate of those that have one
 * @param read how many bytes of the second operand there are: a memory operand may be shorter
 */
export type Operation = (bytes: number, immediate: number, read: number) => void;

export function operate(name: string, operation: Operation): Native {
  return native(
    name,
    (cpu, target: number, source: number, bytes: number, read: number, immediate: number) => {
      A.load(cpu, target, bytes);
      B.load(cpu, source, read);
      operation(bytes, immediate, read);
      storeResult(cpu, target, bytes);
    },
  );
}

/** Runs an operation on the bytes of its operands. */
function execute<V>(
  cpu: Semantics<V>,
  run: Native,
  bytes: number,
  target: Operand,
  source: Operand,
  immediate?: Operand,
): void {
  const from = cpu.pointer(source, 'read');
  const to = cpu.pointer(target, 'read');
  const length = cpu.constant(isMemory(source) ? Math.min(bytes, source.size) : bytes);
  const control = immediate === undefined ? cpu.constant(0) : cpu.read(immediate);
  cpu.call(run, to, from, cpu.constant(bytes), length, control);
}

/** An instruction on XMM registers. */
export function onXmm(mnemonic: string, encodings: readonly string[], run: Native): Instruction {
  return {
    mnemonic,
    encodings,
    unit: 'sse',
    execute(cpu, target: Operand, source: Operand, immediate?: Operand) {
      execute(cpu, run, XMM_BYTES, target, source, immediate);
    },
  };
}

export function onMmx(mnemonic: string, encodings: readonly string[], run: Native): Instruction {
  return {
    mnemonic,
    encodings,
    unit: 'mmx',
    execute(cpu, target: Operand, source: Operand, immediate?: Operand) {
      execute(cpu, run, MMX_BYTES, target, source, immediate);
    },
  };
}

/** The same operation on MMX and on XMM registers, told apart by the prefix 66. */
export function onBoth(
  mnemonic: string,
  opcode: string,
  operation: Operation,
  { immediate = '', mmxSource = 'Qq' } = {},
): Instruction[] {
  const run = operate(mnemonic, operation);
  return [
    onMmx(mnemonic, [`NP 0F ${opcode} Pq,${mmxSource}${immediate}`], run),
    onXmm(mnemonic, [`66 0F ${opcode} Vdq,Wdq${immediate}`], run),
  ];
}

/** An operation that only XMM registers have. */
export function onlyXmm(mnemonic: string, encoding: string, operation: Operation): Instruction {
  return onXmm(mnemonic, [encoding], operate(mnemonic, operation));
}

type View = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32';
type WideView = 'u64' | 'i64';

/** The operation that does the same in each lane; the result's low bits count. */
export function lanes(view: View, compute: (a: number, b: number) => number): Operation {
  const [a, b, result] = [A[view], B[view], R[view]];
  return (bytes) => {
    for (let i = 0; i < bytes / a.BYTES_PER_ELEMENT; i++) {
      result[i] = compute(a[i] as number, b[i] as number);
    }
  };
}

/** As `lanes`, for lanes of 64 bits. */
export function wideLanes(view: WideView, compute: (a: bigint, b: bigint) => bigint): Operation {
  const [a, b, result] = [A[view], B[view], R[view]];
  return (bytes) => {
    for (let i = 0; i < bytes / 8; i++) {
      result[i] = compute(a[i] as bigint, b[i] as bigint);
    }
  };
}

/** The nearest number that a lane can hold. */
export function saturate(view: 'u8' | 'i8' | 'u16' | 'i16', value: number): number {
  const [least, most] = RANGES[view];
  return Math.max(least, Math.min(value, most));
}

const RANGES = {
  u8: [0, 0xff],
  i8: [-0x80, 0x7f],
  u16: [0, 0xffff],
  i16: [-0x8000, 0x7fff],
} as const;
