/**
 * EFLAGS, lazily.
 *
 * An arithmetic instruction stores what it did (`flagOp`), its operands and its result, shifted
 * up so that the sign is bit 31; whoever needs a flag works it out. `flagOp` holds
 *
 *   bits 3:0  the kind of operation (`ORIGIN`)
 *   bit  4    the carry comes from carryOp..carryR instead (inc and dec leave CF alone)
 *   bits 12:8 by how much operands and result are shifted up
 *   bits 23:16 is XORed to the low byte of the result before its parity is taken
 *   bit  30   AF, for the kind `known`
 *   bit  31   is XORed to the sign
 *
 * The last three are 0 except after popf, sahf and their like, where ZF, SF and PF may contradict
 * each other. SDM 1 §3.4.3.
 */

import type { Semantics } from './semantics.ts';
import type { State } from './state.ts';

export const EFLAGS = {
  carry: 1,
  fixed: 2,
  parity: 4,
  adjust: 0x10,
  zero: 0x40,
  sign: 0x80,
  trap: 0x100,
  interrupt: 0x200,
  direction: 0x400,
  overflow: 0x800,
  privilege: 0x3000,
  nestedTask: 0x4000,
  resume: 0x1_0000,
  virtual8086: 0x2_0000,
  alignment: 0x4_0000,
  virtualInterrupt: 0x8_0000,
  virtualPending: 0x10_0000,
  identification: 0x20_0000,
} as const;

/** CF, PF, AF, ZF, SF and OF. */
export const ARITHMETIC_FLAGS = 0x8d5;

export const ORIGIN = { logic: 0, add: 1, sub: 2, adc: 3, sbb: 4, known: 5 } as const;
export type FlagOrigin = keyof typeof ORIGIN;
export const CARRY_APART = 16;

const ADJUST_KNOWN = 30;
const PARITY_SHIFT = 16;
/** Bit n: whether the parity of the nibble n is even. */
const EVEN_NIBBLES = 0x9669;

type CarryWords = 'flag' | 'carry';

function carryFrom<V>(cpu: Semantics<V>, operation: V, which: CarryWords): V {
  const kind = cpu.and(operation, cpu.constant(15));
  const is = (origin: FlagOrigin): V => cpu.eq(kind, cpu.constant(ORIGIN[origin]));
  const word = (name: 'A' | 'B' | 'R'): V => cpu.state(`${which}${name}`);
  return cpu.either(
    is('sub'),
    () => cpu.ltu(word('A'), word('B')),
    () =>
      cpu.either(
        is('logic'),
        () => cpu.constant(0),
        () =>
          cpu.either(
            is('add'),
            () => cpu.ltu(word('R'), word('A')),
            () =>
              cpu.either(
                is('known'),
                () => word('A'),
                () => carryOfThree(cpu, is('sbb'), word),
              ),
          ),
      ),
  );
}

/** After adc and sbb: the carry out of bit 31 from both operands and the result. */
function carryOfThree<V>(cpu: Semantics<V>, isSbb: V, word: (name: 'A' | 'B' | 'R') => V): V {
  const invert = cpu.sub(cpu.constant(0), isSbb);
  const a = cpu.xor(word('A'), invert);
  const b = word('B');
  const r = cpu.xor(word('R'), invert);
  const notR = cpu.xor(r, cpu.constant(-1));
  return cpu.shr(cpu.or(cpu.and(a, b), cpu.and(cpu.or(a, b), notR)), cpu.constant(31));
}

/** CF as 0 or 1. */
export function carryFlag<V>(cpu: Semantics<V>): V {
  const operation = cpu.state('flagOp');
  return cpu.either(
    cpu.and(operation, cpu.constant(CARRY_APART)),
    () => carryFrom(cpu, cpu.state('carryOp'), 'carry'),
    () => carryFrom(cpu, operation, 'flag'),
  );
}

const zeroFlag = <V>(cpu: Semantics<V>): V => cpu.eq(cpu.state('flagR'), cpu.constant(0));

const signFlag = <V>(cpu: Semantics<V>): V =>
  cpu.lts(cpu.xor(cpu.state('flagR'), cpu.state('flagOp')), cpu.constant(0));

