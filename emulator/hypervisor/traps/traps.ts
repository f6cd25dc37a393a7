/**
 * What becomes of exceptions and software interrupts of a guest.
 *
 * Each goes first through what the hypervisor does itself (hypercalls, emulated instructions,
 * page-table writes) and otherwise to the guest's trap table. Xen: `arch/x86/traps.c`,
 * `arch/x86/pv/traps.c`.
 */

import { arch_vcpu_info, HYPERCALL_VECTOR, TI_DPL_MASK } from '../../abi/arch-x86-32.ts';
import { VMASST_TYPE, vcpu_info } from '../../abi/xen.ts';
import type { Event } from '../../cpu/environment.ts';
import { VECTOR } from '../../cpu/exceptions.ts';
import { EFLAGS, eflagsOf } from '../../cpu/flags.ts';
import { CR0 } from '../../cpu/system/control-registers.ts';
import { flagsToPush } from '../../cpu/system/interrupts.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import { hypercall } from '../hypercall-entry.ts';
import type { Xen } from '../xen.ts';
import { transferThroughGate } from './call-gates.ts';
import { writePageTable } from './page-table-writes.ts';
import { emulateForcedPrefix, emulatePrivileged } from './privileged-instructions.ts';
import { turnSegmentOver } from './segment-fixup.ts';
import { bounce, refuse } from './trap-bounce.ts';

const FAST_TRAP_VECTOR = 0x80;
/** Error code of #GP: the index is that of a gate in the IDT. */
const IDT_FLAG = 2;
const GATE_FAULT = 7;
const CR2 = vcpu_info.offsets.arch + arch_vcpu_info.offsets.cr2;

/**
 * `int n`, int3 and into, before the processor looks at a gate. Throws FAULT where real gates,
 * which are closed to guests, would.
 */
export function softwareInterrupt(xen: Xen, vcpu: Vcpu, event: Event): void {
  const { cpu } = xen;
  const { vector } = event;
  if (vector === HYPERCALL_VECTOR && cpu.state.cpl === 1) {
    hypercall(xen, vcpu, event.eip);
    return;
  }
  if (vector === VECTOR.breakpoint || vector === VECTOR.overflow || vector === FAST_TRAP_VECTOR) {
    xen.stopBeforeTrap(vcpu, vector);
  }
  if (vector === VECTOR.breakpoint || vector === VECTOR.overflow) {
    cpu.state.eip = event.eip;
    bounce(xen, vcpu, vector, undefined, eflagsOf(cpu.state));
    xen.exitToGuest(vcpu);
    return;
  }
  if (vector === FAST_TRAP_VECTOR) {
    fastTrap(xen, vcpu, event.eip);
    xen.exitToGuest(vcpu);
    return;
  }
  cpu.fault(VECTOR.protection, vector * 8 + IDT_FLAG);
}

/** `int 0x80`, which has a gate of its own and asks for no privilege if there is a handler. */
function fastTrap(xen: Xen, vcpu: Vcpu, nextEip: number): void {
  const { state } = xen.cpu;
  const flags = eflagsOf(state);
  if (vcpu.traps.addresses[FAST_TRAP_VECTOR] === 0) {
    state.eip = (nextEip - 2) >>> 0;
    bounce(xen, vcpu, VECTOR.protection, FAST_TRAP_VECTOR * 8 + IDT_FLAG, flags);
  } else {
    state.eip = nextEip;
    bounce(xen, vcpu, FAST_TRAP_VECTOR, undefined, flags);
  }
}

