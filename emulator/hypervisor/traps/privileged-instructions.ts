/**
 * Instructions that ring 1 may not execute, and that Xen carries out for it after their #GP(0).
 *
 * Control, debug and model-specific registers for the kernel; ports, cli and sti for whoever has
 * the I/O privilege; CPUID behind the forced-emulation prefix for everybody. What is not here
 * (hlt, lgdt, lidt, lldt, ltr, invlpg, ...) is #GP for the guest. Xen: `pv/emul-priv-op.c`.
 */

import { ERRNO } from '../../abi/errno.ts';
import { VMASST_TYPE } from '../../abi/xen.ts';
import { VECTOR } from '../../cpu/exceptions.ts';
import { EFLAGS, eflagsOf } from '../../cpu/flags.ts';
import { EAX, ECX, EDI, ESI, REGISTERS } from '../../cpu/state.ts';
import { CR0, CR4 } from '../../cpu/system/control-registers.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import type { Caller } from '../hypercall.ts';
import type { Xen } from '../xen.ts';
import { guestCpuid } from './cpuid.ts';
import { debugRegister, setDebugRegister } from './debug-registers.ts';
import { CODE, fetchCode, LONGEST, retire } from './instruction-bytes.ts';
import { readGuestMsr, writeGuestMsr } from './msr.ts';
import { portRead, portWrite } from './ports.ts';
import { bounce } from './trap-bounce.ts';

const FORCED_CPUID = [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2];

/** `ud2; "xen"; cpuid`: the guest asks for CPUID as the hypervisor shows it. */
export function emulateForcedPrefix(xen: Xen, vcpu: Vcpu): boolean {
  const length = fetchCode(xen);
  if (length < FORCED_CPUID.length || FORCED_CPUID.some((byte, i) => CODE[i] !== byte)) {
    return false;
  }
  const { state } = xen.cpu;
  Object.assign(state, guestCpuid(vcpu.domain, state.eax, state.ecx));
  retire(xen, FORCED_CPUID.length);
  return true;
}

/** What stands before the opcode. */
interface Prefixes {
  length: number;
  operandSize: 2 | 4;
  addressSize: 2 | 4;
  segment: number | undefined;
  isRepeated: boolean;
}

/** Segment registers by their override prefix, in the manual's numbering. */
const OVERRIDES: Readonly<Record<number, number>> = {
  38: 0,
  46: 1,
  54: 2,
  62: 3,
  100: 4,
  101: 5,
};

function readPrefixes(): Prefixes {
  const found: Prefixes = {
    length: 0,
    operandSize: 4,
    addressSize: 4,
    segment: undefined,
    isRepeated: false,
  };
  for (; found.length < LONGEST; found.length++) {
    const byte = CODE[found.length] as number;
    const override = OVERRIDES[byte];
    if (override !== undefined) {
      found.segment = override;
    } else if (byte === 0x66) {
      found.operandSize = 2;
    } else if (byte === 0x67) {
      found.addressSize = 2;
    } else if (byte === 0xf2 || byte === 0xf3) {
      found.isRepeated = true;
    } else {
      break;
    }
  }
  return found;
}

/** Answers whether the instruction was carried out; otherwise the guest gets its #GP. */
export function emulatePrivileged(xen: Xen, vcpu: Vcpu): boolean {
  const available = fetchCode(xen);
  if (available === 0) {
    return false;
  }
  CODE.fill(0, available);
  const prefixes = readPrefixes();
  const opcode = CODE[prefixes.length] as number;
  if (opcode === 0x0f) {
    return xen.cpu.state.cpl === 1 && emulateSystem(xen, vcpu, prefixes.length);
  }
  if (opcode === 0xfa || opcode === 0xfb) {
    // cli and sti touch a flag that the guest does not have: with the privilege they do nothing.
    return hasIoPrivilege(xen, vcpu) && done(xen, prefixes.length + 1);
  }
  if (opcode >= 0x6c && opcode <= 0x6f) {
    return stringPort(xen, vcpu, prefixes, opcode);
  }
  return port(xen, vcpu, prefixes, opcode);
}

function done(xen: Xen, length: number): true {
  retire(xen, length);
  return true;
}

function hasIoPrivilege(xen: Xen, vcpu: Vcpu): boolean {
  const kernel = vcpu.domain.hasAssist(VMASST_TYPE.architectural_iopl) ? 0 : 1;
  return (xen.cpu.state.cpl === 1 ? kernel : 3) <= vcpu.iopl;
}

