/** The way from `int 0x82` to a row of the table of hypercalls and back. */

import { ERRNO } from '../abi/errno.ts';
import { nameOf } from '../abi/names.ts';
import { HYPERVISOR } from '../abi/xen.ts';
import { type Caller, type Hypercall, unimplemented } from './hypercall.ts';
import { hypercalls } from './hypercalls/index.ts';
import type { Vcpu } from './vcpu.ts';
import type { Xen } from './xen.ts';

/** By number. */
const TABLE: readonly (Hypercall | undefined)[] = Array.from({ length: 64 }, (_, number) =>
  hypercalls.find((call) => call.number === number),
);

export const hypercallAt = (number: number): Hypercall | undefined => TABLE[number];

/** The guest has executed `int 0x82`; EIP goes on behind it. */
export function hypercall(xen: Xen, vcpu: Vcpu, nextEip: number): void {
  const { state } = xen.cpu;
  state.eip = nextEip;
  const caller = xen.callerOf(vcpu);
  const { eax, ebx, ecx, edx, esi, edi } = state;
  const { probes } = xen;
  if (probes.wants.hypercall) {
    const { id } = vcpu.domain;
    const registers = [ebx, ecx, edx, esi, edi];
    probes.emit({
      kind: 'hypercall',
      domain: id,
      vcpu: vcpu.id,
      number: eax,
      arguments: registers,
    });
  }
  xen.keepsRegisters = false;
  const result = carryOut(caller, eax, ebx, ecx, edx, esi, edi);
  if (!xen.keepsRegisters) {
    state.eax = result >>> 0;
  }
  if (probes.wants['hypercall-result']) {
    emitResult(xen, vcpu, eax, [ebx, ecx, edx, esi, edi], result, nextEip);
  }
  xen.cpu.debug.noStep = true;
  xen.exitToGuest(vcpu);
}

/** One call, from registers or from a list of calls. */
export function carryOut(
  caller: Caller,
  number: number,
  ebx: number,
  ecx: number,
  edx: number,
  esi: number,
  edi: number,
): number {
  const call = TABLE[number];
  return call === undefined ? missing(caller, number) : call.run(caller, ebx, ecx, edx, esi, edi);
}

function missing(caller: Caller, number: number): number {
  const name = nameOf(HYPERVISOR, number);
  unimplemented(
    caller,
    name === undefined ? `Hypercall ${number}` : `Hypercall ${number} (${name})`,
  );
  return -ERRNO.ENOSYS;
}

function emitResult(
  xen: Xen,
  vcpu: Vcpu,
  number: number,
  registers: readonly number[],
  result: number,
  eip: number,
): void {
  const caller = xen.memory.read32(xen.cpu.state.esp) ?? 0;
  xen.probes.emit({
    kind: 'hypercall-result',
    domain: vcpu.domain.id,
    vcpu: vcpu.id,
    number,
    arguments: registers,
    result,
    eip,
    caller,
  });
}
