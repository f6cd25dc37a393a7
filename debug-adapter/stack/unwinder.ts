/**
 * From a program's registers to those of its callers, frame by frame.
 *
 * Call-frame information decides where there is some. Elsewhere it is the chain of frame pointers, and
 * where there is none, what on the stack looks like a return address. A frame that the hypervisor
 * pushed for a trap or an upcall leads to the program that it interrupted. Each frame says how it was
 * found.
 */

import type { ProgramSymbols } from '../symbols/program-symbols.ts';

/** Registers by their numbers in debug information for the i386 (psABI, table 2.14). */
export const DWARF_REGISTER = {
  ...{ eax: 0, ecx: 1, edx: 2, ebx: 3, esp: 4, ebp: 5, esi: 6, edi: 7, eip: 8 },
} as const;

export type RegisterSet = ReadonlyMap<number, number>;

export type FoundBy =
  | 'registers'
  | 'call-frame information'
  | 'hypercall stub'
  | 'frame pointer'
  | 'return address on the stack'
  | 'trap frame';

export interface Frame {
  readonly pc: number;
  /** Those that are known, ESP of the frame itself among them. */
  readonly registers: RegisterSet;
  readonly foundBy: FoundBy;
  /** Of the code that runs there. */
  readonly ring: number;
  /** Where on the stack it was found. */
  readonly foundAt?: number;
  /** Whether `pc` is where execution goes on behind a call: what is shown is the call before it. */
  readonly isCaller: boolean;
}

/** What is unwound: memory of one address space, and what is known of the code. */
export interface UnwoundProgram {
  readonly symbols: ProgramSymbols;
  read(address: number, length: number): Uint8Array | undefined;
  isCode(address: number): boolean;
  /** Whether a stub that Xen has written lies there, which leaves the stack alone until it returns. */
  isCallStub(address: number): boolean;
  /** Whether an address lies in code that traps and upcalls enter. */
  isEntry(address: number): boolean;
}

const { esp: ESP, ebp: EBP, eip: EIP } = DWARF_REGISTER;
const MOST_FRAMES = 256;
/** Words of the stack that are looked through for a return address. */
const WORDS_SCANNED = 512;
/** What an entry pushes below the frame of a trap before it calls anything: registers and no more. */
const WORDS_OF_ENTRY = 64;
const LARGEST_FRAME = 1 << 16;
/** Bits of EFLAGS that no frame of Xen has set, and the one that each has. */
const NEVER_SET = 0xffc8_8028;
const ALWAYS_SET = 2;

/** At most `count` frames, the innermost first. */
export function unwind(
  program: UnwoundProgram,
  registers: RegisterSet,
  ring: number,
  count = MOST_FRAMES,
): Frame[] {
  const pc = registers.get(EIP) ?? 0;
  const frames: Frame[] = [{ pc, registers, ring, foundBy: 'registers', isCaller: false }];
  while (frames.length < Math.min(count, MOST_FRAMES)) {
    const last = frames[frames.length - 1] as Frame;
    const next = callerOf(program, last);
    if (next === undefined || !isProgress(last, next)) {
      break;
    }
    frames.push(next);
  }
  return frames;
}

/** A damaged stack must not lead in circles. */
function isProgress(frame: Frame, next: Frame): boolean {
  const before = frame.registers.get(ESP) ?? 0;
  const after = next.registers.get(ESP) ?? 0;
  return after > before || next.ring !== frame.ring;
}

/** The caller of a frame, or the program that it interrupted. */
function callerOf(program: UnwoundProgram, frame: Frame): Frame | undefined {
  if (program.isEntry(frame.pc)) {
    const interrupted = byTrapFrame(program, frame);
    if (interrupted !== undefined) {
      return interrupted;
    }
  }
  return (
    behindCallStub(program, frame) ??
    byCallFrameInformation(program, frame) ??
    atFunctionStart(program, frame) ??
    withoutFrame(program, frame) ??
    nearer(frame, byFramePointer(program, frame), byTrapFrame(program, frame)) ??
    byStackScan(program, frame)
  );
}

/**
 * Common code behind the entries of traps leaves EBP as the interrupted program had it: the frame of
 * the trap then lies below what EBP points to.
 */
