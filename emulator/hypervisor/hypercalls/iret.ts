/**
 * `HYPERVISOR_iret`: the return from a handler that also restores the virtual interrupt flag.
 *
 * From ESP upwards lie EAX, EIP, CS, EFLAGS and, when the target is an outer ring, ESP and SS.
 * Xen: `arch/x86/pv/iret.c`.
 */

import { TI_IF } from '../../abi/arch-x86-32.ts';
import { HYPERVISOR, VMASST_TYPE } from '../../abi/xen.ts';
import { VECTOR } from '../../cpu/exceptions.ts';
import { EFLAGS, setArithmeticFlags } from '../../cpu/flags.ts';
import { dropInnerSegments, updateSegments } from '../../cpu/system/segmentation.ts';
import { setUpcallMask } from '../events/event-delivery.ts';
import type { Caller, Hypercall } from '../hypercall.ts';
import { failReturn, loadReturnSegments } from '../traps/guest-return.ts';

/** What of EFLAGS a return may set, beside the arithmetic flags. */
const RETURNED =
  EFLAGS.trap |
  EFLAGS.direction |
  EFLAGS.nestedTask |
  EFLAGS.resume |
  EFLAGS.alignment |
  EFLAGS.identification;

/** EAX, EIP, CS, EFLAGS; with a stack of its own ESP, SS; for virtual-8086 mode ES, DS, FS, GS. */
const FRAME = new Int32Array(10);
const [EAX, EIP, CS_WORD, EFLAGS_WORD, ESP, SS_WORD] = [0, 1, 2, 3, 4, 5] as const;
/** Words of a frame for the same ring, and for an outer one. */
const SHORT = 4;
const LONG = 6;
/** In place of a selector for SS: it stays. */
const SAME_STACK = -1;

/** Words from ESP upwards: Xen takes it for an address, whatever SS begins at. */
const readFrame = ({ xen, memory }: Caller, words: number): boolean =>
  memory.readWords(xen.cpu.state.esp, FRAME, words);

const frameWord = (index: number): number => FRAME[index] as number;

/** Hot. */
export const iret: Hypercall = {
  number: HYPERVISOR.iret,
  name: 'iret',
  parameters: [],
  run(caller) {
    const { xen, domain, vcpu } = caller;
    const { state } = xen.cpu;
    xen.keepsRegisters = true;
    if (!readFrame(caller, SHORT)) {
      xen.crash(domain, 'the frame of its iret hypercall cannot be read.');
      return 0;
    }
    const eax = frameWord(EAX);
    const eflags = frameWord(EFLAGS_WORD);
    state.eax = eax;
    if (domain.hasAssist(VMASST_TYPE.architectural_iopl)) {
      vcpu.iopl = (eflags >>> 12) & 3;
    }
    if (eflags & EFLAGS.virtual8086) {
      virtual8086(caller, eflags);
      return eax;
    }
    const selector = frameWord(CS_WORD) & 0xffff;
    const ring = selector & 3;
    if (ring === 0) {
      xen.crash(domain, 'its iret hypercall asks for ring 0.');
      return 0;
    }
    const isOuter = ring >= 2;
    if (isOuter && !readFrame(caller, LONG)) {
      xen.crash(domain, 'the frame of its iret hypercall cannot be read.');
      return 0;
    }
    const stack = isOuter ? frameWord(SS_WORD) & 0xffff : SAME_STACK;
    state.eip = frameWord(EIP);
    state.esp = isOuter ? frameWord(ESP) : state.esp + 4 * SHORT;
    returnTo(caller, selector, stack, eflags, !(eflags & EFLAGS.interrupt));
    return eax;
  },
};

/**
 * 64-bit Xen cannot go there: it says #GP(0), as if the first instruction there had raised it. The
 * frame of the return is the frame of the exception, put at the top of the kernel's stack.
 */
function virtual8086(caller: Caller, eflags: number): void {
  const { xen, domain, vcpu, memory } = caller;
  const { state } = xen.cpu;
  if (domain.profile.handlesVirtual8086) {
    xen.crash(domain, 'its iret hypercall asks for virtual-8086 mode, which is not supported.');
    return;
  }
  const esp = (vcpu.kernelEsp - 4 * FRAME.length) >>> 0;
  const isRead = readFrame(caller, FRAME.length);
  FRAME[EAX] = 0;
  if (!(isRead && memory.writeWords(esp, FRAME, FRAME.length))) {
    xen.crash(domain, 'the frame of its iret hypercall to virtual-8086 mode cannot be moved.');
    return;
  }
  const { addresses, selectors, flags } = vcpu.traps;
  const masks = ((flags[VECTOR.protection] ?? 0) & TI_IF) !== 0;
  state.eip = addresses[VECTOR.protection] as number;
  state.esp = esp;
  const kept = eflags & ~(EFLAGS.resume | EFLAGS.nestedTask | EFLAGS.trap);
  const selector = selectors[VECTOR.protection] as number;
  returnTo(caller, selector, vcpu.kernelSs, kept, masks || !(eflags & EFLAGS.interrupt));
}

/**
 * Goes on at EIP with ESP, or where the guest is told that its segments cannot be loaded. Hot.
 *
 * @param stack `SAME_STACK` or a selector
 * @param isMasked what the upcall mask becomes
 */
function returnTo(
  { xen, vcpu }: Caller,
  selector: number,
  stack: number,
  eflags: number,
  isMasked: boolean,
): void {
  const { cpu } = xen;
  const { state } = cpu;
  setArithmeticFlags(state, eflags);
  state.systemFlags = ((eflags & RETURNED) | EFLAGS.fixed | EFLAGS.interrupt) >>> 0;
  setUpcallMask(xen, vcpu, isMasked ? 1 : 0);
  vcpu.isNmiMasked = false;
  const refusal = loadReturnSegments(cpu, selector, stack === SAME_STACK ? undefined : stack);
  if (refusal !== undefined) {
    failReturn(xen, vcpu, refusal);
    return;
  }
  if (stack !== SAME_STACK) {
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
