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

/** EAX, EIP, CS, EFLAGS and, with a stack of its own, ESP and SS of where it returns to. */
const FRAME = new Int32Array(6);
const [EAX, EIP, CS_WORD, EFLAGS_WORD, ESP, SS_WORD] = [0, 1, 2, 3, 4, 5] as const;
/** Words of a frame for the same ring, and for an outer one. */
const SHORT = 4;
const LONG = 6;

function readFrame({ xen, memory }: Caller, words: number): boolean {
  const { state } = xen.cpu;
  return memory.readWords((state.ssBase + state.esp) >>> 0, FRAME, words);
}

const frameWord = (index: number): number => FRAME[index] as number;

/** Hot. */
export const iret: Hypercall = {
  number: HYPERVISOR.iret,
  name: 'iret',
  parameters: [],
  run(caller) {
    const { xen, domain, vcpu } = caller;
    xen.keepsRegisters = true;
    if (!readFrame(caller, SHORT)) {
      xen.crash(domain, 'the frame of its iret hypercall cannot be read.');
      return 0;
    }
    const eflags = frameWord(EFLAGS_WORD);
    if (eflags & EFLAGS.virtual8086) {
      xen.crash(domain, 'its iret hypercall asks for virtual-8086 mode, which is not supported.');
      return 0;
    }
    const ring = frameWord(CS_WORD) & 3;
    if (ring === 0) {
      xen.crash(domain, 'its iret hypercall asks for ring 0.');
      return 0;
    }
    if (ring >= 2 && !readFrame(caller, LONG)) {
      xen.crash(domain, 'the frame of its iret hypercall cannot be read.');
      return 0;
    }
    if (domain.hasAssist(VMASST_TYPE.architectural_iopl)) {
      vcpu.iopl = (eflags >>> 12) & 3;
    }
    const eax = frameWord(EAX);
    xen.cpu.state.eax = eax;
    returnTo(caller, ring);
    setUpcallMask(xen, vcpu, eflags & EFLAGS.interrupt ? 0 : 1);
    vcpu.isNmiMasked = false;
    return eax;
  },
};

/** Goes on where the frame says. If its segments cannot be loaded, in the failsafe callback. */
function returnTo({ xen, vcpu }: Caller, ring: number): void {
  const { cpu } = xen;
  const { state } = cpu;
  const isOuter = ring >= 2;
  const selector = frameWord(CS_WORD) & 0xffff;
  const eflags = frameWord(EFLAGS_WORD);
  setArithmeticFlags(state, eflags);
  state.systemFlags = ((eflags & RETURNED) | EFLAGS.fixed | EFLAGS.interrupt) >>> 0;
  state.eip = frameWord(EIP);
  state.esp = isOuter ? frameWord(ESP) : state.esp + 4 * SHORT;
  const code = findGuestDescriptor(cpu, selector);
  const isCodeGood =
    code !== undefined && isCode(code) && isPresent(code) && privilegeOf(code) === ring;
  const stackSelector = isOuter ? frameWord(SS_WORD) & 0xffff : state.ssSelector;
  const stack = isOuter ? findGuestDescriptor(cpu, stackSelector) : undefined;
  const isStackGood =
    !isOuter ||
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
