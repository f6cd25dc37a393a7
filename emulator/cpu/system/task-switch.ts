/**
 * Hardware task switches, as far as the first that could fault: they are not supported.
 *
 * What is wrong with the new task's descriptor is the guest's own affair and it gets its
 * exception; where the processor would begin to switch, the machine stops with a sentence.
 * SDM 3A §7.3.
 */

import { type Descriptor, isPresent, isSystem, limitOf, TYPE, typeOf } from '../descriptor.ts';
import { VECTOR } from '../exceptions.ts';
import type { Processor } from '../processor.ts';
import { descriptorOr } from './segmentation.ts';

const TABLE_INDICATOR = 4;
/** The lowest limits that a task state segment may have. */
const LIMIT_32 = 0x67;
const LIMIT_16 = 0x2b;

const AVAILABLE: readonly number[] = [TYPE.tss16, TYPE.tss32];
const BUSY: readonly number[] = [TYPE.tss16Busy, TYPE.tss32Busy];

/** @param what is done, at the beginning of a sentence */
export function switchTask(cpu: Processor, selector: number, what: string, external = 0): never {
  const task = findTask(cpu, selector, AVAILABLE, VECTOR.protection, external);
  return begin(cpu, selector, task, what, external);
}

/** iret with EFLAGS.NT: back to the task that the present one has a link to. */
export function returnToTask(cpu: Processor): never {
  const link = cpu.readSystem(cpu.state.trBase, 2);
  const task = findTask(cpu, link, BUSY, VECTOR.invalidTss, 0);
  return begin(cpu, link, task, 'An iret to another task', 0);
}

function findTask(
  cpu: Processor,
  selector: number,
  types: readonly number[],
  vector: number,
  external: number,
): Descriptor {
  const code = (selector & 0xfffc) | external;
  if (selector & TABLE_INDICATOR) {
    cpu.fault(vector, code);
  }
  const task = descriptorOr(cpu, selector, vector, external);
  if (!isSystem(task) || !types.includes(typeOf(task))) {
    cpu.fault(vector, code);
  }
  if (!isPresent(task)) {
    cpu.fault(VECTOR.notPresent, code);
  }
  return task;
}

function begin(
  cpu: Processor,
  selector: number,
  task: Descriptor,
  what: string,
  external: number,
): never {
  const is32 = typeOf(task) >= TYPE.tss32;
  if (limitOf(task) < (is32 ? LIMIT_32 : LIMIT_16)) {
    cpu.fault(VECTOR.invalidTss, (selector & 0xfffc) | external);
  }
  return cpu.stopHere({
    kind: 'unsupported',
    sentence: `${what}: hardware task switches are not supported.`,
  });
}
