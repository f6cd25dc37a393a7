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
import { setUpcallMask } from '../event-delivery.ts';
import { failReturn, loadReturnSegments } from '../guest-return.ts';
import type { Caller, Hypercall } from '../hypercall.ts';

/** What of EFLAGS a return may set, beside the arithmetic flags. */
const RETURNED =
  EFLAGS.trap |
  EFLAGS.direction |
  EFLAGS.nestedTask |
  EFLAGS.resume |
  EFLAGS.alignment |
  EFLAGS.identification;

/** Words from ESP upwards: Xen takes it for an address, whatever SS begins at. */
function readFrame({ xen, memory }: Caller, words: number): number[] | undefined {
  const { esp } = xen.cpu.state;
  const frame: number[] = [];
  for (let i = 0; i < words; i++) {
    const word = memory.read32((esp + 4 * i) >>> 0);
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
    xen.cpu.state.eax = eax;
    if (domain.hasAssist(VMASST_TYPE.architectural_iopl)) {
      vcpu.iopl = (eflags >>> 12) & 3;
    }
    if (eflags & EFLAGS.virtual8086) {
      virtual8086(caller, eflags);
      return eax | 0;
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
    const stack =
      outer === undefined
        ? undefined
        : { esp: outer[4] as number, ss: (outer[5] as number) & 0xffff };
    if (stack === undefined) {
      xen.cpu.state.esp = (xen.cpu.state.esp + INNER_SIZE) >>> 0;
    }
    returnTo(caller, { eip, selector, eflags, stack, isMasked: !(eflags & EFLAGS.interrupt) });
    return eax | 0;
  },
};

/** Bytes of EAX, EIP, CS and EFLAGS. */
const INNER_SIZE = 16;
/** Words of the frame of a return to virtual-8086 mode, EAX included. */
const VIRTUAL_8086_FRAME = 10;

/**
 * 64-bit Xen cannot go there: it says #GP(0), as if the first instruction there had raised it. The
 * frame of the return is the frame of the exception, put at the top of the kernel's stack.
 */
function virtual8086(caller: Caller, eflags: number): void {
  const { xen, domain, vcpu, memory } = caller;
  if (domain.profile.handlesVirtual8086) {
    xen.crash(domain, 'its iret hypercall asks for virtual-8086 mode, which is not supported.');
    return;
  }
  const words = readFrame(caller, VIRTUAL_8086_FRAME);
  const esp = (vcpu.kernelEsp - 4 * VIRTUAL_8086_FRAME) >>> 0;
  const isCopied = words?.every((word, i) => memory.write32(esp + 4 * i, i === 0 ? 0 : word));
  if (!isCopied) {
    xen.crash(domain, 'the frame of its iret hypercall to virtual-8086 mode cannot be moved.');
    return;
  }
  const { addresses, selectors, flags } = vcpu.traps;
  const masks = ((flags[VECTOR.protection] ?? 0) & TI_IF) !== 0;
  returnTo(caller, {
    eip: addresses[VECTOR.protection] as number,
    selector: selectors[VECTOR.protection] as number,
    eflags: eflags & ~(EFLAGS.resume | EFLAGS.nestedTask | EFLAGS.trap),
    stack: { esp, ss: vcpu.kernelSs },
    isMasked: masks || !(eflags & EFLAGS.interrupt),
  });
}

interface Target {
  readonly eip: number;
  readonly selector: number;
  readonly eflags: number;
  /** Undefined: it stays. */
  readonly stack: { readonly esp: number; readonly ss: number } | undefined;
  /** What the upcall mask becomes. */
  readonly isMasked: boolean;
}

/** Goes on at the target, or where the guest is told that its segments cannot be loaded. */
function returnTo({ xen, vcpu }: Caller, target: Target): void {
  const { eip, selector, eflags, stack, isMasked } = target;
  const { cpu } = xen;
  const { state } = cpu;
  setArithmeticFlags(state, eflags);
  state.systemFlags = ((eflags & RETURNED) | EFLAGS.fixed | EFLAGS.interrupt) >>> 0;
  state.eip = eip;
  state.esp = stack?.esp ?? state.esp;
  setUpcallMask(xen, vcpu, isMasked ? 1 : 0);
  vcpu.isNmiMasked = false;
  const refusal = loadReturnSegments(cpu, selector, stack?.ss);
  if (refusal !== undefined) {
    failReturn(xen, vcpu, refusal);
    return;
  }
  if (stack !== undefined) {
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
