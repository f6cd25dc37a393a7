/** The machine at a glance: its domains and their virtual processors. */

import { nameOf } from '../../emulator/abi/names.ts';
import { SHUTDOWN } from '../../emulator/abi/sched.ts';
import { VMASST_TYPE, vcpu_info } from '../../emulator/abi/xen.ts';
import type { Domain, Shutdown } from '../../emulator/hypervisor/domains/domain.ts';
import { BACKEND_DOMAIN } from '../../emulator/hypervisor/domains/domain-builder.ts';
import { NEVER, type Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { NO_FRAME } from '../../emulator/hypervisor/memory/paged-domain.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type {
  DomainData,
  MachineData,
  ServicePorts,
  ShutdownData,
  VcpuData,
  VcpuState,
} from './data/domains.ts';
import { registerOf } from './registers.ts';
import { codePlace, type Symbols } from './symbols.ts';

export function machineData(machine: Machine, symbols: Symbols): MachineData {
  const { xen } = machine;
  const { current } = xen.scheduler;
  return {
    domains: Array.from(xen.domains.values(), (domain) => domainData(machine, domain, symbols)),
    instructions: machine.instructions,
    systemTime: xen.clock.now,
    running: current && { domain: current.domain.id, vcpu: current.id },
    memory: { frames: xen.frames.count, free: xen.frames.freePages() },
  };
}

export function domainData(machine: Machine, domain: Domain, symbols: Symbols): DomainData {
  const { xen } = machine;
  const { id, identity, profile, model, format, shutdown } = domain;
  return {
    id,
    name: identity.name,
    role: id === BACKEND_DOMAIN ? 'backends' : 'guest',
    state: shutdown === undefined ? 'running' : 'ended',
    shutdown: shutdown && shutdownData(domain, shutdown),
    profile: profile.name,
    model,
    tableFormat: format,
    pages: xen.frames.pagesOf(id),
    maxPages: identity.maxPages,
    assists: Object.keys(VMASST_TYPE).filter((name) => hasAssist(domain, name)),
    services: servicePorts(machine, id),
    vcpus: domain.vcpus.map((vcpu) => vcpuData(xen, vcpu, symbols)),
  };
}

function hasAssist(domain: Domain, name: string): boolean {
  const type = VMASST_TYPE[name as keyof typeof VMASST_TYPE];
  // Those beyond the word of 32 bits are for 64-bit guests.
  return type < 32 && domain.hasAssist(type);
}

function servicePorts(machine: Machine, domain: number): ServicePorts | undefined {
  const built = machine.servicesOf(domain)?.built;
  return (
    built && {
      storePort: built.storePort,
      consolePort: built.consolePort,
      storeFrame: built.storeFrame,
      consoleFrame: built.consoleFrame,
    }
  );
}

const REASONS: Readonly<Record<keyof typeof SHUTDOWN, string>> = {
  poweroff: 'It switched itself off.',
  reboot: 'It asked to be started anew.',
  suspend: 'It suspended itself, to be resumed elsewhere.',
  crash: 'It crashed.',
  watchdog: 'Its watchdog was not reset in time.',
  soft_reset: 'It asked for a soft reset.',
};

function shutdownData({ id }: Domain, { reason, sentence }: Shutdown): ShutdownData {
  const name = nameOf(SHUTDOWN, reason);
  const usual =
    name === undefined
      ? `It ended for reason ${reason}, which Xen has no name for.`
      : REASONS[name];
  return {
    reason,
    name: name ?? String(reason),
    sentence: sentence === undefined ? usual : `Domain ${id} crashed: ${sentence}`,
  };
}

export function vcpuData(xen: Xen, vcpu: Vcpu, symbols: Symbols): VcpuData {
  const { id, domain, info, baseFrame, polledPorts, pollUntil } = vcpu;
  const eip = registerOf(xen, vcpu, 'eip');
  const isPolling = polledPorts !== undefined;
  return {
    id,
    state: stateOf(xen, vcpu),
    isInitialised: vcpu.context !== undefined,
    eip: eip === undefined ? undefined : codePlace(symbols, domain.id, eip),
    ring: registerOf(xen, vcpu, 'cpl'),
    baseFrame: baseFrame === NO_FRAME ? undefined : domain.guestFrame(baseFrame),
    upcallMask: xen.ram.read8(info + vcpu_info.offsets.evtchn_upcall_mask),
    upcallPending: xen.ram.read8(info + vcpu_info.offsets.evtchn_upcall_pending),
    polledPorts: isPolling ? [...polledPorts] : undefined,
    pollEnds: isPolling && pollUntil !== NEVER ? pollUntil : undefined,
    nmi: { isPending: vcpu.isNmiPending, isMasked: vcpu.isNmiMasked },
  };
}

/** Also while its domain could not go on, of which `DomainData` tells. */
export function stateOf(xen: Xen, vcpu: Vcpu): VcpuState {
  if (!vcpu.isUp || vcpu.domain.shutdown !== undefined) {
    return 'offline';
  }
  if (vcpu.isBlocked) {
    return vcpu.polledPorts === undefined ? 'blocked' : 'polling';
  }
  return xen.scheduler.current === vcpu ? 'running' : 'runnable';
}
