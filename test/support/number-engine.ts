/**
 * The bodies of instructions over plain numbers: an engine without generated code.
 *
 * It reads the same decoded records and calls the same natives as the cold tier, but executes each
 * body directly. Slow and obvious, it is the oracle for the code that the emitter writes.
 */

import { approach } from '../../emulator/cpu/approach.ts';
import { FIRST_FORM, HANDLER } from '../../emulator/cpu/cold-tier/handlers.ts';
import type { EngineMaker } from '../../emulator/cpu/engine.ts';
import {
  CARRY_APART,
  carryFlag,
  conditions,
  type FlagOrigin,
  ORIGIN,
} from '../../emulator/cpu/flags.ts';
import { directionOf, perform } from '../../emulator/cpu/form.ts';
import { instructionSet } from '../../emulator/cpu/instruction-set.ts';
import { FAULT, type Native } from '../../emulator/cpu/native.ts';
import { isMemory, type Operand } from '../../emulator/cpu/operand.ts';
import type { Processor } from '../../emulator/cpu/processor.ts';
import { RECORD, RECORD_SIZE, type RecordField } from '../../emulator/cpu/record.ts';
import type { Access, Semantics, Size, Variable } from '../../emulator/cpu/semantics.ts';
import {
  ECX,
  EXIT,
  registerAddress,
  STATE,
  segmentAddress,
  type WordName,
} from '../../emulator/cpu/state.ts';
import { linearOf } from '../../emulator/cpu/system/segmentation.ts';
import { runRecords } from './record-loop.ts';

/** Thrown to end a body early: control has been decided. */
const LEAVE = Symbol('leave');

/** The engine as `Processor` wants it. */
export const numberEngine: EngineMaker = (cpu) => ({
  run: (first) => runRecords(cpu, first, (record, handler) => execute(cpu, record, handler)),
});

/** The next record, or undefined if the instruction is not done. */
function execute(cpu: Processor, record: number, handler: number): number | undefined {
  const body = new Numbers(cpu, record);
  try {
    if (handler === HANDLER.raise) {
      cpu.fault(body.field('immediate'), body.field('immediate2'));
    }
    const form = instructionSet.forms.all[handler - FIRST_FORM];
    if (form === undefined) {
      throw new RangeError(`handler ${handler}`);
    }
    body.size = form.size;
    body.cc = form.cc;
    body.isFlat = form.isFlat;
    perform(form, body);
  } catch (error) {
    if (error === FAULT) {
      return undefined;
    }
    if (error !== LEAVE) {
      throw error;
    }
  }
  return body.next;
}

class Numbers implements Semantics<number> {
  readonly #cpu: Processor;
  readonly #record: number;
  next: number;
  size: Size = 4;
  cc = 0;
  isFlat = true;
  #updated: { host: number; linear: number } | undefined;

  constructor(cpu: Processor, record: number) {
    this.#cpu = cpu;
    this.#record = record;
    this.next = record + RECORD_SIZE;
  }

  field(name: RecordField): number {
    return this.#cpu.memory.u32[(this.#record + RECORD[name]) >>> 2] as number;
  }

  // ---- memory

