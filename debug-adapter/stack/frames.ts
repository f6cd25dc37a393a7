/** The stack of a virtual processor, with all that unwinding needs. */

import { REGISTERS } from '../../emulator/cpu/state.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { iret } from '../../emulator/hypervisor/hypercalls/iret.ts';
import { SHF } from '../../emulator/image/elf.ts';
import type { KernelImage } from '../../emulator/image/kernel.ts';
import type { VcpuView } from '../../emulator/introspection/vcpu-view.ts';
import type { Debuggee, DebugThread } from '../debuggee/debuggee.ts';
import { hypercallStubAt, type Program } from '../debuggee/program.ts';
import {
  DWARF_REGISTER,
  type Frame,
  type RegisterSet,
  type UnwoundProgram,
  unwind,
} from './unwinder.ts';

/** The frames of a virtual processor, the innermost first, at most so many. */
export function framesOf(debuggee: Debuggee, { vcpu }: DebugThread, count?: number): Frame[] {
  const view = debuggee.viewOf(vcpu);
  if (!view.hasRegisters) {
    return [];
  }
  const program = unwoundProgram(debuggee.programOf(vcpu), view);
  return unwind(program, registersOf(view), view.ring, count);
}

/** Where the innermost function returns to, and the stack then; undefined: nobody knows. */
export function returnOf(
  debuggee: Debuggee,
  thread: DebugThread,
): { eip: number; esp: number } | undefined {
  const [, caller] = framesOf(debuggee, thread, 2);
  const esp = caller?.registers.get(DWARF_REGISTER.esp);
  return caller === undefined || esp === undefined ? undefined : { eip: caller.pc, esp };
}

export function registersOf(view: VcpuView): RegisterSet {
  return new Map([
    ...REGISTERS.map((name) => [DWARF_REGISTER[name], view.word(name)] as const),
    [DWARF_REGISTER.eip, view.linearEip] as const,
  ]);
}

function unwoundProgram({ symbols, kernel }: Program, view: VcpuView): UnwoundProgram {
  const entries = entryAddresses(view.vcpu);
  const code = codeRanges(kernel);
  return {
    symbols,
    read(address, length) {
      const bytes = view.read(address, length);
      return bytes.length === length ? bytes : undefined;
    },
    isCode: (address) =>
      code.some(({ start, end }) => address >= start && address < end) &&
      view.physicalOf(address) !== undefined,
    isCallStub(address) {
      const stub = hypercallStubAt(kernel, address);
      return stub !== undefined && stub.number !== iret.number;
    },
    isEntry(address) {
      const place = symbols.symbolAt(address);
      const start = place === undefined ? address : address - place.offset;
      return entries.some((entry) => entry >= start && entry <= address && address - entry < 4096);
    },
  };
}

/** Where traps, upcalls and callbacks enter the guest. */
function entryAddresses({ traps, eventCallback, failsafeCallback }: Vcpu): number[] {
  const handlers = [...traps.addresses].filter((address) => address !== 0);
  return [...new Set([...handlers, eventCallback.eip, failsafeCallback.eip])];
}

/** Where the file says that instructions are; elsewhere a number on the stack is no return address. */
function codeRanges({ elf, hypercallPage, virtualStart, virtualEnd }: KernelImage) {
  const { sections } = elf;
  const executable = sections.filter(({ flags }) => (flags & SHF.EXECINSTR) !== 0);
  const ranges = executable.map(({ virtualAddress, size }) => ({
    start: virtualAddress,
    end: virtualAddress + size,
  }));
  if (ranges.length === 0) {
    return [{ start: virtualStart, end: virtualEnd }];
  }
  return hypercallPage === undefined
    ? ranges
    : [...ranges, { start: hypercallPage, end: hypercallPage + 4096 }];
}
