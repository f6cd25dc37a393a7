/**
 * What becomes of a return to a guest whose code or stack segment cannot be loaded.
 *
 * The processor refuses at the very end of the way out of the hypervisor. 32-bit Xen then calls the
 * failsafe callback; 64-bit Xen gives the guest the exception, as if the place that it did not come
 * to had raised it. Xen: `restore_all_guest` of the entry code.
 */

import {
  type Descriptor,
  isCode,
  isConforming,
  isPresent,
  isWritableData,
  privilegeOf,
} from '../../cpu/descriptor.ts';
import { VECTOR } from '../../cpu/exceptions.ts';
import { eflagsOf } from '../../cpu/flags.ts';
import type { Processor } from '../../cpu/processor.ts';
import { CS, SS } from '../../cpu/state.ts';
import { isNull, setNull, setPrivilege, setSegment } from '../../cpu/system/segmentation.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import { isEntryDue } from '../events/event-delivery.ts';
import { findGuestDescriptor } from '../selectors.ts';
import type { Xen } from '../xen.ts';
import { bounce, type Refusal } from './trap-bounce.ts';

/**
 * Loads CS, and SS unless it stays. What cannot be loaded is answered; then the registers hold the
 * selectors alone. The privilege level is that of the code either way. `updateSegments` must follow
 * where all went well.
 */
export function loadReturnSegments(
  cpu: Processor,
  code: number,
  stack: number | undefined,
): Refusal | undefined {
  const ring = code & 3;
  const codeDescriptor = isNull(code) ? undefined : findGuestDescriptor(cpu, code);
  const stackDescriptor =
    stack === undefined || isNull(stack) ? undefined : findGuestDescriptor(cpu, stack);
  const refusal =
    codeRefusal(code, codeDescriptor) ??
    (stack === undefined ? undefined : stackRefusal(stack, ring, stackDescriptor));
  if (refusal === undefined) {
    setSegment(cpu, CS, code, codeDescriptor as Descriptor);
    if (stack !== undefined) {
      setSegment(cpu, SS, stack, stackDescriptor as Descriptor);
    }
  } else {
    setNull(cpu, CS, code);
    cpu.state.ssSelector = stack ?? cpu.state.ssSelector;
  }
  setPrivilege(cpu, ring);
  return refusal;
}

/** The selector without its privilege, which is 0 for a null one. */
const errorOf = (selector: number): number => selector & 0xfffc;

function codeRefusal(selector: number, descriptor: Descriptor | undefined): Refusal | undefined {
  const ring = selector & 3;
  const isRight =
    descriptor !== undefined &&
    isCode(descriptor) &&
    (isConforming(descriptor) ? privilegeOf(descriptor) <= ring : privilegeOf(descriptor) === ring);
  if (!isRight) {
    return { vector: VECTOR.protection, errorCode: errorOf(selector) };
  }
  return isPresent(descriptor)
    ? undefined
    : { vector: VECTOR.notPresent, errorCode: errorOf(selector) };
}

function stackRefusal(
  selector: number,
  ring: number,
  descriptor: Descriptor | undefined,
): Refusal | undefined {
  const isRight =
    descriptor !== undefined &&
    (selector & 3) === ring &&
    privilegeOf(descriptor) === ring &&
    isWritableData(descriptor);
  if (!isRight) {
    return { vector: VECTOR.protection, errorCode: errorOf(selector) };
  }
  return isPresent(descriptor) ? undefined : { vector: VECTOR.stack, errorCode: errorOf(selector) };
}

/**
 * Tells the guest that it cannot go on at CS:EIP. What is to be delivered on the way out comes
 * first: the guest returns to the same place after it, and fails then.
 */
export function failReturn(xen: Xen, vcpu: Vcpu, refusal: Refusal): void {
  if (isEntryDue(xen, vcpu)) {
    return;
  }
  if (vcpu.domain.profile.failsReturnsBy === 'failsafe') {
    xen.failsafe(vcpu);
  } else {
    bounce(xen, vcpu, refusal.vector, refusal.errorCode, eflagsOf(xen.cpu.state));
  }
}
