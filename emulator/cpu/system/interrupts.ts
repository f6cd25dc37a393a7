/**
 * Interrupts and exceptions through the interrupt descriptor table, and iret.
 *
 * Everything is checked and every byte of the frame is known to be writable before anything
 * changes. SDM 3A chapter 6; SDM 2A, INT n and IRET.
 */

import { DR7 } from '../debug-registers.ts';
import {
  type Descriptor,
  gateOffset,
  gateSelector,
  isCode,
  isConforming,
  isPresent,
  isSystem,
  privilegeOf,
  TYPE,
  typeOf,
} from '../descriptor.ts';
import type { Event } from '../environment.ts';
import { VECTOR } from '../exceptions.ts';
import { ARITHMETIC_FLAGS, EFLAGS, eflagsOf, setArithmeticFlags } from '../flags.ts';
import type { Processor } from '../processor.ts';
import { enterCode, returnOutward, returnTarget, returnWithin } from './far-transfer.ts';
import { ENTRY, enterQuickly, returnQuickly } from './quick-passage.ts';
import {
  checkOffset,
  descriptorAt,
  descriptorOr,
  isNull,
  markAccessed,
  updateAlignmentCheck,
} from './segmentation.ts';
import {
  enterInnerStack,
  fillFrame,
  innerStack,
  presentStack,
  probeFrame,
  reserveFrame,
  stackWord,
} from './stack-frame.ts';
import { returnToTask, switchTask } from './task-switch.ts';