/** Whether the guest let this program use these ports. */
function mayUsePort(xen: Xen, vcpu: Vcpu, number: number, size: number): boolean {
  if (hasIoPrivilege(xen, vcpu)) {
    return true;
  }
  if (vcpu.portBitmap === 0 || number + size > vcpu.portCount) {
    return false;
  }
  const bytes = xen.memory.copyIn(vcpu.portBitmap + (number >>> 3), 2);
  const bits = (bytes?.getUint16(0, true) ?? 0xffff) >>> (number & 7);
  return (bits & ((1 << size) - 1)) === 0;
}

function port(xen: Xen, vcpu: Vcpu, prefixes: Prefixes, opcode: number): boolean {
  const isImmediate = (opcode & 0xfc) === 0xe4;
  if (!isImmediate && (opcode & 0xfc) !== 0xec) {
    return false;
  }
  const { state } = xen.cpu;
  const at = prefixes.length + 1;
  const number = isImmediate ? (CODE[at] as number) : state.edx & 0xffff;
  const size = opcode & 1 ? prefixes.operandSize : 1;
  if (!mayUsePort(xen, vcpu, number, size)) {
    return false;
  }
  if (opcode & 2) {
    portWrite(vcpu, number, size, state.eax);
  } else {
    setRegister(xen, EAX, size, portRead(vcpu, number, size));
  }
  xen.cpu.debug.notePort(number, size);
  return done(xen, isImmediate ? at + 1 : at);
}

function setRegister({ cpu }: Xen, index: number, size: number, value: number): void {
  const mask = size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
  const name = REGISTERS[index] as (typeof REGISTERS)[number];
  cpu.state[name] = ((cpu.state[name] & ~mask) | (value & mask)) >>> 0;
}

/** One element of ins or outs; a repeated one is fetched again until it is done. */
function stringPort(xen: Xen, vcpu: Vcpu, prefixes: Prefixes, opcode: number): boolean {
  const { cpu } = xen;
  const { state } = cpu;
  const number = state.edx & 0xffff;
  const size = opcode & 1 ? prefixes.operandSize : 1;
  const isOutput = (opcode & 2) !== 0;
  const width = prefixes.addressSize;
  const mask = width === 4 ? 0xffff_ffff : 0xffff;
  if (!mayUsePort(xen, vcpu, number, size)) {
    return false;
  }
  if (prefixes.isRepeated && (state.ecx & mask) === 0) {
    return done(xen, prefixes.length + 1);
  }
  const index = isOutput ? ESI : EDI;
  const name = REGISTERS[index] as (typeof REGISTERS)[number];
  const offset = (state[name] & mask) >>> 0;
  const base = isOutput ? baseOf(xen, prefixes.segment ?? 3) : state.esBase;
  const linear = (base + offset) >>> 0;
  if (isOutput) {
    const bytes = xen.memory.copyIn(linear, size);
    if (bytes === undefined) {
      return false;
    }
    const value = Array.from({ length: size }, (_, i) => bytes.getUint8(i));
    portWrite(
      vcpu,
      number,
      size,
      value.reduceRight((sum, byte) => (sum << 8) | byte, 0),
    );
  } else {
    const value = portRead(vcpu, number, size);
    const bytes = Uint8Array.from({ length: size }, (_, i) => value >>> (8 * i));
    if (!xen.memory.write(linear, bytes)) {
      return false;
    }
  }
  cpu.debug.notePort(number, size);
  const step = state.systemFlags & EFLAGS.direction ? -size : size;
  setRegister(xen, index, width, offset + step);
  if (!prefixes.isRepeated) {
    return done(xen, prefixes.length + 1);
  }
  const left = ((state.ecx & mask) - 1) >>> 0;
  setRegister(xen, ECX, width, left);
  return left === 0 ? done(xen, prefixes.length + 1) : true;
}

function baseOf({ cpu }: Xen, segment: number): number {
  const bases = ['esBase', 'csBase', 'ssBase', 'dsBase', 'fsBase', 'gsBase'] as const;
  return cpu.state[bases[segment] ?? 'dsBase'];
}

