/**
 * sysenter and sysexit: between rings 3 and 0 without descriptors.
 *
 * Code and stack segments become flat whatever the tables say; selectors follow from one
 * register, IA32_SYSENTER_CS. SDM 3A §5.8.7.
 */

import { VECTOR } from '../exceptions.ts';
import { EFLAGS } from '../flags.ts';
import type { Processor } from '../processor.ts';
import { SS } from '../state.ts';
import { enterCode } from './far-transfer.ts';
import { setSegment } from './segmentation.ts';

/** Flat and of ring 0; the privilege level is put in. */
const CODE = { low: 0xffff, high: 0x00cf_9b00, address: 0 };
const STACK = { low: 0xffff, high: 0x00cf_9300, address: 0 };
const PRIVILEGE_SHIFT = 13;

function enterFlat(cpu: Processor, selector: number, ring: number, eip: number, esp: number): void {
  const rights = ring << PRIVILEGE_SHIFT;
  setSegment(cpu, SS, (selector + 8) | ring, { ...STACK, high: STACK.high | rights });
  cpu.state.esp = esp;
  enterCode(cpu, selector, { ...CODE, high: CODE.high | rights }, ring, eip);
}

/** IA32_SYSENTER_CS; a null selector there means that it has not been set. */
function baseSelector(cpu: Processor): number {
  const selector = cpu.state.sysenterCs & 0xfffc;
  return selector === 0 ? cpu.fault(VECTOR.protection) : selector;
}

export function enterSystem(cpu: Processor): void {
  const { state } = cpu;
  const selector = baseSelector(cpu);
  state.systemFlags = (state.systemFlags & ~(EFLAGS.interrupt | EFLAGS.virtual8086)) >>> 0;
  enterFlat(cpu, selector, 0, state.sysenterEip, state.sysenterEsp);
}

export function leaveSystem(cpu: Processor): void {
  const { state } = cpu;
  enterFlat(cpu, baseSelector(cpu) + 16, 3, state.edx, state.ecx);
}
