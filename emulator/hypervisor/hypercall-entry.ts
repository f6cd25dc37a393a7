/** The way from `int 0x82` to a row of the table of hypercalls and back. */

import { ERRNO } from '../abi/errno.ts';
import { nameOf } from '../abi/names.ts';
import { HYPERVISOR } from '../abi/xen.ts';
import type { Vcpu } from './domains/vcpu.ts';
import { type Caller, type Hypercall, unimplemented } from './hypercall.ts';
import { hypercalls } from './hypercalls/index.ts';
import { type Operation, runStages } from './stage.ts';
import type { Xen } from './xen.ts';

/** By number. */
const TABLE: readonly (Hypercall | undefined)[] = Array.from({ length: 64 }, (_, number) =>
  hypercalls.find((call) => call.number === number),
);

export const hypercallAt = (number: number): Hypercall | undefined => TABLE[number];

/** The guest has executed `int 0x82`; EIP goes on behind it. */
export function hypercall(xen: Xen, vcpu: Vcpu, nextEip: number): void {
  xen.stopBeforeHypercall(vcpu);
  if (xen.probes.gate !== undefined) {
    hypercallByStages(xen, vcpu, nextEip);
    return;
  }
  const { state } = xen.cpu;
  state.eip = nextEip;
  const caller = xen.callerOf(vcpu);
  const { eax, ebx, ecx, edx, esi, edi } = state;
  xen.keepsRegisters = false;
  xen.pages.work = 0;
  const result = carryOut(caller, eax, ebx, ecx, edx, esi, edi);
  if (!xen.keepsRegisters) {
    state.eax = result >>> 0;
  }
  xen.cpu.debug.noStep = true;
  xen.exitToGuest(vcpu);
}

/** What the stages of a call work on. */
interface Call {
  readonly caller: Caller;
  readonly nextEip: number;
  number: number;
  registers: Registers;
  /** `undefined` until it has been carried out. */
  result: number | undefined;
  readonly domain: number;
  readonly vcpu: number;
}

type Registers = readonly [ebx: number, ecx: number, edx: number, esi: number, edi: number];

/** The same as above, where somebody may want to look on between two steps. */
const HYPERCALL: Operation<Call> = {
  name: 'hypercall',
  facts: ({ caller, number, registers, result }) => ({
    call: TABLE[number]?.name ?? nameOf(HYPERVISOR, number) ?? String(number),
    ...Object.fromEntries(
      (TABLE[number]?.parameters ?? []).map((name, i) => [name, registers[i] ?? 0]),
    ),
    eax: caller.xen.cpu.state.eax,
    eip: caller.xen.cpu.state.eip,
    result: result ?? 'not yet',
  }),
  stages: [
    {
      name: 'fetch number and arguments',
      rule: 'EAX holds the number, EBX, ECX, EDX, ESI and EDI the arguments. EIP goes on behind the int 0x82 that called.',
      run(call) {
        const { xen } = call.caller;
        const { state } = xen.cpu;
        state.eip = call.nextEip;
        call.number = state.eax;
        call.registers = [state.ebx, state.ecx, state.edx, state.esi, state.edi];
        xen.keepsRegisters = false;
        xen.pages.work = 0;
        return 'next';
      },
    },
    {
      name: 'carry out the call',
      rule: 'The row of the hypercall table with that number acts; a number without a row is -ENOSYS.',
      run(call) {
        call.result = carryOut(call.caller, call.number, ...call.registers);
        return 'next';
      },
    },
    {
      name: 'store the result in EAX',
      rule: '0 or more is success, a negative number an errno. Calls that set the registers themselves (iret, one that goes on later) leave EAX alone.',
      run({ caller: { xen }, result }) {
        if (!xen.keepsRegisters) {
          xen.cpu.state.eax = (result ?? 0) >>> 0;
        }
        xen.cpu.debug.noStep = true;
        return 'next';
      },
    },
    {
      name: 'look for pending events',
      rule: 'On the way back to the guest an NMI or the upcall is delivered if one is due.',
      run({ caller: { xen, vcpu } }) {
        xen.exitToGuest(vcpu);
        return 'next';
      },
    },
  ],
};

function hypercallByStages(xen: Xen, vcpu: Vcpu, nextEip: number): void {
  const { state } = xen.cpu;
  const call: Call = {
    caller: xen.callerOf(vcpu),
    nextEip,
    number: state.eax,
    registers: [state.ebx, state.ecx, state.edx, state.esi, state.edi],
    result: undefined,
    domain: vcpu.domain.id,
    vcpu: vcpu.id,
  };
  runStages(HYPERCALL, call, xen.probes);
}

/** One call, from registers or from a list of calls. Hot. */
export function carryOut(
  caller: Caller,
  number: number,
  ebx: number,
  ecx: number,
  edx: number,
  esi: number,
  edi: number,
): number {
  const { wants } = caller.xen.probes;
  if (wants.hypercall || wants['hypercall-result']) {
    return carryOutSeen(caller, number, [ebx, ecx, edx, esi, edi]);
  }
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

/** As `carryOut`, told to those who listen. */
function carryOutSeen(caller: Caller, number: number, registers: Registers): number {
  const { xen, domain, vcpu } = caller;
  const { probes } = xen;
  const { eip, esp, ssBase } = xen.cpu.state;
  const returnAddress = wordAt(xen, (ssBase + esp) >>> 0);
  const isNested = xen.isInMulticall;
  const at = { domain: domain.id, vcpu: vcpu.id, number, arguments: registers, isNested };
  if (probes.wants.hypercall) {
    probes.emit({ kind: 'hypercall', ...at });
  }
  const call = TABLE[number];
  const result = call === undefined ? missing(caller, number) : call.run(caller, ...registers);
  if (probes.wants['hypercall-result']) {
    const isContinued = xen.keepsRegisters && xen.cpu.state.eip === (eip - 2) >>> 0;
    probes.emit({ kind: 'hypercall-result', ...at, result, eip, returnAddress, isContinued });
  }
  return result;
}

/** A word of the guest's, looked at without any effect; 0 where it has none. */
function wordAt({ cpu }: Xen, linear: number): number {
  const bytes = cpu.access.peek(linear, 4);
  return bytes.length === 4 ? new DataView(bytes.buffer).getUint32(0, true) : 0;
}