function nearer(frame: Frame, a: Frame | undefined, b: Frame | undefined): Frame | undefined {
  if (a === undefined || b === undefined) {
    return a ?? b;
  }
  const esp = frame.registers.get(ESP) ?? 0;
  const distance = ({ foundAt }: Frame) => ((foundAt ?? 0) - esp) >>> 0;
  return distance(b) < distance(a) ? b : a;
}

function byCallFrameInformation(program: UnwoundProgram, frame: Frame): Frame | undefined {
  const { registers } = frame;
  // A call may be the last instruction of its function: the row is that of the call.
  const pc = frame.isCaller ? frame.pc - 1 : frame.pc;
  const row = program.symbols.unwind({
    pc,
    register: (number) => registers.get(number),
    read: (address, length) => program.read(address, length),
  });
  if (row === undefined || row.returnAddress === undefined || !program.isCode(row.returnAddress)) {
    return undefined;
  }
  const next = new Map(registers);
  for (const [number, value] of row.registers) {
    if (value === undefined) {
      next.delete(number);
    } else {
      next.set(number, value);
    }
  }
  next.set(ESP, row.cfa);
  next.set(EIP, row.returnAddress);
  return {
    pc: row.returnAddress,
    registers: next,
    ring: frame.ring,
    foundBy: 'call-frame information',
    isCaller: !row.isSignalFrame,
  };
}

function behindCallStub(program: UnwoundProgram, frame: Frame): Frame | undefined {
  const { registers, pc, isCaller } = frame;
  return isCaller || !program.isCallStub(pc)
    ? undefined
    : returnTo(program, frame, registers.get(ESP) ?? 0, registers.get(EBP), 'hypercall stub');
}

const PUSH_EBP = 0x55;

/** Before a function has set up its frame the return address is on top of the stack. */
function atFunctionStart(program: UnwoundProgram, frame: Frame): Frame | undefined {
  if (frame.isCaller) {
    return undefined;
  }
  const place = program.symbols.symbolAt(frame.pc);
  const [first] = place === undefined ? [] : (program.read(frame.pc - place.offset, 1) ?? []);
  if (place === undefined || place.offset > 1 || (place.offset === 1 && first !== PUSH_EBP)) {
    return undefined;
  }
  const at = (frame.registers.get(ESP) ?? 0) + 4 * place.offset;
  return returnTo(program, frame, at, frame.registers.get(EBP), 'return address on the stack');
}

/** A function that does not begin by saving EBP has no frame of its own for EBP to point to. */
function withoutFrame(program: UnwoundProgram, frame: Frame): Frame | undefined {
  const place = program.symbols.symbolAt(frame.pc);
  const [first] = place === undefined ? [] : (program.read(frame.pc - place.offset, 1) ?? []);
  if (place === undefined || first === PUSH_EBP) {
    return undefined;
  }
  return nearer(frame, byStackScan(program, frame), byTrapFrame(program, frame));
}

function byFramePointer(program: UnwoundProgram, frame: Frame): Frame | undefined {
  const ebp = frame.registers.get(EBP);
  const esp = frame.registers.get(ESP) ?? 0;
  if (ebp === undefined || ebp < esp || ebp - esp > LARGEST_FRAME || ebp % 4 !== 0) {
    return undefined;
  }
  const saved = word(program, ebp);
  if (saved === undefined || (saved !== 0 && saved <= ebp)) {
    return undefined;
  }
  return returnTo(program, frame, ebp + 4, saved, 'frame pointer');
}

/** The frame behind the return address at a place of the stack. */
function returnTo(
  program: UnwoundProgram,
  frame: Frame,
  at: number,
  ebp: number | undefined,
  foundBy: FoundBy,
): Frame | undefined {
  const pc = word(program, at);
  if (pc === undefined || !followsCall(program, pc)) {
    return undefined;
  }
  const registers = new Map([
    [EIP, pc],
    [ESP, at + 4],
  ]);
  if (ebp !== undefined) {
    registers.set(EBP, ebp);
  }
  return { pc, registers, ring: frame.ring, foundBy, foundAt: at, isCaller: true };
}

