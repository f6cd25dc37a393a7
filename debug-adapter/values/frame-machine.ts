/** A frame of a guest's stack as the debug information wants to see it: registers, memory, caller. */

import type { VcpuView } from '../../emulator/introspection/vcpu-view.ts';
import type { Program } from '../debuggee/program.ts';
import { registersOf } from '../stack/frames.ts';
import { DWARF_REGISTER, type RegisterSet } from '../stack/unwinder.ts';
import type { FrameMachine } from '../symbols/program-symbols.ts';

/** A frame that stands still. */
export function frameMachine(
  program: Program,
  view: VcpuView,
  pc: number,
  registers: RegisterSet,
): FrameMachine {
  return machineOf(program, view, pc, (number) => registers.get(number));
}

/** The innermost frame at an address, whenever it is asked: registers are those of that moment. */
export function liveFrame(program: Program, view: VcpuView, pc: number): FrameMachine {
  return machineOf(program, view, pc, (number) => liveRegister(view, number));
}

const NAMES = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;

const liveRegister = (view: VcpuView, number: number): number | undefined =>
  number === DWARF_REGISTER.eip ? view.linearEip : NAMES[number] && view.word(NAMES[number]);

function machineOf(
  program: Program,
  view: VcpuView,
  pc: number,
  register: (number: number) => number | undefined,
): FrameMachine {
  const read = (address: number, size: number): Uint8Array | undefined => {
    const bytes = view.read(address >>> 0, size);
    return bytes.length === size ? bytes : undefined;
  };
  return {
    pc,
    register,
    read,
    cfa: () => program.symbols.unwind({ pc, register, read })?.cfa,
  };
}

/** The innermost frame as it is now. */
export const presentFrame = (program: Program, view: VcpuView): FrameMachine =>
  frameMachine(program, view, view.linearEip, registersOf(view));
