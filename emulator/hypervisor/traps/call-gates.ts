/**
 * Call gates of a 32-bit guest under a 64-bit hypervisor, which has to make the call itself.
 *
 * In long mode the processor takes gates of 16 bytes only. So the gates in a guest's tables have
 * privilege level 0 and fault when they are used; what the guest wanted is kept as the requested
 * privilege level of the target's selector (`memory/descriptors.ts`). Xen: `pv/emul-gate-op.c`.
 */

import { ERRNO } from '../../abi/errno.ts';
import { type Decoded, decode } from '../../cpu/decoder.ts';
import {
  baseOf,
  type Descriptor,
  gateOffset,
  gateSelector,
  isCode,
  isConforming,
  isPresent,
  isWritableData,
  limitOf,
  privilegeOf,
  RIGHTS,
  TYPE,
  typeOf,
} from '../../cpu/descriptor.ts';
import { VECTOR } from '../../cpu/exceptions.ts';
import { instructionSet } from '../../cpu/instruction-set.ts';
import { CS, REGISTERS, SS } from '../../cpu/state.ts';
import { setPrivilege, setSegment, updateSegments } from '../../cpu/system/segmentation.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import { findGuestDescriptor } from '../selectors.ts';
import type { Xen } from '../xen.ts';
import { CODE, fetchCode, retire } from './instruction-bytes.ts';
import type { Refusal } from './trap-bounce.ts';

/** A gate by what the guest made it. */
interface Gate {
  readonly selector: number;
  readonly offset: number;
  readonly privilege: number;
  readonly parameters: number;
}

/** The far transfer at EIP. */
interface Transfer {
  readonly isCall: boolean;
  /** The selector of the gate, with the privilege that it is used with. */
  readonly selector: number;
  readonly length: number;
}

/** The stack that a call pushes to. */
interface Stack {
  readonly selector: number;
  readonly descriptor: Descriptor;
  /** Goes down with each word. */
  pointer: number;
}

const WORD = 4;
/** SS, ESP, CS and EIP. */
const INNER_FRAME = 4;
/** The only inner ring that has a stack. */
const KERNEL_RING = 1;

const protection = (errorCode: number): Refusal => ({ vector: VECTOR.protection, errorCode });

/**
 * Carries out the far call or jump that has raised #GP with a selector as error code; the guest
 * goes on at its target, or with the exception that is answered.
 */
export function transferThroughGate(xen: Xen, vcpu: Vcpu, errorCode: number): Refusal | undefined {
  const { cpu } = xen;
  const { cpl } = cpu.state;
  const found = errorCode < 4 ? undefined : guestsOwn(xen, vcpu, errorCode);
  const gate = found && readGate(found);
  if (found === undefined || gate === undefined || gate.privilege < cpl) {
    return protection(errorCode);
  }
  if (!isPresent(found)) {
    return { vector: VECTOR.notPresent, errorCode };
  }
  const transfer = readTransfer(xen);
  if (transfer === undefined) {
    return protection(errorCode);
  }
  if ('vector' in transfer) {
    return transfer;
  }
  const isThisGate = (transfer.selector & ~3) === errorCode;
  if (!isThisGate || gate.privilege < (transfer.selector & 3)) {
    return protection(errorCode);
  }
  const target = findGuestDescriptor(cpu, gate.selector);
  if (target === undefined || !isCode(target) || !mayEnter(target, transfer, cpl)) {
    return protection(gate.selector);
  }
  if (!isPresent(target)) {
    return { vector: VECTOR.notPresent, errorCode: gate.selector };
  }
  if (gate.offset > limitOf(target)) {
    return protection(0);
  }
  return transfer.isCall
    ? call(xen, vcpu, { gate, target, transfer, errorCode })
    : enter(xen, gate, target, cpl);
}

/** A descriptor of the guest's own part of the GDT, or of its LDT. */
function guestsOwn({ cpu }: Xen, vcpu: Vcpu, selector: number): Descriptor | undefined {
  const entries = selector & 4 ? vcpu.ldtEntries : vcpu.gdtEntries;
  return selector >>> 3 < entries ? findGuestDescriptor(cpu, selector) : undefined;
}

