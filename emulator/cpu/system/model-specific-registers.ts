/** Model-specific registers that the processor itself has; all others are the environment's. */

import { VECTOR } from '../exceptions.ts';
import type { Processor } from '../processor.ts';
import { EFER_NXE, setEfer } from './control-registers.ts';

const MSR = {
  timeStampCounter: 0x10,
  apicBase: 0x1b,
  sysenterCs: 0x174,
  sysenterEsp: 0x175,
  sysenterEip: 0x176,
  pageAttributeTable: 0x277,
  efer: 0xc000_0080,
} as const;

/** The address of a local APIC that is disabled, on the boot processor. */
const APIC_BASE = 0xfee0_0100n;
/** Memory types that there are (SDM 3A table 12-10). */
const PAT_TYPES: readonly number[] = [0, 1, 4, 5, 6, 7];
const LOW = 0xffff_ffffn;

const join = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);

/** The time-stamp counter as the guest sees it. */
export function timeStamp(cpu: Processor): bigint {
  const { state } = cpu;
  const counted = cpu.environment.timeStamp(cpu.retiredNow);
  return BigInt.asUintN(64, counted + join(state.timeHigh, state.timeLow));
}

function setTimeStamp(cpu: Processor, value: bigint): void {
  const { state } = cpu;
  const offset = BigInt.asUintN(64, value - cpu.environment.timeStamp(cpu.retiredNow));
  state.timeLow = Number(offset & LOW);
  state.timeHigh = Number(offset >> 32n);
}

/** Raises #GP(0) where there is no such register. */
export function readMsr(cpu: Processor, index: number): bigint {
  const { state } = cpu;
  switch (index) {
    case MSR.timeStampCounter:
      return timeStamp(cpu);
    case MSR.apicBase:
      return APIC_BASE;
    case MSR.sysenterCs:
      return BigInt(state.sysenterCs);
    case MSR.sysenterEsp:
      return BigInt(state.sysenterEsp);
    case MSR.sysenterEip:
      return BigInt(state.sysenterEip);
    case MSR.pageAttributeTable:
      return join(state.patHigh, state.patLow);
    case MSR.efer:
      return BigInt(state.efer);
    default:
      return cpu.environment.readMsr(index) ?? cpu.fault(VECTOR.protection);
  }
}

/** Raises #GP(0) where there is no such register or it cannot have the value. */
export function writeMsr(cpu: Processor, index: number, value: bigint): void {
  const { state } = cpu;
  const low = Number(value & LOW);
  switch (index) {
    case MSR.timeStampCounter:
      setTimeStamp(cpu, value);
      break;
    case MSR.apicBase:
      allowOnly(cpu, value === APIC_BASE);
      break;
    case MSR.sysenterCs:
      state.sysenterCs = low;
      break;
    case MSR.sysenterEsp:
      state.sysenterEsp = low;
      break;
    case MSR.sysenterEip:
      state.sysenterEip = low;
      break;
    case MSR.pageAttributeTable:
      allowOnly(
        cpu,
        bytesOf(value).every((type) => PAT_TYPES.includes(type)),
      );
      state.patLow = low;
      state.patHigh = Number(value >> 32n);
      break;
    case MSR.efer:
      allowOnly(cpu, (value & ~BigInt(EFER_NXE)) === 0n);
      setEfer(cpu, low);
      break;
    default:
      allowOnly(cpu, cpu.environment.writeMsr(index, value));
  }
}

function allowOnly(cpu: Processor, isAllowed: boolean): void {
  if (!isAllowed) {
    cpu.fault(VECTOR.protection);
  }
}

const bytesOf = (value: bigint): number[] =>
  Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
