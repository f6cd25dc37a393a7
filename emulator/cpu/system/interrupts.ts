/**
 * Interrupts and exceptions through the interrupt descriptor table, and iret.
 *
 * Everything is checked and every byte of the frame is known to be writable before anything
 * changes. SDM 3A chapter 6; SDM 2A, INT n and IRET.
 */

import {
  baseOf,
  type Descriptor,
  gateOffset,
  gateSelector,
  isCode,
  isConforming,
  isPresent,
  isSystem,
  limitOf,
  privilegeOf,
  RIGHTS,
  TYPE,
  typeOf,
} from '../descriptor.ts';
import type { Event } from '../environment.ts';
import { VECTOR } from '../exceptions.ts';
import { EFLAGS, eflagsOf, setEflags } from '../flags.ts';
import type { Processor } from '../processor.ts';
import { SS } from '../state.ts';
import {
  descriptorOr,
  dropInnerSegments,
  findDescriptor,
  isNull,
  isWithin,
  markAccessed,
  setCodeSegment,
  setPrivilege,
  setSegment,
  stackDescriptor,
  updateSegments,
} from './segmentation.ts';

/** A stack that is being written before it becomes the stack. */
export interface NewStack {
  readonly base: number;
  readonly limit: number;
  readonly rights: number;
  pointer: number;
}

export function presentStack({ state }: Processor): NewStack {
  return {
    base: state.ssBase,
    limit: state.ssLimit,
    rights: state.ssRights,
    pointer: state.esp,
  };
}

export function stackOf(descriptor: Descriptor, pointer: number): NewStack {
  return {
    base: baseOf(descriptor),
    limit: limitOf(descriptor),
    rights: descriptor.high,
    pointer,
  };
}

const maskOf = ({ rights }: NewStack): number => (rights & RIGHTS.big ? 0xffff_ffff : 0xffff);

/** Pushes words of `size` bytes; the whole frame is probed first. */
export function pushAll(
  cpu: Processor,
  stack: NewStack,
  size: number,
  values: readonly number[],
  isUser: boolean,
  stackFault: number,
): void {
  const mask = maskOf(stack);
  let pointer = stack.pointer;
  const places = values.map(() => {
    pointer = (pointer - size) & mask;
    const offset = pointer >>> 0;
    if (!isWithin(stack.limit, stack.rights, offset, size)) {
      cpu.fault(VECTOR.stack, stackFault);
    }
    return (stack.base + offset) >>> 0;
  });
  const last = places.at(-1) as number;
  const first = places[0] as number;
  cpu.probeWrite(first, size, isUser);
  cpu.probeWrite(last, size, isUser);
  places.forEach((linear, i) => {
    cpu.writeLinear(linear, size, values[i] as number, isUser);
  });
  stack.pointer = ((stack.pointer & ~mask) | (pointer & mask)) >>> 0;
}

/** SS:ESP for an inner ring, from the task state segment (SDM 3A §7.2.1). */
export function innerStack(
  cpu: Processor,
  ring: number,
  external: number,
): { selector: number; pointer: number } {
  const { state } = cpu;
  const is32 = (state.trRights & 0x0800) !== 0;
  const offset = is32 ? 4 + 8 * ring : 2 + 4 * ring;
  const size = is32 ? 8 : 4;
  if (offset + size - (is32 ? 3 : 1) > state.trLimit || !(state.trRights & RIGHTS.valid)) {
    cpu.fault(VECTOR.invalidTss, (state.trSelector & 0xfffc) | external);
  }
  const at = state.trBase + offset;
  return is32
    ? { pointer: cpu.readSystem(at, 4), selector: cpu.readSystem(at + 4, 2) }
    : { pointer: cpu.readSystem(at, 2), selector: cpu.readSystem(at + 2, 2) };
}

/** The gate of a vector, checked as `int` (software) or as the processor itself. */
function findGate(cpu: Processor, event: Event, external: number): Descriptor {
  const { state } = cpu;
  const { vector } = event;
  const code = (vector << 3) | 2 | external;
  if (vector * 8 + 7 > state.idtLimit) {
    cpu.fault(VECTOR.protection, code);
  }
  const address = (state.idtBase + vector * 8) >>> 0;
  const gate = {
    low: cpu.readSystem(address, 4),
    high: cpu.readSystem(address + 4, 4),
    address,
  };
  if (!isSystem(gate) || !GATES.includes(typeOf(gate))) {
    cpu.fault(VECTOR.protection, code);
  }
  if (event.kind === 'software' && privilegeOf(gate) < state.cpl) {
    cpu.fault(VECTOR.protection, code);
  }
  if (!isPresent(gate)) {
    cpu.fault(VECTOR.notPresent, code);
  }
  return gate;
}

