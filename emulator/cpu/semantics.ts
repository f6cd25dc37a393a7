/**
 * What the body of an instruction may ask for.
 *
 * An instruction is described once, against this interface, whose value type is open: a number,
 * or a local of WebAssembly. A body runs once per execution (numbers), once per form (handlers
 * that read their operands from the decoded record) or once per instruction (compiled code, where
 * operands are constants).
 *
 * Rules. Values are branched on only through `when`, `either`, `repeat`, `branch` and `faultIf`;
 * plain `if` may look at sizes, operand kinds and the condition code, which are facts of
 * translation time. Everything that can fault comes before the first change of state.
 */

import type { FlagOrigin } from './flags.ts';
import type { Native } from './native.ts';
import type { Operand } from './operand.ts';
import type { WordName } from './state.ts';

export type Size = 1 | 2 | 4;
export type Access = 'read' | 'write' | 'update';

export interface Variable<V> {
  get(): V;
  set(value: V): void;
}

export interface Semantics<V> {
  /** Operand size of the form in bytes. */
  readonly size: Size;
  /** Condition code of jcc, setcc and cmovcc. */
  readonly cc: number;
  /** Stack and string accesses use flat 32-bit segments; see `implicit` in `instruction.ts`. */
  readonly isFlat: boolean;

  // Operands. 8 and 16 bits are read zero-extended; a write stores the low bits.
  /** @param shift added to the offset of a memory operand */
  read(source: Operand, shift?: V): V;
  readSigned(source: Operand): V;
  /** Faults as a write would. The `write` that follows cannot fault. */
  readForUpdate(target: Operand, shift?: V): V;
  /** Without a `readForUpdate` before it, a write to memory may fault: it must be the first change. */
  write(target: Operand, value: V, shift?: V): void;
  /** Whether a memory operand's base register is ESP. */
  usesStackPointer(memory: Operand): V;
  /** The offset within its segment: lea. */
  address(memory: Operand): V;
  /** The segment register number that a memory operand uses. */
  segmentOf(memory: Operand): V;
  /** The register number of a `number` operand. */
  number(operand: Operand): V;
  /**
   * The address in linear memory of an operand of any size: of the register, or of the bytes.
   * `update` and `write` fault as a write would and need `commit` after the bytes were written.
   * #GP(0) if the operand must be aligned and is not.
   */
  pointer(operand: Operand, access: Access, shift?: V): V;
  commit(operand: Operand): void;
  /** The linear address of a memory operand, whatever its segment's limit. */
  linear(operand: Operand): V;
  /** Faults as an access to `size` bytes of a memory operand, from its byte `at` on, would. */
  touch(operand: Operand, access: Access, at: number, size: number): void;

  // Registers and memory that the encoding does not name.
  register(index: number, size?: Size): V;
  setRegister(index: number, value: V, size?: Size): void;
  load(segment: V, offset: V, size: Size): V;
  store(segment: V, offset: V, value: V, size: Size): void;
  /** The segment of a string source: DS or the override. */
  sourceSegment(): V;
  /** 0xffff or all ones: the address size, for si, di and cx. */
  addressMask(): V;

  // Arithmetic on 32 bits; comparisons answer 0 or 1; shift counts are taken modulo 32.
  constant(value: number): V;
  add(a: V, b: V): V;
  sub(a: V, b: V): V;
  mul(a: V, b: V): V;
  and(a: V, b: V): V;
  or(a: V, b: V): V;
  xor(a: V, b: V): V;
  shl(a: V, count: V): V;
  shr(a: V, count: V): V;
  sar(a: V, count: V): V;
  eq(a: V, b: V): V;
  ne(a: V, b: V): V;
  lts(a: V, b: V): V;
  ltu(a: V, b: V): V;
  signExtend(value: V, size: Size): V;
  zeroExtend(value: V, size: Size): V;
  clz(value: V): V;
  ctz(value: V): V;
  popcnt(value: V): V;
  multiplyWide(signed: boolean, a: V, b: V): { low: V; high: V };
  /** The divisor is not zero; `overflow` says that the quotient does not fit 32 bits. */
  divideWide(
    signed: boolean,
    high: V,
    low: V,
    divisor: V,
  ): { overflow: V; quotient: V; remainder: V };

  /** A function of TypeScript, which may fault. */
  call(native: Native, ...values: V[]): V;

  // Control inside a body.
  when(condition: V, then: () => void, otherwise?: () => void): void;
  either(condition: V, then: () => V, otherwise: () => V): V;
  repeat(condition: () => V, body: () => void): void;
  variable(initial: V): Variable<V>;
  faultIf(condition: V, vector: number, errorCode?: number): void;

  // Control between instructions; without one of these the next instruction follows.
  /** To a target known when the instruction was decoded; refuses one beyond the code segment. */
  branch(condition: V, target: Operand): void;
  /** #GP(0) if the offset lies beyond the code segment. Must come before the first change. */
  checkTarget(eip: V): void;
  jump(eip: V): void;
  /** To `eip` of the state, which a native has set together with the code segment. */
  jumpToState(): void;
  /** The same instruction once more (rep): interrupts and budgets fall between. */
  againIf(condition: V): void;
  eip(): V;
  nextEip(): V;

  // Flags, lazily.
  setFlags(origin: Exclude<FlagOrigin, 'logic' | 'known'>, a: V, b: V, result: V): void;
  setFlagsKeepingCarry(origin: 'add' | 'sub', a: V, b: V, result: V): void;
  setLogicFlags(result: V): void;
  /** CF and OF as 0 or 1; ZF, SF and PF from the result; AF clear. */
  setKnownFlags(carry: V, overflow: V, result: V): void;
  setCarry(carry: V): void;
  carry(): V;
  /** Condition codes of the manual, 0 (o) to 15 (g). */
  condition(cc: number): V;
  /** Plus or minus one. */
  direction(): V;

  state(name: WordName): V;
  setState(name: WordName, value: V): void;
}
