/** Ports, and who may use them: IOPL, otherwise the bitmap of the task (SDM 1 §19.5). */

import { RIGHTS } from '../descriptor.ts';
import { VECTOR } from '../exceptions.ts';
import type { Processor } from '../processor.ts';
import { linearOf } from './segmentation.ts';

/** A TSS with a bitmap has 32 bits and at least so high a limit. */
const SHORTEST = 103;
const BITMAP_BASE = 102;
const TYPE_32 = 0x800;

/** Whether the running program may use these ports; if not, #GP(0) has been noted. Hot. */
export function checkPort(cpu: Processor, port: number, size: number): boolean {
  const isAllowed = mayUsePort(cpu, port, size);
  if (!isAllowed) {
    cpu.noteFault(VECTOR.protection);
  }
  return isAllowed;
}

function mayUsePort(cpu: Processor, port: number, size: number): boolean {
  const { state } = cpu;
  if (state.cpl <= ((state.systemFlags >>> 12) & 3)) {
    return true;
  }
  const has32 = RIGHTS.valid | TYPE_32;
  if ((state.trRights & has32) !== has32 || state.trLimit < SHORTEST) {
    return false;
  }
  const offset = cpu.readSystem(state.trBase + BITMAP_BASE, 2) + (port >>> 3);
  // Two bytes are read whatever the port, and both must be there.
  if (offset + 1 > state.trLimit) {
    return false;
  }
  const bits = cpu.readSystem(state.trBase + offset, 2) >>> (port & 7);
  return (bits & ((1 << size) - 1)) === 0;
}

/** After `checkPort`. */
export function readPort(cpu: Processor, port: number, size: number): number {
  cpu.debug.notePort(port, size);
  return cpu.environment.readPort(port, size);
}

/** After `checkPort`. */
export function writePort(cpu: Processor, port: number, size: number, value: number): void {
  cpu.debug.notePort(port, size);
  cpu.environment.writePort(port, size, value);
}

/** One element of ins: memory must be writable before the port is read, which may not be undone. */
export function readPortTo(
  cpu: Processor,
  port: number,
  segment: number,
  offset: number,
  size: number,
): void {
  const linear = linearOf(cpu, segment, offset, size, true);
  cpu.probeWrite(linear, size);
  cpu.writeLinear(linear, size, readPort(cpu, port, size));
}
