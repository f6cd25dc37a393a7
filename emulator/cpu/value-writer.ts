/**
 * Values of WebAssembly: locals and constants, and what can be worked out with them.
 *
 * It knows the state's words but no instruction. Constants are folded, so that an operand that is
 * known when code is written leaves no trace in it.
 */

import type { Code } from '../wasm/code.ts';
import { OP } from '../wasm/opcodes.ts';
import type { Size, Variable } from './semantics.ts';
import { STATE, type WordName } from './state.ts';

export type Value =
  | { readonly kind: 'local'; readonly index: number }
  | { readonly kind: 'constant'; readonly value: number };

export const constant = (value: number): Value => ({ kind: 'constant', value: value | 0 });

export const isZero = (value: Value): boolean => value.kind === 'constant' && value.value === 0;

const LOADS = { 1: OP.i32Load8U, 2: OP.i32Load16U, 4: OP.i32Load } as const;
const STORES = { 1: OP.i32Store8, 2: OP.i32Store16, 4: OP.i32Store } as const;

/** The part of `Semantics` that needs to know nothing of the instruction. */
export class ValueWriter {
  readonly code: Code;

  constructor(code: Code) {
    this.code = code;
  }

  // ---- values

  push(value: Value): void {
    if (value.kind === 'constant') {
      this.code.constant(value.value);
    } else {
      this.code.get(value.index);
    }
  }

  /** Takes what lies on the stack. */
  define(): Value {
    const index = this.code.local();
    this.code.set(index);
    return { kind: 'local', index };
  }

  /** A value in a local that nothing else changes. */
  settle(value: Value): Value & { kind: 'local' } {
    if (value.kind === 'local') {
      return value;
    }
    this.push(value);
    return this.define() as Value & { kind: 'local' };
  }

  /** Loads from linear memory. */
  peek(address: Value, size: Size, offset = 0): Value {
    if (address.kind === 'constant') {
      this.code.constant(0);
      this.code.memory(LOADS[size], address.value + offset);
    } else {
      this.push(address);
      this.code.memory(LOADS[size], offset);
    }
    return this.define();
  }

  poke(address: Value, value: Value, size: Size): void {
    if (address.kind === 'constant') {
      this.code.constant(0);
      this.push(value);
      this.code.memory(STORES[size], address.value);
    } else {
      this.push(address);
      this.push(value);
      this.code.memory(STORES[size], 0);
    }
  }

  // ---- arithmetic

  constant(value: number): Value {
    return constant(value);
  }

