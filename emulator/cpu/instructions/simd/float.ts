/**
 * Floating-point arithmetic and comparison of SSE, SSE2 and later (SDM 1 §10.4.1, §11.4.1).
 *
 * All lanes are computed before anything is written. An unmasked invalid, denormal or zero-divide
 * exception in one of them withholds what the others would have said of overflow, underflow and
 * precision; any unmasked exception withholds the result and raises #XM (§11.5.3).
 */

import { VECTOR } from '../../exceptions.ts';
import { EFLAGS, setArithmeticFlags } from '../../flags.ts';
import { approximateReciprocal, approximateReciprocalRoot } from '../../float/approximation.ts';
import { type Float64, float64 } from '../../float/binary.ts';
import type { Relation } from '../../float/comparison.ts';
import {
  blocks,
  DE,
  type FloatContext,
  floatContext,
  IE,
  type Rounding,
  traps,
  ZE,
} from '../../float/context.ts';
import * as double from '../../float/double.ts';
import * as single from '../../float/single.ts';
import type { Instruction } from '../../instruction.ts';
import { type Native, native } from '../../native.ts';
import type { Operand } from '../../operand.ts';
import type { Processor } from '../../processor.ts';
import { A, B, R, type Vector, XMM_BYTES } from './vector.ts';

/** Of MXCSR. */
const DENORMALS_ARE_ZERO = 0x40;
const FLUSH_TO_ZERO = 0x8000;
const CR4_OSXMMEXCPT = 0x400;

// Filled anew by every instruction; nothing stays.
const context = floatContext();
const left = float64();
const right = float64();
const result = float64();

export function begin({ state: { mxcsr } }: Processor): FloatContext {
  context.rounding = ((mxcsr >>> 13) & 3) as Rounding;
  context.masks = (mxcsr >>> 7) & 0x3f;
  context.denormalsAreZero = (mxcsr & DENORMALS_ARE_ZERO) !== 0;
  context.flushToZero = (mxcsr & FLUSH_TO_ZERO) !== 0;
  context.flags = 0;
  return context;
}

/**
 * Reports what all lanes met, and faults if one of them must not have a result.
 *
 * @param settled flags of earlier steps of the same instruction
 */
export function finish(cpu: Processor, met: FloatContext, settled = 0): void {
  const { state } = cpu;
  if (blocks(met)) {
    met.flags &= IE | DE | ZE | settled;
  }
  state.mxcsr |= met.flags;
  if (traps(met)) {
    cpu.fault(state.cr4 & CR4_OSXMMEXCPT ? VECTOR.simd : VECTOR.undefined);
  }
}

export function getDouble({ u32 }: Vector, lane: number, value: Float64): Float64 {
  value.low = u32[2 * lane] as number;
  value.high = u32[2 * lane + 1] as number;
  return value;
}

export function putDouble({ u32 }: Vector, lane: number, value: Float64): void {
  u32[2 * lane] = value.low;
  u32[2 * lane + 1] = value.high;
}

type OnSingles = (a: number, b: number, met: FloatContext) => number;
type OnDoubles = (a: Float64, b: Float64, target: Float64, met: FloatContext) => void;

function inSingles(operation: OnSingles, lanes: number, met: FloatContext): void {
  for (let i = 0; i < lanes; i++) {
    R.u32[i] = operation(A.u32[i] as number, B.u32[i] as number, met);
  }
}

function inDoubles(operation: OnDoubles, lanes: number, met: FloatContext): void {
  for (let i = 0; i < lanes; i++) {
    operation(getDouble(A, i, left), getDouble(B, i, right), result, met);
    putDouble(R, i, result);
  }
}

/** From `A` and `B` to `R`; may answer flags for `finish`. */
// biome-ignore lint/suspicious/noConfusingVoidType: only what works in steps has something to answer
type Computation = (met: FloatContext, immediate: number) => number | void;

/** A computation on so many bytes, of which none may be written early. */
export function computation(name: string, bytes: number, run: Computation): Native {
  return native(name, (cpu, target: number, source: number, immediate: number) => {
    A.load(cpu, target, bytes);
    B.load(cpu, source, bytes);
    const met = begin(cpu);
    const settled = run(met, immediate) ?? 0;
    finish(cpu, met, settled);
    R.store(cpu, target, bytes);
  });
}