function readGate(descriptor: Descriptor): Gate | undefined {
  if (privilegeOf(descriptor) !== 0 || descriptor.high & RIGHTS.segment) {
    return undefined;
  }
  const selector = gateSelector(descriptor);
  return typeOf(descriptor) === TYPE.callGate32
    ? {
        selector: selector & ~3,
        offset: gateOffset(descriptor),
        privilege: selector & 3,
        parameters: descriptor.high & 31,
      }
    : undefined;
}

/** Code of the same ring, or of an inner one that may be entered from outside. */
function mayEnter(target: Descriptor, { isCall }: Transfer, cpl: number): boolean {
  const privilege = privilegeOf(target);
  return isCall || isConforming(target) ? privilege <= cpl : privilege === cpl;
}

/** Decodes the far transfer at EIP; undefined: the instruction there is another. */
function readTransfer(xen: Xen): Transfer | Refusal | undefined {
  const { state } = xen.cpu;
  const available = fetchCode(xen);
  const mode = { is32: (state.csRights & RIGHTS.big) !== 0, isFlat: false };
  const decoded = decode(instructionSet.map, CODE.subarray(0, available), 0, mode);
  if ('kind' in decoded) {
    return undefined;
  }
  const opcode = CODE[decoded.prefixes.count];
  const { length } = decoded;
  if (opcode === 0x9a || opcode === 0xea) {
    return { isCall: opcode === 0x9a, selector: decoded.selector, length };
  }
  const operation = ((decoded.modrm ?? 0) >>> 3) & 7;
  if (opcode !== 0xff || (operation !== 3 && operation !== 5)) {
    return undefined;
  }
  const address = placeOfSelector(xen, decoded, mode.is32);
  const bytes = address === undefined ? undefined : xen.memory.copyIn(address, 2);
  if (address === undefined || bytes === undefined) {
    return address === undefined ? undefined : { vector: VECTOR.page, errorCode: 0, address };
  }
  return { isCall: operation === 3, selector: bytes.getUint16(0, true), length };
}

/** The linear address of the selector of a far pointer in memory. */
function placeOfSelector(xen: Xen, decoded: Decoded, is32: boolean): number | undefined {
  const { state } = xen.cpu;
  const memory = decoded.operands.find((operand) => operand.memory !== undefined)?.memory;
  if (memory === undefined) {
    return undefined;
  }
  const registerValue = (register: number | undefined): number =>
    register === undefined ? 0 : state[REGISTERS[register] as (typeof REGISTERS)[number]];
  const { base, index, scale, displacement } = memory;
  const offset = registerValue(base) + registerValue(index) * 2 ** scale + displacement;
  const bases = ['esBase', 'csBase', 'ssBase', 'dsBase', 'fsBase', 'gsBase'] as const;
  const size = decoded.prefixes.operandSize === is32 ? 2 : 4;
  const mask = memory.is32 ? 0xffff_ffff : 0xffff;
  return (state[bases[memory.segment] ?? 'dsBase'] + ((offset & mask) >>> 0) + size) >>> 0;
}

/** Goes on in a code segment of the present ring. */
function enter(xen: Xen, gate: Gate, target: Descriptor, ring: number): undefined {
  const { cpu } = xen;
  setSegment(cpu, CS, gate.selector | ring, target);
  setPrivilege(cpu, ring);
  updateSegments(cpu);
  cpu.state.eip = gate.offset;
  retire(xen, 0);
}

interface Call {
  readonly gate: Gate;
  readonly target: Descriptor;
  readonly transfer: Transfer;
  readonly errorCode: number;
}

function call(xen: Xen, vcpu: Vcpu, request: Call): Refusal | undefined {
  const { cpu } = xen;
  const { state } = cpu;
  const { gate, target, transfer, errorCode } = request;
  const isInward = privilegeOf(target) < state.cpl;
  const ring = isInward ? privilegeOf(target) : state.cpl;
  const stack = isInward
    ? innerStack(xen, vcpu, ring, gate.parameters, errorCode)
    : ownStack(xen, errorCode);
  if ('vector' in stack) {
    return stack;
  }
  const refusal =
    (isInward ? pushOuter(xen, stack, gate.parameters, errorCode) : undefined) ??
    push(xen, stack, state.csSelector) ??
    push(xen, stack, (state.eip + transfer.length) >>> 0);
  if (refusal !== undefined) {
    return refusal;
  }
  setSegment(cpu, SS, stack.selector, stack.descriptor);
  state.esp = stack.pointer;
  return enter(xen, gate, target, ring);
}

