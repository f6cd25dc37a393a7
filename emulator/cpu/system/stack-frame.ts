/**
 * Frames of interrupts, far calls and their like: several words pushed as one.
 *
 * A frame has three moments, in this order: `reserveFrame` checks the limits of the stack,
 * `probeFrame` its pages, `fillFrame` writes and cannot fault. Other checks stand in between.
 */

import { baseOf, type Descriptor, limitOf, RIGHTS } from '../descriptor.ts';
import { VECTOR } from '../exceptions.ts';
import type { Processor } from '../processor.ts';
import { SS } from '../state.ts';
import { checkAlignment, isWithin, setSegment, stackDescriptor } from './segmentation.ts';

/**
 * A stack that is written before it becomes the stack, if it ever does. Its words are signed, here
 * and in `Frame`, which V8 needs not put into objects.
 */
export interface Stack {
  readonly base: number;
  readonly limit: number;
  readonly rights: number;
  readonly pointer: number;
}

export function presentStack({ state }: Processor): Stack {
  return {
    base: state.ssBase | 0,
    limit: state.ssLimit | 0,
    rights: state.ssRights,
    pointer: state.esp | 0,
  };
}

const maskOf = ({ rights }: Stack): number => (rights & RIGHTS.big ? -1 : 0xffff);

export interface Frame {
  readonly base: number;
  /** 0xffff or all ones: how far the stack pointer reaches. */
  readonly mask: number;
  /** The stack pointer before anything is pushed. */
  readonly top: number;
  /** Bytes of each word. */
  readonly size: number;
  readonly count: number;
  readonly isUser: boolean;
  /** ESP when the frame is on the stack. */
  readonly pointer: number;
}

/** Room for `count` words; beyond the limit #SS with the given error code. */
export function reserveFrame(
  cpu: Processor,
  stack: Stack,
  size: number,
  count: number,
  isUser: boolean,
  stackFault: number,
): Frame {
  const mask = maskOf(stack);
  const { base, limit, rights, pointer: top } = stack;
  for (let i = 1; i <= count; i++) {
    const offset = ((top - i * size) & mask) >>> 0;
    if (!isWithin(limit >>> 0, rights, offset, size)) {
      cpu.fault(VECTOR.stack, stackFault);
    }
  }
  const pointer = (top & ~mask) | ((top - count * size) & mask);
  return { base, mask, top, size, count, isUser, pointer };
}

/** The linear address of the word of that number, counted as they are pushed from 1. */
const placeOf = ({ base, mask, top, size }: Frame, number: number): number =>
  (base + (((top - number * size) & mask) >>> 0)) >>> 0;

/** Page faults as the pushes would; a frame is shorter than a page. */
export function probeFrame(cpu: Processor, frame: Frame): void {
  const { size, count, isUser } = frame;
  if (count > 0) {
    cpu.probeWrite(placeOf(frame, 1), size, isUser);
    cpu.probeWrite(placeOf(frame, count), size, isUser);
  }
}

export function fillFrame(cpu: Processor, frame: Frame, values: readonly number[]): void {
  const { size, count, isUser } = frame;
  for (let i = 0; i < count; i++) {
    cpu.writeLinear(placeOf(frame, i + 1), size, values[i] as number, isUser);
  }
}

// ---- the stack of an inner ring

export interface InnerStack {
  readonly selector: number;
  readonly descriptor: Descriptor;
  readonly frame: Frame;
}

/** The stack that the task has for an inner ring, with room for a frame. */
export function innerStack(
  cpu: Processor,
  ring: number,
  size: number,
  count: number,
  external: number,
): InnerStack {
  const { selector, pointer } = innerPointer(cpu, ring, external);
  const descriptor = stackDescriptor(cpu, selector, ring, VECTOR.invalidTss, external);
  const stack = {
    base: baseOf(descriptor) | 0,
    limit: limitOf(descriptor) | 0,
    rights: descriptor.high,
    pointer: pointer | 0,
  };
  const code = (selector & 0xfffc) | external;
  return { selector, descriptor, frame: reserveFrame(cpu, stack, size, count, false, code) };
}

/** SS:ESP for an inner ring, from the task state segment (SDM 3A §7.2.1, §7.6). */
function innerPointer(
  cpu: Processor,
  ring: number,
  external: number,
): { selector: number; pointer: number } {
  const { state } = cpu;
  const is32 = (state.trRights & 0x0800) !== 0;
  const offset = is32 ? 4 + 8 * ring : 2 + 4 * ring;
  const last = offset + (is32 ? 5 : 3);
  if (last > state.trLimit || !(state.trRights & RIGHTS.valid)) {
    cpu.fault(VECTOR.invalidTss, (state.trSelector & 0xfffc) | external);
  }
  const at = state.trBase + offset;
  return is32
    ? { pointer: cpu.readSystem(at, 4), selector: cpu.readSystem(at + 4, 2) }
    : { pointer: cpu.readSystem(at, 2), selector: cpu.readSystem(at + 2, 2) };
}

/** Makes it the stack, its frame filled. @param descriptor as it is after being marked */
export function enterInnerStack(cpu: Processor, inner: InnerStack, descriptor: Descriptor): void {
  setSegment(cpu, SS, inner.selector, descriptor);
  cpu.state.esp = inner.frame.pointer;
}

// ---- the present stack

/** Sets ESP, or SP only with a 16-bit stack segment. */
export function setPointer({ state }: Processor, pointer: number): void {
  const mask = state.stackMask;
  state.esp = ((state.esp & ~mask) | (pointer & mask)) >>> 0;
}

/** Reads from the present stack at an offset into its segment. */
export function readStack(cpu: Processor, offset: number, size: number): number {
  const { state } = cpu;
  const at = offset >>> 0;
  if (!isWithin(state.ssLimit, state.ssRights, at, size)) {
    cpu.fault(VECTOR.stack);
  }
  const linear = (state.ssBase + at) >>> 0;
  checkAlignment(cpu, linear, size);
  return cpu.readLinear(linear, size);
}

/** The word of that number from the top of the present stack. */
export function stackWord(cpu: Processor, number: number, size: number, skip = 0): number {
  const { state } = cpu;
  return readStack(cpu, (state.esp + number * size + skip) & state.stackMask, size);
}
