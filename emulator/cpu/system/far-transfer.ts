/**
 * Far jumps, calls and returns: to code segments directly and through call gates.
 *
 * The order of checks is that of the manual, since it decides between error codes. SDM 3A §5.8;
 * SDM 2A, CALL and JMP; SDM 2B, RET.
 */

import {
  type Descriptor,
  gateOffset,
  gateSelector,
  isCode,
  isConforming,
  isPresent,
  isSystem,
  privilegeOf,
  RIGHTS,
  TYPE,
  typeOf,
} from '../descriptor.ts';
import { VECTOR } from '../exceptions.ts';
import type { Processor } from '../processor.ts';
import { SS, STATE } from '../state.ts';
import {
  checkOffset,
  descriptorOr,
  dropInnerSegments,
  isNull,
  markAccessed,
  setCodeSegment,
  setPrivilege,
  setSegment,
  stackDescriptor,
  updateSegments,
  writeSegmented,
} from './segmentation.ts';
import {
  enterInnerStack,
  fillFrame,
  innerStack,
  probeFrame,
  readStack,
  setPointer,
  stackWord,
} from './stack-frame.ts';
import { switchTask } from './task-switch.ts';

/** Where a transfer leads. */
interface Target {
  readonly selector: number;
  readonly descriptor: Descriptor;
  readonly offset: number;
  /** Bytes of each word that a call pushes. */
  readonly size: number;
  /** Words of parameters that a call gate copies to an inner stack. */
  readonly parameters: number;
}

/** Continues in a code segment; nothing can fault any more. */
export function enterCode(
  cpu: Processor,
  selector: number,
  marked: Descriptor,
  ring: number,
  offset: number,
): void {
  setCodeSegment(cpu, selector, marked, ring);
  setPrivilege(cpu, ring);
  updateSegments(cpu);
  cpu.state.eip = offset >>> 0;
}

const errorOf = (selector: number): number => selector & 0xfffc;

function requirePresent(cpu: Processor, selector: number, descriptor: Descriptor): void {
  if (!isPresent(descriptor)) {
    cpu.fault(VECTOR.notPresent, errorOf(selector));
  }
}

function findTarget(
  cpu: Processor,
  selector: number,
  offset: number,
  size: number,
  isCall: boolean,
): Target {
  if (isNull(selector)) {
    cpu.fault(VECTOR.protection);
  }
  const descriptor = descriptorOr(cpu, selector);
  if (isSystem(descriptor)) {
    return throughSystem(cpu, selector, descriptor, isCall);
  }
  const { cpl } = cpu.state;
  const privilege = privilegeOf(descriptor);
  const isAllowed = isConforming(descriptor)
    ? privilege <= cpl
    : privilege === cpl && (selector & 3) <= cpl;
  if (!isCode(descriptor) || !isAllowed) {
    cpu.fault(VECTOR.protection, errorOf(selector));
  }
  requirePresent(cpu, selector, descriptor);
  return { selector, descriptor, offset, size, parameters: 0 };
}

const TASKS: readonly number[] = [TYPE.tss16, TYPE.tss32, TYPE.taskGate];

/** A gate, or a task. */
function throughSystem(
  cpu: Processor,
  selector: number,
  descriptor: Descriptor,
  isCall: boolean,
): Target {
  const type = typeOf(descriptor);
  const isGate = type === TYPE.callGate16 || type === TYPE.callGate32;
  const privilege = privilegeOf(descriptor);
  const isAllowed = cpu.state.cpl <= privilege && (selector & 3) <= privilege;
  if (!(isGate || TASKS.includes(type)) || !isAllowed) {
    cpu.fault(VECTOR.protection, errorOf(selector));
  }
  requirePresent(cpu, selector, descriptor);
  if (!isGate) {
    const task = type === TYPE.taskGate ? gateSelector(descriptor) : selector;
    switchTask(cpu, task, isCall ? 'A far call to a task' : 'A far jump to a task');
  }
  return throughGate(cpu, descriptor, isCall);
}

function throughGate(cpu: Processor, gate: Descriptor, isCall: boolean): Target {
  const selector = gateSelector(gate);
  if (isNull(selector)) {
    cpu.fault(VECTOR.protection);
  }
  const descriptor = descriptorOr(cpu, selector);
  const { cpl } = cpu.state;
  const privilege = privilegeOf(descriptor);
  const isInward = isCall || isConforming(descriptor);
  const isAllowed = isInward ? privilege <= cpl : privilege === cpl;
  if (!isCode(descriptor) || !isAllowed) {
    cpu.fault(VECTOR.protection, errorOf(selector));
  }
  requirePresent(cpu, selector, descriptor);
  const is32 = typeOf(gate) === TYPE.callGate32;
  return {
    selector,
    descriptor,
    offset: is32 ? gateOffset(gate) : gateOffset(gate) & 0xffff,
    size: is32 ? 4 : 2,
    parameters: gate.high & 31,
  };
}

