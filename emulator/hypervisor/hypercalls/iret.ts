/**
 * `HYPERVISOR_iret`: the return from a handler that also restores the virtual interrupt flag.
 *
 * From ESP upwards lie EAX, EIP, CS, EFLAGS and, when the target is an outer ring, ESP and SS.
 * Xen: `arch/x86/pv/iret.c`.
 */

import { HYPERVISOR, VMASST_TYPE } from '../../abi/xen.ts';
import { isCode, isPresent, isWritableData, privilegeOf } from '../../cpu/descriptor.ts';
import { EFLAGS, setArithmeticFlags } from '../../cpu/flags.ts';
import { CS, SS } from '../../cpu/state.ts';
import {
  dropInnerSegments,
  setPrivilege,
  setSegment,
  updateSegments,
} from '../../cpu/system/segmentation.ts';
import { setUpcallMask } from '../event-delivery.ts';
import type { Caller, Hypercall } from '../hypercall.ts';
import { findGuestDescriptor } from '../selectors.ts';

/** What of EFLAGS a return may set, beside the arithmetic flags. */
const RETURNED =
  EFLAGS.trap |
  EFLAGS.direction |
  EFLAGS.nestedTask |
  EFLAGS.resume |
  EFLAGS.alignment |
  EFLAGS.identification;

function readFrame({ xen, memory }: Caller, words: number): number[] | undefined {
  const { state } = xen.cpu;
  const start = (state.ssBase + state.esp) >>> 0;
  const frame: number[] = [];
  for (let i = 0; i < words; i++) {
    const word = memory.read32((start + 4 * i) >>> 0);
    if (word === undefined) {
      return undefined;
    }
    frame.push(word);
  }
  return frame;
}

export const iret: Hypercall = {
  number: HYPERVISOR.iret,
  name: 'iret',
  parameters: [],
  run(caller) {
    const { xen, domain, vcpu } = caller;
    xen.keepsRegisters = true;
    const inner = readFrame(caller, 4);
    if (inner === undefined) {
      xen.crash(domain, 'the frame of its iret hypercall cannot be read.');
      return 0;
    }
    const [eax = 0, eip = 0, csWord = 0, eflags = 0] = inner;
    const selector = csWord & 0xffff;
    if (eflags & EFLAGS.virtual8086) {
      xen.crash(domain, 'its iret hypercall asks for virtual-8086 mode, which is not supported.');
      return 0;
    }
    const ring = selector & 3;
    if (ring === 0) {
      xen.crash(domain, 'its iret hypercall asks for ring 0.');
      return 0;
    }
    const outer = ring >= 2 ? readFrame(caller, 6) : undefined;
    if (ring >= 2 && outer === undefined) {
      xen.crash(domain, 'the frame of its iret hypercall cannot be read.');
      return 0;
    }
    if (domain.hasAssist(VMASST_TYPE.architectural_iopl)) {
      vcpu.iopl = (eflags >>> 12) & 3;
    }
    xen.cpu.state.eax = eax;
    returnTo(caller, { eip, selector, eflags, outer });
    setUpcallMask(xen, vcpu, eflags & EFLAGS.interrupt ? 0 : 1);
    vcpu.isNmiMasked = false;
    return eax | 0;
  },
};

interface Target {
  readonly eip: number;
  readonly selector: number;
  readonly eflags: number;
  /** The whole frame, if it has a stack of its own. */
  readonly outer: readonly number[] | undefined;
}

/** Goes on at the target. If its segments cannot be loaded, in the failsafe callback. */
function returnTo({ xen, vcpu }: Caller, { eip, selector, eflags, outer }: Target): void {
  const { cpu } = xen;
  const { state } = cpu;
  const ring = selector & 3;
  setArithmeticFlags(state, eflags);
  state.systemFlags = ((eflags & RETURNED) | EFLAGS.fixed | EFLAGS.interrupt) >>> 0;
  state.eip = eip;
  state.esp = outer === undefined ? (state.esp + 16) >>> 0 : (outer[4] as number);
  const code = findGuestDescriptor(cpu, selector);
  const isCodeGood =
    code !== undefined && isCode(code) && isPresent(code) && privilegeOf(code) === ring;
  const stackSelector = (outer?.[5] ?? state.ssSelector) & 0xffff;
  const stack = outer === undefined ? undefined : findGuestDescriptor(cpu, stackSelector);
  const isStackGood =
    outer === undefined ||
    (stack !== undefined &&
      isWritableData(stack) &&
      isPresent(stack) &&
      (stackSelector & 3) === ring &&
      privilegeOf(stack) === ring);
  if (!isCodeGood || !isStackGood) {
    state.csSelector = selector;
    state.ssSelector = stackSelector;
    setPrivilege(cpu, ring);
    xen.failsafe(vcpu);
    return;
  }
  setSegment(cpu, CS, selector, code);
  if (stack !== undefined) {
    setSegment(cpu, SS, stackSelector, stack);
    setPrivilege(cpu, ring);
    dropInnerSegments(cpu);
  }
  updateSegments(cpu);
  state.shadow = -1;
  state.repeating = 0;
  cpu.debug.clearsResume = false;
  if (state.systemFlags & (EFLAGS.trap | EFLAGS.resume)) {
    cpu.endRun();
  }
}