function overflowFlag<V>(cpu: Semantics<V>): V {
  const kind = cpu.and(cpu.state('flagOp'), cpu.constant(15));
  const is = (origin: FlagOrigin): V => cpu.eq(kind, cpu.constant(ORIGIN[origin]));
  const a = cpu.state('flagA');
  const b = cpu.state('flagB');
  const r = cpu.state('flagR');
  const top = cpu.constant(31);
  return cpu.either(
    is('logic'),
    () => cpu.constant(0),
    () =>
      cpu.either(
        is('known'),
        () => b,
        () =>
          cpu.either(
            cpu.or(is('sub'), is('sbb')),
            () => cpu.shr(cpu.and(cpu.xor(a, b), cpu.xor(a, r)), top),
            () => cpu.shr(cpu.and(cpu.xor(a, r), cpu.xor(b, r)), top),
          ),
      ),
  );
}

function parityFlag<V>(cpu: Semantics<V>): V {
  const operation = cpu.state('flagOp');
  const low = cpu.shr(cpu.state('flagR'), cpu.shr(operation, cpu.constant(8)));
  const byte = cpu.xor(low, cpu.shr(operation, cpu.constant(PARITY_SHIFT)));
  const nibble = cpu.and(cpu.xor(byte, cpu.shr(byte, cpu.constant(4))), cpu.constant(15));
  return cpu.and(cpu.shr(cpu.constant(EVEN_NIBBLES), nibble), cpu.constant(1));
}

/** After cmp and sub a condition is one comparison. */
function afterSub<V>(cpu: Semantics<V>, compare: (a: V, b: V) => V, otherwise: () => V): V {
  const operation = cpu.and(cpu.state('flagOp'), cpu.constant(31));
  return cpu.either(
    cpu.eq(operation, cpu.constant(ORIGIN.sub)),
    () => compare(cpu.state('flagA'), cpu.state('flagB')),
    otherwise,
  );
}

const not = <V>(cpu: Semantics<V>, truth: V): V => cpu.xor(truth, cpu.constant(1));

const lessFlag = <V>(cpu: Semantics<V>): V => cpu.xor(signFlag(cpu), overflowFlag(cpu));

/**
 * The even condition codes of the manual, by number / 2: O, B, Z, BE, S, P, L, LE (SDM 1 appendix B).
 * The odd ones are their negations.
 */
export const conditions: readonly (<V>(cpu: Semantics<V>) => V)[] = [
  overflowFlag,
  (cpu) =>
    afterSub(
      cpu,
      (a, b) => cpu.ltu(a, b),
      () => carryFlag(cpu),
    ),
  zeroFlag,
  (cpu) =>
    afterSub(
      cpu,
      (a, b) => not(cpu, cpu.ltu(b, a)),
      () => cpu.or(carryFlag(cpu), zeroFlag(cpu)),
    ),
  signFlag,
  parityFlag,
  (cpu) =>
    afterSub(
      cpu,
      (a, b) => cpu.lts(a, b),
      () => lessFlag(cpu),
    ),
  (cpu) =>
    afterSub(
      cpu,
      (a, b) => not(cpu, cpu.lts(b, a)),
      () => cpu.or(zeroFlag(cpu), lessFlag(cpu)),
    ),
];

/** The words that the arithmetic flags are worked out from. */
type FlagState = Pick<
  State,
  'flagOp' | 'flagA' | 'flagB' | 'flagR' | 'carryOp' | 'carryA' | 'carryB' | 'carryR'
>;

/** The six arithmetic flags as they stand in EFLAGS. */
export function arithmeticFlags(state: FlagState): number {
  const operation = state.flagOp;
  const result = state.flagR;
  const low = ((result >>> ((operation >>> 8) & 31)) ^ (operation >>> PARITY_SHIFT)) & 0xff;
  const isEven = (EVEN_NIBBLES >>> ((low ^ (low >>> 4)) & 15)) & 1;
  const kind = operation & 15;
  const carry =
    operation & CARRY_APART
      ? carryNow(state.carryOp & 15, state.carryA, state.carryB, state.carryR)
      : carryNow(kind, state.flagA, state.flagB, result);
  return (
    carry |
    (isEven << 2) |
    (adjustNow(state, operation) << 4) |
    (result === 0 ? EFLAGS.zero : 0) |
    (((result ^ operation) >>> 31) << 7) |
    (overflowNow(kind, state.flagA, state.flagB, result) << 11)
  );
}