export function instruction(mnemonic: string, encoding: string, run: Native): Instruction {
  return {
    mnemonic,
    encodings: [encoding],
    unit: 'sse',
    execute(cpu, target: Operand, source: Operand, immediate?: Operand) {
      const from = cpu.pointer(source, 'read');
      const control = immediate === undefined ? cpu.constant(0) : cpu.read(immediate);
      cpu.call(run, cpu.pointer(target, 'read'), from, control);
    },
  };
}

const singles = (name: string, prefix: string, suffix: string, lanes: number) => ({
  name: `${name}${suffix}`,
  prefix,
  size: suffix,
  lanes,
});
const shapesOfSingles = (name: string) =>
  [singles(name, 'NP', 'ps', 4), singles(name, 'F3', 'ss', 1)] as const;
const shapesOfDoubles = (name: string) =>
  [singles(name, '66', 'pd', 2), singles(name, 'F2', 'sd', 1)] as const;

/** Packed and scalar instructions for both formats. */
function family(
  name: string,
  opcode: string,
  onSingles: OnSingles,
  onDoubles?: OnDoubles,
): Instruction[] {
  const made = shapesOfSingles(name).map((shape) =>
    instruction(
      shape.name,
      `${shape.prefix} 0F ${opcode} V${shape.size},W${shape.size}`,
      computation(shape.name, 4 * shape.lanes, (met) => inSingles(onSingles, shape.lanes, met)),
    ),
  );
  if (onDoubles === undefined) {
    return made;
  }
  const others = shapesOfDoubles(name).map((shape) =>
    instruction(
      shape.name,
      `${shape.prefix} 0F ${opcode} V${shape.size},W${shape.size}`,
      computation(shape.name, 8 * shape.lanes, (met) => inDoubles(onDoubles, shape.lanes, met)),
    ),
  );
  return [...made, ...others];
}

// ---- comparisons

/** The predicates of CMPPS: whether a NaN is invalid, and for which relations they hold. */
const PREDICATES: readonly { isOrdered: boolean; relations: readonly Relation[] }[] = [
  { isOrdered: false, relations: ['equal'] },
  { isOrdered: true, relations: ['less'] },
  { isOrdered: true, relations: ['less', 'equal'] },
  { isOrdered: false, relations: ['unordered'] },
  { isOrdered: false, relations: ['less', 'greater', 'unordered'] },
  { isOrdered: true, relations: ['equal', 'greater', 'unordered'] },
  { isOrdered: true, relations: ['greater', 'unordered'] },
  { isOrdered: false, relations: ['less', 'equal', 'greater'] },
];

const predicateOf = (immediate: number) => PREDICATES[immediate & 7] as (typeof PREDICATES)[number];

function singlesHold(immediate: number): OnSingles {
  const { isOrdered, relations } = predicateOf(immediate);
  const compare = isOrdered ? single.compareOrderedSingle : single.compareUnorderedSingle;
  return (a, b, met) => (relations.includes(compare(a, b, met)) ? 0xffff_ffff : 0);
}

function doublesHold(immediate: number): OnDoubles {
  const { isOrdered, relations } = predicateOf(immediate);
  const compare = isOrdered ? double.compareOrderedDouble : double.compareUnorderedDouble;
  return (a, b, target, met) => {
    const bits = relations.includes(compare(a, b, met)) ? 0xffff_ffff : 0;
    target.low = bits;
    target.high = bits;
  };
}

const comparisons: readonly Instruction[] = [
  ...shapesOfSingles('cmp').map(({ name, prefix, size, lanes }) =>
    instruction(
      name,
      `${prefix} 0F C2 V${size},W${size},Ib`,
      computation(name, 4 * lanes, (met, immediate) =>
        inSingles(singlesHold(immediate), lanes, met),
      ),
    ),
  ),
  ...shapesOfDoubles('cmp').map(({ name, prefix, size, lanes }) =>
    instruction(
      name,
      `${prefix} 0F C2 V${size},W${size},Ib`,
      computation(name, 8 * lanes, (met, immediate) =>
        inDoubles(doublesHold(immediate), lanes, met),
      ),
    ),
  ),
];

const FLAGS: Readonly<Record<Relation, number>> = {
  less: EFLAGS.carry,
  equal: EFLAGS.zero,
  greater: 0,
  unordered: EFLAGS.carry | EFLAGS.parity | EFLAGS.zero,
};