function byStackScan(program: UnwoundProgram, frame: Frame): Frame | undefined {
  const esp = ((frame.registers.get(ESP) ?? 0) & ~3) >>> 0;
  for (let i = 0; i < WORDS_SCANNED; i++) {
    const at = esp + 4 * i;
    const value = word(program, at);
    if (value === undefined) {
      return undefined;
    }
    if (followsCall(program, value)) {
      const ebp = frame.registers.get(EBP);
      return returnTo(program, frame, at, ebp, 'return address on the stack');
    }
    const interrupted = trapFrameAt(program, frame, at);
    if (interrupted !== undefined) {
      return interrupted;
    }
  }
  return undefined;
}

/** A trap's or upcall's frame lies above what the handler's entry has pushed. */
function byTrapFrame(program: UnwoundProgram, frame: Frame): Frame | undefined {
  const esp = ((frame.registers.get(ESP) ?? 0) & ~3) >>> 0;
  for (let i = 0; i < WORDS_OF_ENTRY; i++) {
    const found = trapFrameAt(program, frame, esp + 4 * i);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/**
 * What was interrupted, if EIP, CS with the saved mask, and EFLAGS lie here, and ESP and SS behind them
 * where it was in ring 3 (Xen: create_bounce_frame).
 */
function trapFrameAt(program: UnwoundProgram, frame: Frame, at: number): Frame | undefined {
  const bytes = program.read(at, 20) ?? program.read(at, 12);
  if (bytes === undefined) {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pc = view.getUint32(0, true);
  const cs = view.getUint32(4, true);
  const eflags = view.getUint32(8, true);
  const ring = cs & 3;
  const isFrame =
    (ring === 1 || ring === 3) &&
    (cs & 0xffff) > 3 &&
    cs >>> 16 <= 1 &&
    (eflags & NEVER_SET) === 0 &&
    (eflags & ALWAYS_SET) !== 0;
  if (!isFrame) {
    return undefined;
  }
  if (ring === 1) {
    const registers = interruptedRegisters(frame, pc, at + 12);
    return program.isCode(pc)
      ? { pc, registers, ring, foundBy: 'trap frame', foundAt: at, isCaller: false }
      : undefined;
  }
  if (bytes.length < 20 || (view.getUint32(16, true) & 0xffff_0003) !== 3) {
    return undefined;
  }
  const registers = interruptedRegisters(frame, pc, view.getUint32(12, true));
  return { pc, registers, ring, foundBy: 'trap frame', foundAt: at, isCaller: false };
}

/** Code that enters handlers leaves the registers alone that a called function keeps (psABI 2.2.1). */
function interruptedRegisters({ registers }: Frame, pc: number, esp: number): RegisterSet {
  const kept = new Map([
    [EIP, pc],
    [ESP, esp],
  ]);
  for (const register of [EBP, DWARF_REGISTER.ebx, DWARF_REGISTER.esi, DWARF_REGISTER.edi]) {
    const value = registers.get(register);
    if (value !== undefined) {
      kept.set(register, value);
    }
  }
  return kept;
}

function word(program: UnwoundProgram, address: number): number | undefined {
  const bytes = program.read(address >>> 0, 4);
  return bytes && new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

const CALL_RELATIVE = 0xe8;
const GROUP_5 = 0xff;
/** An indirect call has two to seven bytes. */
const LONGEST_CALL = 7;

/** Whether the instruction before an address of code is a call. */
function followsCall(program: UnwoundProgram, address: number): boolean {
  if (!program.isCode(address) || !program.isCode(address - LONGEST_CALL)) {
    return false;
  }
  const bytes = program.read(address - LONGEST_CALL, LONGEST_CALL);
  if (bytes === undefined) {
    return false;
  }
  if (bytes[LONGEST_CALL - 5] === CALL_RELATIVE) {
    return true;
  }
  return [2, 3, 4, 6, 7].some((length) => {
    const at = LONGEST_CALL - length;
    const modrm = bytes[at + 1] ?? 0;
    return bytes[at] === GROUP_5 && ((modrm >>> 3) & 7) === 2;
  });
}