/** The stack of stack_switch, as the processor would check what it found in a task. */
function innerStack(
  { cpu, memory }: Xen,
  { kernelSs, kernelEsp }: Vcpu,
  ring: number,
  parameters: number,
  errorCode: number,
): Stack | Refusal {
  if (ring !== KERNEL_RING) {
    return protection(errorCode);
  }
  const descriptor = findGuestDescriptor(cpu, kernelSs);
  const isStack =
    descriptor !== undefined &&
    (kernelSs & 3) === ring &&
    privilegeOf(descriptor) === ring &&
    isWritableData(descriptor);
  if (!isStack) {
    return { vector: VECTOR.invalidTss, errorCode: kernelSs & ~3 };
  }
  const size = (INNER_FRAME + parameters) * WORD;
  if (!isPresent(descriptor) || !hasRoom(descriptor, kernelEsp, size)) {
    return { vector: VECTOR.stack, errorCode: kernelSs & ~3 };
  }
  const bottom = (baseOf(descriptor) + kernelEsp - size) >>> 0;
  return memory.isBelowHole(bottom, size)
    ? { selector: kernelSs, descriptor, pointer: kernelEsp }
    : protection(errorCode);
}

function ownStack({ cpu, memory }: Xen, errorCode: number): Stack | Refusal {
  const { ssSelector, esp, cpl } = cpu.state;
  const descriptor = findGuestDescriptor(cpu, ssSelector);
  if (descriptor === undefined || privilegeOf(descriptor) !== cpl) {
    return protection(errorCode);
  }
  if (!hasRoom(descriptor, esp, 2 * WORD)) {
    return { vector: VECTOR.stack, errorCode: 0 };
  }
  return memory.isBelowHole((baseOf(descriptor) + esp - 2 * WORD) >>> 0, 2 * WORD)
    ? { selector: ssSelector, descriptor, pointer: esp }
    : protection(errorCode);
}

/** Whether so many bytes below a stack pointer lie within a segment. */
function hasRoom(descriptor: Descriptor, pointer: number, size: number): boolean {
  const bottom = (pointer - size) >>> 0;
  const top = (pointer - 1) >>> 0;
  const limit = limitOf(descriptor);
  const isWithin = descriptor.high & RIGHTS.direction ? bottom > limit : top <= limit;
  return bottom < top && isWithin;
}

/** The outer stack's place, and below it the parameters that lie there. */
function pushOuter(
  xen: Xen,
  stack: Stack,
  parameters: number,
  errorCode: number,
): Refusal | undefined {
  const { cpu, memory } = xen;
  const { ssSelector, esp, cpl } = cpu.state;
  const refusal = push(xen, stack, ssSelector) ?? push(xen, stack, esp);
  if (refusal !== undefined || parameters === 0) {
    return refusal;
  }
  const outer = findGuestDescriptor(cpu, ssSelector);
  const size = parameters * WORD;
  const isReadable =
    outer !== undefined &&
    privilegeOf(outer) === cpl &&
    isWritableData(outer) &&
    hasRoom(outer, (stack.pointer + size) >>> 0, size) &&
    memory.isBelowHole((baseOf(outer) + esp) >>> 0, size);
  if (!isReadable) {
    return protection(errorCode);
  }
  for (let i = parameters - 1; i >= 0; i--) {
    const address = (baseOf(outer) + esp + WORD * i) >>> 0;
    const word = memory.read32(address);
    const failed = word === undefined ? pageFault(0, address) : push(xen, stack, word);
    if (failed !== undefined) {
      return failed;
    }
  }
  return undefined;
}

function push({ memory }: Xen, stack: Stack, word: number): Refusal | undefined {
  stack.pointer = (stack.pointer - WORD) >>> 0;
  const address = (baseOf(stack.descriptor) + stack.pointer) >>> 0;
  return memory.write32(address, word) ? undefined : pageFault(PAGE_FAULT_WRITE, address);
}
const PAGE_FAULT_WRITE = 2;

/**
 * Xen means to name the first byte that it could not copy, but takes an errno for how many were
 * left: CR2 is the end of the word and 14 (EFAULT) more.
 */
const pageFault = (errorCode: number, address: number): Refusal => ({
  vector: VECTOR.page,
  errorCode,
  address: (address + WORD + ERRNO.EFAULT) >>> 0,
});