/** Opcodes of two bytes, for the kernel alone. */
function emulateSystem(xen: Xen, vcpu: Vcpu, start: number): boolean {
  const { state } = xen.cpu;
  const modrm = CODE[start + 2] as number;
  switch (CODE[start + 1]) {
    case 0x06:
      state.cr0 = (state.cr0 & ~CR0.taskSwitched) >>> 0;
      return done(xen, start + 2);
    case 0x08:
    case 0x09:
      // Caches are not a guest's business.
      return done(xen, start + 2);
    case 0x20:
      return readControl(xen, vcpu, modrm) && done(xen, start + 3);
    case 0x22:
      return writeControl(xen, vcpu, modrm) && done(xen, start + 3);
    case 0x21:
      return readDebug(xen, vcpu, modrm, start + 3);
    case 0x23:
      return writeDebug(xen, vcpu, modrm, start + 3);
    case 0x30:
    case 0x32:
      return modelSpecific(xen, vcpu, CODE[start + 1] === 0x30) && done(xen, start + 2);
    case 0x31:
      answer(xen, BigInt(xen.clock.now));
      return done(xen, start + 2);
    default:
      return false;
  }
}

function answer({ cpu }: Xen, value: bigint): void {
  cpu.state.eax = Number(value & 0xffff_ffffn);
  cpu.state.edx = Number(value >> 32n);
}

const registerOf = (modrm: number): (typeof REGISTERS)[number] =>
  REGISTERS[modrm & 7] as (typeof REGISTERS)[number];

function readControl(xen: Xen, vcpu: Vcpu, modrm: number): boolean {
  const { state } = xen.cpu;
  switch ((modrm >>> 3) & 7) {
    case 0:
      state[registerOf(modrm)] = state.cr0;
      return true;
    case 2:
      state[registerOf(modrm)] = vcpu.cr2;
      return true;
    case 3:
      state[registerOf(modrm)] = xen.cr3Of(vcpu);
      return true;
    case 4:
      state[registerOf(modrm)] = vcpu.cr4;
      return true;
    default:
      return false;
  }
}

function writeControl(xen: Xen, vcpu: Vcpu, modrm: number): boolean {
  const { state } = xen.cpu;
  const value = state[registerOf(modrm)];
  switch ((modrm >>> 3) & 7) {
    case 0:
      if ((value ^ state.cr0) & ~CR0.taskSwitched) {
        return false;
      }
      state.cr0 = value;
      return true;
    case 2:
      vcpu.cr2 = value;
      xen.setSharedCr2(vcpu, value);
      return true;
    case 3:
      return xen.loadCr3(vcpu, value);
    case 4:
      return writeCr4(xen, vcpu, value);
    default:
      return false;
  }
}

/** Bits of CR4 that are the guest's to choose; all others are as Xen shows them. */
const CR4_CHOSEN = CR4.timeStampDisable | CR4.debugExtensions;

function writeCr4(xen: Xen, vcpu: Vcpu, value: number): boolean {
  const { cpu } = xen;
  if (vcpu.domain.profile.hasFixedCr4) {
    return value === vcpu.cr4;
  }
  vcpu.cr4 = ((vcpu.cr4 & ~CR4_CHOSEN) | (value & CR4_CHOSEN)) >>> 0;
  cpu.state.cr4 = ((cpu.state.cr4 & ~CR4_CHOSEN) | (value & CR4_CHOSEN)) >>> 0;
  cpu.debug.refresh();
  return true;
}

function readDebug(xen: Xen, vcpu: Vcpu, modrm: number, length: number): boolean {
  const value = debugRegister(xen.callerOf(vcpu), (modrm >>> 3) & 7);
  if (value === undefined) {
    return undefinedRegister(xen, vcpu);
  }
  xen.cpu.state[registerOf(modrm)] = value;
  return done(xen, length);
}

function writeDebug(xen: Xen, vcpu: Vcpu, modrm: number, length: number): boolean {
  const caller: Caller = xen.callerOf(vcpu);
  const value = xen.cpu.state[registerOf(modrm)];
  const answer = setDebugRegister(caller, (modrm >>> 3) & 7, value);
  if (answer === -ERRNO.ENODEV) {
    return undefinedRegister(xen, vcpu);
  }
  return answer === 0 && done(xen, length);
}

/** #UD for the guest: with CR4.DE there is no DR4 and no DR5. */
function undefinedRegister(xen: Xen, vcpu: Vcpu): true {
  bounce(xen, vcpu, VECTOR.undefined, undefined, eflagsOf(xen.cpu.state) | EFLAGS.resume);
  return true;
}

function modelSpecific(xen: Xen, vcpu: Vcpu, isWrite: boolean): boolean {
  const { state } = xen.cpu;
  const index = state.ecx;
  if (isWrite) {
    const value = (BigInt(state.edx) << 32n) | BigInt(state.eax);
    return writeGuestMsr(xen, vcpu.domain, index, value);
  }
  const value = readGuestMsr(xen, vcpu.domain, index);
  if (value === undefined) {
    return false;
  }
  answer(xen, value);
  return true;
}