function carryNow(kind: number, a: number, b: number, r: number): number {
  switch (kind) {
    case ORIGIN.logic:
      return 0;
    case ORIGIN.add:
      return r < a ? 1 : 0;
    case ORIGIN.sub:
      return a < b ? 1 : 0;
    case ORIGIN.adc:
      return ((a & b) | ((a | b) & ~r)) >>> 31;
    case ORIGIN.sbb:
      return ((~a & b) | ((~a | b) & r)) >>> 31;
    default:
      return a;
  }
}

function overflowNow(kind: number, a: number, b: number, r: number): number {
  switch (kind) {
    case ORIGIN.logic:
      return 0;
    case ORIGIN.known:
      return b;
    case ORIGIN.sub:
    case ORIGIN.sbb:
      return ((a ^ b) & (a ^ r)) >>> 31;
    default:
      return ((a ^ r) & (b ^ r)) >>> 31;
  }
}

function adjustNow(state: FlagState, operation: number): number {
  switch (operation & 15) {
    case ORIGIN.logic:
      return 0;
    case ORIGIN.known:
      return (operation >>> ADJUST_KNOWN) & 1;
    default:
      return ((state.flagA ^ state.flagB ^ state.flagR) >>> (((operation >>> 8) & 31) + 4)) & 1;
  }
}

/** The words that stand for six arithmetic flags as they are in EFLAGS. */
export function flagWords(
  flags: number,
): Readonly<Record<'flagOp' | 'flagA' | 'flagB' | 'flagR', number>> {
  return {
    flagOp: knownOperation(flags),
    flagA: flags & EFLAGS.carry,
    flagB: (flags >>> 11) & 1,
    flagR: flags & EFLAGS.zero ? 0 : 1,
  };
}

/** Sets all six arithmetic flags from their places in EFLAGS. Hot. */
export function setArithmeticFlags(
  state: Pick<State, 'flagOp' | 'flagA' | 'flagB' | 'flagR'>,
  flags: number,
): void {
  state.flagOp = knownOperation(flags);
  state.flagA = flags & EFLAGS.carry;
  state.flagB = (flags >>> 11) & 1;
  state.flagR = flags & EFLAGS.zero ? 0 : 1;
}

/** `flagOp` for flags that are known; a result of 0 has even parity, a result of 1 odd. */
function knownOperation(flags: number): number {
  const parityIsRight = ((flags & EFLAGS.zero) !== 0) === ((flags & EFLAGS.parity) !== 0);
  return (
    (ORIGIN.known |
      (parityIsRight ? 0 : 1 << PARITY_SHIFT) |
      (flags & EFLAGS.adjust ? 1 << ADJUST_KNOWN : 0) |
      (flags & EFLAGS.sign ? 1 << 31 : 0)) >>>
    0
  );
}

/** EFLAGS as pushf stores it, RF and VM included. */
export function eflagsOf(state: FlagState & Pick<State, 'systemFlags'>): number {
  return (state.systemFlags | arithmeticFlags(state)) >>> 0;
}

/** Sets those arithmetic flags that are in `mask`. */
export function setFlagBits(state: State, mask: number, flags: number): void {
  setArithmeticFlags(state, (arithmeticFlags(state) & ~mask) | (flags & mask));
}

/** SF, ZF and PF of a byte. */
export function byteFlags(value: number): number {
  const byte = value & 0xff;
  const isEven = (EVEN_NIBBLES >>> ((byte ^ (byte >>> 4)) & 15)) & 1;
  return (byte & EFLAGS.sign) | (byte === 0 ? EFLAGS.zero : 0) | (isEven ? EFLAGS.parity : 0);
}