export function farJump(cpu: Processor, selector: number, offset: number): void {
  const target = findTarget(cpu, selector, offset, 4, false);
  const { descriptor } = target;
  checkOffset(cpu, descriptor, target.offset, 0);
  enterCode(cpu, target.selector, markAccessed(cpu, descriptor), cpu.state.cpl, target.offset);
}

/** @param size bytes of each word to push, unless a gate says otherwise */
export function farCall(
  cpu: Processor,
  selector: number,
  offset: number,
  size: number,
  nextEip: number,
): void {
  const { state } = cpu;
  const target = findTarget(cpu, selector, offset, size, true);
  const { descriptor } = target;
  const ring = privilegeOf(descriptor);
  if (!isConforming(descriptor) && ring < state.cpl) {
    callInward(cpu, target, ring, nextEip);
    return;
  }
  // The target is looked at when the return address is stored already: a fault leaves it there.
  let pointer = state.esp;
  for (const value of [state.csSelector, nextEip]) {
    pointer = ((pointer - target.size) & state.stackMask) >>> 0;
    writeSegmented(cpu, STATE.ssSelector, pointer, target.size, value);
  }
  checkOffset(cpu, descriptor, target.offset, 0);
  const code = markAccessed(cpu, descriptor);
  setPointer(cpu, pointer);
  enterCode(cpu, target.selector, code, state.cpl, target.offset);
}

/** Through a gate to an inner ring, with its stack from the task and parameters copied to it. */
function callInward(cpu: Processor, target: Target, ring: number, nextEip: number): void {
  const { state } = cpu;
  const { size, parameters, descriptor } = target;
  const inner = innerStack(cpu, ring, size, 4 + parameters, 0);
  checkOffset(cpu, descriptor, target.offset, 0);
  const copied = Array.from({ length: parameters }, (_, i) =>
    stackWord(cpu, parameters - 1 - i, size),
  );
  probeFrame(cpu, inner.frame);
  const code = markAccessed(cpu, descriptor);
  const stack = markAccessed(cpu, inner.descriptor);
  const values = [state.ssSelector, state.esp, ...copied, state.csSelector, nextEip];
  fillFrame(cpu, inner.frame, values);
  enterInnerStack(cpu, inner, stack);
  enterCode(cpu, target.selector, code, ring, target.offset);
}

// ---- returns

/** @param release bytes of parameters to take off each stack */
export function farReturn(cpu: Processor, size: number, release: number): void {
  // In the order in which silicon reads them, and no more of the selector than there is.
  const selector = readStack(cpu, (cpu.state.esp + size) & cpu.state.stackMask, 2);
  const eip = stackWord(cpu, 0, size);
  const target = returnTarget(cpu, selector);
  if ((selector & 3) === cpu.state.cpl) {
    returnWithin(cpu, selector, target, eip, 2 * size + release);
  } else {
    returnOutward(cpu, selector, target, eip, size, 2, release);
  }
}

/** The code segment that a far return or iret goes to. */
export function returnTarget(cpu: Processor, selector: number): Descriptor {
  if (isNull(selector)) {
    cpu.fault(VECTOR.protection);
  }
  const target = descriptorOr(cpu, selector);
  const ring = selector & 3;
  const privilege = privilegeOf(target);
  const isRight = isConforming(target) ? privilege <= ring : privilege === ring;
  if (!isCode(target) || ring < cpu.state.cpl || !isRight) {
    cpu.fault(VECTOR.protection, errorOf(selector));
  }
  requirePresent(cpu, selector, target);
  return target;
}

/** Within the ring. @param release bytes to take off the stack */
export function returnWithin(
  cpu: Processor,
  selector: number,
  target: Descriptor,
  eip: number,
  release: number,
): void {
  checkOffset(cpu, target, eip, 0);
  const code = markAccessed(cpu, target);
  setPointer(cpu, cpu.state.esp + release);
  enterCode(cpu, selector, code, selector & 3, eip);
}

/**
 * To an outer ring: its SS:ESP lie behind `words` words of the frame and `release` bytes of
 * parameters, which are then also taken off the outer stack. Inner data segments are dropped.
 */
export function returnOutward(
  cpu: Processor,
  selector: number,
  target: Descriptor,
  eip: number,
  size: number,
  words: number,
  release = 0,
): void {
  const ring = selector & 3;
  const pointer = stackWord(cpu, words, size, release);
  const stackSelector = stackWord(cpu, words + 1, size, release) & 0xffff;
  const descriptor = stackDescriptor(cpu, stackSelector, ring, VECTOR.protection);
  checkOffset(cpu, target, eip, 0);
  const code = markAccessed(cpu, target);
  const stack = markAccessed(cpu, descriptor);
  setSegment(cpu, SS, stackSelector, stack);
  cpu.state.stackMask = stack.high & RIGHTS.big ? 0xffff_ffff : 0xffff;
  setPointer(cpu, pointer + release);
  setPrivilege(cpu, ring);
  dropInnerSegments(cpu);
  enterCode(cpu, selector, code, ring, eip);
}