const GATES: readonly number[] = [
  TYPE.taskGate,
  TYPE.interruptGate16,
  TYPE.trapGate16,
  TYPE.interruptGate32,
  TYPE.trapGate32,
];

/** Goes to the handler of an event. Throws FAULT, with nothing changed, if that faults. */
export function deliver(cpu: Processor, event: Event): void {
  const external = event.kind === 'software' ? 0 : 1;
  const gate = findGate(cpu, event, external);
  const type = typeOf(gate);
  if (type === TYPE.taskGate) {
    cpu.stopHere({
      kind: 'unsupported',
      sentence: `Interrupt ${event.vector} goes through a task gate: hardware task switches are not supported.`,
    });
  }
  const selector = gateSelector(gate);
  if (isNull(selector)) {
    cpu.fault(VECTOR.protection, external);
  }
  const target = descriptorOr(cpu, selector, VECTOR.protection, external);
  const { state } = cpu;
  const code = (selector & 0xfffc) | external;
  if (!isCode(target) || privilegeOf(target) > state.cpl) {
    cpu.fault(VECTOR.protection, code);
  }
  if (!isPresent(target)) {
    cpu.fault(VECTOR.notPresent, code);
  }
  const ring = isConforming(target) ? state.cpl : privilegeOf(target);
  const size = type >= TYPE.tss32 ? 4 : 2;
  const offset = size === 4 ? gateOffset(gate) : gateOffset(gate) & 0xffff;
  const frame = [flagsToPush(cpu, event), state.csSelector, event.eip];
  if (event.errorCode !== undefined) {
    frame.push(event.errorCode);
  }
  if (ring < state.cpl) {
    enterInner(cpu, ring, size, frame, external, target, offset);
  } else {
    const stack = presentStack(cpu);
    checkOffset(cpu, target, offset, external);
    pushAll(cpu, stack, size, frame, ring === 3, external);
    state.esp = stack.pointer;
  }
  setCodeSegment(cpu, selector, target, ring);
  setPrivilege(cpu, ring);
  updateSegments(cpu);
  state.eip = offset;
  const cleared = EFLAGS.trap | EFLAGS.nestedTask | EFLAGS.resume | EFLAGS.virtual8086;
  const isInterruptGate = type === TYPE.interruptGate32 || type === TYPE.interruptGate16;
  state.systemFlags =
    (state.systemFlags & ~(cleared | (isInterruptGate ? EFLAGS.interrupt : 0))) >>> 0;
  cpu.debug.clearsResume = false;
  cpu.debug.noStep = true;
}

function enterInner(
  cpu: Processor,
  ring: number,
  size: number,
  frame: readonly number[],
  external: number,
  target: Descriptor,
  offset: number,
): void {
  const { state } = cpu;
  const inner = innerStack(cpu, ring, external);
  const descriptor = stackDescriptor(cpu, inner.selector, ring, VECTOR.invalidTss, external);
  const stack = stackOf(descriptor, inner.pointer);
  const code = (inner.selector & 0xfffc) | external;
  checkOffset(cpu, target, offset, external);
  pushAll(cpu, stack, size, [state.ssSelector, state.esp, ...frame], false, code);
  setSegment(cpu, SS, inner.selector, markAccessed(cpu, descriptor));
  state.esp = stack.pointer;
}

function checkOffset(cpu: Processor, target: Descriptor, offset: number, external: number): void {
  if (offset > limitOf(target)) {
    cpu.fault(VECTOR.protection, external);
  }
}

/** RF is set in the image that a fault pushes, so that its instruction breakpoint will not repeat. */
function flagsToPush(cpu: Processor, event: Event): number {
  const flags = eflagsOf(cpu.state);
  return event.kind === 'fault' ? (flags | EFLAGS.resume) >>> 0 : flags;
}

// ---- iret

const ALWAYS_16 =
  EFLAGS.carry |
  EFLAGS.parity |
  EFLAGS.adjust |
  EFLAGS.zero |
  EFLAGS.sign |
  EFLAGS.trap |
  EFLAGS.direction |
  EFLAGS.overflow |
  EFLAGS.nestedTask;

/** Which bits of EFLAGS a return or popf may change. */
export function changeableFlags(cpu: Processor, size: number): number {
  const { state } = cpu;
  const iopl = (state.systemFlags >>> 12) & 3;
  return (
    ALWAYS_16 |
    (state.cpl <= iopl ? EFLAGS.interrupt : 0) |
    (state.cpl === 0 ? EFLAGS.privilege : 0) |
    (size === 4 ? EFLAGS.alignment | EFLAGS.identification : 0)
  );
}

