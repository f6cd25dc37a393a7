/**
 * Writes the WebAssembly of an instruction while its body runs.
 *
 * Without `constants` the operands come from the decoded record in local 0: a handler that serves
 * all instructions of a form. With `constants` they are literals: compiled code. How control
 * leaves is not the emitter's business but that of `Exits`.
 */

import { PAGE_SIZE, REGION } from '../memory/linear-memory.ts';
import type { Code } from '../wasm/code.ts';
import { OP } from '../wasm/opcodes.ts';
import { approach } from './approach.ts';
import { CARRY_APART, conditions, type FlagOrigin, ORIGIN } from './flags.ts';
import { directionOf } from './form.ts';
import type { Native } from './native.ts';
import { isMemory, type Operand } from './operand.ts';
import { RECORD, type RecordField } from './record.ts';
import type { Access, Semantics, Size } from './semantics.ts';
import { ECX, EXIT, LONGEST_BELOW_TOP, registerAddress, STATE, segmentAddress } from './state.ts';
import { constant, isZero, type Value, ValueWriter } from './value-writer.ts';

/** The ways to leave an instruction. */
export interface Exits {
  next(emitter: Emitter): void;
  taken(emitter: Emitter): void;
  /** The same instruction again. */
  self(emitter: Emitter): void;
  to(emitter: Emitter, record: Value): void;
  /** The instruction is not done: a fault or a stop is noted in the state. */
  leave(emitter: Emitter): void;
  /** What must surround a call of TypeScript, which may shorten the budget. */
  beforeCall(emitter: Emitter): void;
  afterCall(emitter: Emitter): void;
}

/** Functions of generated code that handlers call, by name. */
export const HELPER = {
  carry: 'carry',
  condition: (half: number): string => `condition${half}`,
  slowRead: 'slowRead',
  slowWrite: 'slowWrite',
  slowUpdate: 'slowUpdate',
} as const;

/** Natives that the emitter itself needs. */
export interface EmitterNatives {
  readonly checkSegment: Native;
  readonly commit: Native;
  readonly lookup: Native;
  readonly raise: Native;
}

/** Of a `meta` word: size in the low bits, then what is done, then the segment's address. */
export const META = { sizeMask: 0xfff, write: 0x1000, reads: 0x2000, segmentShift: 16 } as const;
/** Conditions that are as short as a call. */
const INLINE_CONDITIONS = [2];
/** In place of a segment's address: the segment has been checked. */
export const DATA_CHECKED = 0;
/** Scratch is two pages at a multiple of two pages. */
const SCRATCH_SHIFT = 13;

interface Place {
  /** Address in linear memory. */
  readonly host: Value;
  readonly linear: Value;
}

export class Emitter extends ValueWriter implements Semantics<Value> {
  readonly #exits: Exits;
  readonly #natives: EmitterNatives;
  readonly #used: Map<string, Native>;
  readonly #constants: Readonly<Record<RecordField, number>> | undefined;
  /** Whether the body itself has said where control goes. */
  hasEnded = false;
  #updated: Place | undefined;

  size: Size = 4;
  cc = 0;
  isFlat = true;

  constructor(
    code: Code,
    exits: Exits,
    natives: EmitterNatives,
    used: Map<string, Native>,
    constants?: Readonly<Record<RecordField, number>>,
  ) {
    super(code);
    this.#exits = exits;
    this.#natives = natives;
    this.#used = used;
    this.#constants = constants;
  }

  /** Ends an instruction that did not say where control goes. */
  finishNext(): void {
    this.#exits.next(this);
  }

  field(name: RecordField): Value {
    if (this.#constants !== undefined) {
      return constant(this.#constants[name]);
    }
    this.code.get(0);
    this.code.memory(OP.i32Load, RECORD[name], 2);
    return this.define();
  }

  // ---- guest memory

  #meta(size: number, segment: Value): Value {
    return this.or(this.shl(segment, constant(META.segmentShift)), constant(size));
  }

