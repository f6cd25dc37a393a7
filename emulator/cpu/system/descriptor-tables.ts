/** LDTR and TR, and what lar, lsl, verr and verw say of a selector. SDM 3A §2.4, §5.10. */

import {
  type Descriptor,
  isConforming,
  isPresent,
  isReadable,
  isSystem,
  isWritableData,
  limitOf,
  privilegeOf,
  TYPE,
  typeOf,
} from '../descriptor.ts';
import { VECTOR } from '../exceptions.ts';
import type { Processor } from '../processor.ts';
import {
  descriptorOr,
  findDescriptor,
  isNull,
  LDTR,
  setNull,
  setSegment,
  TR,
} from './segmentation.ts';

const TABLE_INDICATOR = 4;
const BUSY = 0x200;

/** A system descriptor of the GDT of one of these types. */
function systemDescriptor(cpu: Processor, selector: number, types: readonly number[]): Descriptor {
  const code = selector & 0xfffc;
  if (selector & TABLE_INDICATOR) {
    cpu.fault(VECTOR.protection, code);
  }
  const descriptor = descriptorOr(cpu, selector);
  if (!isSystem(descriptor) || !types.includes(typeOf(descriptor))) {
    cpu.fault(VECTOR.protection, code);
  }
  if (!isPresent(descriptor)) {
    cpu.fault(VECTOR.notPresent, code);
  }
  return descriptor;
}

/** lldt: a null selector leaves the processor without a local table. */
export function loadLocalTable(cpu: Processor, selector: number): void {
  if (isNull(selector)) {
    setNull(cpu, LDTR, selector);
  } else {
    setSegment(cpu, LDTR, selector, systemDescriptor(cpu, selector, [TYPE.ldt]));
  }
}

/** ltr: marks the task busy in its descriptor. */
export function loadTask(cpu: Processor, selector: number): void {
  if (isNull(selector)) {
    cpu.fault(VECTOR.protection);
  }
  const found = systemDescriptor(cpu, selector, [TYPE.tss16, TYPE.tss32]);
  const busy = { ...found, high: (found.high | BUSY) >>> 0 };
  cpu.writeSystem(found.address + 4, busy.high);
  setSegment(cpu, TR, selector, busy);
}

// ---- questions

/** The descriptor of a selector, if a program with that CPL and RPL may ask about it. */
function visible(cpu: Processor, selector: number): Descriptor | undefined {
  const descriptor = isNull(selector) ? undefined : findDescriptor(cpu, selector);
  if (descriptor === undefined || isConforming(descriptor)) {
    return descriptor;
  }
  const privilege = privilegeOf(descriptor);
  const isOutside = cpu.state.cpl > privilege || (selector & 3) > privilege;
  return isOutside ? undefined : descriptor;
}

/** What lar knows among system descriptors, and lsl (SDM 2A, LAR table 3-53; LSL table 3-62). */
const WITH_LIMIT: readonly number[] = [
  ...[TYPE.tss16, TYPE.ldt, TYPE.tss16Busy, TYPE.tss32, TYPE.tss32Busy],
];
const WITH_RIGHTS: readonly number[] = [
  ...WITH_LIMIT,
  ...[TYPE.callGate16, TYPE.taskGate, TYPE.callGate32],
];

/** lar, or undefined for ZF = 0. The manual leaves bits 19:16 open; silicon shows the limit's. */
export function rightsOf(cpu: Processor, selector: number): number | undefined {
  const descriptor = visible(cpu, selector);
  const isKnown =
    descriptor !== undefined && (!isSystem(descriptor) || WITH_RIGHTS.includes(typeOf(descriptor)));
  return isKnown ? descriptor.high & 0x00ff_ff00 : undefined;
}

/** lsl, in bytes; undefined for ZF = 0. */
export function limitOfSelector(cpu: Processor, selector: number): number | undefined {
  const descriptor = visible(cpu, selector);
  const isKnown =
    descriptor !== undefined && (!isSystem(descriptor) || WITH_LIMIT.includes(typeOf(descriptor)));
  return isKnown ? limitOf(descriptor) : undefined;
}

/** verr, verw */
export function isUsable(cpu: Processor, selector: number, isWrite: boolean): boolean {
  const descriptor = visible(cpu, selector);
  if (descriptor === undefined) {
    return false;
  }
  return isWrite ? isWritableData(descriptor) : isReadable(descriptor);
}