/** Sets the bits of EFLAGS in `mask`, and looks whether an interrupt is now allowed. */
export function changeFlags(cpu: Processor, value: number, mask: number): void {
  const { state } = cpu;
  const before = eflagsOf(state);
  setEflags(state, (before & ~mask) | (value & mask));
  const rises = ~before & state.systemFlags;
  if (rises & EFLAGS.trap || (rises & EFLAGS.interrupt && state.interruptRequest)) {
    cpu.endRun();
  }
}

/** iret within protected mode. */
export function interruptReturn(cpu: Processor, size: number): void {
  const { state } = cpu;
  if (state.systemFlags & EFLAGS.nestedTask) {
    cpu.stopHere({
      kind: 'unsupported',
      sentence: 'iret with EFLAGS.NT set: hardware task switches are not supported.',
    });
  }
  const mask = state.stackMask;
  const read = (slot: number): number => readStack(cpu, (state.esp + slot * size) & mask, size);
  const eip = read(0);
  const selector = read(1) & 0xffff;
  const flags = read(2);
  if (size === 4 && flags & EFLAGS.virtual8086 && state.cpl === 0) {
    cpu.stopHere({ kind: 'unsupported', sentence: 'iret to virtual-8086 mode is not supported.' });
  }
  const target = returnTarget(cpu, selector);
  const ring = selector & 3;
  const changeable = changeableFlags(cpu, size) | (size === 4 ? EFLAGS.resume : 0);
  if (ring === state.cpl) {
    checkOffset(cpu, target, eip, 0);
    setPointer(cpu, state.esp + 3 * size);
    setCodeSegment(cpu, selector, target, ring);
    updateSegments(cpu);
  } else {
    returnOutward(cpu, selector, target, eip, read(3), read(4) & 0xffff);
  }
  state.eip = eip;
  changeFlags(cpu, flags, changeable);
  updateSegments(cpu);
  state.nmiBlocked = 0;
  cpu.debug.clearsResume = false;
  if (state.systemFlags & EFLAGS.resume) {
    cpu.endRun();
  }
}

/** To an outer ring: SS:ESP from the frame, and inner data segments dropped. */
export function returnOutward(
  cpu: Processor,
  selector: number,
  target: Descriptor,
  eip: number,
  pointer: number,
  stackSelector: number,
): void {
  const { state } = cpu;
  const ring = selector & 3;
  const stack = stackDescriptor(cpu, stackSelector, ring, VECTOR.protection);
  checkOffset(cpu, target, eip, 0);
  setCodeSegment(cpu, selector, target, ring);
  setSegment(cpu, SS, stackSelector, markAccessed(cpu, stack));
  setPrivilege(cpu, ring);
  state.stackMask = stack.high & RIGHTS.big ? 0xffff_ffff : 0xffff;
  setPointer(cpu, pointer);
  dropInnerSegments(cpu);
  updateSegments(cpu);
}

/** The code segment that a far return goes to (SDM 2A, IRET; 2B, RET). */
export function returnTarget(cpu: Processor, selector: number): Descriptor {
  if (isNull(selector)) {
    cpu.fault(VECTOR.protection, 0);
  }
  const code = selector & 0xfffc;
  const target = findDescriptor(cpu, selector) ?? cpu.fault(VECTOR.protection, code);
  const ring = selector & 3;
  const privilege = privilegeOf(target);
  const isRight = isConforming(target) ? privilege <= ring : privilege === ring;
  if (!isCode(target) || ring < cpu.state.cpl || !isRight) {
    cpu.fault(VECTOR.protection, code);
  }
  if (!isPresent(target)) {
    cpu.fault(VECTOR.notPresent, code);
  }
  return target;
}

/** Sets ESP, or SP only with a 16-bit stack segment. */
export function setPointer({ state }: Processor, pointer: number): void {
  const mask = state.stackMask;
  state.esp = ((state.esp & ~mask) | (pointer & mask)) >>> 0;
}

/** Reads from the present stack. */
export function readStack(cpu: Processor, pointer: number, size: number): number {
  const { state } = cpu;
  const offset = pointer >>> 0;
  if (!isWithin(state.ssLimit, state.ssRights, offset, size)) {
    cpu.fault(VECTOR.stack);
  }
  return cpu.readLinear(state.ssBase + offset, size);
}