  /** Finds linear address `linear` in linear memory by a fast table, otherwise by `slow`. */
  #resolve(
    linear: Value,
    size: number,
    table: 'readTable' | 'writeTable',
    slow: (entry: number) => void,
  ): Value {
    const { code } = this;
    const address = this.settle(linear);
    const entry = code.local();
    code.get(address.index);
    code.constant(10);
    code.emit(OP.i32ShrU);
    code.constant(0x3f_fffc);
    code.emit(OP.i32And);
    this.push(this.state(table));
    code.emit(OP.i32Add);
    code.memory(OP.i32Load, 0, 2);
    code.set(entry);
    this.#pushIsSlow(entry, address.index, size);
    code.open(OP.if);
    slow(entry);
    code.set(entry);
    code.get(entry);
    code.constant(1);
    code.emit(OP.i32And);
    code.open(OP.if);
    this.#exits.leave(this);
    code.close();
    code.close();
    code.get(entry);
    code.get(address.index);
    code.emit(OP.i32Xor);
    return this.define();
  }

  /** Whether the entry is absent or the address not a multiple of the size. */
  #pushIsSlow(entry: number, address: number, size: number): void {
    const { code } = this;
    const mask = ALIGNMENT[size];
    if (mask === undefined) {
      code.constant(1);
      return;
    }
    code.get(entry);
    if (size > 1) {
      code.get(address);
      code.emit(OP.i32Or);
    }
    code.constant(mask);
    code.emit(OP.i32And);
  }

  #slowCall(helper: string, values: () => void): void {
    this.#exits.beforeCall(this);
    values();
    this.code.call(helper);
  }

  #readPlace(linear: Value, size: number, segment: () => Value): Place {
    const address = this.settle(linear);
    const host = this.#resolve(address, size, 'readTable', (entry) => {
      const meta = this.#meta(size, segment());
      this.#slowCall(HELPER.slowRead, () => {
        this.push(address);
        this.code.get(entry);
        this.push(meta);
      });
      this.#afterSlowCall();
    });
    return { host, linear: address };
  }

  #updatePlace(linear: Value, size: number, segment: () => Value, reads: boolean): Place {
    const address = this.settle(linear);
    const host = this.#resolve(address, size, 'writeTable', (entry) => {
      const access = META.write | (reads ? META.reads : 0);
      const meta = this.#meta(size | access, segment());
      this.#slowCall(HELPER.slowUpdate, () => {
        this.push(address);
        this.code.get(entry);
        this.push(meta);
      });
      this.#afterSlowCall();
    });
    return { host, linear: address };
  }

  #storePlain(linear: Value, value: Value, size: Size, segment: () => Value): void {
    const address = this.settle(linear);
    const host = this.#resolve(address, size, 'writeTable', (entry) => {
      const meta = this.#meta(size | META.write, segment());
      this.#slowCall(HELPER.slowWrite, () => {
        this.push(address);
        this.code.get(entry);
        this.push(value);
        this.push(meta);
      });
      this.#afterSlowCall();
    });
    this.poke(host, value, size);
  }

  /** The result lies on the stack; the budget may have been shortened. */
  #afterSlowCall(): void {
    this.#exits.afterCall(this);
  }

  /** Offset and linear address of a memory operand; checks the limit if its segment is not flat. */
  #linear(
    operand: Operand,
    isWrite: boolean,
    shift: Value = constant(0),
  ): { linear: Value; segment: () => Value } {
    const shifted = this.add(this.address(operand), shift);
    if (operand.kind !== 'segmented') {
      return { linear: shifted, segment: () => this.field('segment') };
    }
    const segment = this.field('segment');
    const offset = isZero(shift) ? shifted : this.and(shifted, this.field('mask'));
    return {
      linear: this.#checked(segment, offset, operand.size, isWrite),
      segment: () => constant(DATA_CHECKED),
    };
  }

  #checked(segment: Value, offset: Value, size: number, isWrite: boolean): Value {
    const top = segmentAddress(0, isWrite ? 'writeTop' : 'readTop') - STATE.esSelector;
    const inside =
      size > LONGEST_BELOW_TOP ? constant(0) : this.ltu(offset, this.peek(segment, 4, top));
    this.when(this.eq(inside, constant(0)), () => {
      this.call(
        this.#natives.checkSegment,
        segment,
        offset,
        constant(size | (isWrite ? META.write : 0)),
      );
    });
    return this.add(offset, this.peek(segment, 4, segmentAddress(0, 'base') - STATE.esSelector));
  }

  load(segment: Value, offset: Value, size: Size): Value {
    if (this.isFlat) {
      return this.peek(this.#readPlace(offset, size, () => segment).host, size);
    }
    const linear = this.#checked(segment, offset, size, false);
    return this.peek(this.#readPlace(linear, size, () => constant(DATA_CHECKED)).host, size);
  }

  store(segment: Value, offset: Value, value: Value, size: Size): void {
    if (this.isFlat) {
      this.#storePlain(offset, value, size, () => segment);
    } else {
      const linear = this.#checked(segment, offset, size, true);
      this.#storePlain(linear, value, size, () => constant(DATA_CHECKED));
    }
  }

  // ---- operands

  address(operand: Operand): Value {
    const displacement = this.field('displacement');
    if (operand.kind === 'displacement') {
      return displacement;
    }
    const based = this.add(this.peek(this.field('base'), 4), displacement);
    if (operand.kind === 'based') {
      return based;
    }
    const index = this.shl(this.peek(this.field('index'), 4), this.field('scale'));
    const offset = this.add(based, index);
    return operand.kind === 'segmented' ? this.and(offset, this.field('mask')) : offset;
  }

  segmentOf(_operand: Operand): Value {
    return this.field('segment');
  }

  number(operand: Operand): Value {
    return this.field(operand.slot === 0 ? 'a' : 'b');
  }

  read(operand: Operand, shift?: Value): Value {
    switch (operand.kind) {
      case 'register':
        return this.peek(this.field(operand.slot === 0 ? 'a' : 'b'), operand.size as Size);
      case 'immediate':
        return this.field(operand.slot === 0 ? 'immediate' : 'immediate2');
      case 'one':
        return constant(1);
      case 'count':
        return this.peek(constant(registerAddress(ECX, 1)), 1);
      case 'number':
        return this.number(operand);
      case 'target':
        return this.field('immediate');
      default: {
        const { linear, segment } = this.#linear(operand, false, shift);
        return this.peek(this.#readPlace(linear, operand.size, segment).host, operand.size as Size);
      }
    }
  }

  readSigned(operand: Operand): Value {
    return this.signExtend(this.read(operand), operand.size as Size);
  }

  readForUpdate(operand: Operand, shift?: Value): Value {
    if (!isMemory(operand)) {
      return this.read(operand);
    }
    const { linear, segment } = this.#linear(operand, true, shift);
    this.#updated = this.#updatePlace(linear, operand.size, segment, true);
    return this.peek(this.#updated.host, operand.size as Size);
  }

  usesStackPointer(_memory: Operand): Value {
    return this.eq(this.field('base'), constant(STATE.esp));
  }

  write(operand: Operand, value: Value, shift?: Value): void {
    if (operand.kind === 'register') {
      const target = this.field(operand.slot === 0 ? 'a' : 'b');
      this.poke(target, value, operand.size as Size);
    } else if (this.#updated === undefined) {
      const { linear, segment } = this.#linear(operand, true, shift);
      this.#storePlain(linear, value, operand.size as Size, segment);
    } else {
      this.poke(this.#updated.host, value, operand.size as Size);
      this.commit(operand);
    }
  }

  pointer(operand: Operand, access: Access, shift?: Value): Value {
    if (operand.kind === 'vector' || operand.kind === 'register') {
      return this.field(operand.slot === 0 ? 'a' : 'b');
    }
    approach(this, operand, access);
    const { linear, segment } = this.#linear(operand, access !== 'read', shift);
    if (access === 'read') {
      return this.#readPlace(linear, operand.size, segment).host;
    }
    this.#updated = this.#updatePlace(linear, operand.size, segment, access === 'update');
    return this.#updated.host;
  }

  linear(operand: Operand): Value {
    const offset = segmentAddress(0, 'base') - STATE.esSelector;
    return this.add(this.address(operand), this.peek(this.field('segment'), 4, offset));
  }

  touch(operand: Operand, access: Access, at: number, size: number): void {
    const { linear, segment } = this.#linear({ ...operand, size }, access !== 'read', constant(at));
    if (access === 'read') {
      this.#readPlace(linear, size, segment);
    } else {
      this.#updatePlace(linear, size, segment, access === 'update');
    }
  }

  commit(operand: Operand): void {
    const place = this.#updated;
    if (place === undefined) {
      return;
    }
    const page = this.shr(place.host, constant(SCRATCH_SHIFT));
    this.when(this.eq(page, constant(REGION.scratch >>> SCRATCH_SHIFT)), () => {
      this.call(this.#natives.commit, place.linear, constant(operand.size));
    });
  }

  register(index: number, size: Size = 4): Value {
    return this.peek(constant(registerAddress(index, size)), size);
  }

  setRegister(index: number, value: Value, size: Size = 4): void {
    this.poke(constant(registerAddress(index, size)), value, size);
  }

  sourceSegment(): Value {
    return this.field('segment');
  }

  addressMask(): Value {
    return this.field('mask');
  }

  call(native: Native, ...values: Value[]): Value {
    this.#used.set(native.name, native);
    this.#exits.beforeCall(this);
    for (const value of values) {
      this.push(value);
    }
    this.code.call(native.name);
    this.#exits.afterCall(this);
    const result = this.define();
    this.when(this.state('exit'), () => this.#exits.leave(this));
    return result;
  }

  // ---- control

  faultIf(condition: Value, vector: number, errorCode = 0): void {
    this.when(condition, () => {
      this.setState('faultVector', constant(vector));
      this.setState('faultError', constant(errorCode));
      this.setState('exit', constant(EXIT.fault));
      this.#exits.leave(this);
    });
  }

  branch(condition: Value, _target: Operand): void {
    if (condition.kind === 'constant' && condition.value === 1) {
      this.#exits.taken(this);
      this.hasEnded = true;
    } else {
      this.when(condition, () => this.#exits.taken(this));
    }
  }

  checkTarget(eip: Value): void {
    this.faultIf(this.ltu(this.state('csLimit'), eip), 13);
  }

  jump(eip: Value): void {
    const linear = this.add(eip, this.state('csBase'));
    const slot = this.and(this.shr(linear, constant(10)), constant(0x3f_fffc));
    const map = this.peek(this.add(slot, this.state('codeTable')), 4);
    const offset = this.shl(this.and(linear, constant(PAGE_SIZE - 1)), constant(2));
    const record = this.variable(this.peek(this.add(map, offset), 4));
    this.when(this.eq(record.get(), constant(0)), () => {
      this.#used.set(this.#natives.lookup.name, this.#natives.lookup);
      this.#exits.beforeCall(this);
      this.push(eip);
      this.code.call(this.#natives.lookup.name);
      this.#exits.afterCall(this);
      record.set(this.define());
    });
    this.#exits.to(this, record.get());
    this.hasEnded = true;
  }

  jumpToState(): void {
    this.jump(this.state('eip'));
  }

  againIf(condition: Value): void {
    this.when(condition, () => this.#exits.self(this));
  }

  eip(): Value {
    return this.field('eip');
  }

  nextEip(): Value {
    return this.field('nextEip');
  }

  // ---- flags

  direction(): Value {
    return directionOf(this);
  }

  #shift(): number {
    return 32 - 8 * this.size;
  }

  #up(value: Value): Value {
    return this.shl(value, constant(this.#shift()));
  }

  #setOrigin(origin: number): void {
    this.setState('flagOp', constant(origin | (this.#shift() << 8)));
  }

  setFlags(
    origin: Exclude<FlagOrigin, 'logic' | 'known'>,
    a: Value,
    b: Value,
    result: Value,
  ): void {
    this.#setOrigin(ORIGIN[origin]);
    this.setState('flagA', this.#up(a));
    this.setState('flagB', this.#up(b));
    this.setState('flagR', this.#up(result));
  }

  setFlagsKeepingCarry(origin: 'add' | 'sub', a: Value, b: Value, result: Value): void {
    const operation = this.state('flagOp');
    const isApart = this.and(operation, constant(CARRY_APART));
    this.when(this.eq(isApart, constant(0)), () => {
      this.setState('carryOp', operation);
      this.setState('carryA', this.state('flagA'));
      this.setState('carryB', this.state('flagB'));
      this.setState('carryR', this.state('flagR'));
    });
    this.#setOrigin(ORIGIN[origin] | CARRY_APART);
    this.setState('flagA', this.#up(a));
    this.setState('flagB', this.#up(b));
    this.setState('flagR', this.#up(result));
  }

  setLogicFlags(result: Value): void {
    this.#setOrigin(ORIGIN.logic);
    this.setState('flagR', this.#up(result));
  }

  setKnownFlags(carry: Value, overflow: Value, result: Value): void {
    this.#setOrigin(ORIGIN.known);
    this.setState('flagA', carry);
    this.setState('flagB', overflow);
    this.setState('flagR', this.#up(result));
  }

  setCarry(carry: Value): void {
    this.setState('flagOp', this.or(this.state('flagOp'), constant(CARRY_APART)));
    this.setState('carryOp', constant(ORIGIN.known));
    this.setState('carryA', carry);
  }

  carry(): Value {
    this.code.call(HELPER.carry);
    return this.define();
  }

  condition(cc: number): Value {
    const half = cc >> 1;
    const positive = INLINE_CONDITIONS.includes(half)
      ? (conditions[half]?.(this) as Value)
      : this.#helperCondition(half);
    return cc & 1 ? this.xor(positive, constant(1)) : positive;
  }

  #helperCondition(half: number): Value {
    this.code.call(HELPER.condition(half));
    return this.define();
  }
}

/** Low address bits that send an access of that size to the slow path; none: always slow. */
const ALIGNMENT: Readonly<Record<number, number>> = { 1: 1, 2: 1, 4: 3, 8: 7, 16: 15 };