/** An exception between two instructions. */
export function exception(xen: Xen, vcpu: Vcpu, event: Event): void {
  const { cpu } = xen;
  cpu.state.eip = event.eip;
  const isHandled = isHandledHere(xen, vcpu, event);
  if (!isHandled) {
    xen.holdTrap(vcpu, event.vector, event.errorCode);
  }
  if (cpu.isEventHeld) {
    return;
  }
  if (!isHandled) {
    const errorCode = event.vector === VECTOR.page ? pageFault(xen, vcpu, event) : event.errorCode;
    if (event.vector === VECTOR.noMath) {
      // The guest's own TS bit made it fault, and its handler begins with TS clear.
      cpu.state.cr0 = (cpu.state.cr0 & ~CR0.taskSwitched) >>> 0;
    }
    bounce(xen, vcpu, event.vector, errorCode, flagsToPush(cpu, event));
  } else if (cpu.state.pendingTraps !== 0) {
    // An instruction that was executed here was a single step, which comes before any event.
    cpu.debug.report(cpu.state.pendingTraps);
    cpu.state.pendingTraps = 0;
    bounce(xen, vcpu, VECTOR.debug, undefined, eflagsOf(cpu.state));
  }
  xen.exitToGuest(vcpu);
}

function isHandledHere(xen: Xen, vcpu: Vcpu, event: Event): boolean {
  switch (event.vector) {
    case VECTOR.protection:
      return protectionFault(xen, vcpu, event);
    case VECTOR.undefined:
      return emulateForcedPrefix(xen, vcpu);
    case VECTOR.page:
      return writePageTable(xen, vcpu, event.errorCode ?? 0);
    default:
      return false;
  }
}

/** Notes the address where the guest looks for it; answers the error code as it sees it. */
function pageFault(xen: Xen, vcpu: Vcpu, event: Event): number {
  const { state } = xen.cpu;
  vcpu.cr2 = state.cr2;
  xen.ram.write32(vcpu.info + CR2, state.cr2);
  return event.errorCode ?? 0;
}

function protectionFault(xen: Xen, vcpu: Vcpu, event: Event): boolean {
  const errorCode = event.errorCode ?? 0;
  if ((errorCode & GATE_FAULT) === IDT_FLAG) {
    return emulateInterrupt(xen, vcpu, errorCode >>> 3);
  }
  if (errorCode === 0) {
    return emulatePrivileged(xen, vcpu) || fixSegment(xen, vcpu, event);
  }
  if (vcpu.domain.rules.segments === 'truncated') {
    // The processor itself goes through call gates.
    return false;
  }
  const refusal = transferThroughGate(xen, vcpu, errorCode);
  if (refusal !== undefined) {
    refuse(xen, vcpu, refusal, flagsToPush(xen.cpu, event));
  }
  return true;
}

/** The instruction is tried again with its segment turned over, and the guest told if it asked. */
function fixSegment(xen: Xen, vcpu: Vcpu, event: Event): boolean {
  const decoded = turnSegmentOver(xen, vcpu);
  if (decoded === undefined) {
    return false;
  }
  if (vcpu.domain.hasAssist(VMASST_TYPE['4gb_segments_notify'])) {
    bounce(xen, vcpu, SEGMENT_FIXED_VECTOR, decoded, flagsToPush(xen.cpu, event));
  }
  return true;
}
/** No exception of the processor's; its error code is how many bytes were decoded. */
const SEGMENT_FIXED_VECTOR = 15;

/** `int n` through the guest's own table, if the privilege there allows it. */
function emulateInterrupt(xen: Xen, vcpu: Vcpu, vector: number): boolean {
  const { cpu } = xen;
  const { addresses, flags } = vcpu.traps;
  const needed = cpu.state.cpl === 3 ? 3 : 1;
  if (addresses[vector] === 0 || ((flags[vector] ?? 0) & TI_DPL_MASK) < needed) {
    return false;
  }
  xen.holdTrap(vcpu, vector, undefined);
  if (!cpu.isEventHeld) {
    cpu.state.eip = (cpu.state.eip + 2) >>> 0;
    bounce(xen, vcpu, vector, undefined, eflagsOf(cpu.state) & ~EFLAGS.resume);
  }
  return true;
}