/** The gate of a vector, checked as `int` (software) or as the processor itself. */
function findGate(cpu: Processor, event: Event, external: number): Descriptor {
  const { state } = cpu;
  const { vector } = event;
  const code = (vector << 3) | 2 | external;
  if (vector * 8 + 7 > state.idtLimit) {
    cpu.fault(VECTOR.protection, code);
  }
  const address = (state.idtBase + vector * 8) >>> 0;
  const gate = descriptorAt(cpu, address);
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

/** The code segment that a gate leads to. */
function findTarget(cpu: Processor, selector: number, external: number): Descriptor {
  if (isNull(selector)) {
    cpu.fault(VECTOR.protection, external);
  }
  const target = descriptorOr(cpu, selector, VECTOR.protection, external);
  const code = (selector & 0xfffc) | external;
  if (!isCode(target) || privilegeOf(target) > cpu.state.cpl) {
    cpu.fault(VECTOR.protection, code);
  }
  if (!isPresent(target)) {
    cpu.fault(VECTOR.notPresent, code);
  }
  return target;
}

/** Goes to the handler of an event. Throws FAULT, with nothing changed, if that faults. */
export function deliver(cpu: Processor, event: Event): void {
  const { state } = cpu;
  const entry =
    event.vector === VECTOR.debug ? ENTRY.no : enterQuickly(cpu, event, flagsToPush(cpu, event));
  if (entry !== ENTRY.no) {
    changeFlagsOnEntry(cpu, entry === ENTRY.throughInterruptGate);
    return;
  }
  const external = event.kind === 'software' ? 0 : 1;
  const gate = findGate(cpu, event, external);
  const type = typeOf(gate);
  if (type === TYPE.taskGate) {
    const what = `Interrupt ${event.vector} through a task gate`;
    switchTask(cpu, gateSelector(gate), what, external);
  }
  const selector = gateSelector(gate);
  const target = findTarget(cpu, selector, external);
  const ring = isConforming(target) ? state.cpl : privilegeOf(target);
  const size = type >= TYPE.tss32 ? 4 : 2;
  const offset = size === 4 ? gateOffset(gate) : gateOffset(gate) & 0xffff;
  const values = frameOf(cpu, event, ring < state.cpl);
  const count = values.length;
  const inner = ring < state.cpl ? innerStack(cpu, ring, size, count, external) : undefined;
  const frame =
    inner?.frame ?? reserveFrame(cpu, presentStack(cpu), size, count, cpu.isUser, external);
  checkOffset(cpu, target, offset, external);
  probeFrame(cpu, frame);
  const code = markAccessed(cpu, target);
  const stack = inner && markAccessed(cpu, inner.descriptor);
  fillFrame(cpu, frame, values);
  if (inner !== undefined && stack !== undefined) {
    enterInnerStack(cpu, inner, stack);
  }
  state.esp = frame.pointer;
  enterCode(cpu, selector, code, ring, offset);
  changeFlagsOnEntry(cpu, type === TYPE.interruptGate32 || type === TYPE.interruptGate16);
  if (event.vector === VECTOR.debug) {
    // So that the handler may use the debug registers (SDM 3B §18.2.4).
    state.dr7 = (state.dr7 & ~DR7.generalDetect) >>> 0;
  }
}

/** What is pushed, first word first. */
function frameOf(cpu: Processor, event: Event, isInward: boolean): number[] {
  const { state } = cpu;
  const flags = flagsToPush(cpu, event) | 0;
  const eip = event.eip | 0;
  const values = isInward
    ? [state.ssSelector, state.esp | 0, flags, state.csSelector, eip]
    : [flags, state.csSelector, eip];
  if (event.errorCode !== undefined) {
    values.push(event.errorCode);
  }
  return values;
}

function changeFlagsOnEntry(cpu: Processor, disablesInterrupts: boolean): void {
  const { state, debug } = cpu;
  const cleared = EFLAGS.trap | EFLAGS.nestedTask | EFLAGS.resume | EFLAGS.virtual8086;
  const flags = state.systemFlags & ~(cleared | (disablesInterrupts ? EFLAGS.interrupt : 0));
  state.systemFlags = flags >>> 0;
  state.shadow = -1;
  state.repeating = 0;
  debug.clearsResume = false;
  debug.noStep = true;
}

/**
 * RF is set in the image that a fault pushes, so that its instruction breakpoint will not repeat,
 * and between iterations of a string instruction. The fault of an instruction breakpoint itself
 * leaves that to its handler (SDM 3B §18.3.1.1).
 */
export function flagsToPush({ state }: Processor, { kind }: Event): number {
  const flags = eflagsOf(state);
  const isInside = kind !== 'software' && state.repeating !== 0;
  return kind === 'fault' || isInside ? (flags | EFLAGS.resume) >>> 0 : flags;
}

// ---- iret and popf

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

/**
 * Sets the arithmetic flags and those other bits of EFLAGS that are in `mask`, and looks whether
 * an interrupt is now allowed.
 */
export function changeFlags(cpu: Processor, value: number, mask: number): void {
  const { state } = cpu;
  const before = state.systemFlags;
  const changed = mask & ~ARITHMETIC_FLAGS;
  setArithmeticFlags(state, value);
  state.systemFlags = ((before & ~changed) | (value & changed)) >>> 0;
  const rises = ~before & state.systemFlags;
  if (rises & EFLAGS.trap || (rises & EFLAGS.interrupt && state.interruptRequest)) {
    cpu.endRun();
  }
}

/** iret within protected mode. */
export function interruptReturn(cpu: Processor, size: number): void {
  const { state } = cpu;
  // Even if it faults (SDM 3C §28.2.3).
  state.nmiBlocked = 0;
  const changeable = changeableFlags(cpu, size) | (size === 4 ? returnedFlags(cpu) : 0);
  const quick = size === 4 ? returnQuickly(cpu) : undefined;
  if (quick !== undefined) {
    finishReturn(cpu, quick, changeable);
    return;
  }
  if (state.systemFlags & EFLAGS.nestedTask) {
    returnToTask(cpu);
  }
  // In the order in which silicon reads them.
  const flags = stackWord(cpu, 2, size);
  const selector = stackWord(cpu, 1, size) & 0xffff;
  const eip = stackWord(cpu, 0, size);
  if (size === 4 && flags & EFLAGS.virtual8086 && state.cpl === 0) {
    cpu.stopHere({ kind: 'unsupported', sentence: 'iret to virtual-8086 mode is not supported.' });
  }
  const target = returnTarget(cpu, selector);
  if ((selector & 3) === state.cpl) {
    returnWithin(cpu, selector, target, eip, 3 * size);
  } else {
    returnOutward(cpu, selector, target, eip, size, 3);
  }
  finishReturn(cpu, flags, changeable);
}

function finishReturn(cpu: Processor, flags: number, changeable: number): void {
  const { state } = cpu;
  changeFlags(cpu, flags, changeable);
  updateAlignmentCheck(cpu);
  cpu.debug.clearsResume = false;
  if (state.systemFlags & EFLAGS.resume || state.nmiPending) {
    cpu.endRun();
  }
}

/** Beyond those of popf. */
const returnedFlags = ({ state }: Processor): number =>
  EFLAGS.resume | (state.cpl === 0 ? EFLAGS.virtualInterrupt | EFLAGS.virtualPending : 0);

// ---- shadows

/**
 * mov ss and pop ss: until the next instruction has ended there are no interrupts and no debug
 * exceptions, so that it can load ESP. Of several in a row only the first counts (SDM 3A §6.8.3).
 */
export function holdEvents(cpu: Processor): void {
  const { state } = cpu;
  const before = cpu.retiredNow;
  if (state.shadow !== before || !state.holdsTraps) {
    state.shadow = before + 1;
    state.holdsTraps = 1;
  }
}

/** sti: interrupts wait until the next instruction has ended (SDM 2B, STI). */
export function holdInterrupts(cpu: Processor): void {
  cpu.state.shadow = cpu.retiredNow + 1;
  cpu.state.holdsTraps = 0;
}