  #check(linear: number, size: number): void {
    const alignments: Readonly<Record<number, number>> = { 2: 2, 4: 4, 6: 4, 8: 8, 10: 8 };
    if (this.#cpu.state.alignmentCheck && linear & ((alignments[size] ?? 1) - 1)) {
      this.#cpu.fault(17);
    }
  }

  #forRead(segment: number, offset: number, size: number): number {
    const linear = linearOf(this.#cpu, segment, offset >>> 0, size, false);
    this.#check(linear, size);
    return this.#orFault(this.#cpu.access.hostForRead(linear, size, this.#cpu.isUser));
  }

  #forWrite(segment: number, offset: number, size: number): { host: number; linear: number } {
    const linear = linearOf(this.#cpu, segment, offset >>> 0, size, true);
    this.#check(linear, size);
    const host = this.#orFault(this.#cpu.access.hostForWrite(linear, size, this.#cpu.isUser));
    return { host, linear };
  }

  #orFault(host: number): number {
    if (host === 0) {
      throw FAULT;
    }
    return host;
  }

  #store({ host, linear }: { host: number; linear: number }, value: number, size: number): void {
    this.#cpu.access.setValueAt(host, size, value);
    if (this.#cpu.access.isScratch(host)) {
      this.#cpu.access.commit(linear, size, this.#cpu.isUser);
    }
  }

  load(segment: number, offset: number, size: Size): number {
    return this.#cpu.access.valueAt(this.#forRead(segment, offset, size), size) | 0;
  }
  store(segment: number, offset: number, value: number, size: Size): void {
    this.#store(this.#forWrite(segment, offset, size), value, size);
  }

  // ---- operands

  #word(address: number): number {
    return this.#cpu.memory.i32[address >>> 2] as number;
  }

  address(operand: Operand): number {
    const base = operand.kind === 'displacement' ? 0 : this.#word(this.field('base'));
    const hasIndex = operand.kind === 'indexed' || operand.kind === 'segmented';
    const index = hasIndex ? this.#word(this.field('index')) << this.field('scale') : 0;
    const offset = (base + index + this.field('displacement')) | 0;
    return operand.kind === 'segmented' ? offset & this.field('mask') : offset;
  }
  segmentOf(_operand: Operand): number {
    return this.field('segment');
  }
  usesStackPointer(_memory: Operand): number {
    return this.field('base') === STATE.esp ? 1 : 0;
  }
  number(operand: Operand): number {
    return this.field(operand.slot === 0 ? 'a' : 'b');
  }

  read(operand: Operand, shift = 0): number {
    const { access } = this.#cpu;
    switch (operand.kind) {
      case 'register':
        return access.valueAt(this.number(operand), operand.size) | 0;
      case 'immediate':
        return this.field(operand.slot === 0 ? 'immediate' : 'immediate2') | 0;
      case 'one':
        return 1;
      case 'count':
        return access.valueAt(registerAddress(ECX, 1), 1);
      case 'number':
        return this.number(operand);
      case 'target':
        return this.field('immediate') | 0;
      default: {
        const offset = this.address(operand) + shift;
        const host = this.#forRead(this.field('segment'), offset, operand.size);
        return access.valueAt(host, operand.size) | 0;
      }
    }
  }
  readSigned(operand: Operand): number {
    return this.signExtend(this.read(operand), operand.size as Size);
  }
  readForUpdate(operand: Operand, shift = 0): number {
    if (!isMemory(operand)) {
      return this.read(operand);
    }
    const offset = this.address(operand) + shift;
    this.#updated = this.#forWrite(this.field('segment'), offset, operand.size);
    return this.#cpu.access.valueAt(this.#updated.host, operand.size) | 0;
  }
  write(operand: Operand, value: number, shift = 0): void {
    if (operand.kind === 'register') {
      this.#cpu.access.setValueAt(this.number(operand), operand.size, value);
      return;
    }
    const offset = this.address(operand) + shift;
    const place = this.#updated ?? this.#forWrite(this.field('segment'), offset, operand.size);
    this.#store(place, value, operand.size);
  }
  pointer(operand: Operand, access: Access, shift = 0): number {
    if (!isMemory(operand)) {
      return this.number(operand);
    }
    approach(this, operand, access);
    const offset = this.address(operand) + shift;
    if (access === 'read') {
      return this.#forRead(this.field('segment'), offset, operand.size);
    }
    this.#updated = this.#forWrite(this.field('segment'), offset, operand.size);
    return this.#updated.host;
  }
  linear(operand: Operand): number {
    const base = segmentAddress(0, 'base') - STATE.esSelector;
    return (this.address(operand) + this.#word(this.field('segment') + base)) | 0;
  }
  touch(operand: Operand, access: Access, at: number, size: number): void {
    const offset = this.address(operand) + at;
    if (access === 'read') {
      this.#forRead(this.field('segment'), offset, size);
    } else {
      this.#forWrite(this.field('segment'), offset, size);
    }
  }
  commit(operand: Operand): void {
    const place = this.#updated;
    if (place !== undefined && this.#cpu.access.isScratch(place.host)) {
      this.#cpu.access.commit(place.linear, operand.size, this.#cpu.isUser);
    }
  }

  register(index: number, size: Size = 4): number {
    return this.#cpu.access.valueAt(registerAddress(index, size), size) | 0;
  }
  setRegister(index: number, value: number, size: Size = 4): void {
    this.#cpu.access.setValueAt(registerAddress(index, size), size, value);
  }
  sourceSegment(): number {
    return this.field('segment');
  }
  addressMask(): number {
    return this.field('mask') | 0;
  }

  // ---- arithmetic

  constant = (value: number): number => value | 0;
  add = (a: number, b: number): number => (a + b) | 0;
  sub = (a: number, b: number): number => (a - b) | 0;
  mul = (a: number, b: number): number => Math.imul(a, b);
  and = (a: number, b: number): number => a & b;
  or = (a: number, b: number): number => a | b;
  xor = (a: number, b: number): number => a ^ b;
  shl = (a: number, count: number): number => a << count;
  shr = (a: number, count: number): number => (a >>> count) | 0;
  sar = (a: number, count: number): number => a >> count;
  eq = (a: number, b: number): number => Number((a | 0) === (b | 0));
  ne = (a: number, b: number): number => Number((a | 0) !== (b | 0));
  lts = (a: number, b: number): number => Number((a | 0) < (b | 0));
  ltu = (a: number, b: number): number => Number(a >>> 0 < b >>> 0);
  signExtend = (value: number, size: Size): number =>
    size === 4 ? value | 0 : (value << (32 - 8 * size)) >> (32 - 8 * size);
  zeroExtend = (value: number, size: Size): number =>
    size === 4 ? value | 0 : value & (size === 1 ? 0xff : 0xffff);
  clz = (value: number): number => Math.clz32(value);
  ctz = (value: number): number => (value === 0 ? 32 : 31 - Math.clz32(value & -value));
  popcnt(value: number): number {
    let count = 0;
    for (let rest = value >>> 0; rest !== 0; rest >>>= 1) {
      count += rest & 1;
    }
    return count;
  }
  multiplyWide(signed: boolean, a: number, b: number): { low: number; high: number } {
    const wide = signed ? BigInt(a | 0) * BigInt(b | 0) : BigInt(a >>> 0) * BigInt(b >>> 0);
    return { low: Number(BigInt.asIntN(32, wide)), high: Number(BigInt.asIntN(32, wide >> 32n)) };
  }
  divideWide(
    signed: boolean,
    high: number,
    low: number,
    divisor: number,
  ): { overflow: number; quotient: number; remainder: number } {
    const unsigned = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    const dividend = signed ? BigInt.asIntN(64, unsigned) : unsigned;
    const by = BigInt(signed ? divisor | 0 : divisor >>> 0);
    const quotient = dividend / by;
    const narrow = signed ? BigInt.asIntN(32, quotient) : BigInt.asUintN(32, quotient);
    return {
      overflow: Number(narrow !== quotient),
      quotient: Number(BigInt.asIntN(32, quotient)),
      remainder: Number(BigInt.asIntN(32, dividend % by)),
    };
  }

  call(native: Native, ...values: number[]): number {
    const result = native.run(this.#cpu, ...values.map((value) => value | 0)) ?? 0;
    if (this.#cpu.state.exit !== EXIT.none) {
      throw FAULT;
    }
    return result | 0;
  }

  // ---- control

  when(condition: number, then: () => void, otherwise?: () => void): void {
    if (condition !== 0) {
      then();
    } else {
      otherwise?.();
    }
  }
  either(condition: number, then: () => number, otherwise: () => number): number {
    return condition !== 0 ? then() : otherwise();
  }
  repeat(condition: () => number, body: () => void): void {
    while (condition() !== 0) {
      body();
    }
  }
  variable(initial: number): Variable<number> {
    let value = initial;
    return {
      get: () => value,
      set: (next) => {
        value = next;
      },
    };
  }
  faultIf(condition: number, vector: number, errorCode = 0): void {
    if (condition !== 0) {
      this.#cpu.fault(vector, errorCode);
    }
  }
  branch(condition: number, _target: Operand): void {
    if (condition !== 0) {
      this.#goTo(this.field('taken'));
    }
  }
  checkTarget(eip: number): void {
    this.faultIf(this.ltu(this.#cpu.state.csLimit, eip), 13);
  }
  jump(eip: number): void {
    this.#goTo(this.#cpu.code.find(eip >>> 0));
  }
  jumpToState(): void {
    this.jump(this.#cpu.state.eip);
  }
  againIf(condition: number): void {
    if (condition !== 0) {
      this.#goTo(this.#record);
    }
  }
  #goTo(record: number): never {
    this.next = record;
    throw LEAVE;
  }
  eip(): number {
    return this.field('eip') | 0;
  }
  nextEip(): number {
    return this.field('nextEip') | 0;
  }

  // ---- flags

  state(name: WordName): number {
    return this.#cpu.state[name] | 0;
  }
  setState(name: WordName, value: number): void {
    this.#cpu.state[name] = value >>> 0;
  }
  direction(): number {
    return directionOf(this);
  }
  #set(origin: number, a: number, b: number, result: number): void {
    const shift = 32 - 8 * this.size;
    this.setState('flagOp', origin | (shift << 8));
    this.setState('flagA', a << shift);
    this.setState('flagB', b << shift);
    this.setState('flagR', result << shift);
  }
  setFlags(origin: Exclude<FlagOrigin, 'logic' | 'known'>, a: number, b: number, r: number): void {
    this.#set(ORIGIN[origin], a, b, r);
  }
  setFlagsKeepingCarry(origin: 'add' | 'sub', a: number, b: number, result: number): void {
    const carry = this.carry();
    this.#set(ORIGIN[origin], a, b, result);
    this.setCarry(carry);
  }
  setLogicFlags(result: number): void {
    this.#set(ORIGIN.logic, 0, 0, result);
  }
  setKnownFlags(carry: number, overflow: number, result: number): void {
    this.#set(ORIGIN.known, 0, 0, result);
    this.setState('flagA', carry);
    this.setState('flagB', overflow);
  }
  setCarry(carry: number): void {
    this.setState('flagOp', this.state('flagOp') | CARRY_APART);
    this.setState('carryOp', ORIGIN.known);
    this.setState('carryA', carry);
  }
  carry(): number {
    return carryFlag(this);
  }
  condition(cc: number): number {
    const positive = conditions[cc >> 1]?.(this) ?? 0;
    return cc & 1 ? positive ^ 1 : positive;
  }
}