  #binary(opcode: number, fold: (a: number, b: number) => number, a: Value, b: Value): Value {
    if (a.kind === 'constant' && b.kind === 'constant') {
      return constant(fold(a.value, b.value));
    }
    this.push(a);
    this.push(b);
    this.code.emit(opcode);
    return this.define();
  }

  add(a: Value, b: Value): Value {
    return isZero(b) ? a : this.#binary(OP.i32Add, (x, y) => x + y, a, b);
  }
  sub(a: Value, b: Value): Value {
    return this.#binary(OP.i32Sub, (x, y) => x - y, a, b);
  }
  mul(a: Value, b: Value): Value {
    return this.#binary(OP.i32Mul, Math.imul, a, b);
  }
  and(a: Value, b: Value): Value {
    return this.#binary(OP.i32And, (x, y) => x & y, a, b);
  }
  or(a: Value, b: Value): Value {
    return this.#binary(OP.i32Or, (x, y) => x | y, a, b);
  }
  xor(a: Value, b: Value): Value {
    return this.#binary(OP.i32Xor, (x, y) => x ^ y, a, b);
  }
  shl(a: Value, count: Value): Value {
    return isZero(count) ? a : this.#binary(OP.i32Shl, (x, y) => x << y, a, count);
  }
  shr(a: Value, count: Value): Value {
    return isZero(count) ? a : this.#binary(OP.i32ShrU, (x, y) => x >>> y, a, count);
  }
  sar(a: Value, count: Value): Value {
    return isZero(count) ? a : this.#binary(OP.i32ShrS, (x, y) => x >> y, a, count);
  }
  eq(a: Value, b: Value): Value {
    return this.#binary(OP.i32Eq, (x, y) => Number(x === y), a, b);
  }
  ne(a: Value, b: Value): Value {
    return this.#binary(OP.i32Ne, (x, y) => Number(x !== y), a, b);
  }
  lts(a: Value, b: Value): Value {
    return this.#binary(OP.i32LtS, (x, y) => Number(x < y), a, b);
  }
  ltu(a: Value, b: Value): Value {
    return this.#binary(OP.i32LtU, (x, y) => Number(x >>> 0 < y >>> 0), a, b);
  }

  #unary(opcode: number, value: Value): Value {
    this.push(value);
    this.code.emit(opcode);
    return this.define();
  }

  signExtend(value: Value, size: Size): Value {
    return size === 4 ? value : this.#unary(size === 1 ? OP.i32Extend8S : OP.i32Extend16S, value);
  }
  zeroExtend(value: Value, size: Size): Value {
    return size === 4 ? value : this.and(value, constant(size === 1 ? 0xff : 0xffff));
  }
  clz(value: Value): Value {
    return this.#unary(OP.i32Clz, value);
  }
  ctz(value: Value): Value {
    return this.#unary(OP.i32Ctz, value);
  }
  popcnt(value: Value): Value {
    return this.#unary(OP.i32Popcnt, value);
  }

  multiplyWide(signed: boolean, a: Value, b: Value): { low: Value; high: Value } {
    const { code } = this;
    const extend = signed ? OP.i64ExtendI32S : OP.i64ExtendI32U;
    this.push(a);
    code.emit(extend);
    this.push(b);
    code.emit(extend, OP.i64Mul);
    code.setWide(0);
    code.getWide(0);
    code.emit(OP.i32WrapI64);
    const low = this.define();
    code.getWide(0);
    code.emit(OP.i64Const, 32, OP.i64ShrU, OP.i32WrapI64);
    return { low, high: this.define() };
  }

  divideWide(
    signed: boolean,
    high: Value,
    low: Value,
    divisor: Value,
  ): { overflow: Value; quotient: Value; remainder: Value } {
    const { code } = this;
    const extend = signed ? OP.i64ExtendI32S : OP.i64ExtendI32U;
    const overflow = this.variable(constant(1));
    const quotient = this.variable(constant(0));
    const remainder = this.variable(constant(0));
    this.push(high);
    code.emit(OP.i64ExtendI32U, OP.i64Const, 32, OP.i64Shl);
    this.push(low);
    code.emit(OP.i64ExtendI32U, OP.i64Or);
    code.setWide(0);
    // WebAssembly traps on -2^63 / -1, whose quotient does not fit anyway.
    const isMinimum = this.and(this.eq(high, constant(0x8000_0000)), this.eq(low, constant(0)));
    const isTrap = signed ? this.and(isMinimum, this.eq(divisor, constant(-1))) : constant(0);
    this.when(this.eq(isTrap, constant(0)), () => {
      code.getWide(0);
      this.push(divisor);
      code.emit(extend, signed ? OP.i64DivS : OP.i64DivU);
      code.setWide(1);
      code.getWide(1);
      code.emit(OP.i32WrapI64);
      const narrow = this.define();
      quotient.set(narrow);
      code.getWide(0);
      this.push(divisor);
      code.emit(extend, signed ? OP.i64RemS : OP.i64RemU, OP.i32WrapI64);
      remainder.set(this.define());
      code.getWide(1);
      this.push(narrow);
      code.emit(extend, OP.i64Ne);
      overflow.set(this.define());
    });
    return { overflow: overflow.get(), quotient: quotient.get(), remainder: remainder.get() };
  }

  // ---- control

  variable(initial: Value): Variable<Value> {
    const index = this.code.local();
    this.push(initial);
    this.code.set(index);
    return {
      get: () => {
        this.code.get(index);
        return this.define();
      },
      set: (value) => {
        this.push(value);
        this.code.set(index);
      },
    };
  }

  when(condition: Value, then: () => void, otherwise?: () => void): void {
    this.push(condition);
    this.code.open(OP.if);
    then();
    if (otherwise !== undefined) {
      this.code.otherwise();
      otherwise();
    }
    this.code.close();
  }

  either(condition: Value, then: () => Value, otherwise: () => Value): Value {
    const index = this.code.local();
    const choose = (value: Value): void => {
      this.push(value);
      this.code.set(index);
    };
    this.when(
      condition,
      () => choose(then()),
      () => choose(otherwise()),
    );
    return { kind: 'local', index };
  }

  repeat(condition: () => Value, body: () => void): void {
    const { code } = this;
    code.open(OP.block);
    code.open(OP.loop);
    this.push(condition());
    code.emit(OP.i32Eqz);
    code.branch(1, OP.brIf);
    body();
    code.branch(0);
    code.close();
    code.close();
  }

  // ---- words of the state

  state(name: WordName): Value {
    return this.peek(constant(STATE[name]), 4);
  }

  setState(name: WordName, value: Value): void {
    this.poke(constant(STATE[name]), value, 4);
  }
}