/** COMISS and its like; with an unmasked exception EFLAGS stay. */
function toEflags(
  mnemonic: string,
  encoding: string,
  bytes: 4 | 8,
  relation: (met: FloatContext) => Relation,
): Instruction {
  const run = native(mnemonic, (cpu, first: number, second: number) => {
    A.load(cpu, first, bytes);
    B.load(cpu, second, bytes);
    const met = begin(cpu);
    const found = relation(met);
    finish(cpu, met);
    setArithmeticFlags(cpu.state, FLAGS[found]);
  });
  return {
    mnemonic,
    encodings: [encoding],
    unit: 'sse',
    execute(cpu, first: Operand, second: Operand) {
      const from = cpu.pointer(second, 'read');
      cpu.call(run, cpu.pointer(first, 'read'), from);
    },
  };
}

const lowSingles = (
  compare: typeof single.compareOrderedSingle,
): ((met: FloatContext) => Relation) => {
  return (met) => compare(A.u32[0] as number, B.u32[0] as number, met);
};
const lowDoubles = (
  compare: typeof double.compareOrderedDouble,
): ((met: FloatContext) => Relation) => {
  return (met) => compare(getDouble(A, 0, left), getDouble(B, 0, right), met);
};

// ---- additions and subtractions of SSE3

/** ADDSUBPS: even lanes are subtracted, odd ones added. */
const alternately: readonly Instruction[] = [
  instruction(
    'addsubps',
    'F2 0F D0 Vps,Wps',
    computation('addsubps', XMM_BYTES, (met) => {
      for (let i = 0; i < 4; i++) {
        const operation = i & 1 ? single.addSingle : single.subtractSingle;
        R.u32[i] = operation(A.u32[i] as number, B.u32[i] as number, met);
      }
    }),
  ),
  instruction(
    'addsubpd',
    '66 0F D0 Vpd,Wpd',
    computation('addsubpd', XMM_BYTES, (met) => {
      for (let i = 0; i < 2; i++) {
        const operation = i & 1 ? double.addDouble : double.subtractDouble;
        operation(getDouble(A, i, left), getDouble(B, i, right), result, met);
        putDouble(R, i, result);
      }
    }),
  ),
];

/** HADDPS and its like: neighbours of the target, then of the source. */
const horizontally = (
  name: string,
  opcode: string,
  onSingles: OnSingles,
  onDoubles: OnDoubles,
): Instruction[] => [
  instruction(
    `${name}ps`,
    `F2 0F ${opcode} Vps,Wps`,
    computation(`${name}ps`, XMM_BYTES, (met) => {
      for (let i = 0; i < 4; i++) {
        const { u32 } = i < 2 ? A : B;
        const at = 2 * (i & 1);
        R.u32[i] = onSingles(u32[at] as number, u32[at + 1] as number, met);
      }
    }),
  ),
  instruction(
    `${name}pd`,
    `66 0F ${opcode} Vpd,Wpd`,
    computation(`${name}pd`, XMM_BYTES, (met) => {
      for (const [i, vector] of [A, B].entries()) {
        onDoubles(getDouble(vector, 0, left), getDouble(vector, 1, right), result, met);
        putDouble(R, i, result);
      }
    }),
  ),
];

export const vectorFloats: readonly Instruction[] = [
  ...family('add', '58', single.addSingle, double.addDouble),
  ...family('mul', '59', single.multiplySingle, double.multiplyDouble),
  ...family('sub', '5C', single.subtractSingle, double.subtractDouble),
  ...family('min', '5D', single.minimumSingle, double.minimumDouble),
  ...family('div', '5E', single.divideSingle, double.divideDouble),
  ...family('max', '5F', single.maximumSingle, double.maximumDouble),
  ...family(
    'sqrt',
    '51',
    (_a, b, met) => single.squareRootSingle(b, met),
    (_a, b, target, met) => double.squareRootDouble(b, target, met),
  ),
  ...family('rsqrt', '52', (_a, b) => approximateReciprocalRoot(b)),
  ...family('rcp', '53', (_a, b) => approximateReciprocal(b)),
  ...comparisons,
  toEflags('ucomiss', 'NP 0F 2E Vss,Wss', 4, lowSingles(single.compareUnorderedSingle)),
  toEflags('comiss', 'NP 0F 2F Vss,Wss', 4, lowSingles(single.compareOrderedSingle)),
  toEflags('ucomisd', '66 0F 2E Vsd,Wsd', 8, lowDoubles(double.compareUnorderedDouble)),
  toEflags('comisd', '66 0F 2F Vsd,Wsd', 8, lowDoubles(double.compareOrderedDouble)),
  ...alternately,
  ...horizontally('hadd', '7C', single.addSingle, double.addDouble),
  ...horizontally('hsub', '7D', single.subtractSingle, double.subtractDouble),
];
