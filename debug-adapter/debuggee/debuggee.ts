/**
 * What is being debugged: a machine, the programs that run in it, and all that the user has said about
 * where it is to stop.
 *
 * Requests come here for everything; nothing here knows how requests look.
 */

import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { VcpuView } from '../../emulator/introspection/vcpu-view.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { UserError } from '../user-error.ts';
import { nameOfAddress, type Program } from './program.ts';

/** A virtual processor of a domain by the number that clients know it by. */
export interface DebugThread {
  readonly id: number;
  readonly vcpu: Vcpu;
}

/** More than a domain has virtual processors. */
const THREADS_A_DOMAIN = 64;

export class Debuggee {
  readonly machine: Machine;
  /** By the number of the domain. */
  readonly programs: ReadonlyMap<number, Program>;
  readonly #views = new Map<Vcpu, VcpuView>();

  constructor(machine: Machine, programs: ReadonlyMap<number, Program>) {
    this.machine = machine;
    this.programs = programs;
  }

  /** All virtual processors that have been brought up once. */
  get threads(): readonly DebugThread[] {
    return [...this.machine.xen.domains.values()].flatMap(({ vcpus }) =>
      vcpus
        .filter((vcpu) => vcpu.id === 0 || this.viewOf(vcpu).hasRegisters)
        .map((vcpu) => ({ id: threadId(vcpu), vcpu })),
    );
  }

  /** The guests, domain 0's place left out. */
  get domains(): readonly Domain[] {
    return [...this.machine.xen.domains.values()].filter(({ vcpus }) => vcpus.length > 0);
  }

  thread(id: number): DebugThread {
    const domain = this.machine.xen.domains.get(Math.floor(id / THREADS_A_DOMAIN));
    const vcpu = domain?.vcpus[id % THREADS_A_DOMAIN];
    if (vcpu === undefined) {
      throw new UserError(`There is no thread ${id}.`);
    }
    return { id, vcpu };
  }

  /** Who runs, or ran last. */
  get current(): DebugThread {
    const { scheduler, domains } = this.machine.xen;
    const vcpu = scheduler.current ?? scheduler.loaded ?? [...domains.values()][0]?.vcpus[0];
    if (vcpu === undefined) {
      throw new UserError('There is no virtual processor any more: all domains are gone.');
    }
    return { id: threadId(vcpu), vcpu };
  }

  viewOf(vcpu: Vcpu): VcpuView {
    let view = this.#views.get(vcpu);
    if (view === undefined) {
      view = new VcpuView(this.machine.xen, vcpu);
      this.#views.set(vcpu, view);
    }
    return view;
  }

  /** A name for an address of a domain's code or data. */
  readonly symbols = (address: number, domain: number): string | undefined => {
    const program = this.programs.get(domain);
    return program && nameOfAddress(program, address);
  };

  programOf(vcpu: Vcpu): Program {
    const program = this.programs.get(vcpu.domain.id);
    if (program === undefined) {
      throw new UserError(`Nothing is known of the program of domain ${vcpu.domain.id}.`);
    }
    return program;
  }
}

export const threadId = ({ domain, id }: Vcpu): number => domain.id * THREADS_A_DOMAIN + id;

/** As clients show it: `guest (d1) vCPU 0, blocked`. */
export function threadName({ domain, id, runstate, polledPorts, isUp }: Vcpu): string {
  const state = (() => {
    if (domain.shutdown !== undefined) {
      return 'ended';
    }
    if (polledPorts !== undefined) {
      return `polls ${polledPorts.length === 1 ? 'port' : 'ports'} ${polledPorts.join(', ')}`;
    }
    return isUp ? runstate.state : 'offline';
  })();
  return `${domain.identity.name} (d${domain.id}) vCPU ${id}, ${state}`;
}
