/**
 * The x87's registers: a stack of eight, with a tag for each, between two words of control and
 * status (SDM 1 §8.1).
 *
 * Functions count from the top of the stack, memory from R0. An instruction calls `begin`,
 * computes in the context it gets, and calls `finish`, which alone changes the status word's
 * flags and C1. What it finds wrong with the stack is an invalid operation whose answer, when
 * masked, is the indefinite NaN (§8.5.1.1).
 */

import {
  type FloatContext,
  floatContext,
  IE,
  type Precision,
  type Rounding,
} from '../float/context.ts';
import { decodeExtended, encodeExtended, float80 } from '../float/extended.ts';
import { INDEFINITE, type Real } from '../float/real.ts';
import type { Processor } from '../processor.ts';
import { X87_REGISTERS } from '../state.ts';
import { EXCEPTIONS, STATUS } from './status.ts';

const TOP_SHIFT = 11;
const PRECISIONS: readonly Precision[] = [24, 64, 53, 64];
/** Bytes from one register to the next. */
const STRIDE = 16;

// Filled anew by every instruction that begins.
const context = floatContext();
const register = float80();

/** The context of an instruction: modes from the control word, no exceptions yet. */
export function begin({ state }: Processor): FloatContext {
  const control = state.fpuControl;
  context.rounding = ((control >>> 10) & 3) as Rounding;
  context.precision = PRECISIONS[(control >>> 8) & 3] as Precision;
  context.masks = control & EXCEPTIONS;
  context.flags = 0;
  context.roundedUp = false;
  return context;
}

/** The context of the instruction under way, in another native than the one that began it. */
export function resume(): FloatContext {
  return context;
}

/** Reports what an instruction met. C1: rounded up, or which way the stack failed. */
export function finish(cpu: Processor, { flags, roundedUp }: FloatContext): void {
  const { state } = cpu;
  state.fpuStatus = (state.fpuStatus & ~STATUS.c1) | flags | (roundedUp ? STATUS.c1 : 0);
  summarize(cpu);
}

/** As `finish`, for instructions that leave C1 as it was unless the stack fails. */
export function finishKeepingC1(cpu: Processor, found: FloatContext): void {
  const isStackFault = (found.flags & STATUS.stackFault) !== 0;
  found.roundedUp = isStackFault ? found.roundedUp : (cpu.state.fpuStatus & STATUS.c1) !== 0;
  finish(cpu, found);
}

/** ES and B say whether an unmasked exception is pending. */
export function summarize({ state }: Processor): void {
  const isPending = (state.fpuStatus & ~state.fpuControl & EXCEPTIONS) !== 0;
  const summary = STATUS.summary | STATUS.busy;
  state.fpuStatus = isPending ? state.fpuStatus | summary : state.fpuStatus & ~summary;
}

/** Notes that the stack is too full or too empty; answers whether the masked answer is due. */
export function stackFault(found: FloatContext, isOverflow: boolean): boolean {
  found.flags |= IE | STATUS.stackFault;
  found.roundedUp = isOverflow;
  return (found.masks & IE) !== 0;
}

/** The number of ST(i) among R0 to R7. */
export function physical({ state }: Processor, i: number): number {
  return ((state.fpuStatus >>> TOP_SHIFT) + i) & 7;
}

/** Where ST(i) lies in linear memory: ten bytes. */
export function addressOf(cpu: Processor, i: number): number {
  return X87_REGISTERS + STRIDE * physical(cpu, i);
}

export function isEmpty(cpu: Processor, i: number): boolean {
  return ((cpu.state.fpuTags >>> physical(cpu, i)) & 1) === 0;
}

/** What ST(i) holds, whether or not it is empty. */
export function read(cpu: Processor, i: number): Real {
  return readAt(cpu, addressOf(cpu, i));
}

/** The extended number at an address in linear memory. */
function readAt({ memory }: Processor, at: number): Real {
  register.low = memory.u32[at >>> 2] as number;
  register.high = memory.u32[(at >>> 2) + 1] as number;
  register.signExponent = memory.u16[(at >>> 1) + 4] as number;
  return decodeExtended(register);
}

/** Fills ST(i). */
export function write(cpu: Processor, i: number, value: Real): void {
  writeExtended(cpu, addressOf(cpu, i), value);
  fill(cpu, i);
}

/** Writes ten bytes at a multiple of 4. */
export function writeExtended({ memory }: Processor, at: number, value: Real): void {
  encodeExtended(value, register);
  memory.u32[at >>> 2] = register.low;
  memory.u32[(at >>> 2) + 1] = register.high;
  memory.u16[(at >>> 1) + 4] = register.signExponent;
}

export function writeBits(
  cpu: Processor,
  i: number,
  signExponent: number,
  high: number,
  low: number,
): void {
  const { memory } = cpu;
  const at = addressOf(cpu, i);
  memory.u32[at >>> 2] = low;
  memory.u32[(at >>> 2) + 1] = high;
  memory.u16[(at >>> 1) + 4] = signExponent;
  fill(cpu, i);
}

/** Copies ten bytes, which need not be a number, to ST(i). */
export function copyTo(cpu: Processor, i: number, from: number): void {
  cpu.memory.u8.copyWithin(addressOf(cpu, i), from, from + 10);
  fill(cpu, i);
}

function fill(cpu: Processor, i: number): void {
  cpu.state.fpuTags |= 1 << physical(cpu, i);
}

export function empty(cpu: Processor, i: number): void {
  cpu.state.fpuTags &= ~(1 << physical(cpu, i));
}

/** Moves the top of the stack without touching a register. */
export function rotate({ state }: Processor, by: 1 | -1): void {
  const top = ((state.fpuStatus >>> TOP_SHIFT) + by) & 7;
  state.fpuStatus = (state.fpuStatus & ~STATUS.top) | (top << TOP_SHIFT);
}

export function pop(cpu: Processor): void {
  empty(cpu, 0);
  rotate(cpu, 1);
}

export function popTimes(cpu: Processor, count: number): void {
  for (let i = 0; i < count; i++) {
    pop(cpu);
  }
}

/** Makes room for a new ST(0), which the caller must fill; answers false if it must not. */
export function push(cpu: Processor, found: FloatContext): boolean {
  if (isEmpty(cpu, -1)) {
    rotate(cpu, -1);
    return true;
  }
  if (stackFault(found, true)) {
    rotate(cpu, -1);
    write(cpu, 0, INDEFINITE);
  }
  return false;
}

/** C0, C2 and C3; C1 is `finish`'s. */
export function setConditions({ state }: Processor, codes: number): void {
  state.fpuStatus = (state.fpuStatus & ~(STATUS.c0 | STATUS.c2 | STATUS.c3)) | codes;
}
